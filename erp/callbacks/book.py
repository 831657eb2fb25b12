"""The rows of call-backs in the store: booked, claimed, moved on, each in one transaction.

    agreed -> claimed -> ringing-human -> ringing-customer -> connected | customer-unanswered
    claimed | ringing-human -> agreed (humans are tried again later) | human-unanswered
    agreed -> cancelled;  agreed -> joined (another open one has the number)
    claimed | ringing-human | ringing-customer -> unknown (never dialled again)

Never twice: only `agreed` rows are dialled, and only by who changed theirs to `claimed` in one
UPDATE that tells whether it did. The rules of when and whether are elsewhere; now is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Row, and_, func, not_, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from erp.callbacks.model import CallbackRequest
from erp.callbacks.task_list import Task, drop_task, keep_task
from erp.store.errors import StoreError
from erp.store.store import Store
from erp.store.tables import callbacks

SUMMARY_MAX_CHARS = 2000
"""Longest summary of a row; what further calls of the same number add is cut off there."""

JOIN_TRIES = 3


class State(str, Enum):
    """Where a call-back stands."""

    AGREED = "agreed"
    CLAIMED = "claimed"
    RINGING_HUMAN = "ringing-human"
    RINGING_CUSTOMER = "ringing-customer"
    CONNECTED = "connected"
    HUMAN_UNANSWERED = "human-unanswered"
    CUSTOMER_UNANSWERED = "customer-unanswered"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    JOINED = "joined"


IN_FLIGHT = (State.CLAIMED, State.RINGING_HUMAN, State.RINGING_CUSTOMER)


@dataclass(frozen=True)
class Callback:
    """One row."""

    key: str
    session: str
    number: str = field(repr=False)
    at: datetime
    name: str = field(repr=False)
    account: str = field(repr=False)
    summary: str = field(repr=False)
    state: State
    attempts: int
    claimed_by: str
    until: datetime | None
    why: str
    joined: str
    booked_at: datetime


class CallbackBook:
    """The call-backs of one store. Every method raises StoreError; then nothing was changed."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # Booking...

    async def add(self, request: CallbackRequest, task: Task, now: datetime) -> Callback:
        """Keep a call-back and its task; return the row of this key, which may have been there.

        When the number has an open one already, that one takes the later time and both
        summaries, and the new row is `joined` to it.
        """
        async with self._store.begin() as connection:
            for _ in range(JOIN_TRIES):
                row = await _by_key(connection, request.key)
                if row is not None:
                    return row
                if await _insert(connection, _new_row(request, now)):
                    await keep_task(connection, task)
                elif (other := await _join(connection, request, now)) is not None:
                    joined = {"state": State.JOINED.value, "joined": other}
                    await _insert(connection, {**_new_row(request, now), **joined})
                    await keep_task(connection, task)
            row = await _by_key(connection, request.key)
        if row is None:
            raise StoreError("the call-back could not be kept: its number is being claimed")
        return row

    async def cancel(
        self, key: str, why: str, now: datetime, task: Task | None = None
    ) -> bool:
        """Cancel one that was not begun; False when there is none.

        The task that says that it will be dialled is not written any more.
        """
        wanted = and_(callbacks.c.key == key, callbacks.c.state == State.AGREED.value)
        change = {"state": State.CANCELLED.value, "why": why[:255], "changed_at": now}
        async with self._store.begin() as connection:
            done = await _update(connection, wanted, change)
            if done:
                await drop_task(connection, key)
            if done and task is not None:
                await keep_task(connection, task)
        return done

    # Dialling...

    async def due(self, now: datetime, most: int) -> list[Callback]:
        """Return those that may be dialled now, the oldest first."""
        wanted = and_(callbacks.c.state == State.AGREED.value, callbacks.c.at <= now)
        return await self._rows(wanted, most)

    async def next_at(self) -> datetime | None:
        """Return the earliest time of an open one."""
        wanted = select(func.min(callbacks.c.at)).where(callbacks.c.state == State.AGREED.value)
        async with self._store.read() as connection:
            found: datetime | None = (await connection.execute(wanted)).scalar()
            return found

    async def claim(self, row: Callback, by: str, until: datetime, now: datetime) -> bool:
        """Claim an open one; only with True may it be dialled.

        by: who claims. until: when its outcome is known at the latest, whatever happens.
        """
        return await self._change(
            and_(
                callbacks.c.key == row.key,
                callbacks.c.state == State.AGREED.value,
                # It may have been dialled, or agreed anew for later, since `row` was read.
                callbacks.c.attempts == row.attempts,
                callbacks.c.at == row.at,
            ),
            {
                "state": State.CLAIMED.value,
                "claimed_by": by,
                "until": until,
                "attempts": row.attempts + 1,
                "changed_at": now,
            },
        )

    async def postpone(self, key: str, at: datetime, now: datetime) -> bool:
        """Move the time of an open one."""
        return await self._change(
            and_(callbacks.c.key == key, callbacks.c.state == State.AGREED.value),
            {"at": at, "changed_at": now},
        )

    async def ringing(self, key: str, by: str, state: State, now: datetime) -> bool:
        """Write down how far a claimed one is."""
        return await self._change(
            _held(key, by), {"state": state.value, "changed_at": now}
        )

    async def again(self, key: str, by: str, at: datetime, why: str, now: datetime) -> bool:
        """Open a claimed one again, whose customer was not rung."""
        other = callbacks.alias()
        taken = (
            select(other.c.key)
            .where(other.c.number == callbacks.c.number, other.c.state == State.AGREED.value)
            .exists()
        )
        change = {"state": State.AGREED.value, "at": at, "why": why, "changed_at": now}
        if await self._change(and_(_held(key, by), not_(taken)), change):
            return True
        # The customer has booked another meanwhile: that one is dialled.
        joined = {"state": State.JOINED.value, "why": why, "changed_at": now}
        return await self._change(_held(key, by), joined)

    async def finish(
        self, key: str, by: str, state: State, *, why: str, now: datetime, task: Task | None = None
    ) -> bool:
        """Write the outcome of a claimed one, and the task that it makes for a human."""
        change = {"state": state.value, "why": why[:255], "changed_at": now}
        return await self._change(_held(key, by), change, task)

    async def orphans(self, name: str, by: str, now: datetime) -> list[Callback]:
        """Return those that nobody follows any more.

        They are in flight beyond their time, or an earlier process of this name claimed them.
        """
        earlier = and_(
            callbacks.c.claimed_by.startswith(f"{name}#", autoescape=True),
            callbacks.c.claimed_by != by,
        )
        return await self._rows(and_(_in_flight(), or_(callbacks.c.until < now, earlier)), 1000)

    # Looking...

    async def get(self, key: str) -> Callback | None:
        """Return one."""
        async with self._store.read() as connection:
            return await _by_key(connection, key)

    async def latest(self, most: int) -> list[Callback]:
        """Return the open ones and the last others, by their time."""
        async with self._store.read() as connection:
            query = select(callbacks).order_by(callbacks.c.at.desc()).limit(most)
            return [_callback(row) for row in await connection.execute(query)]

    async def _rows(self, wanted: ColumnElement[bool], most: int) -> list[Callback]:
        async with self._store.read() as connection:
            query = select(callbacks).where(wanted).order_by(callbacks.c.at).limit(most)
            return [_callback(row) for row in await connection.execute(query)]

    async def _change(
        self, wanted: ColumnElement[bool], change: Mapping[str, Any], task: Task | None = None
    ) -> bool:
        async with self._store.begin() as connection:
            done = await _update(connection, wanted, change)
            if done and task is not None:
                await keep_task(connection, task)
        return done


