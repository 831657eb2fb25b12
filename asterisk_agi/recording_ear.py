"""A recogniser that also knows how a caller says that the call is not to be recorded."""

from __future__ import annotations

from asterisk_agi.audio import PcmChunk
from asterisk_agi.recording import PHRASES
from asterisk_agi.speech.port import RecognizerSession, Transcript


class RefusableSession:
    """The recogniser of one call, its grammars with PHRASES added."""

    def __init__(self, session: RecognizerSession) -> None:
        self._session = session

    def listen_for(self, phrases: tuple[str, ...] | None) -> bool:
        """Give the next turn's grammar, with the refusals."""
        return self._session.listen_for(None if phrases is None else (*phrases, *PHRASES))

    def accept(self, chunk: PcmChunk) -> None:
        """Queue audio."""
        self._session.accept(chunk)

    def partial(self) -> Transcript:
        """Return the turn so far."""
        return self._session.partial()

    async def peek(self) -> Transcript:
        """Decode all queued audio and return the turn so far."""
        return await self._session.peek()

    async def finish(self) -> Transcript:
        """As `peek`, but end the turn."""
        return await self._session.finish()

    async def close(self) -> None:
        """Free the recogniser."""
        await self._session.close()

    @property
    def dropped_s(self) -> float:
        """Seconds of audio that were dropped."""
        return self._session.dropped_s

    @property
    def progress(self) -> tuple[int, bool]:
        """Portions decoded so far, and whether one is being decoded."""
        return self._session.progress
