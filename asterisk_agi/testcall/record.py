"""What is left of a test call: both tracks, what was said when, and how it ended."""

from __future__ import annotations

import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from asterisk_agi.media.formats import RATE_HZ
from asterisk_agi.testcall.track import Track


@dataclass(frozen=True)
class Utterance:
    """One thing that the caller did: words or keys. Times are seconds of the call."""

    text: str
    """The words, or the keys."""
    kind: str
    """`speech` or `keys`."""
    begin_s: float
    end_s: float
    """When the script was done with it; the end of the last word is found in the track."""


@dataclass(frozen=True)
class CallRecord:
    """A finished call. Second 0 is the moment of the answer."""

    call_id: str
    """The SIP Call-ID."""
    extension: str
    zero_unix_s: float
    """Second 0 by the Unix clock; what links the recording to a call's story."""
    seconds: float
    """From answer to end."""
    ended_by_far_side: bool
    caller: Track = field(repr=False)
    agent: Track = field(repr=False)
    utterances: tuple[Utterance, ...]


@dataclass(frozen=True)
class Recordings:
    """The files of a call: 8000 Hz, 16 bit."""

    both: Path
    """Stereo: left the caller, right the agent."""
    caller: Path
    agent: Path


def save(record: CallRecord, folder: Path, name: str) -> Recordings:
    """Write a call's sound as three WAV files of equal length, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = max(round(record.seconds * RATE_HZ), *map(_length, (record.caller, record.agent)))
    left = _padded(record.caller, samples)
    right = _padded(record.agent, samples)
    files = Recordings(
        folder / f"{name}.wav", folder / f"{name}-caller.wav", folder / f"{name}-agent.wav"
    )
    _write(files.both, 2, np.column_stack((left, right)).tobytes())
    _write(files.caller, 1, left.tobytes())
    _write(files.agent, 1, right.tobytes())
    return files


def _length(track: Track) -> int:
    return len(track.pcm) // 2


def _padded(track: Track, samples: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    pcm = np.zeros(samples, dtype="<i2")
    sound = np.frombuffer(track.pcm, dtype="<i2")
    pcm[: len(sound)] = sound
    return pcm


def _write(path: Path, channels: int, data: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(data)