def _in_flight() -> ColumnElement[bool]:
    return callbacks.c.state.in_([state.value for state in IN_FLIGHT])


def _held(key: str, by: str) -> ColumnElement[bool]:
    return and_(callbacks.c.key == key, callbacks.c.claimed_by == by, _in_flight())


async def _update(
    connection: AsyncConnection, wanted: ColumnElement[bool], change: Mapping[str, Any]
) -> bool:
    done = await connection.execute(update(callbacks).where(wanted).values(**change))
    return done.rowcount == 1


async def _insert(connection: AsyncConnection, values: Mapping[str, Any]) -> bool:
    insert = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    statement = insert(callbacks).values(**values).on_conflict_do_nothing()
    return (await connection.execute(statement)).rowcount == 1


async def _by_key(connection: AsyncConnection, key: str) -> Callback | None:
    row = (await connection.execute(select(callbacks).where(callbacks.c.key == key))).first()
    return None if row is None else _callback(row)


async def _join(
    connection: AsyncConnection, request: CallbackRequest, now: datetime
) -> str | None:
    """Give the open call-back of the number what the new one asks for; return its key."""
    wanted = and_(callbacks.c.number == request.number, callbacks.c.state == State.AGREED.value)
    found = (await connection.execute(select(callbacks).where(wanted).with_for_update())).first()
    if found is None:
        return None
    there = _callback(found)
    both = " / ".join(part for part in (there.summary, request.summary) if part)
    change = {
        "at": max(there.at, request.at),
        "summary": both[:SUMMARY_MAX_CHARS],
        "changed_at": now,
    }
    mine = and_(wanted, callbacks.c.key == there.key)
    return there.key if await _update(connection, mine, change) else None


def _new_row(request: CallbackRequest, now: datetime) -> dict[str, Any]:
    return {
        "key": request.key,
        "session": request.session,
        "number": request.number,
        "at": request.at,
        "name": request.name[:200],
        "account": request.account[:80],
        "summary": request.summary[:SUMMARY_MAX_CHARS],
        "state": State.AGREED.value,
        "booked_at": now,
        "changed_at": now,
    }


def _callback(row: Row[Any]) -> Callback:
    values = {name: row._mapping[name] for name in Callback.__dataclass_fields__}
    return Callback(**{**values, "state": State(values["state"])})


