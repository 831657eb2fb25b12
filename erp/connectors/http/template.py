"""Templates: texts and trees of a profile with `{name}` and `{name:type}` in them.

A template is read once, when the profile is loaded, and filled for every request. What a value
may do to a request is bounded here: in a path it can neither be empty nor leave its segment, and
in a header it can't begin a new line.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TypeAlias
from urllib.parse import quote

from erp.connectors.engine import Value
from erp.connectors.http.checks import shown
from erp.connectors.http.failure import Failure, Means
from erp.profiles.errors import ProfileError

Values = Mapping[str, Value]
Tagger = Callable[[Value], object]
"""Writes a date or a number as the profile's tagged object."""

DIGITS_MAX = 40
"""Most digits of a number before or after the point: no quantity has more."""

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?")
_INT = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Slot:
    """A `{name:kind}`. kind: '' when none was written."""

    name: str
    kind: str = ""

    def value(self, values: Values, tag: Tagger | None) -> object:
        """Return the value in the slot's type. Raises Failure when it has none or won't fit."""
        if self.name not in values:
            raise Failure(Means.BAD, f"cannot be asked: {self.name} has no value")
        found = values[self.name]
        if isinstance(found, str) and _SURROGATE.search(found):
            raise Failure(Means.BAD, f"cannot be asked: {self.name} is no text of Unicode")
        if not self.kind or found is None:
            return found
        if self.kind == "tagged":
            if tag is None:
                raise Failure(Means.REFUSED, f"cannot be asked: no tags to write {self.name} with")
            return tag(found)
        try:
            return _CASTS[self.kind](found)
        except (ValueError, InvalidOperation):
            # Without `from`: the cause's text holds the value.
            raise Failure(
                Means.BAD, f"cannot be asked: {self.name} does not fit {self.kind}"
            ) from None


