"""The outbound RTP stream of a leg: one packet for each 20 ms, speech or silence, without end.

Sequence numbers and time stamps run through all utterances, so that Asterisk sees one stream.
The marker bit stands on the first packet of speech after silence (RFC 3551 section 4.1).
No sockets, no clock: whoever paces it asks for one packet a period.
"""

from __future__ import annotations

from aiortc.rtp import RtpPacket
from aiortc.utils import random16, random32

from asterisk_agi.media.formats import FRAME_SAMPLES, PCMU, SILENT_FRAME, seq16_add, ts32_add


class RtpSender:
    """Makes packets of frames. The first numbers are random (RFC 3550 section 5.1)."""

    def __init__(
        self, ssrc: int | None = None, sequence: int | None = None, timestamp: int | None = None
    ) -> None:
        self._ssrc = random32() if ssrc is None else ssrc
        self._sequence = random16() if sequence is None else sequence
        self._timestamp = random32() if timestamp is None else timestamp
        self._talking = False
        self.sent = 0
        """Packets made."""

    def next_packet(self, frame: bytes | None) -> bytes:
        """Return the next packet: 160 bytes of u-law, or silence for None."""
        packet = RtpPacket(
            payload_type=PCMU,
            marker=int(frame is not None and not self._talking),
            sequence_number=self._sequence,
            timestamp=self._timestamp,
            ssrc=self._ssrc,
            payload=SILENT_FRAME if frame is None else frame,
        )
        self._talking = frame is not None
        self._sequence = seq16_add(self._sequence, 1)
        self._timestamp = ts32_add(self._timestamp, FRAME_SAMPLES)
        self.sent += 1
        return packet.serialize()

    def skip(self, periods: int) -> None:
        """Leave periods out: time stamps go on, sequence numbers do not.

        The receiver then sees a pause in the talk, not a stream that runs late for ever.
        """
        self._timestamp = ts32_add(self._timestamp, periods * FRAME_SAMPLES)
        self._talking = self._talking and periods == 0
