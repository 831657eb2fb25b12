"""A WAV file as telephone audio."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import soxr

from asterisk_agi.audio import PcmChunk
from asterisk_agi.media.formats import RATE_HZ
from asterisk_agi.testcall.errors import PhoneUsageError
from asterisk_agi.testcall.mouth import SPEECH_MAX_S


def read(path: Path) -> PcmChunk:
    """Read a WAV file (16 bit PCM, any rate and channels) as 8000 Hz mono.

    Raises PhoneUsageError, with the mend, for what is no such file or is over SPEECH_MAX_S.
    """
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2:
                raise PhoneUsageError(f"{path}: samples of 16 bit are needed")
            if file.getnframes() > SPEECH_MAX_S * file.getframerate():
                raise PhoneUsageError(f"{path} is over {SPEECH_MAX_S:.0f} s: cut it")
            data = file.readframes(file.getnframes())
            return telephone(data, file.getframerate(), file.getnchannels())
    except (OSError, EOFError, wave.Error) as error:
        raise PhoneUsageError(f"{path} cannot be read as a WAV file: {error}") from error


def telephone(data: bytes, rate_hz: int, channels: int = 1) -> PcmChunk:
    """Turn int16 samples of any rate into telephone audio; channels are averaged."""
    samples = np.frombuffer(data, dtype="<i2").reshape(-1, channels).mean(axis=1)
    resampled = soxr.resample(samples, rate_hz, RATE_HZ) if rate_hz != RATE_HZ else samples
    return PcmChunk(np.clip(np.rint(resampled), -32768, 32767).astype("<i2").tobytes())
