from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from asterisk_agi import memory


def test_the_c_library_here_can_give_memory_back() -> None:
    assert memory.give_back()


class Circle:
    """Refers to itself: only the collector frees it."""

    def __init__(self) -> None:
        self.self = self


def test_what_the_start_made_is_looked_at_no_more() -> None:
    kept = [Circle() for _ in range(1000)]
    memory.settle()
    try:
        assert gc.get_freeze_count() > len(kept)
        assert not any(isinstance(thing, Circle) for thing in gc.get_objects())
    finally:
        gc.unfreeze()


async def test_what_a_call_left_is_collected_whatever_its_age() -> None:
    aged = [Circle()]
    old = weakref.ref(aged[0])
    for _ in range(2):
        gc.collect()  # It is in the oldest generation now.
    aged.clear()
    keeping = asyncio.ensure_future(memory.keep_small(0.001))
    while old() is not None:
        await asyncio.sleep(0.001)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


async def test_it_is_done_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    done = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()

    def give_back() -> bool:
        loop.call_soon_threadsafe(done.release)
        return True

    monkeypatch.setattr(memory, "give_back", give_back)
    keeping = asyncio.ensure_future(memory.keep_small(0.001))
    for _ in range(3):
        await done.acquire()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
