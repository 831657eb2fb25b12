"""A worker of the synthesizer without an engine; the sentence says how it behaves.

"once ..." behaves so only when the folder of the first argument has no mark yet.
The second argument, if any, is what it does at its start instead of saying that it is ready.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from asterisk_agi.speech.espeak_wire import BODY_MAX_BYTES, Frame, FrameReader, Kind


def answer(job: int, kind: Kind, body: bytes = b"") -> None:
    os.write(1, bytes(Frame(job, kind, body)))


def behave(words: list[str], job: Frame) -> None:
    if "crash" in words:
        os.kill(os.getpid(), 11)
    if "hang" in words:
        time.sleep(60)
    if "slow" in words:
        time.sleep(0.1)
    if "babble" in words:
        os.write(1, (BODY_MAX_BYTES + 1).to_bytes(4, "big") + bytes(5))
    if "refuse" in words:
        answer(job.job, Kind.FAILED, b"not today")
    else:
        answer(job.job, Kind.SOUND, sound(job.body.decode()))


def sound(text: str) -> bytes:
    """What this worker makes of a text: it can be told apart from any other."""
    return text.encode("utf-16-le")


def main() -> None:
    marks = Path(sys.argv[1])
    (marks / f"started-{os.getpid()}").touch()
    if sys.argv[2:] == ["crash"]:
        sys.exit(1)
    if sys.argv[2:] == ["hang"]:
        time.sleep(60)
    if sys.argv[2:] == ["refuse"]:
        answer(0, Kind.FAILED, b"no such voice")
        sys.exit(1)
    answer(0, Kind.READY)
    reader = FrameReader()
    while data := os.read(0, 65536):
        reader.receive_data(data)
        while (job := reader.next_event()) is not None:
            words = job.body.decode().split()
            once, mark = words[0] == "once", marks / "once"
            if once and mark.exists():
                words = []
            elif once:
                mark.touch()
            behave(words, job)


if __name__ == "__main__":
    main()
