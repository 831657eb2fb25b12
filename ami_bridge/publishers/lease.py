"""A lease in the store: of all processes that want it, one has it, until it stops renewing it.

Its end is judged by the store's own clock, since hosts' clocks differ; the holder judges by its
monotonic clock, from before it asked, so that it always stops first.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from sqlalchemy import and_, delete, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ami_bridge.publishers.insert import insert_new
from erp.store.store import Store
from erp.store.tables import leases

LEASE_S = 5.0
"""Seconds after which another process takes over from one that died."""

LONG_AGO = datetime(2000, 1, 1, tzinfo=timezone.utc)


class Lease:
    """One process's claim to a name. Nothing is held before `renew` has said so."""

    def __init__(
        self,
        store: Store,
        name: str,
        lease_s: float = LEASE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._name = name
        self._lease = timedelta(seconds=lease_s)
        self._clock = clock
        self._until_s = float("-inf")
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        """Who we are in the store."""

    @property
    def held(self) -> bool:
        """True while nobody else can have it."""
        return self._clock() < self._until_s

    async def renew(self) -> bool:
        """Take it or keep it; returns whether it is ours. Raises StoreError."""
        asked_s = self._clock()
        async with self._store.begin() as connection:
            now = await store_time(connection)
            row = {"name": self._name, "holder": "", "until": LONG_AGO}
            await connection.execute(insert_new(connection, leases).values(row))
            mine_or_free = or_(leases.c.holder == self.holder, leases.c.until <= now)
            taken = await connection.execute(
                update(leases)
                .where(and_(leases.c.name == self._name, mine_or_free))
                .values(holder=self.holder, until=now + self._lease)
            )
        ours = taken.rowcount == 1
        self._until_s = asked_s + self._lease.total_seconds() if ours else float("-inf")
        return ours

    async def release(self) -> None:
        """Give it up, so that another takes over at once. Raises StoreError."""
        self._until_s = float("-inf")
        mine = and_(leases.c.name == self._name, leases.c.holder == self.holder)
        async with self._store.begin() as connection:
            await connection.execute(delete(leases).where(mine))

    async def seen_holder(self) -> str:
        """Return who has it, as the store says; empty when nobody. Raises StoreError."""
        async with self._store.read() as connection:
            now = await store_time(connection)
            wanted = and_(leases.c.name == self._name, leases.c.until > now)
            return await connection.scalar(select(leases.c.holder).where(wanted)) or ""


async def store_time(connection: AsyncConnection) -> datetime:
    """Return the time by the clock that all processes of a store share."""
    if connection.dialect.name == "postgresql":
        now: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
        return now
    return datetime.now(timezone.utc)  # a file has the clock of its host, and so have we
