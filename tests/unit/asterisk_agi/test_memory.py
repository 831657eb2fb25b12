from __future__ import annotations

import asyncio

import pytest

from asterisk_agi import memory


def test_the_c_library_here_can_give_memory_back() -> None:
    assert memory.give_back()


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
