"""Where a field's value comes from: a place in the raw row, a piece of it, bytes as text.

    row --path--> value --slice--> piece --encoding or packed--> what is read

A place whose first name the row does not have at all is ABSENT: that is a mistake of the profile
(or of the system's version) that must not pass as an empty value. Further in, what isn't there
is null: JSON leaves out what is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

from erp.connectors.engine import RawRow
from erp.errors import UnreadableAnswer
from erp.mapping.codepages import compile_encoding
from erp.mapping.keys import list_at, mistake, path_at, text_at, truth_at, whole_at
from erp.mapping.packed import compile_packed
from erp.mapping.values import plain_text

SLICE_MAX = 1_000_000
"""Last place that a slice may name: far behind the end of any row."""


class Nothing(Enum):
    """The type of ABSENT."""

    ABSENT = "absent"


ABSENT: Final = Nothing.ABSENT
Source = Callable[[RawRow], object]
Step = Callable[[object], object]
SOURCE_KEYS = ("from", "join", "value")
PIECE_KEYS = ("slice", "encoding", "packed")


def compile_source(spec: Mapping[str, object], label: str, where: str) -> Source:
    """Return what fetches a field's value from a raw row (for `from` and `join`).

    Raises ProfileError.
    """
    step = compile_step(spec, label, where)
    if "join" in spec:
        return _joined(spec, step, label, where)
    if "with" in spec:
        raise mistake(f"{where}.with", "belongs to join: take it away, or write join for from")
    return stepped(lookup(path_at(spec["from"], f"{where}.from"), label), step)


def compile_step(spec: Mapping[str, object], label: str, where: str) -> Step | None:
    """Return what is done to a value before it is read; None: nothing. Raises ProfileError."""
    steps: list[Step] = []
    if "slice" in spec:
        if "join" in spec:
            raise mistake(f"{where}.slice", "takes a piece of one value: write from for join")
        steps.append(_slicer(spec["slice"], label, f"{where}.slice"))
    conversion = compile_conversion(spec, label, where)
    if conversion is not None:
        steps.append(conversion)
    if len(steps) == 2:
        first, second = steps
        return lambda value: second(first(value))
    return steps[0] if steps else None


def compile_conversion(spec: Mapping[str, object], label: str, where: str) -> Step | None:
    """Return what turns a field's bytes into text or digits; None: nothing."""
    packed = truth_at(spec.get("packed", False), f"{where}.packed")
    if packed and "encoding" in spec:
        raise mistake(f"{where}.encoding", "does not go with packed: take one of them away")
    if packed:
        return compile_packed(label)
    if "encoding" in spec:
        return compile_encoding(spec["encoding"], label, f"{where}.encoding")
    return None


def bytes_only(step: Step | None) -> Step | None:
    """Return a step that leaves alone what is not bytes: for the columns beside a field's own."""
    if step is None:
        return None
    return lambda value: step(value) if isinstance(value, bytes | bytearray) else value


def stepped(source: Source, step: Step | None) -> Source:
    """Return a source whose values go through a step; ABSENT stays."""
    if step is None:
        return source

    def read(raw: RawRow) -> object:
        value = source(raw)
        return value if value is ABSENT else step(value)

    return read


def lookup(path: tuple[str, ...], label: str) -> Source:
    """Return what follows a path into a raw row."""
    first, *rest = path
    if not rest:
        return lambda raw: raw.get(first, ABSENT)
    steps = tuple((name, int(name) if name.isdecimal() else -1) for name in rest)

    def walk(raw: RawRow) -> object:
        value = raw.get(first, ABSENT)
        for name, index in steps:
            if value is None or value is False or value is ABSENT:
                return value
            if isinstance(value, Mapping):
                value = value.get(name)
            elif isinstance(value, list | tuple) and index >= 0:
                value = value[index] if index < len(value) else None
            else:
                raise UnreadableAnswer(f"{label} is not there: {name} is asked of what is no row")
        return value

    return walk


def _joined(spec: Mapping[str, object], step: Step | None, label: str, where: str) -> Source:
    names = list_at(spec["join"], f"{where}.join", "names")
    between = text_at(spec.get("with", " "), f"{where}.with")
    sources = tuple(
        stepped(lookup(path_at(name, f"{where}.join.{place}"), label), step)
        for place, name in enumerate(names)
    )

    def join(raw: RawRow) -> object:
        values = [source(raw) for source in sources]
        if ABSENT in values:
            return ABSENT
        texts = [plain_text(value, label) for value in values]
        return between.join(text for text in texts if text)

    return join


def _slicer(value: object, label: str, where: str) -> Step:
    numbers = list_at(value, where, "two numbers, the first place and the length")
    if len(numbers) != 2:
        raise mistake(where, "is no pair: write the first place (from 1) and the length")
    start = whole_at(numbers[0], where, 1, SLICE_MAX) - 1
    end = start + whole_at(numbers[1], where, 1, SLICE_MAX)

    def cut(value: object) -> object:
        if isinstance(value, str | bytes | bytearray):
            return value[start:end]
        if value is None:
            return None
        raise UnreadableAnswer(f"{label} is neither text nor bytes, and can't be sliced")

    return cut
