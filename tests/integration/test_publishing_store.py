"""Publishing out of a real PostgreSQL, as several hosts share it: lease, order, restarts."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from ami_bridge.publishers.errors import Refused, TryAgain
from ami_bridge.publishers.lease import Lease
from ami_bridge.publishers.policy import RetrySettings
from ami_bridge.publishers.post import PostOffice, Route
from ami_bridge.publishers.status import backlog, delivered_up_to
from erp.events.letters import dead_letters, replay
from erp.secrets import Secret
from erp.store.errors import StoreError
from erp.store.settings import StoreSettings
from erp.store.store import Store
from tests.rig import postgresql
from tests.unit.ami_bridge.publishers.fakes import FakePublisher, FakeWatcher, told, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(90)]

RETRY = RetrySettings(first_s=0.05, max_s=0.1, outage_max_s=0.1)
LEASE_S = 1.0


def office(store: Store, publisher: FakePublisher) -> PostOffice:
    return PostOffice(store, [Route(publisher, RETRY, 4)], FakeWatcher(), LEASE_S)


async def test_two_bridges_publish_out_of_postgresql_that_restarts(tmp_path: Path) -> None:
    with postgresql.served(tmp_path) as server:
        settings = StoreSettings(
            url=f"postgresql+asyncpg://admin@127.0.0.1:{server.port}/postgres",
            password=Secret(server.admin_password),
        )
        async with contextlib.AsyncExitStack() as stack:
            stores = [await Store.open(settings) for _ in range(2)]
            for store in stores:
                stack.push_async_callback(store.close)
            taken = await asyncio.gather(*(Lease(stores[n % 2], "x").renew() for n in range(8)))
            assert taken.count(True) == 1
            publishers = [FakePublisher(), FakePublisher()]
            offices = [office(*pair) for pair in zip(stores, publishers, strict=True)]
            for one in offices:
                stack.push_async_callback(one.close)
                one.start()
            wanted = {name: await told(stores[0], name, 5) for name in "abc"}
            poison, slow = wanted["a"][1], wanted["b"][2]
            for publisher in publishers:
                publisher.errors[poison] = [Refused("answered 422")]
                publisher.errors[slow] = [TryAgain("answered 500")]
            both = Both(publishers)
            await both.have(14)
            await asyncio.to_thread(server.restart)
            wanted["d"] = await told_at_last(stores[1], "d", 4)
            await both.have(18)
            await offices[0].close()
            wanted["e"] = await told(stores[0], "e", 4)
            await both.have(22)
            assert await dead_ids(stores[0]) == [poison]
            assert await replay(stores[0]) == 1
            for publisher in publishers:
                publisher.errors.clear()
            await both.have(23)
            last = await delivered_up_to(stores[1], ("fake",))
            assert last is not None
            assert last >= 23
            assert (await backlog(stores[1], "fake")).waiting == 0
        for name, ids in wanted.items():
            found = [one for publisher in publishers for one in publisher.by_session[name]]
            assert list(dict.fromkeys(one for one in found if one != poison)) == [
                one for one in ids if one != poison
            ]


async def told_at_last(store: Store, session: str, count: int) -> list[str]:
    """Put events into the outbox of a server that may still be on its way up."""
    for _ in range(50):
        with contextlib.suppress(StoreError):
            return await told(store, session, count)
        await asyncio.sleep(0.1)
    raise AssertionError("the server never came back")


async def dead_ids(store: Store) -> list[str]:
    return [letter.event for letter in await dead_letters(store)]


class Both:
    """What two publishers have together."""

    def __init__(self, publishers: list[FakePublisher]) -> None:
        self._publishers = publishers
        self._changed = asyncio.Event()
        for publisher in publishers:
            publisher.changed = self._changed

    async def have(self, count: int) -> None:
        await until(
            lambda: len({one for each in self._publishers for one in each.taken}) >= count,
            self._changed,
        )
        await asyncio.sleep(0.3)  # the fates are noted
