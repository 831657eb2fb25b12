"""What we say to the caller: sentences in order, the next one made while one is heard.

The mouth knows what was really heard: when it is stopped in mid-sentence, the story keeps only
the words that were played.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from asterisk_agi.audio import PcmChunk
from asterisk_agi.dialogue.effects import Line, LineKind
from asterisk_agi.speech.port import Synthesizer


class Playback(Protocol):
    """One stretch of audio on its way to the caller."""

    started_s: float | None
    ended_s: float | None

    @property
    def heard_s(self) -> float:
        """Seconds of it that were sent."""

    @property
    def total_s(self) -> float:
        """Seconds of it in all."""

    @property
    def done(self) -> asyncio.Future[bool]:
        """True: played whole; False: stopped."""


class Speaker(Protocol):
    """What is needed of the RTP leg."""

    def play(self, chunk: PcmChunk) -> Playback:
        """Play after what plays now."""

    def stop_playback(self) -> None:
        """Drop all that is queued."""


@dataclass(frozen=True)
class Spoken:
    """A sentence that the caller heard, whole or in part. Times: the event loop's clock."""

    line: Line
    turn: int
    heard: str = field(repr=False)
    """The words of it that were played."""
    whole: bool
    begin_s: float
    end_s: float
    synthesis_s: float
    """Seconds that it took to make."""
    made_s: float
    """When it was made."""


@dataclass(frozen=True)
class _Job:
    line: Line
    turn: int
    epoch: int
    again: bool = False


class Mouth:
    """Speaks for one call; `run()` is its task."""

    def __init__(
        self,
        speaker: Speaker,
        synthesizer: Synthesizer,
        on_spoken: Callable[[Spoken], None],
        on_silent: Callable[[], None],
    ) -> None:
        self._speaker = speaker
        self._synthesizer = synthesizer
        self._on_spoken = on_spoken
        self._on_silent = on_silent
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()
        self._unspoken = 0
        self._unheard: list[_Job] = []
        self._broken_off: tuple[Line, ...] = ()
        self._epoch = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._clock = asyncio.get_running_loop().time
        self._playing: set[asyncio.Task[None]] = set()

    @property
    def speaking(self) -> bool:
        """True from a wish to speak until the last of it was heard or stopped."""
        return not self._idle.is_set()

    async def silent(self) -> None:
        """Wait until all that was to be said has been heard or stopped."""
        await self._idle.wait()

    def say(self, lines: tuple[Line, ...], turn: int) -> None:
        """Speak these sentences after the ones before."""
        self._broken_off = ()
        for line in lines:
            self._add(_Job(line, turn, self._epoch))

    def stop(self, for_good: bool = False) -> None:
        """Be silent at once, and drop what was still to be said.

        for_good: there will be no `resume`.
        """
        self._epoch += 1
        # A sign of life is stale by then, and nothing is said a third time.
        broken_off = tuple(
            job.line
            for job in self._unheard
            if job.line.kind is not LineKind.FILLER and not job.again
        )
        self._broken_off = () if for_good else self._broken_off or broken_off
        self._unheard.clear()
        self._speaker.stop_playback()

    def resume(self, turn: int) -> None:
        """Say what the last `stop` broke off, from its sentence on: a noise had stopped us.

        Nothing happens when it was said again before, or something else was said since.
        """
        lines, self._broken_off = self._broken_off, ()
        for line in lines:
            self._add(_Job(line, turn, self._epoch, again=True))

    def _add(self, job: _Job) -> None:
        self._jobs.put_nowait(job)
        self._unheard.append(job)
        self._unspoken += 1
        self._idle.clear()

    async def run(self) -> None:
        """Make and play sentences until cancelled. Raises SpeechError when one can't be made."""
        try:
            while True:
                job = await self._jobs.get()
                await self._speak(job)
        finally:
            for watching in self._playing:
                watching.cancel()
            await asyncio.gather(*self._playing, return_exceptions=True)

    async def _speak(self, job: _Job) -> None:
        begin_s = self._clock()
        if job.epoch == self._epoch:
            chunk = await self._synthesizer.speak(job.line.text)
        if job.epoch != self._epoch:
            self._one_less()
            return
        made_s = self._clock()
        playback = self._speaker.play(chunk)
        watching = asyncio.get_running_loop().create_task(
            self._watch(job, playback, made_s - begin_s, made_s), name="watch a sentence"
        )
        self._playing.add(watching)
        watching.add_done_callback(self._playing.discard)

    async def _watch(
        self, job: _Job, playback: Playback, synthesis_s: float, made_s: float
    ) -> None:
        whole = await playback.done
        if whole and job.epoch == self._epoch:
            self._unheard.remove(job)
        if playback.started_s is not None:
            self._on_spoken(
                Spoken(
                    line=job.line,
                    turn=job.turn,
                    heard=_heard_words(job.line.text, playback.heard_s, playback.total_s),
                    whole=whole,
                    begin_s=playback.started_s,
                    end_s=playback.ended_s or self._clock(),
                    synthesis_s=synthesis_s,
                    made_s=made_s,
                )
            )
        self._one_less()

    def _one_less(self) -> None:
        self._unspoken -= 1
        if self._unspoken == 0:
            self._idle.set()
            self._on_silent()


def _heard_words(text: str, heard_s: float, total_s: float) -> str:
    """Return the words of a sentence that fit into the part of it that was played."""
    if heard_s >= total_s:
        return text
    words = text.split()
    return " ".join(words[: math.floor(len(words) * heard_s / total_s)])
