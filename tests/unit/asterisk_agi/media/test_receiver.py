from __future__ import annotations

import pytest
from aiortc.rtp import RtpPacket
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.audio import TELEPHONE, PcmChunk
from asterisk_agi.media.receiver import DATAGRAM_MAX_BYTES, PAYLOAD_MAX_BYTES, RtpReceiver


def datagram(sequence: int = 1, payload: bytes = b"\x8f" * 160, payload_type: int = 0) -> bytes:
    return RtpPacket(payload_type, 0, sequence, 160 * sequence, 7, payload).serialize()


@pytest.fixture
def receiver() -> RtpReceiver:
    return RtpReceiver(0.04, 0.1, 0.0)


def test_packets_become_telephone_audio(receiver: RtpReceiver) -> None:
    assert receiver.receive_data(datagram(), 0.0) == [PcmChunk(b"\x7c\x41" * 160, TELEPHONE)]
    assert receiver.receive_time(0.10) == [PcmChunk(bytes(320))] * 4


def test_a_packet_with_padding_extension_and_contributors_is_read(receiver: RtpReceiver) -> None:
    plain = datagram(payload=b"\x8f\x8f")
    header = bytes([0x80 | 0x20 | 0x10 | 1]) + plain[1:12]
    fancy = header + bytes(4) + b"\x00\x00\x00\x01" + bytes(4) + b"\x8f\x8f" + b"\x00\x02"
    assert receiver.receive_data(fancy, 0.0) == [PcmChunk(b"\x7c\x41" * 2)]


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\x80",
        datagram()[:11],
        b"\x40" + datagram()[1:],  # version 1
        b"\x8f" + datagram(payload=b"")[1:],  # 15 contributors, none there
        b"\x90" + datagram(payload=b"\x00\x00\x00\xff")[1:],  # an extension longer than the packet
        b"\xa0" + datagram(payload=b"\x00")[1:],  # a padding of 0
        b"\xa0" + datagram(payload=b"\xff")[1:],  # more padding than packet
    ],
)
def test_malformed_packets_are_counted(receiver: RtpReceiver, bad: bytes) -> None:
    assert receiver.receive_data(bad, 0.0) == []
    assert receiver.statistics.malformed == 1
    assert receiver.statistics.jitter.received == 0


def test_rtcp_on_the_same_port_is_counted(receiver: RtpReceiver) -> None:
    assert receiver.receive_data(b"\x80\xc8" + bytes(26), 0.0) == []
    assert receiver.statistics.rtcp == 1


def test_sizes_are_capped(receiver: RtpReceiver) -> None:
    assert receiver.receive_data(bytes(DATAGRAM_MAX_BYTES + 1), 0.0) == []
    assert receiver.receive_data(datagram(payload=bytes(PAYLOAD_MAX_BYTES + 1)), 0.0) == []
    assert receiver.statistics.oversize == 2
    assert len(receiver.receive_data(datagram(payload=bytes(PAYLOAD_MAX_BYTES)), 0.0)) == 1


def test_other_payload_types_are_counted_and_not_heard(receiver: RtpReceiver) -> None:
    receiver.receive_data(datagram(1), 0.0)
    assert receiver.receive_data(datagram(2, payload_type=8), 0.02) == []
    assert receiver.statistics.jitter.other_payload == 1


@given(st.lists(st.binary(max_size=60), max_size=10))
@settings(max_examples=50, deadline=None)
def test_no_datagram_raises(datagrams: list[bytes]) -> None:
    receiver = RtpReceiver(0.04, 0.1, 0.0)
    for number, data in enumerate(datagrams):
        for version in (data, b"\x90" + data, b"\xb0\x00" + data):
            receiver.receive_data(version, 0.01 * number)
    counts = receiver.statistics
    assert 3 * len(datagrams) == counts.malformed + counts.rtcp + counts.jitter.received
