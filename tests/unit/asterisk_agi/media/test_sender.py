from __future__ import annotations

from aiortc.rtp import RtpPacket

from asterisk_agi.media.formats import FRAME_SAMPLES, SILENT_FRAME
from asterisk_agi.media.sender import RtpSender

SPEECH = b"\x10" * FRAME_SAMPLES


def test_one_stream_through_speech_and_silence_and_across_the_wrap() -> None:
    sender = RtpSender(ssrc=9, sequence=65534, timestamp=2**32 - 200)
    packets = [
        RtpPacket.parse(sender.next_packet(frame)) for frame in (None, SPEECH, SPEECH, None, SPEECH)
    ]
    assert [packet.sequence_number for packet in packets] == [65534, 65535, 0, 1, 2]
    assert [packet.timestamp for packet in packets] == [2**32 - 200, 2**32 - 40, 120, 280, 440]
    assert [packet.marker for packet in packets] == [0, 1, 0, 0, 1]
    assert {(packet.ssrc, packet.payload_type) for packet in packets} == {(9, 0)}
    assert [packet.payload == SPEECH for packet in packets] == [False, True, True, False, True]
    assert packets[0].payload == SILENT_FRAME
    assert sender.sent == 5


def test_time_stamps_go_on_over_periods_that_were_left_out() -> None:
    sender = RtpSender(ssrc=9, sequence=5, timestamp=1000)
    sender.next_packet(SPEECH)
    sender.skip(0)
    assert RtpPacket.parse(sender.next_packet(SPEECH)).marker == 0
    sender.skip(3)
    packet = RtpPacket.parse(sender.next_packet(SPEECH))
    assert (packet.sequence_number, packet.timestamp, packet.marker) == (7, 1000 + 5 * 160, 1)


def test_streams_begin_at_random() -> None:
    first, other = (RtpPacket.parse(RtpSender().next_packet(None)) for _ in range(2))
    assert (first.ssrc, first.timestamp) != (other.ssrc, other.timestamp)
