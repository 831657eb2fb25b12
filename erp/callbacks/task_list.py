"""The tasks that call-backs make for humans in the business system, until they are written there.

A task's key is its idempotency key: it is written here in one transaction with what it tells of,
and the gateway looks the key up before it writes. `after` is the time before which nobody else
tries: the lease of whoever is trying just now, and the pause after a failure.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from erp.store.store import Store
from erp.store.tables import callback_tasks, callbacks
from erp.writes import as_text, as_title


@dataclass(frozen=True)
class Task:
    """What a human must do, or know."""

    key: str
    callback: str
    """Key of the call-back."""
    title: str
    body: str = field(repr=False)
    due: datetime
    after: datetime
    """Nobody else tries to write it before this time."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", as_title(self.title))
        object.__setattr__(self, "body", as_text(self.body))


@dataclass(frozen=True)
class PendingTask:
    """A task that is still to be written, with whom it is about."""

    key: str
    callback: str
    session: str
    number: str = field(repr=False)
    account: str = field(repr=False)
    title: str
    body: str = field(repr=False)
    due: datetime
    after: datetime
    attempts: int


def outcome_key(callback: str) -> str:
    """Return the key of the task about a call-back's outcome: always the same for the same one."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"orderline:callback:{callback}:outcome"))


async def keep_task(connection: AsyncConnection, task: Task) -> None:
    """Keep a task, once."""
    insert = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    values = {name: getattr(task, name) for name in Task.__dataclass_fields__}
    await connection.execute(insert(callback_tasks).values(**values).on_conflict_do_nothing())


async def drop_task(connection: AsyncConnection, key: str) -> None:
    """Let a task that is not written yet be written never."""
    wanted = callback_tasks.c.key == key
    await connection.execute(update(callback_tasks).where(wanted).values(after=None))


class TaskList:
    """The pending tasks of one store. Every method raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, key: str) -> tuple[str, str]:
        """Return system and record of a task that is written; both empty when it is not."""
        query = select(callback_tasks.c.system, callback_tasks.c.record).where(
            callback_tasks.c.key == key
        )
        async with self._store.read() as connection:
            row = (await connection.execute(query)).first()
        return ("", "") if row is None else (row.system, row.record)

    async def due(self, now: datetime, most: int) -> list[PendingTask]:
        """Return those that may be tried now."""
        query = (
            select(callback_tasks, callbacks.c.session, callbacks.c.number, callbacks.c.account)
            .join(callbacks, callbacks.c.key == callback_tasks.c.callback)
            .where(callback_tasks.c.after <= now)
            .order_by(callback_tasks.c.after)
            .limit(most)
        )
        async with self._store.read() as connection:
            return [_pending(row) for row in await connection.execute(query)]

    async def next_after(self) -> datetime | None:
        """Return when the next may be tried."""
        async with self._store.read() as connection:
            found: datetime | None = (
                await connection.execute(select(func.min(callback_tasks.c.after)))
            ).scalar()
            return found

    async def lease(self, task: PendingTask, after: datetime) -> bool:
        """Take one to try it; False when another process has it."""
        wanted = and_(callback_tasks.c.key == task.key, callback_tasks.c.after == task.after)
        change = {"after": after, "attempts": task.attempts + 1}
        async with self._store.begin() as connection:
            done = await connection.execute(update(callback_tasks).where(wanted).values(**change))
        return done.rowcount == 1

    async def put_off(self, key: str, after: datetime) -> None:
        """Let nobody try one before a time. One that is written stays so."""
        wanted = and_(callback_tasks.c.key == key, callback_tasks.c.after.is_not(None))
        async with self._store.begin() as connection:
            await connection.execute(update(callback_tasks).where(wanted).values(after=after))

    async def written(self, key: str, system: str, record: str) -> None:
        """Write down where one is."""
        change = {"after": None, "system": system[:80], "record": record[:150]}
        wanted = callback_tasks.c.key == key
        async with self._store.begin() as connection:
            await connection.execute(update(callback_tasks).where(wanted).values(**change))


def _pending(row: Row[Any]) -> PendingTask:
    names = PendingTask.__dataclass_fields__
    return PendingTask(**{name: row._mapping[name] for name in names})
