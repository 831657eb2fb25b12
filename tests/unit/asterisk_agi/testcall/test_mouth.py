from __future__ import annotations

import struct

import pytest

from asterisk_agi.audio import AudioFormat, PcmChunk
from asterisk_agi.media.formats import decode_ulaw
from asterisk_agi.testcall.errors import PhoneUsageError
from asterisk_agi.testcall.mouth import FRAME_BYTES, KEY_GAP_FRAMES, SPEECH_MAX_S, Frame, Mouth

LOUD = struct.pack("<h", 8000) * 160


def new_mouth() -> Mouth:
    return Mouth(ssrc=7, sequence=65535, timestamp=2**32 - 160)


def frames(mouth: Mouth, count: int) -> list[Frame]:
    return [mouth.next_frame() for _ in range(count)]


def test_silence_is_sent_when_nothing_is_said_and_numbers_wrap() -> None:
    got = frames(new_mouth(), 3)
    assert [f.packet.sequence_number for f in got] == [65535, 0, 1]
    assert [f.packet.timestamp for f in got] == [2**32 - 160, 0, 160]
    assert [f.packet.marker for f in got] == [1, 0, 0]
    assert all(f.packet.payload == b"\xff" * 160 for f in got)


def test_speech_is_sent_whole_and_the_last_frame_filled_up() -> None:
    mouth = new_mouth()
    mouth.say(PcmChunk(LOUD + LOUD[:100]))
    got = frames(mouth, 3)
    assert [len(f.pcm) for f in got] == [FRAME_BYTES] * 3
    assert got[1].pcm == LOUD[:100] + bytes(220)
    assert got[2].pcm == bytes(FRAME_BYTES)
    assert abs(struct.unpack("<h", decode_ulaw(got[0].packet.payload)[:2])[0] - 8000) < 300
    assert mouth.jobs_left == 0


def test_a_key_is_five_packets_three_ends_and_a_pause_at_one_time_stamp() -> None:
    mouth = new_mouth()
    mouth.event_payload_type = 96
    frames(mouth, 1)
    mouth.press("#")
    got = frames(mouth, 8 + KEY_GAP_FRAMES + 1)
    keys = [f.packet for f in got if f.packet.payload_type == 96]
    assert len(keys) == 8
    assert {p.timestamp for p in keys} == {0}
    assert [p.marker for p in keys] == [1] + [0] * 7
    assert [struct.unpack("!BBH", p.payload) for p in keys] == [
        *((11, 10, 160 * n) for n in range(1, 6)),
        *((11, 10 | 0x80, 800) for _ in range(3)),
    ]
    after = got[8].packet
    assert (after.payload_type, after.timestamp) == (0, 8 * 160)
    assert [f.packet.sequence_number for f in got] == list(range(len(got)))


def test_speech_waits_for_the_key_before_it() -> None:
    mouth = new_mouth()
    mouth.press("1")
    mouth.say(PcmChunk(LOUD))
    assert mouth.jobs_left == 2
    got = frames(mouth, 8 + KEY_GAP_FRAMES + 2)
    assert [f.pcm == LOUD for f in got].index(True) == 8 + KEY_GAP_FRAMES
    assert mouth.jobs_left == 0


def test_what_no_telephone_can_send_is_refused() -> None:
    mouth = new_mouth()
    with pytest.raises(PhoneUsageError):
        mouth.say(PcmChunk(LOUD, AudioFormat(rate_hz=16000)))
    with pytest.raises(PhoneUsageError):
        mouth.say(PcmChunk(bytes(int(16000 * SPEECH_MAX_S) + 2)))
    with pytest.raises(PhoneUsageError):
        mouth.press("x")
