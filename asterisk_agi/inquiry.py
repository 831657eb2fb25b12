"""Asks the ERP what the dialogue wants to know, within the turn's deadline.

Each query is told to story and event stream: system, operation, record, when it was read, live or
cached, and what it took (the gateway tells the log). Nothing that is spoken of comes from anywhere
else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timezone
from typing import TypeVar

from asterisk_agi.dialogue.effects import (
    AskAvailability,
    AskOrder,
    AskOrderHistory,
    AskPrice,
    AskTracking,
    Query,
)
from asterisk_agi.dialogue.events import Answer, QueryAnswered, QueryFailed
from asterisk_agi.story import Story
from erp.deadline import Deadline
from erp.errors import BackendSlow, ErpError
from erp.events.model import Query as Asked
from erp.model import Customer, NotFound, OrderStatus, Source
from erp.port import ErpPort

GRACE_S = 0.05
"""Seconds that a connector may take to notice that the deadline passed."""


R = TypeVar("R")


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class Inquiry:
    """The queries of one call, asked of its own port.

    today: the calendar date at the company. now: the time, aware; an old answer's age counts to it.
    """

    def __init__(
        self,
        erp: ErpPort,
        story: Story,
        today: Callable[[], date],
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._erp = erp
        self._story = story
        self._today = today
        self._now = now
        self._clock = asyncio.get_running_loop().time

    async def customers(self, number: str, deadline: Deadline) -> tuple[Customer, ...]:
        """Return who has the caller's number. Raises ErpError."""
        if not number:
            # Nothing to look up, but the greeting must know whether the system is there.
            await self._asked("ping", 0, self._erp.ping(deadline), deadline)
            return ()
        asking = self._erp.customers_by_phone(number, deadline)
        found = await self._asked("customers_by_phone", 0, asking, deadline)
        self._story.events.identified(found)
        return found

    async def answer(
        self, query: Query, deadline: Deadline, turn: int
    ) -> QueryAnswered | QueryFailed:
        """Return the event that the query ends with; never raises an ErpError."""
        try:
            answer = await self._answer(query, deadline, turn)
        except ErpError as error:
            return QueryFailed(error.reason, error.keypad)
        return QueryAnswered(answer, self._now())

    async def _answer(self, query: Query, deadline: Deadline, turn: int) -> Answer:
        if isinstance(query, (AskAvailability, AskPrice)):
            return await self._about_item(query, deadline, turn)
        if isinstance(query, AskTracking):
            return await self._tracking(query, deadline, turn)
        if isinstance(query, AskOrderHistory):
            listing = self._erp.order_history(query.customer, query.limit, deadline)
            return await self._asked("order_history", turn, listing, deadline)
        if isinstance(query, AskOrder):
            asking = self._erp.order_status(query.customer, query.number, deadline)
            return await self._asked("order_status", turn, asking, deadline)
        return await self._last_order(query.customer, deadline, turn)

    async def _about_item(
        self, query: AskAvailability | AskPrice, deadline: Deadline, turn: int
    ) -> Answer:
        finding = self._erp.find_item(query.item_number, deadline)
        item = await self._asked("find_item", turn, finding, deadline)
        if isinstance(item, NotFound):
            return item
        if isinstance(query, AskPrice):
            pricing = self._erp.price(item, query.customer, query.quantity, deadline)
            return await self._asked("price", turn, pricing, deadline)
        asking = self._erp.availability(item, query.on or self._today(), deadline)
        return await self._asked("availability", turn, asking, deadline)

    async def _tracking(self, query: AskTracking, deadline: Deadline, turn: int) -> Answer:
        number = query.number
        if number is None:
            last = await self._last_order(query.customer, deadline, turn)
            if isinstance(last, NotFound) or not last.number:
                # What has no number yet can't be tracked: its state is the answer.
                return last
            number = last.number
        tracking = self._erp.tracking(query.customer, number, deadline)
        return await self._asked("tracking", turn, tracking, deadline)

    async def _last_order(
        self, customer: Customer, deadline: Deadline, turn: int
    ) -> OrderStatus | NotFound:
        asking = self._erp.last_order(customer, deadline)
        return await self._asked("last_order", turn, asking, deadline)

    async def _asked(
        self, operation: str, turn: int, asking: Awaitable[R], deadline: Deadline
    ) -> R:
        begin_s = self._clock()
        try:
            # The connector ends by the deadline; should one not, the caller must not wait.
            result = await asyncio.wait_for(asking, deadline.remaining_s(begin_s) + GRACE_S)
        except ErpError as error:
            self._failed(operation, turn, begin_s, error)
            raise
        except asyncio.TimeoutError as error:
            system = self._erp.system_of(operation)
            late = BackendSlow(system, operation, "the connector passed its deadline")
            self._failed(operation, turn, begin_s, late)
            raise late from error
        self._answered(operation, turn, begin_s, result)
        return result

    def _failed(self, operation: str, turn: int, begin_s: float, error: ErpError) -> None:
        took_ms, result = self._took_ms(begin_s), error.reason.value
        self._story.events.tell(Asked(turn, error.system, operation, result, took_ms))
        self._story.tell(
            "query",
            turn=turn,
            system=error.system,
            operation=operation,
            ms=took_ms,
            result=result,
        )

    def _answered(self, operation: str, turn: int, begin_s: float, result: object) -> None:
        took_ms, kind = self._took_ms(begin_s), _kind(result)
        for source in self._sources(result, operation):
            system, asked = source.system, source.operation
            self._story.events.tell(
                Asked(turn, system, asked, kind, took_ms, source.record, source.live)
            )
            self._story.tell(
                "query",
                turn=turn,
                system=system,
                operation=asked,
                record=source.record,
                read_at=source.read_at.isoformat(),
                live=source.live,
                ms=took_ms,
                result=kind,
                **({"fallback": True} if source.fallback else {}),
            )

    def _sources(self, result: object, operation: str) -> tuple[Source, ...]:
        found = result if isinstance(result, tuple) else (result,)
        sources = tuple(entry.source for entry in found if hasattr(entry, "source"))
        # Nothing found is an answer too, and was read just now.
        return sources or (Source(self._erp.system_of(operation), operation, "", self._now()),)

    def _took_ms(self, begin_s: float) -> float:
        return round((self._clock() - begin_s) * 1000, 1)


def _kind(result: object) -> str:
    """Name the kind of an answer: of several records that of the first, of none `NotFound`."""
    if isinstance(result, tuple):
        return type(result[0]).__name__ if result else NotFound.__name__
    return type(result).__name__
