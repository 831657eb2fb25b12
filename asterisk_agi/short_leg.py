"""A media leg for a sentence of ours, with nobody listening: no recogniser, no voice detection.

It opens and frees all that such a leg needs, in an order that leaves no session held and no leg
unnamed. What is played, and for how long, is its users' (`announcement.py`, `whisper.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from asterisk_agi.audio import PcmChunk
from asterisk_agi.heartbeat import Heartbeat, Vitals
from asterisk_agi.leg import DialledLeg
from asterisk_agi.media.leg import Leg, MediaSettings
from asterisk_agi.pbx import Pbx, PbxEvent
from asterisk_agi.server import AgiSession
from asterisk_agi.speech.port import Synthesizer


@dataclass(frozen=True)
class SpeakerParts:
    """What a sentence on a leg of its own needs of the process."""

    pbx: Pbx
    synthesizer: Synthesizer
    heartbeat: Heartbeat
    media: MediaSettings
    leg_s: float
    """Longest time for the media leg to come up, seconds."""


@dataclass(frozen=True)
class ShortLeg:
    """A leg within its block; `dialled.open` is the user's to await."""

    media: Leg
    dialled: DialledLeg
    lost: asyncio.Event
    """Set when nobody listens on Asterisk's port any more."""

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[tuple[asyncio.Task[Any], asyncio.Task[Any]]]:
        """Give what is done when the leg has ended, and when its peer is lost."""
        loop = asyncio.get_running_loop()
        over = (
            loop.create_task(self.dialled.ended(), name="watch the short leg"),
            loop.create_task(self.lost.wait(), name="watch the short leg's peer"),
        )
        try:
            yield over
        finally:
            for task in over:
                task.cancel()
            await asyncio.gather(*over, return_exceptions=True)


@contextlib.asynccontextmanager
async def short_leg(
    parts: SpeakerParts,
    session: AgiSession,
    longest_s: int,
    on_event: Callable[[PbxEvent], None] = lambda _: None,
) -> AsyncIterator[ShortLeg]:
    """Give a leg of this session, not yet dialled, for the length of the block.

    longest_s: at the very last, Asterisk ends the leg by itself. on_event: hears each AMI event of
    the session's channel, after the leg. Raises MediaError.
    """
    lost = asyncio.Event()
    media = await Leg.open(parts.media, _unheard, lost.set)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(media.close)
        dialled = DialledLeg(session, parts.pbx, media, longest_s)

        def heed(event: PbxEvent) -> None:
            dialled.on_event(event)
            on_event(event)

        uniqueid = session.prelude.uniqueid
        stack.callback(parts.pbx.subscribe(uniqueid, heed).cancel)
        stack.push_async_callback(_release, session, dialled)
        # The watchdog ends a leg that no beat names.
        stack.callback(parts.heartbeat.watch(uniqueid, lambda: _vitals(media)).end)
        yield ShortLeg(media, dialled, lost)


async def _release(session: AgiSession, dialled: DialledLeg) -> None:
    """Free the AGI session from the leg."""
    if session.hung_up:
        await dialled.abandon()
        return
    await dialled.release()


def _unheard(chunk: PcmChunk) -> None:
    """Leave out what is said meanwhile."""


def _vitals(leg: Leg) -> Vitals:
    return Vitals(leg.statistics.sent + leg.statistics.unsent, 0, False)
