"""Dead letters: events that a publisher has given up. Listed, and sent again when wanted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import Select, and_, select, update

from erp.store.store import Store
from erp.store.tables import deliveries, outbox

DONE, WAITING, DEAD = "done", "waiting", "dead"
"""The states of `deliveries`."""

LIST_MAX = 1000


@dataclass(frozen=True)
class Letter:
    """One event that was given up."""

    publisher: str
    event: str
    type: str
    session: str
    attempts: int
    at: datetime
    """When it was given up."""
    why: str


async def dead_letters(store: Store, publisher: str = "") -> tuple[Letter, ...]:
    """Return the dead letters, oldest first. publisher: only its own. Raises StoreError."""
    async with store.read() as connection:
        rows = await connection.execute(_dead(publisher))
        return tuple(
            Letter(
                publisher=row.publisher,
                event=row.event,
                type=row.type,
                session=row.session,
                attempts=row.attempts,
                at=row.changed_at,
                why=row.why,
            )
            for row in rows
        )


def _dead(publisher: str) -> Select[Any]:
    joined = deliveries.join(outbox, outbox.c.id == deliveries.c.event)
    wanted = deliveries.c.state == DEAD
    if publisher:
        wanted = and_(wanted, deliveries.c.publisher == publisher)
    columns = (deliveries, outbox.c.type)
    chosen: Select[Any] = select(*columns).select_from(joined).where(wanted)
    return chosen.order_by(deliveries.c.seq, deliveries.c.publisher).limit(LIST_MAX)


async def replay(store: Store, events: Collection[str] = (), publisher: str = "") -> int:
    """Have dead letters sent again under their ids, by the bridge; returns how many.

    events: ids; empty: all. publisher: only its own. Raises StoreError.
    """
    wanted = deliveries.c.state == DEAD
    if events:
        wanted = and_(wanted, deliveries.c.event.in_(events))
    if publisher:
        wanted = and_(wanted, deliveries.c.publisher == publisher)
    now = datetime.now(timezone.utc)
    again = {"state": WAITING, "attempts": 0, "next_at": now, "changed_at": now}
    async with store.begin() as connection:
        done = await connection.execute(update(deliveries).where(wanted).values(**again))
    return done.rowcount
