"""Asks the ERP what the dialogue wants to know, within the turn's deadline.

Each query is told to the story: system, operation, record, when it was read, live or cached, and
what it took (the connector tells the log). Nothing that is spoken of comes from anywhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timezone
from typing import TypeVar

from asterisk_agi.dialogue.effects import AskAvailability, AskLastOrder
from asterisk_agi.dialogue.events import QueryAnswered, QueryFailed
from asterisk_agi.story import Story
from erp.deadline import Deadline
from erp.errors import BackendSlow, ErpError
from erp.model import Customer, NotFound, Source
from erp.port import ErpPort

GRACE_S = 0.05
"""Seconds that a connector may take to notice that the deadline passed."""


R = TypeVar("R")


class Inquiry:
    """The queries of one call."""

    def __init__(self, erp: ErpPort, story: Story, today: Callable[[], date]) -> None:
        self._erp = erp
        self._story = story
        self._today = today
        self._clock = asyncio.get_running_loop().time

    async def customers(self, number: str, deadline: Deadline) -> tuple[Customer, ...]:
        """Return who has the caller's number. Raises ErpError."""
        if not number:
            # Nothing to look up, but the greeting must know whether the system is there.
            await self._asked("ping", 0, self._erp.ping(deadline), deadline)
            return ()
        asking = self._erp.customers_by_phone(number, deadline)
        return await self._asked("customers_by_phone", 0, asking, deadline)

    async def answer(
        self, query: AskAvailability | AskLastOrder, deadline: Deadline, turn: int
    ) -> QueryAnswered | QueryFailed:
        """Return the event that the query ends with; never raises an ErpError."""
        try:
            if isinstance(query, AskLastOrder):
                asking = self._erp.last_order(query.customer, deadline)
                return QueryAnswered(await self._asked("last_order", turn, asking, deadline))
            return await self._availability(query, deadline, turn)
        except ErpError as error:
            return QueryFailed(error.reason)

    async def _availability(
        self, query: AskAvailability, deadline: Deadline, turn: int
    ) -> QueryAnswered:
        finding = self._erp.find_item(query.item_number, deadline)
        item = await self._asked("find_item", turn, finding, deadline)
        if isinstance(item, NotFound):
            return QueryAnswered(item)
        asking = self._erp.availability(item, query.on or self._today(), deadline)
        return QueryAnswered(await self._asked("availability", turn, asking, deadline))

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
            late = BackendSlow(self._erp.system, operation, "the connector passed its deadline")
            self._failed(operation, turn, begin_s, late)
            raise late from error
        self._answered(operation, turn, begin_s, result)
        return result

    def _failed(self, operation: str, turn: int, begin_s: float, error: ErpError) -> None:
        self._story.tell(
            "query",
            turn=turn,
            system=self._erp.system,
            operation=operation,
            ms=self._took_ms(begin_s),
            result=error.reason.value,
        )

    def _answered(self, operation: str, turn: int, begin_s: float, result: object) -> None:
        took_ms = self._took_ms(begin_s)
        for source in _sources(result, operation, self._erp.system):
            self._story.tell(
                "query",
                turn=turn,
                system=source.system,
                operation=source.operation,
                record=source.record,
                read_at=source.read_at.isoformat(),
                live=source.live,
                ms=took_ms,
                result=type(result).__name__,
            )

    def _took_ms(self, begin_s: float) -> float:
        return round((self._clock() - begin_s) * 1000, 1)


def _sources(result: object, operation: str, system: str) -> tuple[Source, ...]:
    found = result if isinstance(result, tuple) else (result,)
    sources = tuple(entry.source for entry in found if hasattr(entry, "source"))
    # Nothing found is an answer too, and was read just now.
    return sources or (Source(system, operation, "", datetime.now(timezone.utc)),)
