"""From datagrams to PCM: what Asterisk sends, checked, in order and expanded.

Whatever arrives, nothing raises: what is no u-law RTP of the peer is counted and left out.
No sockets, no clock: time is an argument (`now_s`).
Sources: RFC 3550 (RTP), RFC 5761 section 4 (telling RTCP from RTP on one port).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from aiortc.rtp import RtpPacket

from asterisk_agi.audio import PcmChunk
from asterisk_agi.media.formats import decode_ulaw
from asterisk_agi.media.jitter import JitterBuffer, JitterStatistics

DATAGRAM_MAX_BYTES = 1500
"""An Ethernet frame's payload. 20 ms of u-law are 172 bytes."""
PAYLOAD_MAX_BYTES = 960
"""120 ms of u-law: the longest packet that telephones send."""
_RTCP_TYPES = range(192, 224)


@dataclass
class ReceiveStatistics:
    """What came to the socket, in packets."""

    foreign: int = 0
    """From another address than Asterisk's, or before it was known."""
    oversize: int = 0
    malformed: int = 0
    rtcp: int = 0
    jitter: JitterStatistics = field(default_factory=JitterStatistics)
    """Of those that were good RTP."""


class RtpReceiver:
    """The inbound half of a leg."""

    def __init__(self, reorder_s: float, quiet_s: float, start_s: float) -> None:
        self._buffer = JitterBuffer(reorder_s, quiet_s, start_s)
        self.statistics = ReceiveStatistics(jitter=self._buffer.statistics)

    def start(self, now_s: float) -> None:
        """Begin the time line now: silence is counted from here."""
        self._buffer.start(now_s)

    def receive_data(self, datagram: bytes, now_s: float) -> list[PcmChunk]:
        """Take one datagram of the peer; return the audio that is now ready, in order."""
        packet = self._parse(datagram)
        if packet is None:
            return []
        return _expand(self._buffer.receive_packet(packet, now_s))

    def receive_time(self, now_s: float) -> list[PcmChunk]:
        """Let time pass, about every 20 ms; return the audio that is now ready."""
        return _expand(self._buffer.receive_time(now_s))

    def _parse(self, datagram: bytes) -> RtpPacket | None:
        """Return the packet; None when it is not to be used, which is counted."""
        if len(datagram) > DATAGRAM_MAX_BYTES:
            self.statistics.oversize += 1
            return None
        if len(datagram) > 1 and datagram[1] in _RTCP_TYPES:
            self.statistics.rtcp += 1
            return None
        try:
            packet = RtpPacket.parse(datagram)
        except ValueError:
            self.statistics.malformed += 1
            return None
        if len(packet.payload) > PAYLOAD_MAX_BYTES:
            self.statistics.oversize += 1
            return None
        return packet


def _expand(payloads: list[bytes]) -> list[PcmChunk]:
    return [PcmChunk(decode_ulaw(payload)) for payload in payloads]
