"""The contract of an engine: how a profile's requests are sent, and their answers read as rows.

An engine knows a protocol (HTTP, SQL) and no vendor and no operation. `erp.connectors.configured`
gives it the requests of a profile and the values of a query, and gets raw rows back, which the
profile's mapping turns into neutral records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from erp.connector import Attempt
from erp.deadline import Deadline
from erp.trace import Trace

Value = str | int | Decimal | date | bool | None
"""What a request may be filled with: see `erp.shapes.PARAMETERS`."""

RawRow = Mapping[str, object]
"""One row as the system gave it: texts, numbers, dates, bytes; in HTTP also rows within rows."""


class Prepared(Protocol):
    """A request of a profile, checked and made ready once, at the start."""

    @property
    def names(self) -> frozenset[str]:
        """The parameters that it needs: of the query, the system's settings, or learned ones."""


P_contra = TypeVar("P_contra", bound=Prepared, contravariant=True)


@dataclass(frozen=True)
class Written:
    """What came of a write that was done."""

    rows: Sequence[RawRow]
    """Of the write's own answer, or, when `by_find`, of what it was looked up by."""
    by_find: bool = False
    existed: bool = False
    """True when the system had it already, and changed nothing."""


class Engine(Protocol, Generic[P_contra]):
    """One way to reach one system. Its constructor does no I/O.

    Beside it each engine's package has `prepare(part, where)`, which makes a `Prepared` of the
    engine's own keys of a part, or raises ProfileError, and the same for writes as `prepare_write`.
    where: the part's place in the profile.
    """

    async def open(self, deadline: Deadline, trace: Trace | None = None) -> None:
        """Connect and log in. May be called again after a failure. Raises ErpError.

        It notes RESOLVE, CONNECT, TLS and AUTH in the trace, as far as it can tell them apart.
        """

    async def close(self) -> None:
        """Close every connection. May be called twice, and without `open`."""

    async def tend(self, deadline: Deadline) -> None:
        """Renew what expires soon and keep connections warm. Raises ErpError."""

    async def read(
        self, prepared: P_contra, values: Mapping[str, Value], attempt: Attempt
    ) -> Sequence[RawRow]:
        """Send one request and return the rows of its answer, by the attempt's deadline.

        It notes the hops RESOLVE, CONNECT, TLS, AUTH (when they happen), SERVER and PARSE in the
        attempt's trace. Raises ErpError (with the operation of the trace), and nothing else.
        """

    async def write(
        self, prepared: P_contra, find: P_contra, values: Mapping[str, Value], attempt: Attempt
    ) -> Written:
        """Send one write, once, and return what came of it, by the attempt's deadline.

        find: how it is looked up; an engine with transactions does that in the same one. It sets
        `attempt.trace.sent` before the write can take effect. Raises ErpError, and nothing else.
        """
