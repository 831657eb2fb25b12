"""What the caller says, from telephone audio to a meaning.

It joins voice activity (the clock), the recogniser (the content) and the understanding. The
endpointer decides when to look and when a turn is over; this file only carries things between
them. It never speaks and never decides what follows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import date

from asterisk_agi.audio import PcmChunk
from asterisk_agi.dialogue.effects import Listening
from asterisk_agi.dialogue.events import Meaning
from asterisk_agi.speech.endpointing import (
    BargeInDue,
    Endpointer,
    EndpointEvent,
    PauseReached,
    SpeechBegan,
    TurnEnded,
)
from asterisk_agi.speech.port import RecognizerSession, Transcript
from asterisk_agi.speech.vad import VoiceActivity
from asterisk_agi.tasks import Tasks

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HeardTurn:
    """One turn of the caller, and what it took to hear it. Times: the event loop's clock."""

    meaning: Meaning
    transcript: Transcript = field(repr=False)
    speech_end_s: float
    """When the voice activity saw the last speech."""
    decided_s: float
    """When the endpointer ended the turn (or asked for the transcript that ended it)."""
    transcript_s: float
    """Seconds that the last transcript took."""
    understanding_s: float
    """Seconds that understanding it took."""


@dataclass(frozen=True)
class EarHooks:
    """Whom the ear tells."""

    understand: Callable[[Transcript, date], Meaning]
    today: Callable[[], date]
    on_speech: Callable[[], None]
    """Speech began."""
    on_barge_in: Callable[[], None]
    """Speech has lasted long enough to stop our own."""
    on_turn: Callable[[HeardTurn], None]
    """A turn ended that holds words."""
    on_nothing: Callable[[], None]
    """What sounded like speech held no word."""


class Ear:
    """Listens to one call."""

    def __init__(
        self,
        voice: VoiceActivity,
        endpointer: Endpointer,
        recognizer: RecognizerSession,
        hooks: EarHooks,
        tasks: Tasks,
    ) -> None:
        self._voice = voice
        self._endpointer = endpointer
        self._recognizer = recognizer
        self._hooks = hooks
        self._tasks = tasks
        self._clock = asyncio.get_running_loop().time
        self._one_at_a_time = asyncio.Lock()
        self._listening: Listening | None = None

    @property
    def in_turn(self) -> bool:
        """True while a turn of the caller's is open: speech began, and its end is not sure."""
        return self._endpointer.in_turn

    def listen_for(self, listening: Listening) -> None:
        """Take the grammar and the patience of the state that the dialogue is in now."""
        if listening != self._listening:
            self._listening = listening
            self._endpointer.set_profile(listening.profile)
            self._recognizer.listen_for(listening.phrases)

    def accept(self, chunk: PcmChunk) -> None:
        """Take the caller's audio, as it comes."""
        self._recognizer.accept(chunk)
        for frame in self._voice.accept(chunk):
            self._handle(self._endpointer.voice(frame, self._clock()))

    def close(self) -> None:
        """Free what only this ear has; the recogniser is its giver's. May be called twice."""
        self._voice.close()

    def _handle(self, events: tuple[EndpointEvent, ...]) -> None:
        for event in events:
            if isinstance(event, SpeechBegan):
                self._hooks.on_speech()
            elif isinstance(event, BargeInDue):
                self._hooks.on_barge_in()
            elif isinstance(event, PauseReached):
                self._tasks.start(self._look(event), "look at a pause")
            elif isinstance(event, TurnEnded):
                self._tasks.start(self._end(event), "end a turn")

    async def _look(self, pause: PauseReached) -> None:
        async with self._one_at_a_time:
            heard = await self._understood(
                self._recognizer.peek, pause.speech_end_s, pause.at_s
            )
            ended = self._endpointer.content(
                heard.meaning.complete, self._clock(), pause.serial
            )
            if ended:
                self._tell(heard)
                # What comes from here on belongs to the next turn.
                await self._recognizer.finish()

    async def _end(self, turn: TurnEnded) -> None:
        async with self._one_at_a_time:
            self._tell(
                await self._understood(self._recognizer.finish, turn.speech_end_s, turn.at_s)
            )

    async def _understood(
        self,
        listen: Callable[[], Coroutine[None, None, Transcript]],
        speech_end_s: float,
        decided_s: float,
    ) -> HeardTurn:
        begin_s = self._clock()
        transcript = await listen()
        decoded_s = self._clock()
        meaning = self._hooks.understand(transcript, self._hooks.today())
        return HeardTurn(
            meaning=meaning,
            transcript=transcript,
            speech_end_s=speech_end_s,
            decided_s=decided_s,
            transcript_s=decoded_s - begin_s,
            understanding_s=self._clock() - decoded_s,
        )

    def _tell(self, heard: HeardTurn) -> None:
        if heard.transcript.text:
            self._hooks.on_turn(heard)
        else:
            self._hooks.on_nothing()
