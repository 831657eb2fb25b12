"""Our speech: in order, one ahead, stoppable, and honest about what was heard."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from asterisk_agi.audio import PcmChunk
from asterisk_agi.dialogue.effects import Line, LineKind
from asterisk_agi.errors import SpeechError
from asterisk_agi.mouth import Mouth, Spoken


class FakePlayback:
    def __init__(self, chunk: PcmChunk) -> None:
        self.total_s = chunk.seconds
        self.heard_s = 0.0
        self.started_s: float | None = None
        self.ended_s: float | None = None
        self.done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        self.started_s = asyncio.get_running_loop().time()

    def finish(self, heard_s: float, whole: bool) -> None:
        self.heard_s = heard_s
        if not self.done.done():
            self.done.set_result(whole)


class FakeSpeaker:
    """A leg whose time the test moves."""

    def __init__(self) -> None:
        self.playbacks: list[FakePlayback] = []

    def play(self, chunk: PcmChunk) -> FakePlayback:
        self.playbacks.append(FakePlayback(chunk))
        return self.playbacks[-1]

    def stop_playback(self) -> None:
        for playback in self.playbacks:
            playback.finish(playback.heard_s, whole=False)


class FakeVoice:
    """One second of audio for each sentence; fails at the sentence that it can't say."""

    name = "fake"

    def __init__(self) -> None:
        self.made: list[str] = []

    async def prepare(self, sentences: tuple[str, ...]) -> None:
        self.made += sentences

    async def speak(self, sentence: str) -> PcmChunk:
        self.made.append(sentence)
        if sentence == "unspeakable":
            raise SpeechError("no")
        return PcmChunk(bytes(16000))

    async def close(self) -> None:
        self.made.clear()


class Rig:
    def __init__(self) -> None:
        self.speaker = FakeSpeaker()
        self.voice = FakeVoice()
        self.spoken: list[Spoken] = []
        self.silences = 0
        self.mouth = Mouth(self.speaker, self.voice, self.spoken.append, self.fell_silent)
        self.running = asyncio.ensure_future(self.mouth.run())

    def fell_silent(self) -> None:
        self.silences += 1

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    yield made
    made.running.cancel()
    with contextlib.suppress(asyncio.CancelledError, SpeechError):
        await made.running


def lines(*texts: str) -> tuple[Line, ...]:
    return tuple(Line(text) for text in texts)


async def test_the_next_sentence_is_made_while_the_first_is_heard(rig: Rig) -> None:
    rig.mouth.say(lines("one", "two"), turn=1)
    await rig.settle()
    assert rig.voice.made == ["one", "two"]
    assert not rig.speaker.playbacks[0].done.done()


async def test_silence_is_told_when_the_last_sentence_was_heard(rig: Rig) -> None:
    rig.mouth.say(lines("one", "two"), turn=1)
    await rig.settle()
    for playback in rig.speaker.playbacks:
        assert rig.mouth.speaking
        playback.start()
        playback.finish(1.0, whole=True)
        await rig.settle()
    assert not rig.mouth.speaking
    assert rig.silences == 1
    assert [(spoken.heard, spoken.whole) for spoken in rig.spoken] == [("one", True), ("two", True)]


async def test_a_sentence_that_was_stopped_keeps_the_words_that_were_heard(rig: Rig) -> None:
    rig.mouth.say(lines("seventy are in stock"), turn=2)
    await rig.settle()
    rig.speaker.playbacks[0].start()
    rig.speaker.playbacks[0].heard_s = 0.6
    rig.mouth.stop()
    await rig.settle()
    assert rig.spoken[0].heard == "seventy are"
    assert not rig.spoken[0].whole
    assert rig.spoken[0].turn == 2


async def test_stopping_forgets_what_was_still_to_be_said(rig: Rig) -> None:
    rig.mouth.say(lines("one"), turn=1)
    await rig.settle()
    rig.mouth.say(lines("two", "three"), turn=1)
    rig.mouth.stop()
    await rig.settle()
    assert len(rig.speaker.playbacks) == 1
    assert not rig.mouth.speaking
    await asyncio.wait_for(rig.mouth.silent(), 1)


async def test_what_was_never_heard_is_in_no_story(rig: Rig) -> None:
    rig.mouth.say(lines("one"), turn=1)
    await rig.settle()
    rig.mouth.stop()
    await rig.settle()
    assert rig.spoken == []


async def test_what_a_noise_broke_off_is_said_again_once(rig: Rig) -> None:
    rig.mouth.say(lines("one", "two", "three"), turn=1)
    rig.mouth.say((Line("wait", LineKind.FILLER),), turn=1)
    await rig.settle()
    rig.speaker.playbacks[0].start()
    rig.speaker.playbacks[0].finish(1.0, whole=True)
    await rig.settle()
    rig.mouth.stop()
    rig.mouth.stop()
    rig.voice.made.clear()
    rig.mouth.resume(turn=2)
    await rig.settle()
    assert rig.voice.made == ["two", "three"]
    rig.mouth.stop()
    rig.mouth.resume(turn=3)
    await rig.settle()
    assert rig.voice.made == ["two", "three"]
    await asyncio.wait_for(rig.mouth.silent(), 1)


@pytest.mark.parametrize("since", ["something else", "a key"])
async def test_what_was_answered_since_is_not_said_again(rig: Rig, since: str) -> None:
    rig.mouth.say(lines("one"), turn=1)
    await rig.settle()
    rig.mouth.stop(for_good=since == "a key")
    if since == "something else":
        rig.mouth.say(lines("two"), turn=2)
    rig.mouth.resume(turn=3)
    await rig.settle()
    assert rig.voice.made.count("one") == 1


async def test_after_a_stop_the_next_sentence_is_spoken(rig: Rig) -> None:
    rig.mouth.say(lines("one"), turn=1)
    rig.mouth.stop()
    rig.mouth.say(lines("two"), turn=2)
    await rig.settle()
    assert len(rig.speaker.playbacks) == 1
    assert rig.voice.made[-1] == "two"


async def test_a_sentence_that_cant_be_made_ends_the_task_with_the_error(rig: Rig) -> None:
    rig.mouth.say(lines("unspeakable"), turn=1)
    with pytest.raises(SpeechError):
        await asyncio.wait_for(rig.running, 1)
