"""Work that ends by a deadline, whatever it waits for."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from erp.connectors.bounded import Bounded, together
from erp.deadline import Deadline


def soon(budget_s: float) -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), budget_s)


async def for_ever(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("taken back")


async def give(value: str) -> str:
    await asyncio.sleep(0)
    return value


async def fail() -> str:
    raise ValueError("broken")


async def test_it_gives_what_the_work_gives() -> None:
    bounded = Bounded()
    assert await bounded.run("work", give("done"), soon(5)) == "done"
    with pytest.raises(ValueError, match="broken"):
        await bounded.run("work", fail(), soon(5))


async def test_it_ends_by_the_deadline_and_takes_the_work_back() -> None:
    ended: list[str] = []
    with pytest.raises(asyncio.TimeoutError):
        await Bounded().run("work", for_ever(ended), soon(0.01))
    assert ended == ["taken back"]


async def test_a_deadline_that_has_passed_leaves_no_time() -> None:
    with pytest.raises(asyncio.TimeoutError):
        await Bounded().run("work", for_ever([]), Deadline(0.0))


async def test_work_that_is_slow_to_give_up_is_held_until_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    free = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await free.wait()
            raise ValueError("too late") from None

    bounded, loop = Bounded(), asyncio.get_running_loop()
    begin_s = loop.time()
    with pytest.raises(asyncio.TimeoutError):
        await bounded.run("stubborn", stubborn(), soon(0.01))
    assert loop.time() - begin_s < 2
    closing = asyncio.create_task(bounded.close())
    await asyncio.sleep(0)
    assert not closing.done()
    free.set()
    with caplog.at_level(logging.ERROR):
        await closing
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert caplog.records == []


async def test_who_is_cancelled_takes_the_work_with_it() -> None:
    ended: list[str] = []
    caller = asyncio.create_task(Bounded().run("work", for_ever(ended), soon(5)))
    await asyncio.sleep(0.01)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended == ["taken back"]


async def test_a_cancellation_is_not_lost_when_the_work_ends_at_that_moment() -> None:
    gate = asyncio.Event()

    async def work() -> str:
        await gate.wait()
        return "done"

    caller = asyncio.create_task(Bounded().run("work", work(), soon(5)))
    await asyncio.sleep(0.01)
    gate.set()
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_together_is_all_or_none() -> None:
    ended: list[str] = []
    loop = asyncio.get_running_loop()
    assert await together([loop.create_task(give("a")), loop.create_task(give("b"))]) == ["a", "b"]
    waiting = loop.create_task(for_ever(ended))
    with pytest.raises(ValueError, match="broken"):
        await together([loop.create_task(fail()), waiting])
    assert (waiting.cancelled(), ended) == (True, ["taken back"])


async def test_work_that_fails_just_when_it_is_cancelled_leaves_no_word_at_asyncio(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = asyncio.Event()

    async def fail_then() -> None:
        await gate.wait()
        raise ValueError("broken")

    running = asyncio.ensure_future(Bounded().run("work", fail_then(), soon(5)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    (work,) = (task for task in asyncio.all_tasks() if task.get_name() == "work")
    work.add_done_callback(lambda _: running.cancel())
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    del work
    gc.collect()
    assert caplog.messages == []
