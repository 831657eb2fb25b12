"""A store with events in it, a publisher that does as it is told, and who takes note."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from sqlalchemy import insert, select

from ami_bridge.publishers.errors import PublishError
from ami_bridge.publishers.port import Message
from erp.store.store import Store
from erp.store.tables import deliveries, outbox

PATIENCE_S = 10.0
KIND = "orderline.call.turn"


async def told(store: Store, session: str, count: int = 1, age_s: float = 0.0) -> list[str]:
    """Put events of a call into the outbox; returns their ids."""
    at = datetime.now(timezone.utc) - timedelta(seconds=age_s)
    ids = [str(uuid.uuid4()) for _ in range(count)]
    rows = [
        {
            "id": one,
            "type": KIND,
            "session": session,
            "source": "test",
            "time": at,
            "stored_at": at,
            "body": f'{{"id":"{one}"}}',
        }
        for one in ids
    ]
    async with store.begin() as connection:
        await connection.execute(insert(outbox), rows)
    return ids


async def states(store: Store) -> dict[str, str]:
    """Return what became of each event that was tried."""
    async with store.read() as connection:
        rows = await connection.execute(select(deliveries.c.event, deliveries.c.state))
    return {row.event: row.state for row in rows}


def message(session: str = "s", position: int = 1, attempts: int = 0, told_s: float = 0) -> Message:
    return Message(position, f"e{position}", session, KIND, told_s, b"{}", attempts)


class FakePublisher:
    """Takes what it is given, unless `on` says otherwise."""

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.taken: list[str] = []
        self.by_session: dict[str, list[str]] = defaultdict(list)
        self.errors: dict[str, list[PublishError]] = {}
        """Errors that an event raises, one after the other, before it is taken."""
        self.down: PublishError | None = None
        self.tries: list[str] = []
        self.changed = asyncio.Event()
        self.closed = False

    def wants(self, kind: str) -> bool:
        return kind != "unwanted"

    async def publish(self, message: Message) -> None:
        self.tries.append(message.id)
        await asyncio.sleep(0)
        self.changed.set()
        if self.down is not None:
            raise self.down
        if self.errors.get(message.id):
            raise self.errors[message.id].pop(0)
        self.taken.append(message.id)
        self.by_session[message.session].append(message.id)

    async def reach(self) -> str:
        if self.down is not None:
            raise self.down
        return "there"

    async def close(self) -> None:
        self.closed = True


class FakeWatcher:
    def __init__(self) -> None:
        self.results: list[str] = []
        self.troubles: list[str] = []

    def delivered(self, publisher: str, result: str) -> None:
        self.results.append(result)

    def ill(self, publisher: str, why: str) -> None:
        self.troubles.append(why)

    def well(self, publisher: str) -> None:
        self.troubles.clear()


async def until(done: Callable[[], bool], changed: asyncio.Event) -> None:
    """Wait until something is so; changed is set whenever it may have become so."""
    end_s = asyncio.get_running_loop().time() + PATIENCE_S
    while not done():
        changed.clear()
        waiting = asyncio.ensure_future(changed.wait())
        await asyncio.wait([waiting], timeout=0.2)
        waiting.cancel()
        assert asyncio.get_running_loop().time() < end_s, "it never became so"
