"""One media leg: the UDP socket between a call and Asterisk's `UnicastRTP` channel.

The shell around the pure parts of this package: it owns the socket and one timer, and no task.
It neither dials nor learns Asterisk's address (`asterisk_agi/leg.py` does), and hears no DTMF:
keys come by AMI.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from asterisk_agi.audio import PcmChunk
from asterisk_agi.errors import MediaError
from asterisk_agi.media.clock import PacingClock
from asterisk_agi.media.formats import FRAME_S
from asterisk_agi.media.player import Playback, Player
from asterisk_agi.media.ports import bind_udp
from asterisk_agi.media.rations import Rations
from asterisk_agi.media.receiver import DATAGRAM_MAX_BYTES, ReceiveStatistics, RtpReceiver
from asterisk_agi.media.sender import RtpSender

_log = logging.getLogger(__name__)

DATAGRAMS_PER_TURN = 4
"""Datagrams read before other work of the event loop has its turn. Of ten legs that were behind on
a busy machine, 16 of each kept our own packets and beats waiting for up to a second."""
REFUSED_MAX = 5
"""Refusals (ICMP: nobody listens there) with no packet between that mean: Asterisk's end is gone.
The kernel reports one for every second packet, so this is after about 200 ms."""


@dataclass(frozen=True)
class MediaSettings:
    """Where legs listen, and how they play."""

    host: str = "127.0.0.1"
    """IP address of this machine that Asterisk sends audio to; no name."""
    port_first: int = 0
    """First UDP port of the range; 0: any free port. Only even ports are used."""
    port_last: int = 0
    """Last UDP port of the range; 0 with port_first 0."""
    reorder_ms: int = 40
    """Milliseconds that a gap in Asterisk's packets is held open for a late one."""
    quiet_ms: int = 100
    """Milliseconds without a packet after which the caller counts as silent."""
    gap_ms: int = 120
    """Milliseconds of silence between two sentences that follow each other."""

    def __post_init__(self) -> None:
        """Refuse what can't work; each message begins with the key."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            raise ValueError(f"host is {self.host!r}: use an IP address of this machine") from None
        if (self.port_first, self.port_last) != (0, 0):
            if not 1024 <= self.port_first <= 65534:
                raise ValueError(f"port_first is {self.port_first}: use 1024 to 65534, or 0")
            if not self.port_first + self.port_first % 2 <= self.port_last <= 65535:
                raise ValueError(
                    f"port_last is {self.port_last}: use {self.port_first + 1} to 65535"
                )
        _check_range("reorder_ms", self.reorder_ms, 0, 500)
        _check_range("quiet_ms", self.quiet_ms, 40, 2000)
        _check_range("gap_ms", self.gap_ms, 0, 2000)


def _check_range(key: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ValueError(f"{key} is {value}: use {least} to {most}")


@dataclass
class LegStatistics:
    """What a leg has done so far."""

    sent: int = 0
    """Packets handed to the kernel."""
    unsent: int = 0
    """Packets that the kernel did not take."""
    refused: int = 0
    """Reports of the kernel that nobody listens on Asterisk's port."""
    skipped: int = 0
    """Periods of 20 ms left out because the event loop was late."""
    flooded: int = 0
    """Times that more datagrams came than any telephone sends, and reading them was put off."""
    received: ReceiveStatistics = field(default_factory=ReceiveStatistics)


class _Refusals:
    """Counts refusals with no packet between, and tells once when the peer is gone."""

    def __init__(self, on_lost: Callable[[], None] | None) -> None:
        self._on_lost = on_lost
        self.in_a_row = 0

    def count(self) -> None:
        self.in_a_row += 1
        if self.in_a_row == REFUSED_MAX and self._on_lost is not None:
            on_lost, self._on_lost = self._on_lost, None
            on_lost()