@dataclass(frozen=True)
class Text:
    """A text with slots."""

    pieces: tuple[str | Slot, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names of its slots."""
        return frozenset(piece.name for piece in self.pieces if isinstance(piece, Slot))

    def value(self, values: Values, tag: Tagger | None = None) -> object:
        """Return what it becomes: a slot that is alone keeps its type, all else is a text."""
        if len(self.pieces) == 1 and isinstance(self.pieces[0], Slot):
            return self.pieces[0].value(values, tag)
        return self.text(values)

    def text(self, values: Values) -> str:
        """Return it written out."""
        return "".join(
            written(piece.value(values, None)) if isinstance(piece, Slot) else piece
            for piece in self.pieces
        )

    def path(self, values: Values) -> str:
        """Return it as the path of a URL, with every value quoted. Raises Failure."""
        return "".join(
            _segment(piece, values) if isinstance(piece, Slot) else quote(piece, _PATH_SAFE)
            for piece in self.pieces
        )


Node: TypeAlias = "Text | dict[str, Node] | list[Node] | int | float | bool | date | None"
"""A tree of a profile: every text in it is a template."""

_PATH_SAFE = "/:@!$&'()*+,;=~-._%"


def compile_text(found: object, where: str) -> Text:
    """Read a text. Raises ProfileError."""
    if not isinstance(found, str):
        raise ProfileError(f"{where} is {shown(found)}: write a text")
    return Text(tuple(_pieces(found, where)))


def compile_tree(found: object, where: str) -> Node:
    """Read a tree of mappings, lists and texts. Raises ProfileError."""
    if isinstance(found, str):
        return compile_text(found, where)
    if isinstance(found, Mapping):
        for key in found:
            if not isinstance(key, str):
                raise ProfileError(f"{where} has the key {shown(key)}: write it in quotes")
        return {key: compile_tree(value, f"{where}.{key}") for key, value in found.items()}
    if isinstance(found, list):
        return [compile_tree(value, f"{where}.{place}") for place, value in enumerate(found)]
    if found is None or isinstance(found, int | float | date):
        return found
    raise ProfileError(f"{where} is {shown(found)}: write a text, number, list or mapping")


def names_of(node: Node) -> frozenset[str]:
    """Return the names of all slots of a tree."""
    if isinstance(node, Text):
        return node.names
    children: list[Node] = []
    if isinstance(node, dict):
        children = list(node.values())
    elif isinstance(node, list):
        children = node
    return frozenset().union(*(names_of(child) for child in children))


def fill(node: Node, values: Values, tag: Tagger | None) -> object:
    """Return the tree with its slots filled. Raises Failure."""
    if isinstance(node, Text):
        return node.value(values, tag)
    if isinstance(node, dict):
        return {key: fill(child, values, tag) for key, child in node.items()}
    if isinstance(node, list):
        return [fill(child, values, tag) for child in node]
    return node


def written(value: object) -> str:
    """Return a value as it is written within a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(_bounded(value), "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return ",".join(written(each) for each in value)
    return str(value)


def header_value(value: object, name: str) -> str:
    """Return a value as a header. Raises Failure for what would begin a new line."""
    text = written(value)
    if _CONTROL.search(text):
        raise Failure(Means.BAD, f"cannot be asked: control characters in the header {name}")
    return text


def _pieces(text: str, where: str) -> Iterator[str | Slot]:
    literal, end = "", 0
    for match in _PIECE.finditer(text):
        literal += text[end : match.start()]
        end = match.end()
        if match.group() in ("{{", "}}"):
            literal += match.group()[0]
            continue
        if match.group(1) is None:
            raise ProfileError(f"{where} is {shown(text)}: write a brace twice")
        if literal:
            yield literal
        literal = ""
        yield _slot(match.group(1), where)
    literal += text[end:]
    if literal:
        yield literal


def _slot(inside: str, where: str) -> Slot:
    name, _, kind = inside.partition(":")
    if not _NAME.fullmatch(name):
        wrong = shown(f"{{{inside}}}")
        raise ProfileError(f"{where} has {wrong}: write {{name}} or {{name:type}}")
    if (kind or inside.endswith(":")) and kind not in KINDS:
        raise ProfileError(f"{where} has the type {shown(kind)}: known are {', '.join(KINDS)}")
    return Slot(name, kind)


def _segment(slot: Slot, values: Values) -> str:
    text = written(slot.value(values, None))
    if text in ("", ".", ".."):
        # An empty one would ask for the whole list, dots for something else altogether.
        raise Failure(Means.BAD, f"cannot be asked: {slot.name} is no part of an address")
    return quote(text, safe="")


def _bounded(value: Decimal) -> Decimal:
    if not value.is_finite() or abs(value.adjusted()) > DIGITS_MAX:
        raise ValueError("a number out of all bounds")
    return value


def _int(value: Value) -> int:
    if isinstance(value, Decimal):
        whole = int(_bounded(value))
        if whole != value:
            raise ValueError("not whole")
        return whole
    text = str(value).strip()
    if isinstance(value, bool) or not _INT.fullmatch(text):
        raise ValueError("no whole number")
    return int(text)


def _number(value: Value) -> object:
    if isinstance(value, bool | date):
        raise ValueError("no number")
    if isinstance(value, int):
        return value
    return _bounded(Decimal(value.strip() if isinstance(value, str) else value or 0))


def _date(value: Value) -> date:
    if isinstance(value, date):
        return value
    return date.fromisoformat(str(value).strip())


def _texts(value: Value) -> list[str]:
    return [part.strip() for part in written(value).split(",") if part.strip()]


def _ints(value: Value) -> list[int]:
    return [_int(part) for part in _texts(value)]


def _html(value: Value) -> str:
    """Return a text as HTML shows it: its marks are no tags, its lines are lines."""
    return "<br>".join(html.escape(line) for line in written(value).splitlines())


_CASTS: dict[str, Callable[[Value], object]] = {
    "int": _int,
    "number": _number,
    "text": written,
    "date": _date,
    "ints": _ints,
    "texts": _texts,
    "html": _html,
}
KINDS = (*_CASTS, "tagged")
