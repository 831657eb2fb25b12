"""One worker process, on a fake worker that crashes, hangs and answers late."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from asterisk_agi.errors import SpeechError
from asterisk_agi.speech.espeak_process import EspeakProcess, WorkerWasDead
from tests.unit.asterisk_agi.speech.fake_worker import sound

LONG_S = 10.0
COMMAND = (sys.executable, "-S", "-m", "tests.unit.asterisk_agi.speech.fake_worker")


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[EspeakProcess]:
    process = EspeakProcess("a voice", (*COMMAND, str(tmp_path)), LONG_S)
    yield process
    await process.stop()


async def test_it_makes_sentence_after_sentence(worker: EspeakProcess) -> None:
    assert not worker.running
    await worker.start()
    assert worker.running
    for text in ("one", "two", "drei und zwölf"):
        assert await worker.make(text, LONG_S) == sound(text)


async def test_a_crash_is_told_and_it_can_be_started_again(worker: EspeakProcess) -> None:
    await worker.start()
    first = worker.pid
    with pytest.raises(SpeechError, match="died"):
        await worker.make("crash", LONG_S)
    assert not worker.running
    await worker.start()
    assert worker.pid != first
    assert await worker.make("again", LONG_S) == sound("again")


async def test_a_worker_that_died_in_its_sleep_is_told_from_one_that_the_job_broke(
    worker: EspeakProcess,
) -> None:
    await worker.start()
    pid = worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    # Wait for its death, but leave it to the worker to find out.
    await asyncio.to_thread(os.waitid, os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(WorkerWasDead):
        await worker.make("one", LONG_S)
    await worker.start()
    with pytest.raises(SpeechError) as caught:
        await worker.make("crash", LONG_S)
    assert not isinstance(caught.value, WorkerWasDead)


async def test_a_hung_engine_is_killed(worker: EspeakProcess) -> None:
    await worker.start()
    pid = worker.pid
    assert pid is not None
    with pytest.raises(SpeechError, match=r"hung for 0\.05 s"):
        await worker.make("hang", 0.05)
    assert not worker.running
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_is_no_frame_ends_the_worker(worker: EspeakProcess) -> None:
    await worker.start()
    with pytest.raises(SpeechError, match="at most"):
        await worker.make("babble", LONG_S)
    assert not worker.running


async def test_a_refused_sentence_leaves_the_worker_alive(worker: EspeakProcess) -> None:
    await worker.start()
    pid = worker.pid
    with pytest.raises(SpeechError, match="not today"):
        await worker.make("refuse", LONG_S)
    assert await worker.make("one", LONG_S) == sound("one")
    assert worker.pid == pid


async def test_a_late_answer_is_not_taken_for_the_next_sentence(worker: EspeakProcess) -> None:
    await worker.start()
    pid = worker.pid
    slow = asyncio.create_task(worker.make("slow one", LONG_S))
    await asyncio.sleep(0.02)
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)
    assert slow.cancelled()
    assert await worker.make("quick", LONG_S) == sound("quick")
    assert worker.pid == pid


async def test_stopping_fails_the_sentence_that_is_being_made(worker: EspeakProcess) -> None:
    await worker.start()
    making = asyncio.create_task(worker.make("hang", LONG_S))
    await asyncio.sleep(0.02)
    await worker.stop()
    with pytest.raises(SpeechError, match="died"):
        await making
    await worker.stop()
    assert worker.pid is None


@pytest.mark.parametrize(
    ("behaviour", "start_s", "message"),
    [("crash", LONG_S, "died"), ("hang", 0.3, "hung"), ("refuse", LONG_S, "no such voice")],
)
async def test_a_start_that_fails_leaves_nothing_behind(
    tmp_path: Path, behaviour: str, start_s: float, message: str
) -> None:
    worker = EspeakProcess("a voice", (*COMMAND, str(tmp_path), behaviour), start_s)
    with pytest.raises(SpeechError, match=message):
        await worker.start()
    assert worker.pid is None


async def test_a_start_that_nobody_waits_for_leaves_nothing_behind(tmp_path: Path) -> None:
    worker = EspeakProcess("a voice", (*COMMAND, str(tmp_path), "hang"), LONG_S)
    starting = asyncio.create_task(worker.start())
    for _ in range(1000):
        if (pid := worker.pid) is not None:
            break
        await asyncio.sleep(0.002)
    assert pid is not None
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_program_that_is_not_there() -> None:
    worker = EspeakProcess("a voice", ("/nowhere/at/all",), LONG_S)
    with pytest.raises(SpeechError, match="no process"):
        await worker.start()


async def test_a_worker_that_was_never_started_is_told() -> None:
    with pytest.raises(SpeechError, match="stopped"):
        await EspeakProcess("a voice", COMMAND, LONG_S).make("one", LONG_S)
