"""One sentence for a caller whom the agent has no room for, on the way to a human.

It costs a media leg and a sentence that was made at the start: no recogniser, no voice
detection, no ERP. Whatever fails, and when there are more such callers than the configuration
allows, the caller goes to the human without it. It decides nothing else: `reception.py` does.
"""

from __future__ import annotations

import asyncio
import logging

from asterisk_agi.audio import PcmChunk
from asterisk_agi.errors import CallerHungUp, CallError, MediaError
from asterisk_agi.server import AgiSession
from asterisk_agi.short_leg import ShortLeg, SpeakerParts, short_leg
from dialplan.reasons import Reason

_log = logging.getLogger(__name__)

LINES_BUSY = (
    "All our lines for the automated assistant are busy. I'll put you through to a colleague."
)
SENTENCES = (LINES_BUSY,)
"""What must be made before the first call."""

LONGEST_S = 15.0
"""Seconds after which a sentence is given up, and at the very last Asterisk ends its leg."""


class Announcer:
    """Says one sentence to each of a few callers at once."""

    def __init__(self, parts: SpeakerParts, most: int) -> None:
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
        async with short_leg(self._parts, session, round(LONGEST_S * 2)) as leg:
            await session.answer()
            await leg.dialled.open(self._parts.leg_s)
            await _played(leg, chunk)


async def _played(leg: ShortLeg, chunk: PcmChunk) -> None:
    """Wait until it was heard, or the leg has ended."""
    playback = leg.media.play(chunk)
    async with leg.watched() as (ended, gone):
        await asyncio.wait(
            (playback.done, ended, gone), timeout=LONGEST_S, return_when=asyncio.FIRST_COMPLETED
        )
        if ended.done():
            ended.result()
        if not playback.done.done():
            raise MediaError("its media leg ended first, or was too slow")
