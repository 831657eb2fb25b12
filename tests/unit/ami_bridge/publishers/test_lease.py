"""Of two that want it, one has it; the other gets it when the first is gone."""

from __future__ import annotations

import asyncio

from ami_bridge.publishers.lease import Lease
from erp.store.store import Store


async def test_of_two_one_has_it(store: Store) -> None:
    first, second = Lease(store, "x"), Lease(store, "x")
    assert await first.renew()
    assert not await second.renew()
    assert await first.renew()
    assert first.held
    assert not second.held
    assert await first.seen_holder() == first.holder


async def test_two_names_are_two_leases(store: Store) -> None:
    assert await Lease(store, "x").renew()
    assert await Lease(store, "y").renew()


async def test_it_is_taken_over_when_it_is_not_renewed(store: Store) -> None:
    first, second = Lease(store, "x", lease_s=0.05), Lease(store, "x", lease_s=5)
    assert await first.renew()
    await asyncio.sleep(0.06)  # the store's own clock
    assert not first.held
    assert await second.renew()
    assert not await first.renew()


async def test_it_is_free_at_once_when_it_is_given_up(store: Store) -> None:
    first, second = Lease(store, "x"), Lease(store, "x")
    await first.renew()
    await first.release()
    assert not first.held
    assert await second.renew()


async def test_the_holder_stops_before_another_may_begin(store: Store) -> None:
    now_s = 0.0
    lease = Lease(store, "x", lease_s=5, clock=lambda: now_s)
    assert await lease.renew()
    now_s = 4.9
    assert lease.held
    now_s = 5.0
    assert not lease.held


async def test_twenty_at_the_same_moment(store: Store) -> None:
    taken = await asyncio.gather(*(Lease(store, "x").renew() for _ in range(20)))
    assert taken.count(True) == 1
