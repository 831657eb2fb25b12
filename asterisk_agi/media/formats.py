"""G.711 u-law and the modular numbers of RTP.

Knows payload bytes and samples only: no packets, no sockets, no time.
Sources: ITU-T G.711, RFC 3551 section 4.5.14 (PCMU), RFC 3550 section 5.1.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from aiortc.codecs.g711 import PcmuDecoder, PcmuEncoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.utils import uint16_add, uint16_gt, uint32_add
from av import AudioFrame
from numpy.typing import NDArray

RATE_HZ = 8000
"""Samples, and time stamp units, a second."""
FRAME_S = 0.020
"""Length of the packets that we send (RFC 3551: the default ptime)."""
FRAME_SAMPLES = 160
"""Samples of one frame; in u-law as many bytes."""
PCMU = 0
"""Static payload type of u-law."""
SILENCE = b"\xff"
"""One u-law sample of silence (positive zero)."""
SILENT_FRAME = SILENCE * FRAME_SAMPLES

seq16_add = uint16_add
"""Add to a sequence number, modulo 2**16."""
seq16_newer = uint16_gt
"""Tell whether the first sequence number comes after the second one."""
ts32_add = uint32_add
"""Add to a time stamp, modulo 2**32."""


def seq16_distance(later: int, earlier: int) -> int:
    """Return how many packets `later` is ahead; negative when it is behind (-32768 to 32767)."""
    return ((later - earlier + 0x8000) & 0xFFFF) - 0x8000


def ts32_distance(later: int, earlier: int) -> int:
    """Return how many samples `later` is ahead; negative when it is behind."""
    return ((later - earlier + 0x80000000) & 0xFFFFFFFF) - 0x80000000


# aiortc's codecs are the authority on G.711, but they take and give PyAV frames, and the encoder's
# resampler holds samples back between calls. G.711 has no memory, so both are asked once, for every
# possible sample, and the answers are kept as tables (Python 3.13 has no `audioop` any more).


def _decoding_table() -> NDArray[np.int16]:
    (frame,) = PcmuDecoder().decode(JitterFrame(data=bytes(range(256)), timestamp=0))
    if not isinstance(frame, AudioFrame):
        raise TypeError(f"aiortc decoded u-law to {type(frame)}")
    pcm: NDArray[np.int16] = np.frombuffer(bytes(frame.planes[0])[:512], dtype=np.int16)
    return pcm


def _encoding_table() -> NDArray[np.uint8]:
    # All 65,536 samples in the order of their unsigned reading, filled up to whole 20 ms frames.
    every_sample = np.arange(65536, dtype=np.uint16).tobytes()
    padding = bytes(2 * (-65536 % FRAME_SAMPLES))
    frame = AudioFrame(format="s16", layout="mono", samples=65536 + len(padding) // 2)
    frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
    frame.planes[0].update(every_sample + padding)
    payloads, _ = PcmuEncoder().encode(frame)
    table: NDArray[np.uint8] = np.frombuffer(b"".join(payloads), dtype=np.uint8)[:65536]
    return table


_PCM_OF_ULAW = _decoding_table()
_ULAW_OF_PCM = _encoding_table()
_HALVED = _ULAW_OF_PCM[(_PCM_OF_ULAW // 2).view(np.uint16)].tobytes()


def decode_ulaw(payload: bytes) -> bytes:
    """Expand u-law.

    payload: any length, one 8-bit sample a byte, 8000 Hz mono. Returns int16 little-endian PCM,
    exactly twice as long. Never raises. Source: ITU-T G.711.
    """
    pcm: NDArray[np.int16] = _PCM_OF_ULAW[np.frombuffer(payload, dtype=np.uint8)]
    return pcm.astype("<i2", copy=False).tobytes()


def encode_ulaw(pcm: bytes) -> bytes:
    """Compress to u-law.

    pcm: int16 little-endian, 8000 Hz mono, an even number of bytes. Returns half as many bytes.
    Raises ValueError for half a sample: our bug. Source: ITU-T G.711.
    """
    codes: NDArray[np.uint8] = _ULAW_OF_PCM[np.frombuffer(pcm, dtype="<u2")]
    return codes.tobytes()


def halve_ulaw(payload: bytes) -> bytes:
    """Return the same u-law audio 6 dB quieter."""
    return payload.translate(_HALVED)
