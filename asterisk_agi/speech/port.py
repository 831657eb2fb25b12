"""The ports of speech: recogniser and synthesizer, as the call uses them.

Engines live beside this file (`vosk_engine.py`, `espeak_engine.py`); the call knows only these
protocols. Every method that may take longer than a millisecond is a coroutine and does its work
off the event loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from asterisk_agi.audio import PcmChunk


@dataclass(frozen=True)
class Word:
    """One recognised word. Times are seconds since the recogniser's first audio in this call."""

    text: str = field(repr=False)
    start_s: float
    end_s: float
    confidence: float
    """0 to 1."""


@dataclass(frozen=True)
class Transcript:
    """What was heard: of one turn so far (partial), or of the whole turn (final)."""

    text: str = field(repr=False)
    """Lower case words; `[unk]` stands for speech outside the grammar. Empty: nothing."""
    words: tuple[Word, ...]
    final: bool

    @property
    def confidence(self) -> float:
        """The mean confidence of the words; 0.0 without words."""
        if not self.words:
            return 0.0
        return sum(word.confidence for word in self.words) / len(self.words)


class RecognizerSession(Protocol):
    """The recogniser of one call. Audio goes in as it comes; decoding is done elsewhere."""

    def listen_for(self, phrases: tuple[str, ...] | None) -> bool:
        """Give the next turn's grammar (None: free speech) and tell whether it is used.

        Takes effect between turns: at once when no audio of a turn is being decoded, else after
        the next `finish()`. The engine adds `[unk]` and leaves out words that its model lacks.
        """

    def accept(self, chunk: PcmChunk) -> None:
        """Queue audio (TELEPHONE format). Never blocks.

        When decoding is more than QUEUE_MAX_S behind, the oldest audio is dropped and counted
        (`dropped_s`); raises `SpeechError` when the engine has failed.
        """

    def partial(self) -> Transcript:
        """Return the turn so far: segments that the engine closed, and the open one's partial."""

    async def peek(self) -> Transcript:
        """Decode all queued audio, close the open segment and return the turn so far.

        The turn goes on: audio that comes later is appended to it. Costs a few milliseconds.
        """

    async def finish(self) -> Transcript:
        """As `peek`, but end the turn: the next audio begins a new one. Returns it as final."""

    async def close(self) -> None:
        """Free the recogniser. May be called twice."""

    @property
    def dropped_s(self) -> float:
        """Seconds of audio that were dropped because decoding was behind."""

    @property
    def progress(self) -> tuple[int, bool]:
        """Portions decoded so far, and whether one is being decoded: who watches sees a stall."""


class RecognizerEngine(Protocol):
    """One loaded model, shared by all calls of the process."""

    @property
    def name(self) -> str:
        """For logs and `orderline check`: engine and model."""

    def session(self) -> RecognizerSession:
        """Open the recogniser of one call."""

    def unknown_words(self, phrases: tuple[str, ...]) -> tuple[str, ...]:
        """Return the words of the phrases that the model lacks: they can never be heard."""

    async def close(self) -> None:
        """Free model and threads."""


class Synthesizer(Protocol):
    """Makes speech of text. Sentences that were made before come from memory."""

    @property
    def name(self) -> str:
        """For logs and `orderline check`: engine and voice."""

    async def prepare(self, sentences: tuple[str, ...]) -> None:
        """Make fixed phrases and keep them for the life of the process."""

    async def speak(self, sentence: str) -> PcmChunk:
        """Return one sentence as TELEPHONE audio, leading and trailing silence trimmed.

        Raises `SpeechError` when it can't be made, after the engine was restarted once.
        """

    async def close(self) -> None:
        """Stop the workers. May be called twice."""
