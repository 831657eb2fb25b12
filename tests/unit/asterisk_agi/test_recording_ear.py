"""The recogniser hears a refusal in every state of the dialogue."""

from __future__ import annotations

from asterisk_agi.audio import PcmChunk
from asterisk_agi.recording import PHRASES
from asterisk_agi.recording_ear import RefusableSession
from asterisk_agi.speech.port import Transcript


class Session:
    """A recogniser that keeps what it is told."""

    dropped_s, progress = 1.5, (3, True)

    def __init__(self) -> None:
        self.told: list[object] = []

    def listen_for(self, phrases: tuple[str, ...] | None) -> bool:
        self.told.append(phrases)
        return phrases is not None

    def accept(self, chunk: PcmChunk) -> None:
        self.told.append(chunk)

    def partial(self) -> Transcript:
        return Transcript("part", (), False)

    async def peek(self) -> Transcript:
        return Transcript("peek", (), False)

    async def finish(self) -> Transcript:
        return Transcript("whole", (), False)

    async def close(self) -> None:
        self.told.append("closed")


async def test_grammars_have_the_refusals_and_free_speech_needs_none() -> None:
    session = Session()
    made = RefusableSession(session)
    assert made.listen_for(("yes", "no"))
    assert not made.listen_for(None)
    assert session.told == [("yes", "no", *PHRASES), None]


async def test_all_else_is_as_it_was() -> None:
    session = Session()
    made = RefusableSession(session)
    chunk = PcmChunk(b"")
    made.accept(chunk)
    texts = [made.partial().text, (await made.peek()).text, (await made.finish()).text]
    await made.close()
    assert texts == ["part", "peek", "whole"]
    assert session.told == [chunk, "closed"]
    assert (made.dropped_s, made.progress) == (1.5, (3, True))
