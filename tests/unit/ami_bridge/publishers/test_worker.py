"""The engine: everything arrives, in order per call, whatever fails and whenever it is ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from ami_bridge.publishers import queue as queue_file
from ami_bridge.publishers import worker as worker_file
from ami_bridge.publishers.errors import Refused, TryAgain, Unreachable
from ami_bridge.publishers.policy import RetrySettings
from ami_bridge.publishers.queue import Queue
from ami_bridge.publishers.worker import Worker
from erp.events.letters import DEAD, DONE, WAITING, replay
from erp.store.store import Store
from tests.unit.ami_bridge.publishers.fakes import FakePublisher, FakeWatcher, states, told, until

SOON = RetrySettings(first_s=0.05, max_s=0.1, outage_max_s=0.1, attempts_max=4)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_file, "POLL_S", 0.02)


@contextlib.asynccontextmanager
async def working(
    store: Store,
    publisher: FakePublisher,
    retry: RetrySettings = SOON,
    watcher: FakeWatcher | None = None,
) -> AsyncIterator[None]:
    queue = Queue(store, publisher.name)
    worker = Worker(
        publisher, queue, retry, 4, watcher=watcher or FakeWatcher(), may_send=lambda: True
    )
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def arrive(publisher: FakePublisher, count: int) -> None:
    await until(lambda: len(set(publisher.taken)) >= count, publisher.changed)


async def test_everything_arrives_in_order(store: Store) -> None:
    publisher = FakePublisher()
    wanted = {name: await told(store, name, 5) for name in "abcdef"}
    async with working(store, publisher):
        await arrive(publisher, 30)
        wanted["a"] += await told(store, "a", 3)
        await arrive(publisher, 33)
    assert publisher.by_session == wanted
    assert len(publisher.taken) == 33


async def test_while_nothing_is_new_it_does_not_look_at_everything(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An idle bridge asks for one number again and again, not for all that may be sent."""
    looks: list[str] = []
    for name in ("news", "load"):
        inner = getattr(Queue, name)

        async def noted(
            *given: object, name: str = name, inner: Callable[..., Awaitable[object]] = inner
        ) -> object:
            looks.append(name)
            return await inner(*given)

        monkeypatch.setattr(Queue, name, noted)
    publisher = FakePublisher()
    await told(store, "a", 3)
    async with working(store, publisher):
        await arrive(publisher, 3)
        looks.clear()
        await until(lambda: looks.count("news") >= 20, publisher.changed)
        assert looks.count("load") <= 3
        await told(store, "b", 2)
        await arrive(publisher, 5)


async def test_what_a_command_has_replayed_is_found(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_file, "WHOLE_LOOK_S", 0.2)
    publisher = FakePublisher()
    (event,) = await told(store, "a", 1)
    publisher.errors[event] = [Refused("answered 422")]
    async with working(store, publisher):
        await until(lambda: bool(publisher.tries), publisher.changed)
        while not await replay(store):
            await asyncio.sleep(0.01)
        await arrive(publisher, 1)


async def test_a_failing_event_holds_back_its_call_alone(store: Store) -> None:
    publisher = FakePublisher()
    ill, well = await told(store, "ill", 3), await told(store, "well", 3)
    publisher.errors[ill[1]] = [TryAgain("answered 500")] * 2
    async with working(store, publisher):
        await arrive(publisher, 6)
    assert publisher.by_session == {"ill": ill, "well": well}
    assert publisher.taken.index(well[2]) < publisher.taken.index(ill[1])
    assert publisher.tries.count(ill[1]) == 3


async def test_a_poison_event_becomes_a_dead_letter_and_the_call_goes_on(store: Store) -> None:
    publisher, watcher = FakePublisher(), FakeWatcher()
    ids = await told(store, "a", 3)
    publisher.errors[ids[0]] = [TryAgain("answered 500")] * 99
    publisher.errors[ids[1]] = [Refused("answered 422")]
    async with working(store, publisher, watcher=watcher):
        await arrive(publisher, 1)
    assert publisher.taken == [ids[2]]
    assert await states(store) == {ids[0]: DEAD, ids[1]: DEAD, ids[2]: DONE}
    assert watcher.results == ["again"] * 3 + ["dead", "dead", "done"]


