"""One publisher's queue: the store's outbox, and what became of each event at this publisher.

An event without a row in `deliveries` was not tried yet. The floor is a place in the outbox below
which every event has been seen; it only keeps the look-up short. It stays a while behind, for in
PostgreSQL a smaller number may be committed after a larger one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import Select, and_, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ami_bridge.publishers.insert import insert_new, insert_or_update
from ami_bridge.publishers.plan import Work
from ami_bridge.publishers.policy import Again, Dead
from ami_bridge.publishers.port import Message
from erp.events.letters import DEAD, DONE, WAITING
from erp.store.store import Store
from erp.store.tables import cursors, deliveries, outbox

LOAD_MAX = 200
"""Events that are looked at in one go."""

SETTLE = timedelta(seconds=60)
"""No transaction takes longer: a statement of ours is broken off after 10 s."""

NEW_PUBLISHER = timedelta(hours=1)
"""A publisher that is new in the configuration begins with the events of the last hour."""

WHOLE_LOOK_S = 5.0
"""Seconds between two looks at everything when nothing seems to be new: what a command has changed
meanwhile (a replay) shows by nothing else."""

WHY_MAX_CHARS = 200

Fate = Again | Dead | None
"""What became of an event; None: it was taken."""


class Newest:
    """The number of the newest event of the outbox, asked once for all publishers of a process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = asyncio.Lock()
        self._known = 0
        self._asked_s = float("-inf")

    async def seq(self, age_s: float) -> int:
        """Return it as it was so many seconds ago at most, 0: no event yet. Raises StoreError."""
        async with self._lock:
            now_s = time.monotonic()
            if now_s - self._asked_s >= age_s:
                async with self._store.read() as connection:
                    self._known = await connection.scalar(select(func.max(outbox.c.seq))) or 0
                self._asked_s = now_s
            return self._known


