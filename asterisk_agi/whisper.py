"""Speaks one sentence into the ear of the human who answers, before the caller is connected.

An AGI on the human's channel (`dialplan.render.render_whisper`): `Queue` and `Dial` run it by
Gosub. It knows the call only by the variables that the channel inherits, so any voice process can
do it, also when the one that had the call is dead. Whatever fails, it returns, and the caller is
connected. It is no caller's call: it takes no room from callers and tells no events.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from asterisk_agi.audio import PcmChunk
from asterisk_agi.errors import CallError
from asterisk_agi.logs import current_session
from asterisk_agi.pbx import PbxEvent
from asterisk_agi.people import PeopleSettings
from asterisk_agi.server import AgiSession, Handler
from asterisk_agi.short_leg import ShortLeg, SpeakerParts, short_leg
from asterisk_agi.speech.speakable import speakable
from asterisk_agi.transfer import ACCEPT
from dialplan import variables
from dialplan.render import WHISPER_SCRIPT

_log = logging.getLogger(__name__)

LONGEST_S = 6.0
"""The caller hears nothing of us meanwhile: after so many seconds the sentence is broken off."""
WORDS_MAX = 20
"""About so many words fit into LONGEST_S; what would be too much is left out, the last first."""
KEY_S = 8.0
"""Seconds that a human has for a key, from the end of the sentence on."""
WHISPERS_MAX = 64
"""Whispers at once; of one more the human hears none."""
LEG_LONGEST_S = 30
"""At the very last, Asterisk ends the leg by itself."""

PROMPT = "Press 1 to take the call, or 2 to decline."
UNKNOWN = "A caller from the assistant."
SENTENCES = (PROMPT, UNKNOWN)
"""What must be made before the first call."""
TAKE, DECLINE = "1", "2"

_SUMMARY = re.compile(
    r"Caller: (?P<who>.{1,200}?)\. Why: (?P<why>[^.]{1,100})\."
    r"(?: Open: (?P<open>.{1,200}?)\.)?(?: Heard last: .*)?(?: Told: .*)?"
)
_ACCOUNT = re.compile(r" \(account [^)]*\)")


def sentence(summary: str) -> str:
    """Return what a human is told of a call, made of its ORDERLINE_SUMMARY. Pure.

    What the caller was told is left out: it may hold amounts, and others listen at a telephone.
    """
    found = _SUMMARY.fullmatch(summary.strip())
    if found is None:
        return UNKNOWN
    who = _ACCOUNT.sub("", found["who"])
    asked = f"Asked for {found['open']}" if found["open"] else ""
    parts = [speakable(part) for part in (who, asked, found["why"].capitalize()) if part]
    while len(parts) > 1 and sum(len(part.split()) for part in parts) > WORDS_MAX:
        parts.pop()
    words = ". ".join(part for part in parts if part).split()
    return " ".join(words[:WORDS_MAX]) + "." if words else UNKNOWN


@dataclass(frozen=True)
class WhisperParts(SpeakerParts):
    """What a whisper needs of the process."""

    people: PeopleSettings


class Whisperer:
    """Serves the AGI sessions of humans' channels."""

    def __init__(self, parts: WhisperParts) -> None:
        self._parts = parts
        self._whispers = 0

    def beside(self, handle: Handler) -> Handler:
        """Return a handler that serves whispers here and all others with `handle`."""

        async def choose(session: AgiSession) -> None:
            if session.prelude.network_script.strip("/") == WHISPER_SCRIPT:
                await self.serve(session)
            else:
                await handle(session)

        return choose

    async def serve(self, session: AgiSession) -> None:
        """Whisper to one human. Raises nothing: the caller is connected whatever happens."""
        self._whispers += 1
        try:
            await self._serve(session)
        except CallError as error:
            _log.info("no whisper: %s", error or type(error).__name__)
        except Exception:  # noqa: BLE001
            # The top of the task: our own bug must not keep the caller from the human.
            _log.exception("a whisper failed by a fault of ours")
        finally:
            self._whispers -= 1

    async def _serve(self, session: AgiSession) -> None:
        context = self._parts.people.whisper_context
        if session.prelude.context != context:
            _log.warning("no whisper outside the context %s: refused", context)
            return
        call = await session.get_full_variable(f"${{{variables.SESSION}}}")
        if call is None:
            _log.warning("a whisper for no call of ours: refused")
            return
        current_session.set(call)
        if self._whispers > WHISPERS_MAX or not self._parts.pbx.connected:
            _log.warning("no whisper: %d at once, or no AMI", self._whispers)
            return
        summary = await session.get_full_variable(f"${{{variables.SUMMARY}}}") or ""
        asks = session.prelude.args[:1] == (ACCEPT,)
        answer = await Whisper(self._parts, session, asks).run(sentence(summary))
        if answer is not None:
            await session.set_variable(GOSUB_RESULT, answer)


GOSUB_RESULT = "GOSUB_RESULT"
"""Read by Dial's U() from the human's channel when the Gosub returns (app_dial.c)."""
DECLINED, NO_KEY = "CONTINUE", "CONGESTION"
"""Both end the human's side and leave the caller's to us; `transfer.py` tells them apart."""


class Whisper:
    """One sentence for one human. asks: whether a key must say that the call is taken."""

    def __init__(self, parts: WhisperParts, session: AgiSession, asks: bool) -> None:
        self._parts = parts
        self._session = session
        self._asks = asks
        self._key: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def run(self, text: str) -> str | None:
        """Speak; return what GOSUB_RESULT becomes, None to connect the caller. Raises CallError."""
        chunk = await self._parts.synthesizer.speak(text)
        chunks = [chunk]
        if self._asks:
            chunks.append(await self._parts.synthesizer.speak(PROMPT))
        async with short_leg(self._parts, self._session, LEG_LONGEST_S, self._heed) as leg:
            await leg.dialled.open(self._parts.leg_s)
            return await self._speak(leg, chunks)

    def _heed(self, event: PbxEvent) -> None:
        uniqueid = self._session.prelude.uniqueid
        pressed = event.get("Event") == "DTMFEnd" and event.get("Uniqueid") == uniqueid
        if pressed and event.get("Direction") == "Received":
            self._press(event.get("Digit", ""))

    def _press(self, key: str) -> None:
        """Take a key: any one skips the sentence; where it is asked, only 1 and 2 count."""
        if not self._key.done() and (not self._asks or key in (TAKE, DECLINE)):
            self._key.set_result(key)

    async def _speak(self, leg: ShortLeg, chunks: list[PcmChunk]) -> str | None:
        story = leg.media.play(chunks[0])
        async with leg.watched() as over:
            await _first((story.done, self._key, *over), LONGEST_S)
            if self._asks and not self._key.done():
                if not story.done.done():
                    leg.media.stop_playback()
                prompt = leg.media.play(chunks[1])
                await _first((self._key, *over), prompt.total_s + KEY_S)
            leg.media.stop_playback()
            ended, _ = over
            if ended.done():
                ended.result()
        return self._answer()

    def _answer(self) -> str | None:
        if not self._asks:
            return None
        if not self._key.done():
            return NO_KEY
        return DECLINED if self._key.result() == DECLINE else None


async def _first(waited: Iterable[asyncio.Future[Any]], within_s: float) -> None:
    await asyncio.wait(tuple(waited), timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
