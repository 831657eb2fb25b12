"""Two short recordings of flite's voices, as telephone audio, with 0.1 s of noise around them."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from asterisk_agi.audio import TELEPHONE, PcmChunk

FOLDER = Path(__file__).parent / "audio"
ITEM = "is item four five two one in stock"
ORDER = "where is my order"
MARGIN_S = 0.1
"""Noise before and after the speech in each file."""


def item_4521() -> PcmChunk:
    return _read("item_4521.wav")


def where_is_my_order() -> PcmChunk:
    return _read("where_is_my_order.wav")


def noise(seconds: float, level: float = 4.0, seed: int = 1) -> PcmChunk:
    """Comfort noise; level: root mean square of the samples."""
    samples = np.random.default_rng(seed).normal(0, level, int(seconds * TELEPHONE.rate_hz))
    return PcmChunk(samples.astype("<i2").tobytes())


def joined(*chunks: PcmChunk) -> PcmChunk:
    return PcmChunk(b"".join(chunk.data for chunk in chunks))


def packets(chunk: PcmChunk, size_bytes: int = 320) -> list[PcmChunk]:
    """Cut it as RTP does, 20 ms each."""
    return [
        PcmChunk(chunk.data[at : at + size_bytes]) for at in range(0, len(chunk.data), size_bytes)
    ]


def _read(name: str) -> PcmChunk:
    with wave.open(str(FOLDER / name)) as file:
        return PcmChunk(file.readframes(file.getnframes()))
