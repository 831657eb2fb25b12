"""Turns an engine's speech into telephone audio: trimmed, 8000 Hz, at one level."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from asterisk_agi.audio import TELEPHONE

PEAK = 0.5
"""Of full scale, -6 dBFS: loud on a telephone, and far from G.711's clipping."""
GAIN_MAX = 8.0
"""A whisper is not blown up beyond this (18 dB): it would be noise."""
SILENCE_RATIO = 0.01
"""Of the peak (-40 dB): what is quieter at either end is trimmed."""
HEAD_S = 0.005
"""Seconds kept before the first sound, so that it does not begin with a click."""
TAIL_S = 0.030
"""Seconds kept after the last sound: final consonants die away slowly."""


def telephone_audio(pcm: bytes, rate_hz: int) -> bytes:
    """Return int16 mono PCM of any rate as TELEPHONE samples; b'' for nothing but silence."""
    samples: NDArray[np.float32] = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    peak = float(np.abs(samples).max(initial=0.0))
    if peak == 0.0:
        return b""
    trimmed = _trim(samples, peak * SILENCE_RATIO, rate_hz)
    resampled: NDArray[np.float32] = soxr.resample(trimmed, rate_hz, TELEPHONE.rate_hz)
    # Measured after resampling: what lies above 4 kHz is not heard, and filters overshoot.
    gain = min(GAIN_MAX, PEAK * 32768 / max(float(np.abs(resampled).max(initial=0.0)), 1.0))
    telephone: NDArray[np.int16] = (resampled * gain).round().astype("<i2")
    return telephone.tobytes()


def _trim(samples: NDArray[np.float32], threshold: float, rate_hz: int) -> NDArray[np.float32]:
    loud = np.flatnonzero(np.abs(samples) > threshold)
    first = max(0, int(loud[0]) - int(HEAD_S * rate_hz))
    last = int(loud[-1]) + 1 + int(TAIL_S * rate_hz)
    return samples[first:last]
