"""The pool of workers on fake workers, then the whole synthesizer on the real engine."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from asterisk_agi.audio import TELEPHONE, PcmChunk
from asterisk_agi.errors import SpeechError
from asterisk_agi.speech import espeak_engine
from asterisk_agi.speech.espeak_engine import EspeakSettings, EspeakSynthesizer
from asterisk_agi.speech.espeak_process import EspeakProcess
from tests.unit.asterisk_agi.speech.fake_worker import sound

COMMAND = (sys.executable, "-S", "-m", "tests.unit.asterisk_agi.speech.fake_worker")


def fake_synthesizer(marks: Path, workers: int = 1, job_s: float = 10.0) -> EspeakSynthesizer:
    return EspeakSynthesizer(EspeakSettings(workers=workers, job_s=job_s), (*COMMAND, str(marks)))


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[EspeakSynthesizer]:
    synthesizer = fake_synthesizer(tmp_path)
    yield synthesizer
    await synthesizer.close()


def starts(marks: Path) -> int:
    return len(list(marks.glob("started-*")))


async def test_a_sentence_that_was_made_before_comes_from_memory(
    fake: EspeakSynthesizer,
) -> None:
    chunk = await fake.speak("Hello.")
    assert chunk == PcmChunk(sound("Hello."))
    assert await fake.speak("Hello.") is chunk


async def test_fixed_phrases_are_kept_whatever_else_is_spoken(
    fake: EspeakSynthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(espeak_engine, "RECENT_MAX_BYTES", 100)
    await fake.prepare(("fixed", "fixed", " ... "))
    fixed = await fake.speak("fixed")
    assert fixed.data == sound("fixed")
    oldest = await fake.speak("the oldest sentence of all")
    await fake.speak("used")
    for number in range(9):
        await fake.speak(f"number {number}")
        await fake.speak("used")
    assert await fake.speak("fixed") is fixed
    assert await fake.speak("the oldest sentence of all") is not oldest


async def test_names_are_made_harmless_first(fake: EspeakSynthesizer) -> None:
    assert (await fake.speak("Hi <b>\x01Bob</b>")).data == sound("Hi Bob")


async def test_nothing_to_say_is_an_empty_chunk(fake: EspeakSynthesizer, tmp_path: Path) -> None:
    assert await fake.speak("...") == PcmChunk(b"")
    assert starts(tmp_path) == 0


@pytest.mark.parametrize("how", ["crash", "babble", "refuse"])
async def test_a_sentence_is_tried_once_more(
    fake: EspeakSynthesizer, tmp_path: Path, how: str
) -> None:
    assert (await fake.speak(f"once {how}")).data == sound(f"once {how}")
    assert starts(tmp_path) == (1 if how == "refuse" else 2)


async def test_a_hung_worker_is_replaced(tmp_path: Path) -> None:
    fake = fake_synthesizer(tmp_path, job_s=0.2)
    assert (await fake.speak("once hang")).data == sound("once hang")
    assert starts(tmp_path) == 2
    await fake.close()


async def test_a_sentence_that_always_crashes_is_given_up_and_the_next_one_is_spoken(
    fake: EspeakSynthesizer, tmp_path: Path
) -> None:
    with pytest.raises(SpeechError, match="died"):
        await fake.speak("crash")
    assert (await fake.speak("next")).data == sound("next")
    assert starts(tmp_path) == 3


async def test_a_worker_that_died_in_its_sleep_is_replaced(tmp_path: Path) -> None:
    fake = fake_synthesizer(tmp_path, workers=2)
    await fake.prepare(("one",))
    for pid in fake.pids:
        os.kill(pid, signal.SIGKILL)
    assert (await fake.speak("two")).data == sound("two")
    await fake.close()


async def test_more_sentences_than_workers_wait_for_their_turn(tmp_path: Path) -> None:
    fake = fake_synthesizer(tmp_path, workers=2)
    texts = [f"number {n}" for n in range(20)]
    chunks = await asyncio.gather(*(fake.speak(text) for text in texts))
    assert [chunk.data for chunk in chunks] == [sound(text) for text in texts]
    assert starts(tmp_path) == 2
    await fake.close()


async def test_a_cancelled_sentence_poisons_no_worker(
    fake: EspeakSynthesizer, tmp_path: Path
) -> None:
    await fake.prepare(("ready",))
    for _ in range(3):
        slow = asyncio.create_task(fake.speak("slow"))
        await asyncio.sleep(0.01)
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
    assert (await fake.speak("quick")).data == sound("quick")
    assert starts(tmp_path) == 1


async def test_closing_fails_what_is_being_made_and_what_waits(tmp_path: Path) -> None:
    fake = fake_synthesizer(tmp_path)
    await fake.prepare(())
    speaking = [asyncio.create_task(fake.speak(f"hang {n}")) for n in range(3)]
    await asyncio.sleep(0.05)
    pids = fake.pids
    await fake.close()
    results = await asyncio.gather(*speaking, return_exceptions=True)
    assert [type(result) for result in results] == [SpeechError] * 3
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(SpeechError, match="closed"):
        await fake.speak("more")
    await fake.close()


@pytest.mark.parametrize("turns", [0, 1, 3, 30])
async def test_closing_while_workers_start_leaves_none_behind(tmp_path: Path, turns: int) -> None:
    fake = fake_synthesizer(tmp_path, workers=2)
    speaking = asyncio.create_task(fake.speak("hello"))
    preparing = asyncio.create_task(fake.prepare(("one", "two")))
    for _ in range(turns):
        await asyncio.sleep(0)
    await fake.close()
    await asyncio.gather(speaking, preparing, return_exceptions=True)
    assert fake.pids == ()


async def test_an_engine_that_does_not_start_is_told(tmp_path: Path) -> None:
    fake = EspeakSynthesizer(EspeakSettings(workers=2), (*COMMAND, str(tmp_path), "refuse"))
    with pytest.raises(SpeechError, match="no such voice"):
        await fake.prepare(("Hello.",))
    await fake.close()


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"voice": "--help"}, "voice"),
        ({"voice": "a\nb"}, "voice"),
        ({"rate_wpm": 20}, "rate_wpm"),
        ({"workers": 0}, "workers"),
        ({"job_s": 0.0}, "job_s"),
        ({"start_s": 1000.0}, "start_s"),
    ],
)
def test_wrong_settings_name_their_key(values: dict[str, int], key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key} is "):
        EspeakSettings(**values)  # type: ignore[arg-type]


# The real engine...


@pytest.fixture
async def real(espeak_environment: None) -> AsyncIterator[EspeakSynthesizer]:
    synthesizer = EspeakSynthesizer(EspeakSettings())
    yield synthesizer
    await synthesizer.close()


def peak(chunk: PcmChunk) -> int:
    return int(np.abs(np.frombuffer(chunk.data, dtype="<i2").astype(np.int32)).max())


async def test_real_speech_is_telephone_audio_of_the_right_length_and_level(
    real: EspeakSynthesizer,
) -> None:
    await real.prepare(("Good morning.",))
    short, long = await asyncio.gather(
        real.speak("Hello."), real.speak("We have forty two of item four five two one on hand.")
    )
    assert short.format == long.format == TELEPHONE
    assert 0.2 < short.seconds < 0.9
    assert 2.0 < long.seconds < 6.0
    assert 15000 < peak(short) <= 16384
    begin = np.frombuffer(short.data, dtype="<i2")[:400]
    assert int(np.abs(begin).max()) > 160, "50 ms of silence at the beginning"


async def test_the_real_engine_survives_a_crash_and_speaks_no_commands_of_outsiders(
    real: EspeakSynthesizer,
) -> None:
    plain = await real.speak("Hello Bob.")
    tagged = await real.speak("Hello <prosody rate='x-slow'>Bob</prosody>.")
    assert abs(tagged.seconds - plain.seconds) < 0.1
    for pid in real.pids:
        os.kill(pid, signal.SIGSEGV)
    assert (await real.speak("Here I am again.")).seconds > 0.5


async def test_a_voice_that_does_not_exist_is_named(espeak_environment: None) -> None:
    command = espeak_engine.worker_command(EspeakSettings(voice="nobody"))
    with pytest.raises(SpeechError, match="nobody"):
        await EspeakProcess("a voice", command, 10.0).start()
