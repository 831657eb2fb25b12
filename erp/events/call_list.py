"""The lines of present and past calls, out of the store, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import select

from dialplan.reasons import Reason
from dialplan.variables import Result
from erp.store.store import Store
from erp.store.tables import calls

PRESENT_MAX = 10_000
DAY_MAX = 1_000_000
"""More lines than that are not read at once."""


class Kind(str, Enum):
    """What became of a call, in one word for a report."""

    PRESENT = "present"
    CONTAINED = "contained"
    """The caller needed nobody else in this call."""
    TRANSFERRED = "transferred"
    """The caller went to a human with all that was learned."""
    ABANDONED = "abandoned"
    """The caller hung up, and no human was there yet."""
    VOICEMAIL = "voicemail"
    UNAVAILABLE = "unavailable"
    """Orderline could not serve; the caller went to the dialplan's human."""


@dataclass(frozen=True)
class CallLine:
    """One call. Times are aware; started_at is none when its start was never told."""

    session: str
    caller: str
    account: str
    started_at: datetime | None
    ended_at: datetime | None
    last_at: datetime
    escalated_by: str
    human: str
    waited_s: float | None
    lasted_s: float | None
    result: str
    reason: str
    disposition: str
    turns: int
    process: str
    """The spool of the process that serves it."""

    @property
    def kind(self) -> Kind:
        """What became of it."""
        if self.ended_at is None:
            return Kind.PRESENT
        if self.human or self.result == Result.TRANSFER.value or self.reason in _WITH_HUMAN:
            return Kind.TRANSFERRED
        if self.reason == Reason.CALLER_HUNG_UP.value:
            return Kind.ABANDONED
        return _KINDS.get(self.result, Kind.UNAVAILABLE)


_WITH_HUMAN = (Reason.TRANSFERRED.value,)
_KINDS: Mapping[str, Kind] = {
    Result.COMPLETED.value: Kind.CONTAINED,
    Result.VOICEMAIL.value: Kind.VOICEMAIL,
    Result.UNAVAILABLE.value: Kind.UNAVAILABLE,
}
_COLUMNS = tuple(calls.c[name] for name in CallLine.__dataclass_fields__)


async def present(store: Store) -> list[CallLine]:
    """Return the calls that have not ended, the oldest first. Raises StoreError."""
    query = select(*_COLUMNS).where(calls.c.ended_at.is_(None)).order_by(calls.c.started_at)
    return await _lines(store, query.limit(PRESENT_MAX))


async def past(store: Store, limit: int) -> list[CallLine]:
    """Return the last calls that have ended, the newest last. Raises StoreError."""
    query = select(*_COLUMNS).where(calls.c.ended_at.is_not(None))
    found = await _lines(store, query.order_by(calls.c.ended_at.desc()).limit(limit))
    return found[::-1]


async def between(store: Store, begin: datetime, end: datetime) -> list[CallLine]:
    """Return the calls that began from one time on and before another. Raises StoreError."""
    began = (calls.c.started_at >= begin) & (calls.c.started_at < end)
    query = select(*_COLUMNS).where(began).order_by(calls.c.started_at, calls.c.session)
    return await _lines(store, query.limit(DAY_MAX))


async def _lines(store: Store, query: Any) -> list[CallLine]:
    async with store.read() as connection:
        return [CallLine(*row) for row in await connection.execute(query)]
