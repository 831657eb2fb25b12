"""Two post offices on one store: one sends, the other takes over; a dead receiver delays nobody."""

from __future__ import annotations

import asyncio
from statistics import quantiles

import pytest

from ami_bridge.publishers import worker as worker_file
from ami_bridge.publishers.errors import TryAgain
from ami_bridge.publishers.policy import RetrySettings
from ami_bridge.publishers.port import Publisher
from ami_bridge.publishers.post import PostOffice, Route
from ami_bridge.publishers.status import backlog, delivered_up_to
from ami_bridge.publishers.webhook import EndpointSettings, Webhook, WebhookSettings
from erp.events.letters import dead_letters, replay
from erp.secrets import Secret
from erp.store.store import Store
from tests.rig.ports import free_ports
from tests.unit.ami_bridge.publishers.fakes import FakePublisher, FakeWatcher, told, until

RETRY = RetrySettings(first_s=0.05, max_s=0.1, attempts_max=2)
LEASE_S = 0.4
SECRET = Secret("whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_file, "POLL_S", 0.02)


def office(store: Store, *publishers: Publisher) -> PostOffice:
    routes = [Route(publisher, RETRY, 4) for publisher in publishers]
    return PostOffice(store, routes, FakeWatcher(), LEASE_S)


async def test_of_two_one_sends(store: Store) -> None:
    first, second = FakePublisher(), FakePublisher()
    offices = [office(store, first), office(store, second)]
    offices[0].start()
    ids = await told(store, "a", 3)
    await until(lambda: len(first.taken) == 3, first.changed)
    offices[1].start()
    ids += await told(store, "a", 3)
    await until(lambda: len(first.taken) == 6, first.changed)
    assert offices[0].sends
    assert not offices[1].sends
    await offices[0].close()
    ids += await told(store, "a", 3)
    await until(lambda: len(second.taken) == 3, second.changed)
    assert first.taken + second.taken == ids
    await offices[1].close()
    assert first.closed
    assert second.closed


async def test_it_takes_over_from_one_that_died(store: Store) -> None:
    dead, heir = FakePublisher(), FakePublisher()
    dying = office(store, dead)
    dying.start()
    await told(store, "a", 2)
    await until(lambda: len(dead.taken) == 2, dead.changed)
    assert dying._runner is not None
    dying._lease.release = dying._lease.renew  # type: ignore[assignment,method-assign]
    await dying.close()  # like a kill: the lease is left held
    taking = office(store, heir)
    taking.start()
    await told(store, "a", 2)
    await until(lambda: len(heir.taken) == 2, heir.changed)
    await taking.close()


async def test_a_fault_of_a_worker_is_logged_and_another_try_made(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = FakePublisher()
    ids = await told(store, "a", 2)
    publisher.errors[ids[0]] = [ZeroDivisionError()]  # type: ignore[list-item]
    sending = office(store, publisher)
    sending.start()
    await until(lambda: len(publisher.taken) == 2, publisher.changed)
    await sending.close()
    assert publisher.taken == ids
    assert "a fault of ours" in caplog.text


async def test_without_publishers_nothing_is_begun(store: Store) -> None:
    empty = office(store)
    empty.start()
    assert not empty.sends
    await empty.close()
    assert await delivered_up_to(store, ()) is None


async def test_a_thousand_events_for_a_dead_receiver_do_not_make_the_loop_late(
    store: Store,
) -> None:
    endpoint = EndpointSettings(f"http://127.0.0.1:{free_ports(1)[0]}/", SECRET)
    dead = Webhook("dead", endpoint, WebhookSettings())
    other = FakePublisher("well")
    for number in range(100):
        await told(store, f"s{number}", 10)
    sending = office(store, dead, other)
    sending.start()
    lags_s: list[float] = []
    clock = asyncio.get_running_loop().time
    while len(other.taken) < 1000:
        due_s = clock() + 0.01
        await asyncio.sleep(0.01)
        lags_s.append(clock() - due_s)
    await sending.close()
    half, most = (quantiles(lags_s, n=100)[at - 1] * 1000 for at in (50, 95))
    print(f"late by {half:.1f} ms (half), {most:.1f} ms (95 of 100), {max(lags_s) * 1000:.0f} ms")
    assert (await backlog(store, dead.name)).waiting == 1000
    assert most < 250, "the watchdog has 1,000 ms from the last beat"


async def test_the_backlog_and_what_may_be_removed(store: Store) -> None:
    well, ill = FakePublisher("well"), FakePublisher("ill")
    ids = await told(store, "a", 3)
    ill.errors[ids[0]] = [TryAgain("answered 500")] * 9
    sending = office(store, well, ill)
    sending.start()
    await until(lambda: len(ill.taken) == 2 and len(well.taken) == 3, ill.changed)
    await sending.close()
    found = await backlog(store, "ill")
    assert (found.waiting, found.dead) == (0, 1)
    await told(store, "a", 1)
    assert (await backlog(store, "ill")).waiting == 1
    assert await delivered_up_to(store, ("well", "ill")) == 3
    assert (await backlog(store, "nobody")).waiting == 0


async def test_a_dead_letter_is_listed_and_replayed_with_its_id(store: Store) -> None:
    publisher = FakePublisher()
    ids = await told(store, "a", 2)
    publisher.errors[ids[0]] = [TryAgain("answered 500")] * 2
    sending = office(store, publisher)
    sending.start()
    await until(lambda: ids[1] in publisher.taken, publisher.changed)
    await until(lambda: len(publisher.tries) == 3, publisher.changed)
    await sending.close()
    (letter,) = await dead_letters(store)
    assert (letter.event, letter.attempts, letter.session) == (ids[0], 2, "a")
    assert "answered 500" in letter.why
    assert await dead_letters(store, "another") == ()
    assert await replay(store, publisher="another") == 0
    assert await replay(store, [ids[0]]) == 1
    again = office(store, publisher)
    again.start()
    await until(lambda: ids[0] in publisher.taken, publisher.changed)
    await again.close()
    assert await dead_letters(store) == ()
