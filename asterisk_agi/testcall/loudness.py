"""Where there is sound and where there is silence: energy in windows of 10 ms. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asterisk_agi.media.formats import RATE_HZ

WINDOW_SAMPLES = 80
"""10 ms."""
SOUND_RMS = 200.0
"""A window is sound above this root mean square (of 32,768): -44 dB, far below telephone speech
and above the noise of G.711 and of a quiet room."""
GAP_S = 0.12
"""Silence within a word or between words; a longer one divides two bursts."""
BURST_MIN_S = 0.03
"""A shorter sound is a click."""


@dataclass(frozen=True)
class Burst:
    """A stretch of sound; samples from the track's begin, end exclusive."""

    begin: int
    end: int

    @property
    def begin_s(self) -> float:
        """Begin in seconds of the call."""
        return self.begin / RATE_HZ

    @property
    def end_s(self) -> float:
        """End in seconds of the call."""
        return self.end / RATE_HZ


def rms(pcm: bytes) -> float:
    """Return the root mean square of int16 samples; 0.0 for none."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    return float(np.sqrt(np.mean(samples * samples))) if samples.size else 0.0


def bursts(pcm: bytes, gap_s: float = GAP_S, min_s: float = BURST_MIN_S) -> tuple[Burst, ...]:
    """Cut a track into its stretches of sound, in order.

    pcm: int16 at 8000 Hz. gap_s: a silence of at most this length is part of a burst.
    min_s: a shorter sound is left out; 0 keeps the release of a last "k".
    Edges are exact to the sample: the first and last one as loud as the threshold.
    """
    samples = np.frombuffer(pcm, dtype="<i2")
    runs = _runs(_loud_windows(samples), round(gap_s * RATE_HZ / WINDOW_SAMPLES))
    found = (_trimmed(samples, first, last) for first, last in runs)
    return tuple(b for b in found if b.end - b.begin >= min_s * RATE_HZ)


def _loud_windows(samples: NDArray[np.int16]) -> NDArray[np.intp]:
    """Return the numbers of the windows that are sound."""
    padded = np.pad(samples.astype(np.float64), (0, -len(samples) % WINDOW_SAMPLES))
    windows = padded.reshape(-1, WINDOW_SAMPLES)
    loud: NDArray[np.intp] = np.flatnonzero(np.mean(windows * windows, axis=1) > SOUND_RMS**2)
    return loud


def _runs(windows: NDArray[np.intp], gap: int) -> list[tuple[int, int]]:
    if windows.size == 0:
        return []
    cuts = np.flatnonzero(np.diff(windows) > gap + 1)
    firsts = windows[np.concatenate(([0], cuts + 1))]
    lasts = windows[np.concatenate((cuts, [windows.size - 1]))]
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]


def _trimmed(samples: NDArray[np.int16], first: int, last: int) -> Burst:
    """Narrow a run of windows to the samples that are as loud as the threshold."""
    begin, end = first * WINDOW_SAMPLES, min((last + 1) * WINDOW_SAMPLES, len(samples))
    loud = np.flatnonzero(np.abs(samples[begin:end].astype(np.int32)) >= SOUND_RMS)
    return Burst(begin + int(loud[0]), begin + int(loud[-1]) + 1)
