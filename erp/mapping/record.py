"""Records: the fields of a part, compiled to one function from a raw row to a neutral record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from erp.connectors.engine import RawRow
from erp.errors import UnreadableAnswer
from erp.mapping.codes import Tables
from erp.mapping.constants import EMPTY, constant
from erp.mapping.examples import Example, ExampleResult, examples_at
from erp.mapping.keys import a_thing, listed, mapping_at, mistake, place, unknown
from erp.mapping.readers import OPTIONS, Reader, compile_reader, way
from erp.mapping.sources import ABSENT, PIECE_KEYS, SOURCE_KEYS, Source, compile_source
from erp.shapes import Field, Kind, Part

FieldReader = Callable[[RawRow], object]
_COMMON_KEYS = ("as", "default", "examples")
_KEYS = (*SOURCE_KEYS, "with", *PIECE_KEYS, *_COMMON_KEYS)
_MUST_HAVE = (Kind.NUMBER, Kind.ORDER_STATE, Kind.DELIVERY_STATE)
"""Kinds of which a required field must have a value."""


class RecordMapper:
    """Turns raw rows of one part into neutral records."""

    def __init__(
        self,
        readers: tuple[tuple[str, FieldReader], ...],
        examples: tuple[Example, ...],
        unproven: list[str],
        names: frozenset[str],
    ) -> None:
        self._readers = readers
        self._examples = examples
        self.unproven = unproven
        """The places of rules that are more than a plain `from` and have no example."""
        self.names = names
        """The fields that the profile fills."""

    def __call__(self, raw: RawRow) -> dict[str, object]:
        """Return the neutral record of a raw row: every field of the part is in it.

        Raises UnreadableAnswer, which names the field and what it should be, never its value.
        """
        return {name: read(raw) for name, read in self._readers}

    def examples(self) -> list[ExampleResult]:
        """Run the examples of all fields. Does not raise."""
        return [example.run() for example in self._examples]


def compile_record(
    fields: Mapping[str, object], part: Part, tables: Tables, where: str
) -> RecordMapper:
    """Compile the fields of a part.

    where: the place of `fields` in the profile, as in `operations.find_item.item.fields`.
    Raises ProfileError for the first mistake.
    """
    specs = mapping_at(fields, where, "fields")
    known = {entry.name: entry for entry in part.fields}
    for name in specs:
        if name not in known:
            raise _no_such_field(name, part, where)
    readers: list[tuple[str, FieldReader]] = []
    examples: list[Example] = []
    unproven: list[str] = []
    for entry in part.fields:
        rule = _Rule(entry, part, specs.get(entry.name), place(where, entry.name))
        readers.append((entry.name, rule.compile(tables)))
        examples.extend(rule.examples(tables))
        unproven.extend([rule.where] if rule.is_unproven(tables) else [])
    return RecordMapper(tuple(readers), tuple(examples), unproven, frozenset(specs))


def _no_such_field(name: str, part: Part, where: str) -> Exception:
    names = [entry.name for entry in part.fields]
    near = get_close_matches(name, names, n=1)
    known = f"its fields are {listed(names)}" if names else "it has none"
    mend = f"did you mean {near[0]}?" if near else known
    return mistake(place(where, name), f"is no field of {part.name}: {mend}")


class _Rule:
    """One field of a profile while it is compiled."""

    def __init__(self, field: Field, part: Part, written: object, where: str) -> None:
        self.field = field
        self.where = where
        self._label = f"{part.name}.{field.name}"
        self._kind = a_thing(field.kind.value)
        self._empty = EMPTY.get(field.kind)
        if written is None:
            if field.required:
                raise mistake(
                    where,
                    f"is missing, and {part.name} needs it: write from, join or value"
                    f" (it is {self._kind})",
                )
            self._spec: Mapping[str, object] | None = None
            return
        self._spec = mapping_at(written, where, "from, join or value")
        self._way = self._checked_way(self._spec)

    def _checked_way(self, spec: Mapping[str, object]) -> str:
        sources = [key for key in SOURCE_KEYS if key in spec]
        if len(sources) != 1:
            have = " and ".join(sources) if sources else "no source"
            raise mistake(self.where, f"has {have}: write one of from, join and value")
        if "value" in spec and "as" not in spec:
            found = ""
            allowed: tuple[str, ...] = ("value", "examples")
        else:
            found = way(spec, self.field.kind, self.where)
            allowed = (*_KEYS, *OPTIONS[found])
            if "value" in spec:
                allowed = ("value", "as", "examples")
        for key in spec:
            if key not in allowed:
                raise self._wrong_key(key, found, allowed)
        return found

    def _wrong_key(self, key: str, found: str, allowed: tuple[str, ...]) -> Exception:
        if key not in _KEYS:
            for other, options in OPTIONS.items():
                if key in options:
                    now = f", and this is read as {found}" if found else ""
                    return mistake(place(self.where, key), f"belongs to as: {other}{now}")
        elif "from" not in allowed:
            return mistake(place(self.where, key), "does not go with value: take it away")
        return unknown(self.where, key, allowed)

    def compile(self, tables: Tables) -> FieldReader:
        """Return what reads the field of a raw row. Raises ProfileError."""
        if self._spec is None:
            empty = self._empty
            return lambda raw: empty
        if "value" in self._spec:
            value = self._value(self._spec, tables)
            return lambda raw: value
        source = compile_source(self._spec, self._label, self.where)
        read = compile_reader(
            self._way, self.field.kind, self._spec, tables, label=self._label, where=self.where
        )
        return self._reading(source, read, self._fallback(self._spec, tables))

    def _value(self, spec: Mapping[str, object], tables: Tables) -> object:
        value = constant(self.field.kind, spec["value"], place(self.where, "value"))
        return tables.units.get(str(value), value) if self._way == "unit" else value

    def _fallback(self, spec: Mapping[str, object], tables: Tables) -> object:
        """Return what stands for a missing value; ABSENT: there must be one."""
        if "default" in spec:
            value = constant(self.field.kind, spec["default"], place(self.where, "default"))
            return tables.units.get(str(value), value) if self._way == "unit" else value
        if self.field.required and self.field.kind in _MUST_HAVE:
            return ABSENT
        return self._empty

    def _reading(self, source: Source, read: Reader, fallback: object) -> FieldReader:
        label, kind = self._label, self._kind
        must_be_there = self.field.required and "default" not in (self._spec or {})

        def read_field(raw: RawRow) -> object:
            value = source(raw)
            if value is ABSENT:
                if must_be_there:
                    raise UnreadableAnswer(f"{label} is {kind}, but its place is not in the row")
                return fallback
            found = read(value, raw)
            if found is not None:
                return found
            if fallback is ABSENT:
                raise UnreadableAnswer(f"{label} is missing: it should be {kind}")
            return fallback

        return read_field

    def examples(self, tables: Tables) -> list[Example]:
        """Return the field's examples. Raises ProfileError."""
        if self._spec is None or "examples" not in self._spec:
            return []
        read = self.compile(tables.silent())
        return examples_at(
            self._spec["examples"], place(self.where, "examples"), self._wanted, read
        )

    def _wanted(self, value: object, where: str) -> object:
        if value is None:
            if self.field.required and self.field.kind in _MUST_HAVE:
                raise mistake(where, f"is null, but this is {self._kind}: write one")
            return self._empty
        return constant(self.field.kind, value, where)

    def is_unproven(self, tables: Tables) -> bool:
        """Tell whether the rule is more than a plain `from` or `value`, and has no example."""
        spec = self._spec
        if spec is None or "examples" in spec or "value" in spec:
            return False
        if self._way == "code" and set(spec) == {"from", "as", "codes"}:
            return spec["codes"] not in tables.proven
        return self._way == "unit" or bool(set(spec) - {"from", "as"})
