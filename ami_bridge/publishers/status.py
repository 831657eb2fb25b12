"""How publishing goes, for metrics and health: what was sent, what waits, what is dead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone

from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from erp.events.letters import DEAD, WAITING
from erp.events.model import CallIds, Health, Sink
from erp.store.store import Store
from erp.store.tables import cursors, deliveries, outbox


@dataclass(frozen=True)
class Backlog:
    """What a publisher has not sent."""

    waiting: int = 0
    oldest: datetime | None = None
    """When the oldest of it was stored."""
    first: int | None = None
    """Its place in the outbox."""
    dead: int = 0


async def backlog(store: Store, publisher: str) -> Backlog:
    """Return what a publisher has not sent. Raises StoreError."""
    async with store.read() as connection:
        return await _backlog(connection, publisher)


async def _backlog(connection: AsyncConnection, publisher: str) -> Backlog:
    ours = deliveries.c.publisher == publisher
    floor = await connection.scalar(
        select(cursors.c.floor).where(cursors.c.publisher == publisher)
    )
    if floor is None:
        return Backlog()
    found = (func.count(), func.min(outbox.c.stored_at), func.min(outbox.c.seq))
    untried = ~exists().where(ours, deliveries.c.event == outbox.c.id)
    new = (await connection.execute(select(*found).where(outbox.c.seq > floor, untried))).one()
    again = (
        await connection.execute(
            select(*found)
            .select_from(outbox.join(deliveries, deliveries.c.event == outbox.c.id))
            .where(ours, deliveries.c.state == WAITING)
        )
    ).one()
    dead = await connection.scalar(select(func.count()).where(ours, deliveries.c.state == DEAD))
    return Backlog(
        waiting=new[0] + again[0],
        oldest=min((one[1] for one in (new, again) if one[1] is not None), default=None),
        first=min((one[2] for one in (new, again) if one[2] is not None), default=None),
        dead=dead or 0,
    )


async def delivered_up_to(store: Store, publishers: Iterable[str]) -> int | None:
    """Return the number of the outbox up to which every publisher has sent; None without one.

    Dead letters hold nothing back. Raises StoreError.
    """
    names = tuple(publishers)
    if not names:
        return None
    async with store.read() as connection:
        last = await connection.scalar(select(func.max(outbox.c.seq))) or 0
        firsts = [(await _backlog(connection, name)).first for name in names]
    return min([last, *(first - 1 for first in firsts if first is not None)])


class PublishingStatus:
    """Counts what the workers say, and looks into the store again and again."""

    def __init__(
        self, registry: CollectorRegistry, store: Store, publishers: Iterable[str], sink: Sink
    ) -> None:
        self._store = store
        self._publishers = tuple(publishers)
        self._sink = sink
        self._sent = Counter(
            "orderline_deliveries", "Attempts to send an event: done, again or dead.",
            ["publisher", "result"], registry=registry,
        )  # fmt: skip
        self._waiting, self._lag, self._dead = (
            Gauge(name, about, ["publisher"], registry=registry)
            for name, about in (
                ("orderline_outbox_waiting", "Events of the store that wait to be sent."),
                ("orderline_outbox_lag_seconds", "Age of the oldest event that waits."),
                ("orderline_dead_letters", "Events that were given up, until they are replayed."),
            )
        )
        for name in self._publishers:
            for result in ("done", "again", "dead"):
                self._sent.labels(name, result)

    # What the workers say...

    def delivered(self, publisher: str, result: str) -> None:
        """Count an attempt."""
        self._sent.labels(publisher, result).inc()

    def ill(self, publisher: str, why: str) -> None:
        """Tell that nothing gets there; the sink tells it on only when it is news."""
        self._sink.tell(CallIds(""), Health(f"publisher:{publisher}", False, why))

    def well(self, publisher: str) -> None:
        """Tell that something got there."""
        self._sink.tell(CallIds(""), Health(f"publisher:{publisher}", True))

    # What the store says...

    async def look(self) -> None:
        """Count what waits. Raises StoreError."""
        for name in self._publishers:
            self._show(name, await backlog(self._store, name))

    def _show(self, publisher: str, found: Backlog) -> None:
        self._waiting.labels(publisher).set(found.waiting)
        self._dead.labels(publisher).set(found.dead)
        age_s = 0.0
        if found.oldest is not None:
            age_s = (datetime.now(timezone.utc) - found.oldest).total_seconds()
        self._lag.labels(publisher).set(max(0.0, age_s))
