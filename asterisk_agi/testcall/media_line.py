"""The RTP socket of a test call: sends a packet each 20 ms, and records both directions.

Packets are timed by the kernel (SO_TIMESTAMPNS) when it received them, so a busy event loop does
not distort the recording. RTCP is neither sent nor read. Sources: RFC 3550; socket(7), Linux.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import struct
import time
from collections.abc import Callable

from aiortc.rtp import RtpPacket

from asterisk_agi.media.clock import PacingClock
from asterisk_agi.media.formats import FRAME_S, decode_ulaw
from asterisk_agi.testcall.mouth import Mouth
from asterisk_agi.testcall.sdp import ULAW_PAYLOAD_TYPE, RemoteMedia
from asterisk_agi.testcall.track import Track

_log = logging.getLogger(__name__)

PACKET_MAX_BYTES = 1500
"""A longer datagram is cut, and then no valid 20 ms packet."""
READS_MAX = 64
"""Packets taken in one go, so that a flood cannot starve the sender."""

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")


class MediaLine:
    """One RTP stream each way, on one time line whose second 0 is the answer."""

    def __init__(self, host: str, on_sound: Callable[[bytes, float], None]) -> None:
        """host: our own IPv4 address. on_sound: called with each packet's PCM and its time."""
        self._on_sound = on_sound
        self._loop = asyncio.get_running_loop()
        self._unix_offset_s = time.time() - self._loop.time()
        self._zero_s = self._loop.time()
        self._socket = _bound(host)
        self._sender: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self.mouth = Mouth(secrets.randbits(32), secrets.randbits(16), secrets.randbits(32))
        self.sent = Track()
        self.received = Track()
        self.last_key_s = 0.0
        """When the last packet of a key was sent, in seconds of the call."""

    @property
    def port(self) -> int:
        """Our RTP port."""
        return int(self._socket.getsockname()[1])

    @property
    def zero_unix_s(self) -> float:
        """Second 0 of the call by the Unix clock."""
        return self._zero_s + self._unix_offset_s

    def now_s(self) -> float:
        """Return the time, in seconds of the call."""
        return self._loop.time() - self._zero_s

    def connect(self, media: RemoteMedia) -> None:
        """Send to, and hear only, this address from now on."""
        if media.event_payload_type is not None:
            self.mouth.event_payload_type = media.event_payload_type
        self._socket.connect((media.host, media.port))

    def start(self) -> None:
        """Begin to send and to record: this moment is second 0."""
        self._zero_s = self._loop.time()
        self._loop.add_reader(self._socket.fileno(), self._on_readable)
        self._sender = self._loop.create_task(self._send(), name="test caller's RTP sender")

    async def sent_all(self) -> None:
        """Wait until what was given to the mouth is sent."""
        if self.mouth.jobs_left:
            self._idle.clear()
            await self._idle.wait()

    async def close(self) -> None:
        """Stop sending, close the socket. May be called twice."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
            self._sender = None
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    # Sending...

    async def _send(self) -> None:
        clock = PacingClock(self._loop.time(), FRAME_S)
        while True:
            late, due = clock.take_due(self._loop.time())
            for _ in range(late + due):
                self._send_frame()
            if not self.mouth.jobs_left:
                self._idle.set()
            await asyncio.sleep(max(0.0, clock.next_deadline_s - self._loop.time()))

    def _send_frame(self) -> None:
        frame = self.mouth.next_frame()
        now_s = self.now_s()
        try:
            self._socket.send(frame.packet.serialize())
        except OSError as error:
            # Full buffers or an ICMP error: a lost packet, as on any network.
            _log.debug("an RTP packet was not sent: %s", error)
        if frame.packet.payload_type != ULAW_PAYLOAD_TYPE:
            self.last_key_s = now_s
        # A microphone has spoken a packet's sound before the packet leaves: 20 ms earlier.
        self.sent.add(frame.packet.ssrc, frame.position, frame.pcm, now_s - FRAME_S)

    # Receiving...

    def _on_readable(self) -> None:
        for _ in range(READS_MAX):
            try:
                data, ancillary, _, _ = self._socket.recvmsg(PACKET_MAX_BYTES, 64)
            except (BlockingIOError, ConnectionError):
                return
            self._take(data, self._arrival_s(ancillary))

    def _arrival_s(self, ancillary: list[tuple[int, int, bytes]]) -> float:
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                seconds, nanoseconds = _TIMESPEC.unpack(content)
                return float(seconds + nanoseconds / 1e9 - self.zero_unix_s)
        return self.now_s()

    def _take(self, data: bytes, at_s: float) -> None:
        try:
            packet = RtpPacket.parse(data)
        except ValueError as error:
            _log.debug("no RTP packet: %s", error)
            return
        if packet.payload_type != ULAW_PAYLOAD_TYPE:
            return
        pcm = decode_ulaw(packet.payload)
        self.received.add(packet.ssrc, packet.timestamp, pcm, at_s)
        self._on_sound(pcm, at_s)


def _bound(host: str) -> socket.socket:
    rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    rtp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    rtp.setblocking(False)
    rtp.bind((host, 0))
    return rtp
