"""The outbox: every event of every process, in one order, until all publishers have it.

What is put twice is kept once, by its id. Numbers (`seq`) rise with the time of the commit, so
that a reader who has seen a number has seen all that are below it: writers take turns for that.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from erp.events.envelope import Envelope, key_of, write
from erp.events.model import CallIds
from erp.events.projection import Row, end_of_lost, new_row, project
from erp.store.store import Store
from erp.store.tables import calls, outbox

WRITER_LOCK = 0x6F75746278
"""Key of the lock in PostgreSQL that lets one writer at a time append."""

READ_MAX = 500
"""Events that are read at once."""

PRUNE_MAX = 1000
"""Rows that one transaction removes: a writer must not wait long."""


@dataclass(frozen=True)
class Stored:
    """An event in the outbox. body: the JSON document, as it is published."""

    seq: int
    id: str
    type: str
    session: str
    time: datetime
    body: str


class Outbox:
    """The outbox of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changed = asyncio.Event()

    async def put(self, events: Sequence[Envelope], process: str) -> int:
        """Keep events that are not there yet; return how many. Raises StoreError: none is kept.

        process: the spool that they come from.
        """
        async with self._store.begin() as connection:
            await _take_turn(connection)
            fresh = await _unknown(connection, events)
            await _keep(connection, fresh, process)
        if fresh:
            # Whoever waits holds the old one.
            self._changed.set()
            self._changed = asyncio.Event()
        return len(fresh)

    async def last(self) -> int:
        """Return the number of the newest event, 0 when there was none. Raises StoreError."""
        async with self._store.read() as connection:
            return (await connection.execute(select(func.max(outbox.c.seq)))).scalar() or 0

    async def after(
        self, seq: int, limit: int = READ_MAX, sessions: Collection[str] = ()
    ) -> list[Stored]:
        """Return what comes behind a number, in order. Raises StoreError."""
        columns = (outbox.c[name] for name in ("seq", "id", "type", "session", "time", "body"))
        query = select(*columns).where(outbox.c.seq > seq).order_by(outbox.c.seq).limit(limit)
        if sessions:
            query = query.where(outbox.c.session.in_(sessions))
        async with self._store.read() as connection:
            return [Stored(*row) for row in await connection.execute(query)]

    async def follow(self, seq: int, poll_s: float = 0.5) -> AsyncIterator[Stored]:
        """Yield what comes behind a number, for ever. Raises StoreError.

        poll_s: how often it looks for events of other processes; our own wake it at once.
        """
        while True:
            changed = self._changed
            found = await self.after(seq)
            for event in found:
                seq = event.seq
                yield event
            if not found:
                await _either(changed, poll_s)

    async def since(self, time: datetime) -> int:
        """Return the number behind which all events from that time on are. Raises StoreError."""
        query = select(func.min(outbox.c.seq)).where(outbox.c.time >= time)
        async with self._store.read() as connection:
            first = (await connection.execute(query)).scalar()
        return await self.last() if first is None else first - 1

    async def end_calls(self, process: str) -> int:
        """End the calls of a process that is dead; return how many. Raises StoreError."""
        lost = (calls.c.process == process) & calls.c.ended_at.is_(None)
        return await self._end(lost)

    async def end_silent_calls(self, before: datetime) -> int:
        """End the calls of which nothing was heard since a time. Raises StoreError."""
        return await self._end((calls.c.last_at < before) & calls.c.ended_at.is_(None))

    async def _end(self, which: Any) -> int:
        async with self._store.read() as connection:
            rows = (await connection.execute(select(calls).where(which))).mappings().all()
        return await self.put([_ended(dict(row)) for row in rows], "") if rows else 0

    async def prune(self, keep: timedelta, delivered: int | None, now: datetime) -> int:
        """Remove what is older than `keep`; return how many rows. Raises StoreError.

        delivered: the number up to which every publisher has delivered; none: there is none.
        """
        which = outbox.c.stored_at < now - keep
        if delivered is not None:
            which = which & (outbox.c.seq <= delivered)
        return await self._remove(outbox, outbox.c.seq, which)

    async def prune_calls(self, keep: timedelta, now: datetime) -> int:
        """Remove the lines of calls that ended longer ago than `keep`. Raises StoreError."""
        return await self._remove(calls, calls.c.session, calls.c.ended_at < now - keep)

    async def _remove(self, table: Any, key: Any, which: Any) -> int:
        removed = 0
        while True:
            some = select(key).where(which).limit(PRUNE_MAX)
            async with self._store.begin() as connection:
                done = await connection.execute(delete(table).where(key.in_(some)))
            removed += done.rowcount
            if done.rowcount < PRUNE_MAX:
                return removed


async def _either(changed: asyncio.Event, poll_s: float) -> None:
    """Wait for a change of our own process, or as long as the others get."""
    waiting = asyncio.ensure_future(changed.wait())
    try:
        await asyncio.wait({waiting}, timeout=poll_s)
    finally:
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting


async def _take_turn(connection: AsyncConnection) -> None:
    # SQLite has one writer anyway. In PostgreSQL numbers are given before the commit: a reader
    # could see 8 while 7 is still to come, and would never look for 7 again.
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})


async def _unknown(connection: AsyncConnection, events: Sequence[Envelope]) -> list[Envelope]:
    by_id = {event.id: event for event in events}
    query = select(outbox.c.id).where(outbox.c.id.in_(by_id))
    for known in (await connection.execute(query)).scalars():
        del by_id[known]
    return list(by_id.values())


async def _keep(connection: AsyncConnection, events: list[Envelope], process: str) -> None:
    if not events:
        return
    rows = await _rows(connection, events)
    known = set(rows)
    kept = []
    for event in events:
        if event.session:
            row = rows.setdefault(event.session, new_row(event.session, event.time))
            project(row, event, process)
            kept.append(_line(event.numbered(row["last_sequence"])))
        else:
            kept.append(_line(event))
    await connection.execute(insert(outbox), kept)
    if fresh := [row for session, row in rows.items() if session not in known]:
        await connection.execute(insert(calls), fresh)
    if old := [_bound(rows[session]) for session in known]:
        await connection.execute(_UPDATE, old)


async def _rows(connection: AsyncConnection, events: list[Envelope]) -> dict[str, Row]:
    sessions = {event.session for event in events if event.session}
    query = select(calls).where(calls.c.session.in_(sessions))
    found = (await connection.execute(query)).mappings()
    return {row["session"]: dict(row) for row in found}


_UPDATE = (
    update(calls)
    .where(calls.c.session == bindparam("of_session"))
    .values({c.name: bindparam(f"new_{c.name}") for c in calls.c if c.name != "session"})
)


def _bound(row: Row) -> Row:
    values = {f"new_{name}": value for name, value in row.items() if name != "session"}
    return {"of_session": row["session"], **values}


def _line(event: Envelope) -> Row:
    return {
        "id": event.id,
        "type": event.type,
        "session": event.session,
        "source": event.source,
        "time": event.time,
        "stored_at": datetime.now(timezone.utc),
        "body": event.text,
    }


def _ended(row: Row) -> Envelope:
    """Return the end of a lost call."""
    session = row["session"]
    ids = CallIds(session, row["uniqueid"], row["sip_call_id"], row["profile"])
    # Two processes may tell it; a call that a human has did not end by the loss.
    key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:orderline:{session}:over"))
    end = end_of_lost(row)
    return write(ids, end, "orderline/carrier", key=key_of(ids, end) or key)
