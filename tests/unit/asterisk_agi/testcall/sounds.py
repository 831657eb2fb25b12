"""Tones and tracks for tests: what sounds when is given in seconds."""

from __future__ import annotations

import numpy as np

from asterisk_agi.testcall.record import CallRecord, Utterance
from asterisk_agi.testcall.track import Track

Stretch = tuple[float, float]


def tone(seconds: float, level: float = 8000.0) -> bytes:
    """A square wave of 1000 Hz: loud from its first sample to its last."""
    count = round(seconds * 8000)
    return (level * np.where(np.arange(count) % 8 < 4, 1, -1)).astype("<i2").tobytes()


def pcm(*stretches: Stretch, seconds: float) -> bytes:
    """Silence with a tone in each (begin, end)."""
    samples = np.zeros(round(seconds * 8000), dtype="<i2")
    for begin_s, end_s in stretches:
        begin = round(begin_s * 8000)
        sound = np.frombuffer(tone(end_s - begin_s), dtype="<i2")
        samples[begin : begin + len(sound)] = sound
    return samples.tobytes()


def track(*stretches: Stretch, seconds: float, late_s: float = 0.0) -> Track:
    """A track of 20 ms packets. late_s: delay of every packet but the first."""
    data = pcm(*stretches, seconds=seconds)
    made = Track()
    for at in range(0, len(data), 320):
        seconds_in = at / 16000
        made.add(1, at // 2, data[at : at + 320], seconds_in + (late_s if at else 0.0))
    return made


def record(caller: Track, agent: Track, *utterances: Utterance) -> CallRecord:
    return CallRecord(
        call_id="call@host",
        extension="600",
        zero_unix_s=1000.0,
        seconds=10.0,
        ended_by_far_side=True,
        caller=caller,
        agent=agent,
        utterances=utterances,
    )
