"""The order of a session's work, with a decoder that is held back by the test."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest

from asterisk_agi.audio import AudioFormat, PcmChunk
from asterisk_agi.errors import SpeechError
from asterisk_agi.speech.port import RecognizerSession, Transcript
from asterisk_agi.speech.vosk_decoder import VoskDecoder
from asterisk_agi.speech.vosk_session import Tally, VoskSession


class HeldDecoder(VoskDecoder):
    """Writes down what it is asked for, one letter a chunk; waits while the gate is shut."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.log: list[str] = []
        self.gaps: list[float] = []
        self.text = ""
        self.failure: Exception | None = None
        self.at_work = 0

    def feed(self, data: bytes, gap_s: float) -> Transcript:
        self.at_work += 1
        assert self.at_work == 1, "two jobs of one session at once"
        assert self.gate.wait(5)
        if self.failure is not None:
            raise self.failure
        if gap_s:
            self.gaps.append(gap_s)
        self.log.append("".join(chr(byte) for byte in data[::320]))
        self.text += self.log[-1]
        self.at_work -= 1
        return self.turn()

    def close_segment(self) -> Transcript:
        self.log.append("close")
        return self.turn()

    def end_turn(self) -> Transcript:
        self.log.append("end")
        turn, self.text = Transcript(self.text, (), final=True), ""
        return turn

    def set_grammar(self, grammar: str) -> None:
        self.log.append(grammar)

    def turn(self) -> Transcript:
        return Transcript(self.text, (), final=False)

    def free(self) -> None:
        self.log.append("free")


def chunk(letter: str) -> PcmChunk:
    return PcmChunk(letter.encode() * 320)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@asynccontextmanager
async def opened(
    decoder: HeldDecoder, threads: ThreadPoolExecutor, queue_s: float = 1.0, dynamic: bool = True
) -> AsyncIterator[VoskSession]:
    session = VoskSession(decoder, threads, queue_s, json.dumps if dynamic else None)
    try:
        yield session
    finally:
        decoder.gate.set()
        await session.close()


async def test_it_is_a_recognizer_session(threads: ThreadPoolExecutor) -> None:
    async with opened(HeldDecoder(), threads) as session:
        port: RecognizerSession = session
        assert port.partial() == Transcript("", (), final=False)


async def test_audio_and_requests_keep_their_order(threads: ThreadPoolExecutor) -> None:
    decoder = HeldDecoder()
    async with opened(decoder, threads) as session:
        session.accept(chunk("a"))
        assert session.listen_for(("yes",))
        session.accept(chunk("b"))
        peek = asyncio.create_task(session.peek())
        await asyncio.sleep(0)
        session.accept(chunk("c"))
        finish = asyncio.create_task(session.finish())
        await asyncio.sleep(0)
        session.accept(chunk("d"))
        assert (await peek, await finish) == (
            Transcript("ab", (), final=False),
            Transcript("abc", (), final=True),
        )
        assert (await session.finish()).text == "d"
    assert decoder.log == ["a", '["yes"]', "b", "close", "c", "end", "d", "end", "free"]


async def test_audio_is_decoded_in_portions(threads: ThreadPoolExecutor) -> None:
    decoder = HeldDecoder()
    async with opened(decoder, threads) as session:
        for letter in "abcd":
            session.accept(chunk(letter))
        assert decoder.log == []
        session.accept(chunk("e"))
        await session.peek()
    assert decoder.log[0] == "abcde"


async def test_partial_is_what_is_decoded_by_now(threads: ThreadPoolExecutor) -> None:
    async with opened(HeldDecoder(), threads) as session:
        session.accept(chunk("a"))
        await session.peek()
        assert session.partial().text == "a"
        await session.finish()
        assert session.partial().text == ""


async def test_the_oldest_audio_is_dropped_and_counted(threads: ThreadPoolExecutor) -> None:
    decoder = HeldDecoder()
    decoder.gate.clear()
    async with opened(decoder, threads, queue_s=0.2) as session:
        for letter in "abcde":
            session.accept(chunk(letter))
        for letter in "fghijklmnopqr":
            session.accept(chunk(letter))
        assert session.dropped_s == pytest.approx(0.06)
        decoder.gate.set()
        assert (await session.peek()).text == "abcdeijklmnopqr"
    assert decoder.gaps == [pytest.approx(0.06)]


