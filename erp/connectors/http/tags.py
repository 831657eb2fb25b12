"""Tagged values: objects in JSON that stand for a date or a decimal, read and written by a table.

An example is `{"__class__": "Decimal", "decimal": "8.00"}`: its tag is in the key `__class__`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from erp.connectors.engine import Value
from erp.connectors.http.checks import demand_known, mapping, needed, shown
from erp.connectors.http.numbers import exact
from erp.connectors.http.template import written
from erp.errors import UnreadableAnswer
from erp.profiles.errors import ProfileError

KINDS = {"number": 1, "date": 3, "datetime": 7}
"""How many fields each kind has at most."""

DATETIME_PARTS_MIN = 3


@dataclass(frozen=True)
class Tag:
    """How the objects with one tag are read and written."""

    name: str
    kind: str
    fields: tuple[str, ...]

    def read(self, found: Mapping[str, object]) -> object:
        """Return the value. Raises UnreadableAnswer."""
        try:
            return self._read(found)
        except (KeyError, TypeError, ValueError, OverflowError, InvalidOperation):
            # Without `from`: the cause's text may hold the value.
            raise UnreadableAnswer(f"a {self.name} that cannot be read") from None

    def _read(self, found: Mapping[str, object]) -> object:
        if self.kind == "number":
            return exact(found[self.fields[0]])
        if len(self.fields) == 1:
            text = found[self.fields[0]]
            if not isinstance(text, str):
                raise TypeError("no text")
            parse = date if self.kind == "date" else datetime
            return parse.fromisoformat(text)
        parts = [_whole(found[name]) for name in self.fields]
        return date(*parts) if self.kind == "date" else datetime(*parts)  # type: ignore[arg-type]

    def write(self, value: Value) -> dict[str, object]:
        """Return the fields of a value."""
        if isinstance(value, date) and len(self.fields) > 1:
            parts = zip(self.fields, _PARTS, strict=True)
            return {name: getattr(value, part) for name, part in parts}
        return {self.fields[0]: written(value)}


@dataclass(frozen=True)
class Tags:
    """The table of a profile."""

    key: str
    known: Mapping[str, Tag]

    def untagged(self, found: dict[str, object]) -> object:
        """Return the value of a tagged object; any other object as it is. For `json.loads`."""
        tag = found.get(self.key)
        if not isinstance(tag, str) or tag not in self.known:
            return found
        return self.known[tag].read(found)

    def tagged(self, value: Value) -> object:
        """Return a date or number as a tagged object; any other value as it is."""
        if isinstance(value, bool) or not isinstance(value, int | Decimal | date):
            return value
        kind = "date" if isinstance(value, date) else "number"
        for tag in self.known.values():
            if tag.kind == kind:
                return {self.key: tag.name, **tag.write(value)}
        return value


_PARTS = ("year", "month", "day")


def compile_tags(found: object, where: str) -> Tags | None:
    """Read the table; none when there is none. Raises ProfileError."""
    if found is None:
        return None
    section = mapping(found, where)
    demand_known(section, ("key", "known"), where)
    known = {}
    for name, entry in mapping(section.get("known"), f"{where}.known").items():
        known[name] = _tag(name, mapping(entry, f"{where}.known.{name}"), f"{where}.known.{name}")
    return Tags(needed(section, "key", where), known)


def _tag(name: str, entry: Mapping[str, object], where: str) -> Tag:
    demand_known(entry, KINDS, where)
    if len(entry) != 1:
        raise ProfileError(f"{where} has {len(entry)} keys: write one of {', '.join(KINDS)}")
    kind, fields = next(iter(entry.items()))
    several = fields if isinstance(fields, list) else [fields]
    names = tuple(each for each in several if isinstance(each, str) and each)
    if len(names) != len(several):
        raise ProfileError(f"{where}.{kind} is {shown(fields)}: write the names of its fields")
    whole = KINDS[kind] if kind != "datetime" else max(DATETIME_PARTS_MIN, len(names))
    if len(names) not in (1, whole) or len(names) > KINDS[kind]:
        raise ProfileError(f"{where}.{kind} has {len(names)} fields: write 1 or {KINDS[kind]}")
    return Tag(name, kind, names)


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError("no whole number")
    return value