async def test_an_outage_costs_no_event_an_attempt(store: Store) -> None:
    publisher, watcher = FakePublisher(), FakeWatcher()
    publisher.down = Unreachable("no connection")
    ids = await told(store, "a", 2)
    async with working(store, publisher, watcher=watcher):
        await until(lambda: len(publisher.tries) > SOON.attempts_max + 1, publisher.changed)
        assert watcher.troubles
        publisher.down = None
        await arrive(publisher, 2)
    assert publisher.taken == ids
    assert set((await states(store)).values()) == {DONE}
    assert not watcher.troubles


async def test_a_restart_loses_nothing(store: Store) -> None:
    publisher = FakePublisher()
    ids = {name: await told(store, name, 10) for name in "abc"}
    for name in "abc":
        publisher.errors[ids[name][4]] = [TryAgain("answered 500")]
    for count in (1, 5, 12, 20):
        async with working(store, publisher):
            await arrive(publisher, count)
    async with working(store, publisher):
        await arrive(publisher, 30)
    for name in "abc":
        firsts = list(dict.fromkeys(publisher.by_session[name]))
        assert firsts == ids[name]


async def test_what_was_sent_before_is_not_sent_again(store: Store) -> None:
    publisher = FakePublisher()
    await told(store, "a", 3)
    async with working(store, publisher):
        await arrive(publisher, 3)
    async with working(store, publisher):
        await told(store, "a", 1)
        await arrive(publisher, 4)
    assert len(publisher.taken) == 4


async def test_a_new_publisher_begins_with_the_last_hour(store: Store) -> None:
    await told(store, "old", 2, age_s=2 * 3600)
    ids = await told(store, "new", 2, age_s=1800)
    publisher = FakePublisher()
    async with working(store, publisher):
        await arrive(publisher, 2)
    assert publisher.taken == ids


async def test_publishers_have_their_own_progress(store: Store) -> None:
    ids = await told(store, "a", 2)
    ill, well = FakePublisher("ill"), FakePublisher("well")
    ill.down = Unreachable("no connection")
    async with working(store, ill), working(store, well):
        await arrive(well, 2)
        ill.down = None
        await arrive(ill, 2)
    assert ill.taken == well.taken == ids


async def test_what_comes_later_of_a_waiting_call_waits(store: Store) -> None:
    publisher = FakePublisher()
    first = await told(store, "a", 1)
    publisher.errors[first[0]] = [TryAgain("answered 500", after_s=0.3)]
    async with working(store, publisher):
        await until(lambda: len(publisher.tries) == 1, publisher.changed)
        later = await told(store, "a", 2)
        await told(store, "b", 1)
        await arrive(publisher, 4)
    assert publisher.by_session["a"] == first + later


async def test_the_floor_rises_only_over_what_is_settled(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told(store, "a", 3, age_s=120)
    queue, publisher = Queue(store, "fake"), FakePublisher()
    async with working(store, publisher):
        await arrive(publisher, 3)
    await queue.open()
    await told(store, "b", 1)
    await queue.tidy()
    assert await states(store) == {}  # done and below the floor: forgotten
    assert [one.session for one in (await queue.load()).fresh] == ["b"]


async def test_a_dead_letter_outlives_the_tidying(store: Store) -> None:
    ids = await told(store, "a", 2, age_s=120)
    publisher = FakePublisher()
    publisher.errors[ids[0]] = [Refused("answered 400")]
    async with working(store, publisher):
        await arrive(publisher, 1)
    queue = Queue(store, "fake")
    await queue.open()
    await queue.tidy()
    assert await states(store) == {ids[0]: DEAD}


async def test_many_waiting_calls_are_more_than_one_load(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_file, "LOAD_MAX", 5)
    publisher = FakePublisher()
    ids = {f"s{n}": await told(store, f"s{n}", 2) for n in range(12)}
    for first, _ in ids.values():
        publisher.errors[first] = [TryAgain("answered 500")]
    async with working(store, publisher):
        await arrive(publisher, 24)
    assert publisher.by_session == ids
    assert WAITING not in (await states(store)).values()