class Queue:
    """What a publisher still has to send. newest: shared by the queues of one store."""

    def __init__(self, store: Store, publisher: str, newest: Newest | None = None) -> None:
        self._store = store
        self._publisher = publisher
        self._newest = newest or Newest(store)
        self._look_s = float("-inf")
        """When everything is looked at, whatever seems to be new; seconds of a monotonic clock."""
        self._floor = 0
        self._seen = 0
        """Up to here nothing was left at the last look; `tidy` has it look from the floor again."""

    async def open(self) -> None:
        """Find where this publisher stands; it begins when it is new. Raises StoreError."""
        async with self._store.begin() as connection:
            old = outbox.c.stored_at < _now() - NEW_PUBLISHER
            begin = await connection.scalar(select(func.max(outbox.c.seq)).where(old)) or 0
            row = {"publisher": self._publisher, "floor": begin}
            await connection.execute(insert_new(connection, cursors).values(row))
            ours = cursors.c.publisher == self._publisher
            self._floor = await connection.scalar(select(cursors.c.floor).where(ours)) or 0

    async def news(self, age_s: float) -> bool:
        """Tell whether `load` may find something; it costs far less than that. Raises StoreError.

        age_s: what came in the last so many seconds may be missed.
        """
        return time.monotonic() >= self._look_s or await self._newest.seq(age_s) > self._seen

    async def load(self) -> Work:
        """Return what can be sent now. Raises StoreError."""
        now, now_s = _now(), time.monotonic()
        async with self._store.read() as connection:
            last = await connection.scalar(select(func.max(outbox.c.seq))) or 0
            fresh = _messages(await connection.execute(self._fresh()))
            due = _messages(await connection.execute(self._due(now)))
            blocked = await self._blocked(connection, {one.session for one in fresh})
            waiting = deliveries.c.state == WAITING
            next_at = await connection.scalar(
                select(func.min(deliveries.c.next_at)).where(self._ours(), waiting)
            )
        if not fresh:
            self._seen = last
        pause_s = WHOLE_LOOK_S if next_at is None else (next_at - now).total_seconds()
        self._look_s = now_s + (0.0 if fresh or due else min(WHOLE_LOOK_S, pause_s))
        return Work(fresh, due, blocked)

    async def hold(self, messages: Sequence[Message]) -> None:
        """Note that events wait behind others of their calls. Raises StoreError."""
        rows = [self._row(one, WAITING, next_at=_now()) for one in messages]
        async with self._store.begin() as connection:
            await connection.execute(insert_new(connection, deliveries), rows)

    async def record(self, fates: Sequence[tuple[Message, Fate]]) -> None:
        """Note what became of events that were sent. Raises StoreError; then nothing is noted."""
        rows = [self._fate(message, fate) for message, fate in fates]
        self._look_s = float("-inf")
        async with self._store.begin() as connection:
            # What another bridge has seen done meanwhile stays done.
            not_done = deliveries.c.state != DONE
            await connection.execute(insert_or_update(connection, deliveries, not_done), rows)

    async def tidy(self) -> None:
        """Raise the floor, and forget what was sent below it. Raises StoreError."""
        self._seen, self._look_s = 0, float("-inf")
        async with self._store.begin() as connection:
            first = await connection.scalar(
                select(func.min(outbox.c.seq)).where(self._untried(), outbox.c.seq > self._floor)
            )
            settled = await connection.scalar(
                select(func.max(outbox.c.seq)).where(outbox.c.stored_at < _now() - SETTLE)
            )
            floor = min(settled or 0, settled or 0 if first is None else first - 1)
            if floor <= self._floor:
                return
            ours = cursors.c.publisher == self._publisher
            await connection.execute(update(cursors).where(ours).values(floor=floor))
            sent = and_(self._ours(), deliveries.c.state == DONE, deliveries.c.seq <= floor)
            await connection.execute(delete(deliveries).where(sent))
        self._floor = floor

    def _ours(self) -> Any:
        return deliveries.c.publisher == self._publisher

    def _untried(self) -> Any:
        return ~exists().where(self._ours(), deliveries.c.event == outbox.c.id)

    def _fresh(self) -> Select[Any]:
        columns = select(*_COLUMNS)
        begin = max(self._floor, self._seen)
        wanted = columns.where(outbox.c.seq > begin, self._untried())
        return wanted.order_by(outbox.c.seq).limit(LOAD_MAX)

    def _due(self, now: datetime) -> Select[Any]:
        row, before = deliveries, deliveries.alias("before")
        not_yet = exists().where(
            before.c.publisher == row.c.publisher,
            before.c.session == row.c.session,
            before.c.state == WAITING,
            before.c.seq < row.c.seq,
            before.c.next_at > now,
        )
        return (
            select(*_COLUMNS, row.c.attempts)
            .join(row, row.c.event == outbox.c.id)
            .where(self._ours(), row.c.state == WAITING, row.c.next_at <= now, ~not_yet)
            .order_by(row.c.seq)
            .limit(LOAD_MAX)
        )

    async def _blocked(
        self, connection: AsyncConnection, sessions: Collection[str]
    ) -> frozenset[str]:
        if not sessions:
            return frozenset()
        wanted = self._ours(), deliveries.c.state == WAITING, deliveries.c.session.in_(sessions)
        found = await connection.scalars(select(deliveries.c.session).where(*wanted).distinct())
        return frozenset(found)

    def _fate(self, message: Message, fate: Fate) -> dict[str, Any]:
        row = self._row(message, DONE, next_at=None)
        if fate is not None:
            row["attempts"], row["why"] = message.attempts + 1, fate.why[:WHY_MAX_CHARS]
            row["state"] = DEAD if isinstance(fate, Dead) else WAITING
        if isinstance(fate, Again):
            row["next_at"] = _now() + timedelta(seconds=fate.after_s)
        return row

    def _row(self, message: Message, state: str, next_at: datetime | None) -> dict[str, Any]:
        return {
            "publisher": self._publisher,
            "event": message.id,
            "seq": message.position,
            "session": message.session,
            "state": state,
            "attempts": message.attempts,
            "next_at": next_at,
            "changed_at": _now(),
            "why": "",
        }


_COLUMNS = tuple(outbox.c[name] for name in ("seq", "id", "session", "type", "time", "body"))


def _messages(rows: Iterable[Any]) -> tuple[Message, ...]:
    return tuple(
        Message(
            position=row.seq,
            id=row.id,
            session=row.session,
            type=row.type,
            told_s=row.time.timestamp(),
            body=row.body.encode(),
            attempts=getattr(row, "attempts", 0),
        )
        for row in rows
    )


def _now() -> datetime:
    return datetime.now(timezone.utc)