class Leg:
    """One leg, from `open` to `close`. All in one event loop."""

    def __init__(
        self,
        udp: socket.socket,
        settings: MediaSettings,
        on_audio: Callable[[PcmChunk], None],
        on_lost: Callable[[], None] | None = None,
        on_frame: Callable[[bytes | None], None] | None = None,
    ) -> None:
        """Use `open`."""
        self._loop = asyncio.get_running_loop()
        self._udp = udp
        self._on_audio = on_audio
        self._refusals = _Refusals(on_lost)
        self._player = Player(settings.gap_ms / 1000, on_frame)
        self._sender = RtpSender()
        now_s = self._loop.time()
        self._receiver = RtpReceiver(settings.reorder_ms / 1000, settings.quiet_ms / 1000, now_s)
        self._clock = PacingClock(now_s, FRAME_S)
        self._timer: asyncio.TimerHandle | None = None
        self._rations = Rations(now_s)
        self._peer: tuple[str, int] | None = None
        self.statistics = LegStatistics(received=self._receiver.statistics)

    @classmethod
    async def open(
        cls,
        settings: MediaSettings,
        on_audio: Callable[[PcmChunk], None],
        on_lost: Callable[[], None] | None = None,
        on_frame: Callable[[bytes | None], None] | None = None,
    ) -> Leg:
        """Bind a port and return the leg, silent and deaf until `connect`.

        on_audio: called with the caller's audio as it comes, mostly 20 ms at a time, without
        gaps (silence is filled in). on_lost: called once when nobody listens on Asterisk's port
        any more. on_frame: called with each u-law frame that is sent, None for silence. All must
        be quick. Raises MediaError when no port can be had.
        Call `connect` when Asterisk's address is known, and `close` in any case.
        """
        udp = bind_udp(settings.host, settings.port_first, settings.port_last)
        leg = cls(udp, settings, on_audio, on_lost, on_frame)
        leg._loop.add_reader(udp, leg._on_readable)
        return leg

    @property
    def host(self) -> str:
        """Our address, for `Dial(UnicastRTP/host:port)`."""
        return str(self._udp.getsockname()[0])

    @property
    def port(self) -> int:
        """Our port."""
        return int(self._udp.getsockname()[1])

    def connect(self, address: str, port: int) -> None:
        """Send to this address from now on, every 20 ms, and hear only it.

        Raises MediaError when the address can't be used.
        """
        try:
            # A name would be looked up in the event loop.
            ipaddress.ip_address(address)
            self._udp.connect((address, port))
            self._peer = self._udp.getpeername()[:2]
        except (OSError, OverflowError, ValueError) as error:
            raise MediaError(f"can't send RTP to {address} port {port}: {error}") from error
        now_s = self._loop.time()
        self._receiver.start(now_s)
        self._clock = PacingClock(now_s, FRAME_S)
        self._arm()

    async def close(self) -> None:
        """Free socket and timer; what was still to be played counts as stopped.

        May be called twice.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._udp.fileno() != -1:
            self._loop.remove_reader(self._udp)
            self._udp.close()
            _log.debug("leg closed: %s", self.statistics)
        self._player.stop()

    # Playing...

    def play(self, chunk: PcmChunk) -> Playback:
        """Queue telephone audio after what plays now.

        Raises ValueError for another format or for more than player.QUEUED_MAX_S: our bug.
        """
        return self._player.add(chunk, self._loop.create_future())

    def stop_playback(self) -> None:
        """Drop all that is queued; the next packet is silence."""
        self._player.stop()

    @property
    def playing(self) -> bool:
        """Tell whether anything is left to be sent."""
        return self._player.playing

    @property
    def queued_s(self) -> float:
        """Seconds of speech that are left to be sent."""
        return self._player.queued_s

    # Sending...

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._clock.next_deadline_s, self._on_timer)

    def _on_timer(self) -> None:
        now_s = self._loop.time()
        skipped, due = self._clock.take_due(now_s)
        self._arm()
        self._sender.skip(skipped)
        self.statistics.skipped += skipped
        for _ in range(due):
            self._send(self._sender.next_packet(self._player.take_frame(now_s)))
        self._deliver(self._receiver.receive_time(now_s))

    def _send(self, datagram: bytes) -> None:
        try:
            self._udp.send(datagram)
        except ConnectionRefusedError:
            self.statistics.unsent += 1
            self._count_refusal()
        except OSError as error:
            # A full buffer or a network that is down for a moment: RTP lives with loss.
            self.statistics.unsent += 1
            _log.debug("a packet was not sent: %s", error)
        else:
            self.statistics.sent += 1

    def _count_refusal(self) -> None:
        self.statistics.refused += 1
        self._refusals.count()

    # Receiving...

    def _on_readable(self) -> None:
        for _ in range(DATAGRAMS_PER_TURN):
            if not self._rations.take(self._loop.time()):
                self._put_off()
                return
            try:
                datagram, source = self._udp.recvfrom(DATAGRAM_MAX_BYTES + 1)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                self._count_refusal()
                continue
            except OSError as error:
                _log.debug("a datagram was not read: %s", error)
                return
            self._receive(datagram, source)
            if self._udp.fileno() == -1:
                return

    def _put_off(self) -> None:
        """Read nothing for a moment: what does not fit into the kernel's buffer is lost there."""
        self.statistics.flooded += 1
        self._loop.remove_reader(self._udp)
        self._loop.call_later(FRAME_S, self._read_on)

    def _read_on(self) -> None:
        if self._udp.fileno() != -1:
            self._loop.add_reader(self._udp, self._on_readable)

    def _receive(self, datagram: bytes, source: tuple[str, int]) -> None:
        # The kernel filters a connected socket, but not what was queued before `connect`.
        if self._peer is None or source[:2] != self._peer:
            self.statistics.received.foreign += 1
            return
        self._refusals.in_a_row = 0
        self._deliver(self._receiver.receive_data(datagram, self._loop.time()))

    def _deliver(self, chunks: list[PcmChunk]) -> None:
        for chunk in chunks:
            self._on_audio(chunk)
