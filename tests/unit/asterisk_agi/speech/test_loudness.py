from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from asterisk_agi.speech.loudness import GAIN_MAX, HEAD_S, TAIL_S, telephone_audio

RATE_HZ = 22050


def tone(seconds: float, level: float, hz: float = 440.0) -> NDArray[np.float64]:
    at_s: NDArray[np.float64] = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return level * 32767 * np.sin(2 * np.pi * hz * at_s)


def silence(seconds: float) -> NDArray[np.float64]:
    return np.zeros(int(seconds * RATE_HZ))


def made(*parts: NDArray[np.float64]) -> NDArray[np.int16]:
    pcm = np.concatenate(parts).astype("<i2").tobytes()
    return np.frombuffer(telephone_audio(pcm, RATE_HZ), dtype="<i2")


@pytest.mark.parametrize("level", [0.2, 0.9])
def test_the_peak_is_six_decibels_below_full_scale(level: float) -> None:
    assert abs(int(np.abs(made(tone(0.5, level))).max())) == pytest.approx(16384, rel=0.02)


def test_a_whisper_stays_a_whisper() -> None:
    assert int(np.abs(made(tone(0.5, 0.01))).max()) == pytest.approx(
        0.01 * GAIN_MAX * 32767, rel=0.1
    )


def test_silence_at_both_ends_is_trimmed_and_inside_it_stays() -> None:
    sound = made(silence(0.3), tone(0.5, 0.5), silence(0.2), tone(0.5, 0.5), silence(0.4))
    assert len(sound) / 8000 == pytest.approx(1.2 + HEAD_S + TAIL_S, abs=0.003)


def test_the_pitch_stays_and_what_a_telephone_lacks_goes() -> None:
    sound = made(tone(1.0, 0.3) + tone(1.0, 0.3, 6000.0))
    spectrum = np.abs(np.fft.rfft(sound[:8000].astype(np.float64)))
    assert int(spectrum.argmax()) * 8000 / min(len(sound), 8000) == pytest.approx(440, abs=2)
    assert spectrum[1990:2010].max() < 0.01 * spectrum.max()  # 6000 Hz would fold to 2000


@pytest.mark.parametrize("pcm", [b"", bytes(2000)])
def test_nothing_stays_nothing(pcm: bytes) -> None:
    assert telephone_audio(pcm, RATE_HZ) == b""
