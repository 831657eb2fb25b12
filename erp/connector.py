"""The contract of a connector: one way to reach one configured system.

A connector answers queries (`erp.queries`) by their deadline, with typed values or with one of
`erp.errors`. It neither retries, nor caches, nor limits: that is the gateway's (`erp.gateway`),
which is the only one to call it. Each kind of connector is a folder of `erp/connectors/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeVar

from erp.deadline import Deadline
from erp.queries import Query
from erp.trace import Trace

R = TypeVar("R")


class LockStrength(str, Enum):
    """How a system notices that somebody else has changed a record that we are about to write."""

    STRICT = "strict"
    """A token that changes with every write, checked with the write: ETag, row version."""
    WEAK = "weak"
    """A token that may miss a change, or that we must compare ourselves: a second's time stamp."""
    NONE = "none"
    """Nothing: the last one to write wins."""


class RollbackKind(str, Enum):
    """How a write of several steps is taken back when a later step fails."""

    TRANSACTION = "transaction"
    """The system takes all of it back."""
    COMPENSATION = "compensation"
    """Each step is undone by a step of its own."""
    NONE = "none"
    """It can't be taken back."""


@dataclass(frozen=True)
class Capabilities:
    """What a connector declares about itself and its system."""

    system: str
    """Name of the configured system."""
    profile: str
    """Name, version and beginning of the digest of what it was made from."""
    operations: Mapping[str, float]
    """The operations that it can do, each with its typical latency in milliseconds."""
    lock: LockStrength
    rollback: RollbackKind
    hedge: frozenset[str] = frozenset()
    """Operations that may be asked twice at once without harm to the system."""
    hedge_after_ms: float = 200.0
    """When the second question is sent, if the first has no answer yet."""
    at_once: int = 8
    """Most queries at once."""
    tend_every_s: float = 20.0
    """How often `tend` wants to be called, in seconds."""


@dataclass(frozen=True)
class Attempt:
    """One attempt to answer a query: by when, and where its hops are noted."""

    deadline: Deadline
    trace: Trace = field(compare=False)


class Connector(Protocol):
    """One configured system."""

    @property
    def capabilities(self) -> Capabilities:
        """What it declares; known before it is opened."""

    async def open(self, deadline: Deadline, trace: Trace | None = None) -> None:
        """Connect, log in, and learn what later queries need. May be called again after a failure.

        trace: where its hops are noted. Raises ErpError.
        """

    async def close(self) -> None:
        """Close every connection. May be called twice, and without `open`."""

    async def tend(self, deadline: Deadline) -> None:
        """Renew sessions and tokens that expire soon, and keep connections warm.

        Called by the gateway between the callers' turns. Raises ErpError.
        """

    async def ask(self, query: Query[R], attempt: Attempt) -> R:
        """Answer a query by the attempt's deadline. Raises ErpError, and nothing else.

        Of a query that writes it sets `attempt.trace.sent` before the write can take effect.
        """
