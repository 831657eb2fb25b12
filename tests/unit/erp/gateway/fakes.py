"""A connector that behaves as the test says, and notes what was asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, TypeVar, cast

from erp.connector import Attempt, Capabilities, LockStrength, RollbackKind
from erp.deadline import Deadline
from erp.errors import BackendDown
from erp.gateway import Gateway
from erp.model import Availability, Customer, Item, Quantity, Source
from erp.operations import READS
from erp.queries import AvailabilityOf, CustomersByPhone, FindItem, Query
from erp.settings import GatewaySettings
from erp.trace import Trace
from tests.unit.erp.gateway.virtual import now_s

R = TypeVar("R")
Behaviour = Callable[[Query[Any], Attempt], Awaitable[object]]
READ_AT = datetime(2026, 11, 21, 9, 0, tzinfo=timezone.utc)


def item(number: str = "1001", system: str = "one", record: str = "17") -> Item:
    return Item(record, number, "Bolt", "Unit", Source(system, "find_item", record, READ_AT))


def customer(account: str = "C1", system: str = "one", record: str = "5") -> Customer:
    source = Source(system, "customers_by_phone", record, READ_AT)
    return Customer(record, account, "Acme", "Ann", source)


def down(detail: str = "connection refused") -> BackendDown:
    return BackendDown("one", "find_item", detail)


def deadline(budget_s: float) -> Deadline:
    return Deadline.after(now_s(), budget_s)


class FakeConnector:
    def __init__(
        self,
        system: str = "one",
        *,
        operations: Iterable[str] = READS,
        typical_ms: float = 5.0,
        hedge: Iterable[str] = (),
        at_once: int = 8,
    ) -> None:
        self.capabilities = Capabilities(
            system, f"{system} 1", dict.fromkeys(operations, typical_ms), LockStrength.NONE,
            RollbackKind.NONE, frozenset(hedge), at_once=at_once,
        )  # fmt: skip
        self.behave: Behaviour = self.answer
        self.opening: Callable[[], Awaitable[None]] = self._well
        self.tending: Callable[[], Awaitable[None]] = self._well
        self.asked: list[Query[Any]] = []
        self.asked_at_s: list[float] = []
        self.under_way = 0
        self.most_under_way = 0
        self.opened, self.tended, self.closed = 0, 0, 0

    async def open(self, deadline: Deadline, trace: Trace | None = None) -> None:
        self.opened += 1
        await self.opening()

    async def close(self) -> None:
        self.closed += 1

    async def tend(self, deadline: Deadline) -> None:
        self.tended += 1
        await self.tending()

    async def ask(self, query: Query[R], attempt: Attempt) -> R:
        self.asked.append(query)
        self.asked_at_s.append(now_s())
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return cast(R, await self.behave(query, attempt))
        finally:
            self.under_way -= 1

    async def answer(self, query: Query[Any], attempt: Attempt) -> object:
        system = self.capabilities.system
        if isinstance(query, FindItem):
            return item(query.number, system)
        if isinstance(query, CustomersByPhone):
            return (customer(system=system),)
        if isinstance(query, AvailabilityOf):
            amount = Quantity(Decimal(3), "Unit")
            source = Source(system, "availability", query.item.record_id, READ_AT)
            return Availability(query.item, query.on, amount, (), (), source)
        return None

    async def _well(self) -> None:
        return None


TODAY = date(2026, 11, 21)


def after(seconds: float, connector: FakeConnector) -> Behaviour:
    async def behave(query: Query[Any], attempt: Attempt) -> object:
        await asyncio.sleep(seconds)
        return await connector.answer(query, attempt)

    return behave


def failing(*errors: Exception | None, then: Behaviour | None = None) -> Behaviour:
    """Fail by each error in turn (None: answer), then behave so; the last one repeats."""
    left = list(errors)

    async def behave(query: Query[Any], attempt: Attempt) -> object:
        error = left.pop(0) if len(left) > 1 or then else left[0]
        if not left and then:
            left.append(None)
        if error is None:
            assert then is not None
            return await then(query, attempt)
        raise error

    return behave


async def hanging(query: Query[Any], attempt: Attempt) -> object:
    return await asyncio.get_running_loop().create_future()


def stubborn(seconds: float) -> Behaviour:
    """Hang for so long, whoever cancels it."""

    async def behave(query: Query[Any], attempt: Attempt) -> object:
        end_s = now_s() + seconds
        while now_s() < end_s:
            try:
                await asyncio.sleep(end_s - now_s())
            except asyncio.CancelledError:
                continue
        raise asyncio.CancelledError

    return behave


class Observed:
    """What the gateway told of the questions, and of its openings."""

    def __init__(self) -> None:
        self.told: list[tuple[Trace, float, str]] = []
        self.openings: list[tuple[Trace, float, str]] = []

    def __call__(self, trace: Trace, total_ms: float, outcome: str) -> None:
        kept = self.openings if trace.operation == "open" else self.told
        kept.append((trace, total_ms, outcome))

    @property
    def outcomes(self) -> list[str]:
        return [outcome for _, _, outcome in self.told]


@asynccontextmanager
async def opened(
    connectors: FakeConnector | Mapping[str, FakeConnector],
    observed: Observed | None = None,
    settings: GatewaySettings | None = None,
) -> AsyncIterator[Gateway]:
    """Give an open gateway over one connector or several."""
    made = {"one": connectors} if isinstance(connectors, FakeConnector) else connectors
    door = Gateway(
        settings or GatewaySettings(), lambda: made, observe=observed or Observed()
    )
    await door.open(deadline(2.0))
    try:
        yield door
    finally:
        await door.close()
