from __future__ import annotations

import asyncio

import pytest

from erp.gateway.queue import WAITING_MAX, FairQueue
from tests.unit.erp.gateway.virtual import now_s, run


def test_calls_take_turns_and_each_call_is_served_in_order() -> None:
    async def main() -> list[str]:
        queue, served = FairQueue(1), []
        assert queue.take()

        async def ask(call: str, name: str) -> None:
            assert await queue.wait(call, now_s() + 60)
            served.append(name)
            await asyncio.sleep(0.1)
            queue.leave()

        names = [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1"), ("b", "b2")]
        tasks = []
        for call, name in names:
            tasks.append(asyncio.create_task(ask(call, name)))
            await asyncio.sleep(0)
        queue.leave()
        await asyncio.gather(*tasks)
        assert (queue.free, queue.waiting) == (1, 0)
        return served

    assert run(main()) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_nobody_overtakes_who_waits() -> None:
    async def main() -> None:
        queue = FairQueue(1)
        assert queue.take()
        waiter = asyncio.create_task(queue.wait("a", now_s() + 1))
        await asyncio.sleep(0)
        queue.leave()
        assert not queue.take()
        assert await waiter
        assert queue.free == 0

    run(main())


def test_a_place_that_nobody_took_is_not_kept_from_the_next() -> None:
    """A waiter was sent away, and does not know yet, when a place comes back and a call asks."""

    async def main() -> None:
        queue = FairQueue(1)
        assert queue.take()
        waiter = asyncio.create_task(queue.wait("a", now_s() + 1))
        await asyncio.sleep(0)
        queue.dismiss()
        queue.leave()
        begin_s = now_s()
        assert await queue.wait("b", begin_s + 1)
        assert now_s() == begin_s
        assert not await waiter
        assert (queue.free, queue.waiting) == (0, 0)

    run(main())


def test_a_waiter_gives_up_at_its_time_and_leaves_no_trace() -> None:
    async def main() -> None:
        queue = FairQueue(1)
        assert queue.take()
        begin_s = now_s()
        assert not await queue.wait("a", begin_s + 0.25)
        assert now_s() - begin_s == pytest.approx(0.25)
        assert queue.waiting == 0
        queue.leave()
        assert queue.free == 1
        assert queue.take()

    run(main())


@pytest.mark.parametrize("given_before_cancelled", [False, True])
def test_a_cancelled_waiter_loses_no_place(given_before_cancelled: bool) -> None:
    async def main() -> None:
        queue = FairQueue(1)
        assert queue.take()
        first = asyncio.create_task(queue.wait("a", now_s() + 60))
        second = asyncio.create_task(queue.wait("a", now_s() + 60))
        await asyncio.sleep(0)
        if given_before_cancelled:
            # The place is given, but the waiter is cancelled before it learns of it.
            queue.leave()
            first.cancel()
        else:
            first.cancel()
            await asyncio.sleep(0)
            queue.leave()
        assert await second
        assert first.cancelled()
        queue.leave()
        assert (queue.free, queue.waiting) == (1, 0)

    run(main())


def test_all_waiters_are_sent_away_at_once() -> None:
    async def main() -> None:
        queue = FairQueue(1)
        assert queue.take()
        tasks = [asyncio.create_task(queue.wait(call, now_s() + 60)) for call in "abc"]
        await asyncio.sleep(0)
        begin_s = now_s()
        queue.dismiss()
        assert await asyncio.gather(*tasks) == [False, False, False]
        assert now_s() == begin_s
        queue.leave()
        assert (queue.free, queue.waiting) == (1, 0)

    run(main())


def test_the_crowd_has_a_cap() -> None:
    async def main() -> None:
        queue = FairQueue(1)
        assert queue.take()
        tasks = [
            asyncio.create_task(queue.wait(str(number), now_s() + 1))
            for number in range(WAITING_MAX)
        ]
        assert not queue.crowded
        await asyncio.sleep(0)
        assert queue.crowded
        await asyncio.gather(*tasks)
        assert not queue.crowded

    run(main())
