"""What a change of a profile alters, in lines that a person can read.

    operations.find_item.item: the request changes
      - SELECT ITNBR FROM ITEMS WHERE ITNBR = :item_number
      + SELECT ITNBR FROM ITEM2 WHERE ITNBR = :item_number
    codes.order_status.O: S was shipped, is cancelled

The content is compared, not the files: comments, order and aliases make no difference.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

import yaml

from erp.profiles.profile import Profile
from erp.profiles.source import Loader

SHOWN_CHARACTERS = 100

_OF_PARTS = ("fields", "limit", "first", "within", "refine")
"""Keys of a part that are compared one by one; the others are its request."""

_TOLD_APART = ("operations", "requests", "codes", "learn", "version", "changes", "profile")

_NOTHING = object()


def diff(old: Profile, new: Profile) -> list[str]:
    """Return the differences of two profiles; empty when they say the same."""
    if old.digest == new.digest:
        return []
    return [
        *_head(old, new),
        *_settings(old.content, new.content),
        *_learn(old.content.get("learn"), new.content.get("learn")),
        *_operations(_mapping(old.content, "operations"), _mapping(new.content, "operations")),
        *_parts("requests", _mapping(old.content, "requests"), _mapping(new.content, "requests")),
        *_codes(_mapping(old.content, "codes"), _mapping(new.content, "codes")),
    ]


def _head(old: Profile, new: Profile) -> Iterator[str]:
    if old.name != new.name:
        yield f"profile: was {old.name}, is {new.name}"
    if old.version != new.version:
        yield f"version: was {old.version}, is {new.version}"
    if old.name == new.name and new.version <= old.version:
        fault = "did not rise" if new.version == old.version else "fell"
        yield f"warning: the content changed, but the version {fault}"
    known = {change.version for change in old.changes}
    for change in new.changes:
        if change.version not in known:
            yield f"change {change.version} ({change.on.isoformat()}): {change.what}"


def _settings(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    """Compare all that is neither an operation nor a code."""
    others = [
        {key: value for key, value in content.items() if key not in _TOLD_APART}
        for content in (old, new)
    ]
    yield from _values("", *others)


def _learn(old: object, new: object) -> Iterator[str]:
    both = [
        {str(number): part for number, part in enumerate(parts)} if isinstance(parts, list) else {}
        for parts in (old, new)
    ]
    yield from _parts("learn", *both)


def _operations(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    for name in _names(old, new):
        where = f"operations.{name}"
        if name not in old or name not in new:
            yield f"{where}: {'added' if name in new else 'removed'}"
        else:
            yield from _parts(where, _mapping(old, name), _mapping(new, name))


def _parts(where: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    for name in _names(old, new):
        at = f"{where}.{name}"
        if name not in old or name not in new:
            yield f"{at}: {'added' if name in new else 'removed'}"
        else:
            yield from _part(at, _mapping(old, name), _mapping(new, name))


def _part(where: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    before, after = _request(old), _request(new)
    if before != after:
        yield f"{where}: the request changes"
        yield from _changed_lines(before, after)
    for key in _OF_PARTS:
        yield from _value(f"{where}.{key}", old.get(key, _NOTHING), new.get(key, _NOTHING))


def _request(part: Mapping[str, object]) -> list[str]:
    """Return a part's request as lines of text."""
    request = {key: value for key, value in part.items() if key not in _OF_PARTS}
    if list(request) == ["sql"] and isinstance(request["sql"], str):
        return [line.rstrip() for line in request["sql"].strip().splitlines()]
    text: str = yaml.dump(request, Dumper=_Dumper, sort_keys=True, allow_unicode=True)
    return text.splitlines() if request else []


def _changed_lines(old: list[str], new: list[str]) -> Iterator[str]:
    for line in difflib.unified_diff(old, new, n=1, lineterm=""):
        if not line.startswith(("---", "+++", "@@")):
            yield f"  {line[:1]} {line[1:]}"


def _codes(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    for name in _names(old, new):
        where = f"codes.{name}"
        if name not in old or name not in new:
            yield f"{where}: {'added' if name in new else 'removed'}"
            continue
        before, after = _mapping(old, name), _mapping(new, name)
        tables = _tables(before), _tables(after)
        for kind in _names(*tables):
            at = f"{where}.{kind}" if kind else where
            yield from _meanings(at, tables[0].get(kind, {}), tables[1].get(kind, {}))
        rest = [
            {key: value for key, value in spec.items() if key not in ("table", "tables")}
            for spec in (before, after)
        ]
        yield from _values(where, *rest)


def _tables(spec: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    """Return the tables of a code by document kind; '' for one that has no kinds."""
    tables = _mapping(spec, "tables")
    return {"": _mapping(spec, "table"), **{kind: _mapping(tables, kind) for kind in tables}}


def _meanings(where: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    for code in _names(old, new):
        if code not in old:
            yield f"{where}: {code} is new, is {new[code]}"
        elif code not in new:
            yield f"{where}: {code} was {old[code]}, is unknown"
        elif old[code] != new[code]:
            yield f"{where}: {code} was {old[code]}, is {new[code]}"


def _values(where: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    for name in _names(old, new):
        at = f"{where}.{name}" if where else name
        yield from _value(at, old.get(name, _NOTHING), new.get(name, _NOTHING))


def _value(where: str, old: object, new: object) -> Iterator[str]:
    if old == new and type(old) is type(new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _values(where, _keyed(old), _keyed(new))
    elif old is _NOTHING:
        yield f"{where}: added, is {_shown(new)}"
    elif new is _NOTHING:
        yield f"{where}: removed, was {_shown(old)}"
    else:
        yield f"{where}: was {_shown(old)}, is {_shown(new)}"


def _names(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """Return the keys of both: those of the old one first, in their order."""
    return [*old, *(name for name in new if name not in old)]


def _mapping(content: Mapping[str, object], key: str) -> dict[str, object]:
    value = content.get(key)
    return _keyed(value) if isinstance(value, dict) else {}


def _keyed(values: Mapping[object, object]) -> dict[str, object]:
    return {str(name): value for name, value in values.items()}


def _shown(value: object) -> str:
    """Return a value on one line, as YAML writes it, shortened."""
    dumped: str = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=True, width=10**6, allow_unicode=True
    )
    text = dumped.removesuffix("\n").removesuffix("\n...")
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


class _Dumper(yaml.SafeDumper):
    """Writes as profiles are read, and writes out what is there twice."""

    yaml_implicit_resolvers = Loader.yaml_implicit_resolvers

    def ignore_aliases(self, data: object) -> bool:
        return True
