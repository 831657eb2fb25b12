"""What an adapter is: the little of a system that its profile can't say, in typed Python.

A profile names a step of its adapter by `refine`; the step turns the raw rows of one part into
other raw rows, which are then mapped as any others. It may look at the rows of earlier parts, and
ask the named requests of the profile (`requests`). An adapter knows no protocol and keeps no
connection; what it keeps of earlier answers (a map of locations) is its own affair.

    class Adapter:
        def __init__(self, fetch: Fetch) -> None: ...

        async def moves(self, rows: Sequence[RawRow], context: RefineContext) -> Sequence[RawRow]:
            ...

        REFINERS: ClassVar = {"moves": moves}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from erp.connectors.engine import RawRow, Value


class Fetch(Protocol):
    """Asks a named request of the profile; only while a step runs."""

    def __call__(self, request_name: str, /, **values: Value) -> Awaitable[Sequence[RawRow]]:
        """Return the rows of the request's answer, by the query's deadline.

        values: parameters of the request besides those of the query. Raises ErpError, and
        UnreadableAnswer when the request needs a value that nobody gives.
        """


@dataclass(frozen=True)
class RefineContext:
    """What a step may know of the query that it works for."""

    values: Mapping[str, Value]
    """The query's parameters, the system's, the learned ones, and the fields of earlier parts
    (`order.record_id`)."""
    today: date
    """The company's own date."""
    fetch: Fetch
    """Asks a named request: `await context.fetch("locations", parent=5)`."""
    parts: Mapping[str, Sequence[RawRow]] = field(default_factory=dict)
    """See `raw`."""

    def raw(self, part: str) -> Sequence[RawRow]:
        """Return the raw rows of an earlier part: refined, and only those that count.

        Empty when there is no such part.
        """
        return self.parts.get(part, ())


Refiner = Callable[[Any, Sequence[RawRow], RefineContext], Awaitable[Sequence[RawRow]]]
"""A method of an adapter, not bound: (adapter, rows, context) -> rows. Raises UnreadableAnswer
when the rows are not what they should be."""


class AdapterClass(Protocol):
    """The class of an adapter. One is made for each connector; its constructor does no I/O."""

    REFINERS: Mapping[str, Refiner]
    """Its steps, by the name that a profile uses."""

    def __call__(self, fetch: Fetch) -> object:
        """Make one."""
