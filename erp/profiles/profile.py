"""A profile, read and checked: frozen values from which a connector is made.

`erp.profiles.load` makes one of a YAML file; `docs/profiles.rst` describes the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from erp.connector import Capabilities, LockStrength, RollbackKind
from erp.connectors.engine import Prepared
from erp.shapes import Part

if TYPE_CHECKING:
    from erp.mapping import ExampleResult, RecordMapper, Tables

ROWS_MAX = 500
"""Most rows of a part that says no `limit`."""


@dataclass(frozen=True)
class Change:
    """One entry of the change log."""

    version: int
    on: date
    what: str


@dataclass(frozen=True)
class Declared:
    """A parameter or secret that the configuration gives."""

    about: str
    default: str | None = None
    """None: it must be given."""


@dataclass(frozen=True)
class PartPlan:
    """One part of an operation (or one `learn` read): how it is asked, and how it is read."""

    name: str
    where: str
    """Its place in the profile, for messages: `operations.find_item.item`."""
    part: Part
    mapper: RecordMapper
    prepared: Prepared | None
    """Its request; None when it reads `within` another part."""
    needs: frozenset[str]
    """Earlier parts whose first record it names in its request."""
    limit: int = ROWS_MAX
    first: bool = False
    """More rows than `limit` are no error: only the first counts."""
    single: bool = False
    """Only the first row counts, for the operation has one such record."""
    within: str = ""
    rows: tuple[str, ...] = ()
    """Where the rows lie in those of `within`; empty: they are the same rows."""
    refine: str = ""


@dataclass(frozen=True)
class NamedRequest:
    """A request that belongs to no operation: the adapter asks it."""

    prepared: Prepared
    limit: int = ROWS_MAX


@dataclass(frozen=True)
class Checks:
    """What `orderline erp check` tells of a profile's rules."""

    results: tuple[ExampleResult, ...]
    unproven: tuple[str, ...]
    """Rules that are more than a plain `from` and have no example, by their place."""

    @property
    def ok(self) -> bool:
        """Tell whether every example gives what it says. Rules without one do not count."""
        return all(result.ok for result in self.results)


@dataclass(frozen=True)
class Profile:
    """One kind of system, one version of how it is asked."""

    name: str
    version: int
    changes: tuple[Change, ...]
    """Newest first; the first one is of this version."""
    engine: str
    """A key of `erp.profiles.engines.ENGINES`."""
    lock: LockStrength
    rollback: RollbackKind
    typical_ms: Mapping[str, float]
    hedge: frozenset[str]
    hedge_after_ms: float
    parameters: Mapping[str, Declared]
    secrets: Mapping[str, Declared]
    adapter: str
    """A key of `erp.systems.ADAPTERS`, or empty."""
    tls: str | None
    """`1.2` when the server can't do better; None: TLS 1.3."""
    learn: tuple[PartPlan, ...]
    operations: Mapping[str, tuple[PartPlan, ...]]
    """The parts of each operation, in the order of `erp.shapes`."""
    requests: Mapping[str, NamedRequest]
    """What the adapter may ask, by name."""
    section: Mapping[str, object]
    """The section of the engine."""
    tables: Tables
    content: Mapping[str, object] = field(repr=False)
    """The whole file, as YAML gives it."""
    digest: str
    """SHA-256 of the content, in hex: equal for files that differ in comments and order only."""
    path: Path
    """Where it was read from."""

    @property
    def label(self) -> str:
        """Name, version and the beginning of the digest: `tryton-8.2 v3 (1f0c2a9b4d5e)`."""
        return f"{self.name} v{self.version} ({self.digest[:12]})"

    def capabilities(self, system: str, at_once: int = 8) -> Capabilities:
        """Return what it declares of a system. at_once: the most questions at once."""
        return Capabilities(
            system=system,
            profile=self.label,
            operations=self.typical_ms,
            lock=self.lock,
            rollback=self.rollback,
            hedge=self.hedge,
            hedge_after_ms=self.hedge_after_ms,
            at_once=at_once,
        )

    def plans(self) -> Iterator[PartPlan]:
        """Give every part, those of `learn` first."""
        yield from self.learn
        for parts in self.operations.values():
            yield from parts

    def checks(self) -> Checks:
        """Run the examples of every rule. Returns what they gave; it does not raise."""
        results = list(self.tables.examples())
        unproven: list[str] = []
        for plan in self.plans():
            results.extend(plan.mapper.examples())
            unproven.extend(plan.mapper.unproven)
        return Checks(tuple(results), tuple(unproven))
