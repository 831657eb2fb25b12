"""The process in which pyttsx3 and espeak-ng speak: `python -m asterisk_agi.speech.espeak_worker`.

pyttsx3's espeak driver is a singleton of its process and its event loop is not re-entrant, and a
crash of the C library takes its process along: so this process does one sentence after the other,
and is expendable. Jobs come as frames on standard input, answers go to standard output
(espeak_wire.py); the end of the input ends it.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
import wave
from collections.abc import Callable
from typing import BinaryIO

from asterisk_agi.speech.espeak_wire import Frame, FrameReader, Kind
from asterisk_agi.speech.loudness import telephone_audio

_READ_BYTES = 65536


class Speaker:
    """The engine of this process, and what its driver takes for the engine ("proxy")."""

    def __init__(self, voice: str, rate_wpm: int) -> None:
        """Raises ValueError when there is no such voice, RuntimeError without libespeak-ng."""
        # The driver without pyttsx3's engine: `runAndWait` does not wait. espeak-ng makes sound in
        # a thread of its own, and the engine's queue ends the loop before that has finished.
        self._driver = importlib.import_module("pyttsx3.drivers.espeak").buildDriver(self)
        self._driver.setProperty("voice", voice)
        self._driver.setProperty("rate", rate_wpm)
        self._wav = io.BytesIO()
        self._give: Callable[[bytes], None] = lambda sound: None
        # The first sentence is the slowest.
        self.speak("ready", self._give)

    def speak(self, text: str, give: Callable[[bytes], None]) -> None:
        """Make one sentence and give it as telephone audio, before this returns.

        It is given by espeak's thread: the driver's loop looks only every 10 ms whether it has
        finished. Without a sound this never returns.
        """
        # The driver writes with `wave.open`, which takes a file as well as a path: what callers
        # are called never reaches a disk.
        self._wav, self._give = io.BytesIO(), give
        self._driver.save_to_file(text, self._wav)
        self._driver.startLoop()

    # What the driver tells...

    def notify(self, topic: str, **details: object) -> None:
        """Take an event of the driver; `finished-utterance` means that the file is written."""
        if topic == "finished-utterance" and details.get("completed"):
            self._give(_read_wav(self._wav))

    def setBusy(self, busy: bool) -> None:
        """Take note that the driver is busy: nothing is queued here that could wait for it."""


def _read_wav(wav: io.BytesIO) -> bytes:
    wav.seek(0)
    with wave.open(wav, "rb") as reader:
        return telephone_audio(reader.readframes(reader.getnframes()), reader.getframerate())


def serve(speaker: Speaker, jobs: BinaryIO, answers: BinaryIO, job_s: float) -> None:
    """Do jobs until the input ends.

    A job that takes longer than `job_s` seconds ends the process by SIGALRM, even inside the C
    library: nobody may be left who would kill it.
    """
    reader = FrameReader()
    while data := jobs.read(_READ_BYTES):
        reader.receive_data(data)
        while (job := reader.next_event()) is not None:
            signal.setitimer(signal.ITIMER_REAL, job_s)
            _answer(speaker, job, answers)
            signal.setitimer(signal.ITIMER_REAL, 0)


def _answer(speaker: Speaker, job: Frame, answers: BinaryIO) -> None:
    def give(sound: bytes) -> None:
        _send(answers, Frame(job.job, Kind.SOUND, sound))

    speaker.speak(job.body.decode(), give)


def _send(answers: BinaryIO, frame: Frame) -> None:
    answers.write(bytes(frame))
    answers.flush()


def _private_output() -> BinaryIO:
    """Return standard output for answers alone: pyttsx3 and what it starts print there."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return answers


def main() -> None:
    """Say READY, or FAILED and why, as job 0; then serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--voice", required=True)
    parser.add_argument("--rate-wpm", type=int, required=True)
    parser.add_argument("--job-s", type=float, required=True)
    arguments = parser.parse_args()
    # Ctrl-C goes to the whole foreground group; the voice process decides when workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = _private_output()
    try:
        speaker = Speaker(arguments.voice, arguments.rate_wpm)
    except (RuntimeError, ValueError, OSError, ImportError, AttributeError) as error:
        _send(answers, Frame(0, Kind.FAILED, str(error).encode()))
        sys.exit(1)
    _send(answers, Frame(0, Kind.READY))
    with os.fdopen(0, "rb", buffering=0, closefd=False) as jobs:
        serve(speaker, jobs, answers, arguments.job_s)


if __name__ == "__main__":
    main()
