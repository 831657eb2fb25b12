"""G.711 against the standard's own figures, and the modular numbers at their edges."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.media import formats


def pcm(*samples: int) -> bytes:
    return struct.pack(f"<{len(samples)}h", *samples)


# G.711 table 2a, in 16 bit (times four): segment ends and the middle values of a few codes.
@pytest.mark.parametrize(
    ("code", "sample"),
    [(0x00, -32124), (0x80, 32124), (0xFF, 0), (0x7F, 0), (0xFE, 8), (0x7E, -8), (0x8F, 16764)],
)
def test_codes_expand_to_the_samples_of_the_standard(code: int, sample: int) -> None:
    assert formats.decode_ulaw(bytes([code])) == pcm(sample)


@pytest.mark.parametrize(
    ("sample", "code"), [(32767, 0x80), (-32768, 0x00), (0, 0xFF), (8, 0xFE), (-8, 0x7E)]
)
def test_samples_compress_to_the_codes_of_the_standard(sample: int, code: int) -> None:
    assert formats.encode_ulaw(pcm(sample)) == bytes([code])


def test_every_code_survives_a_round_trip() -> None:
    codes = bytes(code for code in range(256) if code != 0x7F)  # 0x7F is "negative zero"
    assert formats.encode_ulaw(formats.decode_ulaw(codes)) == codes


@given(st.binary(max_size=400))
@settings(max_examples=40, deadline=None)
def test_expanding_doubles_the_length(payload: bytes) -> None:
    assert len(formats.decode_ulaw(payload)) == 2 * len(payload)


@given(st.lists(st.integers(-32768, 32767), max_size=50))
@settings(max_examples=40, deadline=None)
def test_compression_keeps_a_sample_within_a_step(samples: list[int]) -> None:
    back = formats.decode_ulaw(formats.encode_ulaw(pcm(*samples)))
    for sample, near in zip(samples, struct.unpack(f"<{len(samples)}h", back), strict=True):
        assert abs(sample - near) <= 8 + abs(sample) / 16


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="buffer size"):
        formats.encode_ulaw(b"\x00")


def test_halving_is_six_decibels() -> None:
    loud = formats.encode_ulaw(pcm(16000, -16000))
    high, low = struct.unpack("<2h", formats.decode_ulaw(formats.halve_ulaw(loud)))
    assert high == pytest.approx(8000, rel=0.05)
    assert low == pytest.approx(-8000, rel=0.05)


def test_silence_is_zero_samples() -> None:
    assert formats.decode_ulaw(formats.SILENT_FRAME) == bytes(2 * formats.FRAME_SAMPLES)


@given(st.integers(0, 65535), st.integers(-32768, 32767))
@settings(max_examples=40, deadline=None)
def test_sequence_distance_undoes_addition(number: int, step: int) -> None:
    assert formats.seq16_distance(formats.seq16_add(number, step), number) == step


@given(st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1))
@settings(max_examples=40, deadline=None)
def test_time_stamp_distance_undoes_addition(number: int, step: int) -> None:
    assert formats.ts32_distance(formats.ts32_add(number, step), number) == step


def test_newer_looks_across_the_wrap() -> None:
    assert formats.seq16_newer(1, 65535)
    assert not formats.seq16_newer(65535, 1)
