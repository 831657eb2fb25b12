from __future__ import annotations

import asyncio

import pytest

from asterisk_agi.audio import PcmChunk
from asterisk_agi.testcall.script import (
    AfterAnswer,
    AtOnce,
    HangUp,
    OverAnswer,
    Press,
    Say,
    Step,
    Wait,
    WaitForEnd,
    play,
)

SPEECH = PcmChunk(b"")


class Line:
    """A telephone that writes down what is asked of it."""

    def __init__(self, ends_at: str = "") -> None:
        self.over = asyncio.Event()
        self.done: list[str] = []
        self._ends_at = ends_at

    async def _do(self, what: str) -> None:
        self.done.append(what)
        if what == self._ends_at:
            self.over.set()
            await asyncio.Event().wait()

    async def say(self, speech: PcmChunk, text: str) -> None:
        await self._do(f"say {text}")

    async def press(self, keys: str) -> None:
        await self._do(f"press {keys}")

    async def began(self, limit_s: float) -> bool:
        await self._do(f"began {limit_s:g}")
        return True

    async def settled(self, settle_s: float, limit_s: float) -> bool:
        await self._do(f"settled {settle_s:g} {limit_s:g}")
        return True

    async def hang_up(self) -> None:
        await self._do("hang up")


async def test_every_step_waits_for_its_moment() -> None:
    line = Line()
    steps: list[Step] = [
        Say(SPEECH, "a"),
        Say(SPEECH, "b", OverAnswer(0.0, limit_s=5)),
        Press("1", AfterAnswer(settle_s=2, limit_s=9)),
        Wait(0.0),
        HangUp(AtOnce()),
    ]
    await play(line, steps)
    assert line.done == [
        "settled 1.2 20",
        "say a",
        "began 5",
        "say b",
        "settled 2 9",
        "press 1",
        "hang up",
    ]


@pytest.mark.parametrize("ends_at", ["settled 1.2 20", "say a"])
async def test_the_script_stops_when_the_far_side_hangs_up(ends_at: str) -> None:
    line = Line(ends_at)
    await asyncio.wait_for(play(line, [Say(SPEECH, "a"), HangUp()]), 5)
    assert line.done[-1] == ends_at


async def test_waiting_for_the_end_ends_with_the_call() -> None:
    line = Line()
    asyncio.get_running_loop().call_soon(line.over.set)
    await asyncio.wait_for(play(line, [WaitForEnd(60)]), 5)


async def test_what_fails_in_a_step_is_told() -> None:
    class Broken(Line):
        async def say(self, speech: PcmChunk, text: str) -> None:
            raise OSError("no line")

    with pytest.raises(OSError, match="no line"):
        await play(Broken(), [Say(SPEECH, "a", AtOnce())])
