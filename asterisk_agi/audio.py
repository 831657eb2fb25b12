"""Audio as a typed value: samples never travel between modules as bare bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AudioFormat:
    """How linear PCM bytes are to be read; always signed, little-endian."""

    rate_hz: int
    """Samples a second."""
    width_bytes: int = 2
    """Bytes a sample."""
    channels: int = 1
    """1 is mono."""

    @property
    def bytes_per_second(self) -> int:
        """Bytes of one second of audio."""
        return self.rate_hz * self.width_bytes * self.channels


TELEPHONE = AudioFormat(rate_hz=8000)
"""G.711 expanded: 8000 Hz, 16 bit, mono. What the leg, the voice activity and Vosk take."""


@dataclass(frozen=True)
class PcmChunk:
    """A stretch of linear PCM of any length."""

    data: bytes
    format: AudioFormat = TELEPHONE

    @property
    def seconds(self) -> float:
        """Its length, in seconds."""
        return len(self.data) / self.format.bytes_per_second
