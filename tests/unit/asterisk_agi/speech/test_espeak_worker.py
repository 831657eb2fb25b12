"""The worker as a program, with the real engine: frames in, frames out."""

from __future__ import annotations

import signal
import subprocess

import pytest

from asterisk_agi.speech.espeak_engine import EspeakSettings, worker_command
from asterisk_agi.speech.espeak_wire import Frame, FrameReader, Kind


def answers_of(output: bytes) -> list[Frame]:
    reader = FrameReader()
    reader.receive_data(output)
    return list(iter(reader.next_event, None))


def run_worker(*jobs: Frame, options: tuple[str, ...] = ()) -> tuple[int, list[Frame]]:
    ended = subprocess.run(
        (*worker_command(EspeakSettings()), *options),
        input=b"".join(map(bytes, jobs)),
        stdout=subprocess.PIPE,
        timeout=20,
        check=False,
    )
    return ended.returncode, answers_of(ended.stdout)


@pytest.mark.usefixtures("espeak_environment")
def test_each_job_has_one_answer_and_the_end_of_the_input_ends_it() -> None:
    # pyttsx3 prints a line for each sentence: none of it may come between the answers.
    code, answers = run_worker(Frame(7, Kind.JOB, b"Hello."), Frame(9, Kind.JOB, b"Good bye."))
    assert code == 0
    assert [(answer.job, answer.kind) for answer in answers] == [
        (0, Kind.READY),
        (7, Kind.SOUND),
        (9, Kind.SOUND),
    ]
    assert len(answers[2].body) > len(answers[1].body) > 3000


@pytest.mark.usefixtures("espeak_environment")
def test_a_job_that_hangs_ends_the_process_even_if_nobody_kills_it() -> None:
    code, answers = run_worker(
        Frame(1, Kind.JOB, b"A long sentence. " * 20), options=("--job-s=0.001",)
    )
    assert code == -signal.SIGALRM
    assert [answer.kind for answer in answers] == [Kind.READY]


@pytest.mark.usefixtures("espeak_environment")
def test_a_start_that_fails_says_why() -> None:
    code, answers = run_worker(options=("--voice=nobody",))
    assert code == 1
    assert [answer.kind for answer in answers] == [Kind.FAILED]
    assert b"nobody" in answers[0].body
