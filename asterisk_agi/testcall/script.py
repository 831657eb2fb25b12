"""The script of a test call: what the caller does, and when.

A step begins when its `when` has come about: after the agent's answer, over it, or at once. The
first step of a script therefore waits for the end of the greeting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from asterisk_agi.audio import PcmChunk

SETTLE_S = 1.2
"""An answer is over when the agent kept silent for so long: longer than its pauses."""
ANSWER_LIMIT_S = 20.0
"""So long is waited for an answer and its end; then the script goes on."""


@dataclass(frozen=True)
class AfterAnswer:
    """Begin when the agent has spoken and is silent again."""

    settle_s: float = SETTLE_S
    limit_s: float = ANSWER_LIMIT_S


@dataclass(frozen=True)
class OverAnswer:
    """Begin while the agent speaks: so long after its first sound. That's a barge-in."""

    after_s: float
    limit_s: float = ANSWER_LIMIT_S


@dataclass(frozen=True)
class AtOnce:
    """Begin without waiting."""


When = AfterAnswer | OverAnswer | AtOnce


@dataclass(frozen=True)
class Say:
    """Speak."""

    audio: PcmChunk = field(repr=False)
    text: str
    when: When = AfterAnswer()


@dataclass(frozen=True)
class Press:
    """Press keys."""

    keys: str
    when: When = AfterAnswer()


@dataclass(frozen=True)
class Wait:
    """Be silent for so long, from now."""

    seconds: float
    when: When = AtOnce()


@dataclass(frozen=True)
class HangUp:
    """End the call."""

    when: When = AtOnce()


@dataclass(frozen=True)
class WaitForEnd:
    """Wait until the far side ends the call, at most so long."""

    limit_s: float
    when: When = AtOnce()


Step = Say | Press | Wait | HangUp | WaitForEnd


class Line(Protocol):
    """What a script needs of a telephone."""

    over: asyncio.Event

    async def say(self, speech: PcmChunk, text: str) -> None:
        """Speak to the end."""

    async def press(self, keys: str) -> None:
        """Press keys to the end."""

    async def began(self, limit_s: float) -> bool:
        """Wait for the far side's first sound since we last spoke."""

    async def settled(self, settle_s: float, limit_s: float) -> bool:
        """Wait for the end of the far side's answer."""

    async def hang_up(self) -> None:
        """End the call."""


async def play(line: Line, steps: Sequence[Step]) -> None:
    """Carry out a script until its end, or until the call is over.

    Afterwards the call still stands unless a HangUp step or the far side ended it.
    """
    acting = asyncio.ensure_future(_act(line, steps))
    ending = asyncio.ensure_future(line.over.wait())
    try:
        await asyncio.wait((acting, ending), return_when=asyncio.FIRST_COMPLETED)
        if acting.done():
            acting.result()
    finally:
        acting.cancel()
        ending.cancel()
        await asyncio.gather(acting, ending, return_exceptions=True)


async def _act(line: Line, steps: Sequence[Step]) -> None:
    for step in steps:
        await _until(line, step.when)
        await _carry_out(line, step)


async def _until(line: Line, when: When) -> None:
    if isinstance(when, AfterAnswer):
        await line.settled(when.settle_s, when.limit_s)
    elif isinstance(when, OverAnswer) and await line.began(when.limit_s):
        await asyncio.sleep(when.after_s)


async def _carry_out(line: Line, step: Step) -> None:
    if isinstance(step, Say):
        await line.say(step.audio, step.text)
    elif isinstance(step, Press):
        await line.press(step.keys)
    elif isinstance(step, Wait):
        await asyncio.sleep(step.seconds)
    elif isinstance(step, HangUp):
        await line.hang_up()
    else:
        await asyncio.sleep(step.limit_s)  # `play` stops it when the call is over
