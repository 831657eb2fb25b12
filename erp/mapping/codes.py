"""Code tables and units: what a system's short codes mean.

A table may hang on another column (`by`): the same letter means other things in other kinds of
documents. A code that is in no table is UNREADABLE: it is spoken as a status that can't be read,
it is logged once, and it never fails a call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from erp.errors import UnreadableAnswer
from erp.mapping.constants import STATES, state_at
from erp.mapping.examples import Example, ExampleResult, examples_at
from erp.mapping.keys import mapping_at, mistake, path_at, place, shown, text_at, unknown
from erp.mapping.sources import ABSENT, Source, Step, lookup, stepped
from erp.mapping.values import plain_text
from erp.shapes import Kind

UNMAPPED_LOGGED_MAX = 100
"""Most unmapped codes of a table that are logged: a wrong column would fill the log."""

_log = logging.getLogger(__name__)

Meanings = Mapping[str, Mapping[str, str]]
"""What a code means, by kind of document (`''` in a table without `by`) and code."""


@dataclass(frozen=True)
class CodeTable:
    """The meanings of one kind of codes."""

    where: str
    meanings: Meanings
    by: tuple[str, ...] = ()
    """Where the kind of the document lies in a raw row; empty: it does not matter."""
    reported: set[tuple[str, str]] | None = field(default_factory=set, compare=False)
    """Unmapped codes that have been logged; None: nothing is logged."""

    def of_kind(self, kind: Kind, where: str) -> Mapping[str, Mapping[str, Enum]]:
        """Return the meanings as states of a kind. Raises ProfileError for one that is none."""
        states = STATES[kind]
        known = {str(state.value) for state in states}
        for codes in self.meanings.values():
            for code, meaning in codes.items():
                if meaning not in known:
                    raise mistake(
                        where,
                        f"is a table in which {shown(code)} means {meaning}, which is no"
                        f" {kind.value}: write the name of a table of {kind.value}s",
                    )
        return {
            by: {code: states(meaning) for code, meaning in codes.items()}
            for by, codes in self.meanings.items()
        }

    def reader(
        self, kind: Kind, where: str, conversion: Step | None
    ) -> Callable[[object, Mapping[str, object]], Enum]:
        """Return what reads a code of a row as a state. Raises ProfileError, at the start only.

        conversion: what turns the bytes of the code, and of the kind of the document, into text.
        """
        meanings = self.of_kind(kind, where)
        unreadable = STATES[kind]("unreadable")
        by = self._by(conversion)

        def read(value: object, raw: Mapping[str, object]) -> Enum:
            code = _code_text(value)
            document = _code_text(by(raw)) if by else ""
            found = meanings.get(document, {}).get(code)
            if found is None:
                self._report(code, document)
                return unreadable
            return found

        return read

    def _by(self, conversion: Step | None) -> Source | None:
        return stepped(lookup(self.by, self.where), conversion) if self.by else None

    def _report(self, code: str, document: str) -> None:
        key = (shown(code), shown(document))
        if self.reported is None or key in self.reported:
            return
        if len(self.reported) >= UNMAPPED_LOGGED_MAX:
            return
        self.reported.add(key)
        of_kind = f" of the kind {key[1]}" if self.by else ""
        _log.warning(
            "%s has no code %s%s: it is spoken as a status that can't be read; add it there",
            self.where,
            key[0],
            of_kind,
        )


def _code_text(value: object) -> str:
    if value is ABSENT or value is None:
        return ""
    if value is False:
        return "false"
    try:
        return plain_text(value, "it")
    except UnreadableAnswer:
        # Bytes, or a row where a code should be: a code all the same, which no table has.
        kind = type(value).__name__
        return shown(value) if isinstance(value, bytes | bytearray | str) else f"({kind})"


@dataclass(frozen=True)
class Tables:
    """The code tables and the units of a profile."""

    codes: Mapping[str, CodeTable]
    units: Mapping[str, str]
    _examples: tuple[Example, ...] = ()
    proven: frozenset[str] = frozenset()
    """The tables that have examples of their own."""

    @classmethod
    def compile(
        cls, codes: Mapping[str, object], units: Mapping[str, object], where: str = ""
    ) -> Tables:
        """Check and compile a profile's `codes` and `units`.

        where: what stands before their names in messages; it may be empty. Raises ProfileError.
        """
        at_codes, at_units = place(where, "codes"), place(where, "units")
        tables = {
            name: _table(spec, place(at_codes, name))
            for name, spec in mapping_at(codes, at_codes, "code tables").items()
        }
        examples: list[Example] = []
        proven = set()
        for name, table in tables.items():
            found = _table_examples(codes[name], table)
            examples.extend(found)
            proven.update([name] if found else [])
        return cls(tables, _units(units, at_units), tuple(examples), frozenset(proven))

    def examples(self) -> list[ExampleResult]:
        """Run the examples of the code tables."""
        return [example.run() for example in self._examples]

    def silent(self) -> Tables:
        """Return the same tables, which log nothing: for examples."""
        return replace(
            self,
            codes={name: replace(table, reported=None) for name, table in self.codes.items()},
        )

    def table(self, name: object, where: str) -> CodeTable:
        """Return a code table by its name. Raises ProfileError."""
        if not self.codes:
            raise mistake(where, f"is {shown(name)}, but the profile has no codes: add them")
        if not isinstance(name, str) or name not in self.codes:
            raise unknown(where, name, self.codes)
        return self.codes[name]


def _table(spec: object, where: str) -> CodeTable:
    keys = mapping_at(spec, where, "table, or by and tables")
    known = ("table", "by", "tables", "examples")
    for key in keys:
        if key not in known:
            raise unknown(where, key, known)
    if "table" in keys and ("by" in keys or "tables" in keys):
        raise mistake(where, "has table and by: write table alone, or by and tables")
    if "table" in keys:
        return CodeTable(where, {"": _meanings(keys["table"], place(where, "table"))})
    if "by" not in keys or "tables" not in keys:
        raise mistake(where, "has no meanings: write table, or by and tables")
    by = path_at(keys["by"], place(where, "by"))
    at_tables = place(where, "tables")
    documents = _keyed(keys["tables"], at_tables, "tables")
    meanings = {
        document: _meanings(codes, place(at_tables, document))
        for document, codes in documents.items()
    }
    return CodeTable(where, meanings, by)


def _meanings(codes: object, where: str) -> dict[str, str]:
    meanings = {}
    for code, meaning in _keyed(codes, where, "codes and states").items():
        names = [str(state.value) for states in STATES.values() for state in states]
        if meaning not in names:
            raise unknown(place(where, code), meaning, dict.fromkeys(names))
        meanings[code] = str(meaning)
    return meanings


def _keyed(value: object, where: str, of_what: str) -> dict[str, object]:
    """Return a mapping by codes as rows hold them: YAML reads some of them as numbers."""
    if not isinstance(value, Mapping) or not value:
        raise mistake(where, f"is {shown(value)}: write a mapping of {of_what}")
    found: dict[str, object] = {}
    for key, meaning in value.items():
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise mistake(where, f"has the code {shown(key)} without quotes: write it in quotes")
        code = plain_text(key, "it")
        if code in found:
            raise mistake(where, f"has the code {shown(code)} twice: take one away")
        found[code] = meaning
    return found


def _units(units: object, where: str) -> dict[str, str]:
    if not units:
        return {}
    return {
        code: text_at(name, place(where, code))
        for code, name in _keyed(units, where, "units and their spoken names").items()
    }


def _table_examples(spec: object, table: CodeTable) -> list[Example]:
    where = place(table.where, "examples")
    given = mapping_at(spec, table.where, "a table").get("examples")
    if given is None:
        return []
    kind = _kind(table)
    read = replace(table, reported=None).reader(kind, where, None)

    def alone(raw: Mapping[str, object]) -> object:
        code = next(name for name in raw if name not in table.by[:1])
        return read(raw[code], raw)

    found = examples_at(given, where, lambda value, at: state_at(STATES[kind], value, at), alone)
    for example in found:
        if len([name for name in example.raw if name not in table.by[:1]]) != 1:
            needed = f"the code and {'.'.join(table.by)}" if table.by else "the code"
            raise mistake(f"{example.where}.given", f"must hold {needed}, and nothing else")
    return found


def _kind(table: CodeTable) -> Kind:
    """Return the kind of state that a table's examples give: the first that fits all of it."""
    known = {str(state.value) for state in STATES[Kind.ORDER_STATE]}
    meanings = {meaning for codes in table.meanings.values() for meaning in codes.values()}
    return Kind.ORDER_STATE if meanings <= known else Kind.DELIVERY_STATE