async def test_a_request_is_not_dropped_with_the_audio(threads: ThreadPoolExecutor) -> None:
    decoder = HeldDecoder()
    decoder.gate.clear()
    async with opened(decoder, threads, queue_s=0.2) as session:
        for letter in "abcdef":
            session.accept(chunk(letter))
        finish = asyncio.create_task(session.finish())
        await asyncio.sleep(0)
        for _ in range(20):
            session.accept(chunk("x"))
        decoder.gate.set()
        assert (await finish).text == "abcde"


async def test_a_long_backlog_does_not_hold_a_thread(threads: ThreadPoolExecutor) -> None:
    decoder = HeldDecoder()
    decoder.gate.clear()
    async with opened(decoder, threads, queue_s=4.0) as session:
        for _ in range(105):
            session.accept(chunk("a"))
        decoder.gate.set()
        await session.peek()
    assert [len(entry) for entry in decoder.log[:3]] == [5, 50, 50]


async def test_a_model_without_a_dynamic_graph_takes_no_grammar(
    threads: ThreadPoolExecutor,
) -> None:
    decoder = HeldDecoder()
    async with opened(decoder, threads, dynamic=False) as session:
        assert not session.listen_for(("yes",))
        assert session.listen_for(None)
        await session.peek()
    assert decoder.log == ["close", "free"]


async def test_a_failure_is_told_to_all_and_stays(threads: ThreadPoolExecutor) -> None:
    decoder = HeldDecoder()
    decoder.gate.clear()
    decoder.failure = Exception("Failed to process waveform")
    async with opened(decoder, threads) as session:
        session.accept(chunk("a"))
        waiting = [asyncio.create_task(session.peek()) for _ in range(2)]
        await asyncio.sleep(0)
        decoder.gate.set()
        for task in waiting:
            with pytest.raises(SpeechError, match="Failed to process"):
                await task
        with pytest.raises(SpeechError) as raised:
            session.accept(chunk("b"))
        assert raised.value.__cause__ is decoder.failure
        with pytest.raises(SpeechError):
            await session.finish()
        with pytest.raises(SpeechError):
            session.listen_for(("yes",))


async def test_who_stops_waiting_does_not_stop_the_session(threads: ThreadPoolExecutor) -> None:
    decoder = HeldDecoder()
    decoder.gate.clear()
    async with opened(decoder, threads) as session:
        session.accept(chunk("a"))
        waiting = asyncio.create_task(session.peek())
        await asyncio.sleep(0)
        waiting.cancel()
        decoder.gate.set()
        assert (await session.finish()).text == "a"


async def test_close_waits_for_the_decoder_and_answers_all(threads: ThreadPoolExecutor) -> None:
    decoder = HeldDecoder()
    decoder.gate.clear()
    async with opened(decoder, threads) as session:
        for letter in "abcde":
            session.accept(chunk(letter))
        waiting = asyncio.create_task(session.peek())
        closing = asyncio.create_task(session.close())
        with pytest.raises(SpeechError, match="closed"):
            await waiting
        assert "free" not in decoder.log
        decoder.gate.set()
        await closing
        assert decoder.log == ["abcde", "free"]
        session.accept(chunk("z"))
        with pytest.raises(SpeechError, match="closed"):
            await session.peek()
        await session.close()


async def test_another_format_is_refused(threads: ThreadPoolExecutor) -> None:
    async with opened(HeldDecoder(), threads) as session:
        with pytest.raises(ValueError, match="16000"):
            session.accept(PcmChunk(b"\0\0", AudioFormat(16000)))


async def test_a_call_whose_turn_has_not_come_goes_on_while_the_threads_serve_others() -> None:
    """Else an overloaded machine would take its calls for stalled, and end them."""
    tally, busy = Tally(), HeldDecoder()
    with ThreadPoolExecutor(1) as thread:
        first, second = (
            VoskSession(decoder, thread, 4.0, str, tally) for decoder in (busy, HeldDecoder())
        )
        busy.gate.clear()
        first.accept(PcmChunk(b"a" * 3200))
        answer = asyncio.ensure_future(second.peek())
        while not (busy.at_work and second.progress[1]):
            await asyncio.sleep(0)
        stuck, waits = first.progress, second.progress
        assert (stuck[1], waits[1]) == (True, True)
        tally.count += 1
        assert first.progress == stuck, "a job that a thread has begun is that thread's alone"
        assert second.progress[0] > waits[0]
        busy.gate.set()
        await answer
        for session in (first, second):
            await session.close()
