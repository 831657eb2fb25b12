"""Reads a profile and checks it as a whole: what it can't do is said now, not in a call.

It asks no system; what only a system can tell (a column that is not there) is found by its first
queries, or by `orderline erp check --live`.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
from pathlib import Path

# Both import `erp.profiles.errors`: their names are looked up when they are used.
from erp import mapping, systems
from erp.connector import LockStrength, RollbackKind
from erp.profiles import engines
from erp.profiles.digest import digest
from erp.profiles.errors import ProfileError
from erp.profiles.parts import (
    TAKEN,
    Surroundings,
    learn_plan,
    named_request,
    operation_plans,
)
from erp.profiles.profile import Change, Declared, PartPlan, Profile
from erp.profiles.section import Section, shown
from erp.profiles.source import Source, is_name, read
from erp.shapes import SHAPES

_log = logging.getLogger(__name__)

HEDGE_AFTER_MS = 200.0
OWN_KEY = "x-"
"""Keys that begin so hold what the file itself refers to by aliases; nothing else reads them."""

KEYS = frozenset(
    {
        *("profile", "version", "changes", "engine", "lock", "rollback", "typical_ms", "hedge"),
        *("hedge_after_ms", "parameters", "secrets", "adapter", "tls", "learn", "operations"),
        *("requests", "codes", "units"),
    }
)


def load(name_or_path: str | Path) -> Profile:
    """Read and check a profile: a packaged one by its name, or a YAML file by its path.

    Raises ProfileError, whose sentence names the file, the key, the value and the mend. Examples
    that don't give what they say are only logged: see `Profile.checks`.
    """
    return checked(read(name_or_path))


def checked(source: Source) -> Profile:
    """Check a profile that has been read: as `load`."""
    try:
        profile = build(source)
    except ProfileError as error:
        raise ProfileError(f"profile {source.path}: {error}") from error
    wrong = sum(not result.ok for result in profile.checks().results)
    if wrong:
        _log.warning(
            "profile %s: %d of its examples fail: see `orderline erp check`", profile.label, wrong
        )
    return profile


def build(source: Source) -> Profile:
    """Check the content of a profile. Raises ProfileError."""
    top = Section(source.content, "")
    name, engine = _head(top)
    package = engines.package(engine)
    package.check_section(top.mapping(engine), engine)
    parameters = _declared(top, "parameters")
    adapter = _adapter(top)
    around = Surroundings(
        engine=package,
        tables=mapping.Tables.compile(top.mapping("codes"), top.mapping("units"), ""),
        adapter=adapter,
        parameters=frozenset(parameters),
    )
    learn, around = _learn(top, around)
    operations = _operations(top, around)
    requests = top.section("requests")
    changes = _changes(top)
    return Profile(
        name=name,
        version=changes[0].version,
        changes=changes,
        engine=engine,
        lock=top.choice("lock", LockStrength),
        rollback=top.choice("rollback", RollbackKind),
        typical_ms=_typical_ms(top, operations),
        hedge=_hedge(top, operations),
        hedge_after_ms=top.number("hedge_after_ms", HEDGE_AFTER_MS),
        parameters=parameters,
        secrets=_declared(top, "secrets"),
        adapter=adapter,
        tls=_tls(top),
        learn=learn,
        operations=operations,
        requests={key: named_request(requests.section(key), around) for key in requests.values},
        section=top.mapping(engine),
        tables=around.tables,
        content=source.content,
        digest=digest(source.content),
        path=source.path,
    )


def _head(top: Section) -> tuple[str, str]:
    """Return the profile's name and engine, when its keys are known ones."""
    name = top.text("profile")
    if not is_name(name):
        raise ProfileError(f"profile is {shown(name)}: write letters, digits, - and .")
    engine = top.text("engine")
    engines.package(engine)
    top.allow(KEYS | {engine} | {key for key in top.values if key.startswith(OWN_KEY)})
    return name, engine


def _changes(top: Section) -> tuple[Change, ...]:
    """Return the change log: newest first, each version once, the first one this version."""
    changes = []
    for number, entry in enumerate(top.sequence("changes")):
        section = Section(entry, f"changes.{number}")
        section.allow(("version", "on", "what"))
        changes.append(
            Change(section.whole("version"), section.day("on"), section.text("what"))
        )
    version = top.whole("version")
    if not changes or changes[0].version != version:
        raise ProfileError(
            f"changes must begin with version {version}: write {{version: {version}, on: DATE, "
            "what: TEXT}"
        )
    for newer, older in itertools.pairwise(changes):
        if older.version >= newer.version:
            raise ProfileError(
                f"changes has version {older.version} after {newer.version}: newest first"
            )
    return tuple(changes)


def _declared(top: Section, key: str) -> dict[str, Declared]:
    section = top.section(key)
    found = {}
    for name in section.values:
        entry = section.section(name)
        entry.allow(("about", "default") if key == "parameters" else ("about",))
        if name in TAKEN:
            raise ProfileError(f"{section.place(name)} is a name that is taken: choose another")
        default = entry.values.get("default")
        if default is not None and not isinstance(default, str):
            raise ProfileError(f"{entry.place('default')} is {shown(default)}: put it in quotes")
        found[name] = Declared(entry.text("about"), default)
    return found


def _adapter(top: Section) -> str:
    name = top.text("adapter", "")
    if name:
        systems.adapter_class(name)
    return name


def _tls(top: Section) -> str | None:
    tls = top.text("tls", "1.3")
    if tls not in ("1.2", "1.3"):
        raise ProfileError(f'tls is {shown(tls)}: write "1.2", or leave it out for TLS 1.3')
    return "1.2" if tls == "1.2" else None


def _learn(top: Section, around: Surroundings) -> tuple[tuple[PartPlan, ...], Surroundings]:
    """Return the reads, and the surroundings of all that comes after them."""
    plans = []
    for number, entry in enumerate(top.sequence("learn")):
        plan = learn_plan(Section(entry, f"learn.{number}"), number, around)
        plans.append(plan)
        learned = around.learned | {field.name for field in plan.part.fields}
        around = dataclasses.replace(around, learned=learned)
    return tuple(plans), around


def _operations(top: Section, around: Surroundings) -> dict[str, tuple[PartPlan, ...]]:
    section = top.section("operations")
    if not section.values:
        raise ProfileError("operations is missing: say at least how an item is found")
    section.allow(SHAPES)
    return {
        operation: operation_plans(operation, section.section(operation), around)
        for operation in SHAPES
        if operation in section.values
    }


def _typical_ms(
    top: Section, operations: dict[str, tuple[PartPlan, ...]]
) -> dict[str, float]:
    section = top.section("typical_ms")
    section.allow(operations)
    return {operation: section.number(operation) for operation in operations}


def _hedge(top: Section, operations: dict[str, tuple[PartPlan, ...]]) -> frozenset[str]:
    found = top.sequence("hedge")
    for operation in found:
        if operation not in operations:
            raise ProfileError(f"hedge has {shown(operation)}: it is none of `operations`")
    return frozenset(str(operation) for operation in found)
