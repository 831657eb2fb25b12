"""Which system answers an operation, and what stands in for it: worked out once, and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from erp.connector import Capabilities
from erp.operations import READS, WRITES
from erp.settings import GatewaySettings

FIRST_SHARE = 0.6
"""Part of what is left until the deadline that a system gets when another stands in for it. The
one that answers most questions gets the larger part; the last one gets all that is left."""


class Kind(str, Enum):
    """What a step does."""

    SYSTEM = "system"
    CACHE = "cache"
    KEYPAD = "keypad"
    HUMAN = "human"


@dataclass(frozen=True)
class Step:
    """One thing that is tried. share: the part of the time that is left which a system gets."""

    kind: Kind
    system: str = ""
    share: float = 1.0


@dataclass(frozen=True)
class Plan:
    """What is tried for one operation, in order; the first is the routed system."""

    system: str
    steps: tuple[Step, ...]


def plans(
    settings: GatewaySettings, systems: Mapping[str, Capabilities]
) -> Mapping[str, Plan]:
    """Return the plan of each operation of the port.

    systems: what each system declares. Raises ValueError: one sentence that names the key.
    """
    default = _default(settings, systems)
    for operation, system in settings.routes.items():
        _demand(f"erp.routes.{operation}", system, operation, systems)
    return {
        operation: _plan(operation, settings.routes.get(operation, default), settings, systems)
        for operation in (*READS, *WRITES)
    }


def _default(settings: GatewaySettings, systems: Mapping[str, Capabilities]) -> str:
    if not systems:
        raise ValueError("systems is empty: write at least one system")
    if not settings.use:
        if len(systems) > 1:
            raise ValueError(f"erp.use is empty: write one of {', '.join(systems)}")
        return next(iter(systems))
    if settings.use not in systems:
        known = ", ".join(systems)
        raise ValueError(f"erp.use is {settings.use!r}, which is no system: known are {known}")
    return settings.use


def _plan(
    operation: str,
    system: str,
    settings: GatewaySettings,
    systems: Mapping[str, Capabilities],
) -> Plan:
    key = f"erp.fallback.{operation}"
    steps = [Step(Kind.SYSTEM, system)]
    for text in settings.fallback.get(operation, ()):
        kind, _, other = text.partition(":")
        if steps[-1].kind in (Kind.KEYPAD, Kind.HUMAN):
            raise ValueError(f"{key} has {text} after {steps[-1].kind.value}: write it before")
        if kind == Kind.SYSTEM:
            _demand(key, other, operation, systems)
            if other in (step.system for step in steps):
                raise ValueError(f"{key} has system:{other}, which was asked before: take it away")
        steps.append(Step(Kind(kind), other))
    return Plan(system, tuple(_shared(steps)))


def _shared(steps: list[Step]) -> Iterable[Step]:
    """Leave something to the systems that follow."""
    last = max(place for place, step in enumerate(steps) if step.kind is Kind.SYSTEM)
    for place, step in enumerate(steps):
        yield Step(step.kind, step.system, FIRST_SHARE) if place < last else step


def _demand(
    key: str, system: str, operation: str, systems: Mapping[str, Capabilities]
) -> None:
    if system not in systems:
        known = ", ".join(systems)
        raise ValueError(f"{key} is {system!r}, which is no system: known are {known}")
    if operation not in systems[system].operations:
        able = [name for name, declared in systems.items() if operation in declared.operations]
        mend = f"write {' or '.join(able)}" if able else "take it away"
        raise ValueError(f"{key} is {system!r}, which can't do {operation}: {mend}")
