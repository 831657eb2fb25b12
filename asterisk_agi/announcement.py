"""One sentence for a caller whom the agent has no room for, on the way to a human.

It costs a media leg and a sentence that was made at the start: no recogniser, no voice
detection, no ERP. Whatever fails, and when there are more such callers than the configuration
allows, the caller goes to the human without it. It decides nothing else: `reception.py` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from asterisk_agi.audio import PcmChunk
from asterisk_agi.errors import CallerHungUp, CallError, MediaError
from asterisk_agi.heartbeat import Heartbeat, Vitals
from asterisk_agi.leg import DialledLeg
from asterisk_agi.media.leg import Leg, MediaSettings
from asterisk_agi.pbx import Pbx
from asterisk_agi.server import AgiSession
from asterisk_agi.speech.port import Synthesizer
from dialplan.reasons import Reason

_log = logging.getLogger(__name__)

LINES_BUSY = (
    "All our lines for the automated assistant are busy. I'll put you through to a colleague."
)
SENTENCES = (LINES_BUSY,)
"""What must be made before the first call."""

LONGEST_S = 15.0
"""Seconds after which a sentence is given up, and at the very last Asterisk ends its leg."""


@dataclass(frozen=True)
class AnnouncerParts:
    """What an announcement needs of the process."""

    pbx: Pbx
    synthesizer: Synthesizer
    heartbeat: Heartbeat
    media: MediaSettings
    leg_s: float
    """Longest time for the media leg to come up, seconds."""


class Announcer:
    """Says one sentence to each of a few callers at once."""

    def __init__(self, parts: AnnouncerParts, most: int) -> None:
        """most: callers at once; 0: nobody hears it."""
        self._parts = parts
        self._most = most
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """Callers who hear a sentence now."""
        return self._waiting

    async def announce(self, session: AgiSession, sentence: str = LINES_BUSY) -> Reason:
        """Say a sentence to a caller; return why the call leaves us then. Raises nothing."""
        if self._waiting >= self._most or not self._parts.pbx.connected:
            return Reason.CALL_LIMIT
        self._waiting += 1
        try:
            await self._say(session, sentence)
        except CallerHungUp:
            return Reason.CALLER_HUNG_UP
        except CallError as error:
            _log.warning("the announcement was not heard: %s", error)
        finally:
            self._waiting -= 1
        return Reason.CALL_LIMIT

    async def _say(self, session: AgiSession, sentence: str) -> None:
        chunk = await self._parts.synthesizer.speak(sentence)
        lost = asyncio.Event()
        leg = await Leg.open(self._parts.media, _unheard, lost.set)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(leg.close)
            dialled = DialledLeg(session, self._parts.pbx, leg, round(LONGEST_S * 2))
            uniqueid = session.prelude.uniqueid
            stack.callback(self._parts.pbx.subscribe(uniqueid, dialled.on_event).cancel)
            stack.push_async_callback(_release, session, dialled)
            # The watchdog ends a leg that no beat names.
            stack.callback(self._parts.heartbeat.watch(uniqueid, lambda: _vitals(leg)).end)
            await session.answer()
            await dialled.open(self._parts.leg_s)
            await _played(leg, chunk, dialled, lost)


async def _played(leg: Leg, chunk: PcmChunk, dialled: DialledLeg, lost: asyncio.Event) -> None:
    """Wait until it was heard, or the leg has ended."""
    playback = leg.play(chunk)
    loop = asyncio.get_running_loop()
    ended = loop.create_task(dialled.ended(), name="watch the announcement's leg")
    gone = loop.create_task(lost.wait(), name="watch the announcement's peer")
    try:
        await asyncio.wait(
            (playback.done, ended, gone), timeout=LONGEST_S, return_when=asyncio.FIRST_COMPLETED
        )
        if ended.done():
            ended.result()
        if not playback.done.done():
            raise MediaError("its media leg ended first, or was too slow")
    finally:
        ended.cancel()
        gone.cancel()
        await asyncio.gather(ended, gone, return_exceptions=True)


async def _release(session: AgiSession, dialled: DialledLeg) -> None:
    """Free the AGI session from the leg."""
    if session.hung_up:
        await dialled.abandon()
        return
    await dialled.release()


def _unheard(chunk: PcmChunk) -> None:
    """Leave out what the caller says meanwhile."""


def _vitals(leg: Leg) -> Vitals:
    return Vitals(leg.statistics.sent + leg.statistics.unsent, 0, False)
