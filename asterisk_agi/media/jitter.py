"""Puts inbound RTP audio back in order, for an ear that wants it at once.

A packet in order is passed on the moment it comes: there is no play-out delay. Only a gap in the
sequence numbers makes the buffer wait, for `reorder_s` at most; then the lost audio is concealed
(the last packet again, quieter each time, then silence). The output is one gapless time line, so
that later modules can count time in samples: silence that the peer did not send is filled in, from
the time stamps when packets resume, and from the clock while none come.

Takes parsed packets and gives u-law payloads. No sockets, no clock: time is an argument (`now_s`).
Sources: RFC 3550 section 5.1 and appendix A.1, RFC 3551 section 4.1 (silence suppression).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from aiortc.rtp import RtpPacket

from asterisk_agi.media.formats import (
    FRAME_SAMPLES,
    PCMU,
    RATE_HZ,
    SILENCE,
    halve_ulaw,
    seq16_add,
    seq16_distance,
    ts32_add,
    ts32_distance,
)

HELD_PACKETS_MAX = 50
"""Packets kept behind a gap: a second of audio. One more ends the wait."""
JUMP_PACKETS = 100
"""RFC 3550 A.1, MAX_MISORDER: a step further than this, either way, is another stream."""
FILL_MAX_S = 2.0
"""Longest hole in the time stamps that is filled. A longer one is a new origin, not silence."""
REPEATS_MAX = 3
"""Lost packets in a row that are concealed by repetition; then silence."""
_GIVEN_UP_MAX = 256


@dataclass
class JitterStatistics:
    """What was seen so far. All are packets, but for the seconds."""

    received: int = 0
    lost: int = 0
    """Concealed, whether they came later or not."""
    late: int = 0
    """Came after they had been concealed."""
    doubled: int = 0
    reordered: int = 0
    """Came after a packet with a higher number, in time to be used."""
    other_payload: int = 0
    """Not u-law: comfort noise, telephone events."""
    stray: int = 0
    """Of another stream that did not go on."""
    resynchronised: int = 0
    """Another stream began and was followed, or time stamps began anew."""
    filled_s: float = 0.0
    """Silence that was filled in."""


@dataclass(frozen=True)
class _Held:
    packet: RtpPacket
    arrived_s: float


class JitterBuffer:
    """The inbound stream of one leg.

    reorder_s: seconds that a gap is held open for a late packet. quiet_s: seconds without audio
    after which silence is filled in from the clock; more than one packet lasts.
    Call `receive_packet` for each packet and `receive_time` about every 20 ms; both return the
    payloads that are ready, in order.
    """

    def __init__(self, reorder_s: float, quiet_s: float, start_s: float) -> None:
        self.statistics = JitterStatistics()
        self._reorder_s = reorder_s
        self._quiet_s = quiet_s
        self._source: int | None = None
        self._expected_seq = 0
        self._expected_ts = 0
        self._held: dict[int, _Held] = {}
        self._given_up: deque[int] = deque(maxlen=_GIVEN_UP_MAX)
        self._candidate: RtpPacket | None = None
        self._last_payload = b""
        self._arrived_s = start_s
        self._ahead_samples = 0

    # Receiving...

    def start(self, now_s: float) -> None:
        """Begin the time line now: silence is counted from here."""
        self._arrived_s = now_s

    def receive_packet(self, packet: RtpPacket, now_s: float) -> list[bytes]:
        """Take one packet in; return the u-law payloads that are now ready.

        A payload type other than u-law takes its place in the sequence but is not heard.
        """
        self.statistics.received += 1
        self.statistics.other_payload += packet.payload_type != PCMU
        if self._source is None:
            if not _is_audio(packet):
                return []
            self._begin(packet)
        distance = seq16_distance(packet.sequence_number, self._expected_seq)
        if packet.ssrc != self._source or abs(distance) > JUMP_PACKETS:
            return self._receive_stray(packet, now_s)
        self._candidate = None
        if distance < 0:
            self._count_old(packet.sequence_number)
            return []
        return self._receive_next(packet, distance, now_s)

    def receive_time(self, now_s: float) -> list[bytes]:
        """Let time pass: give up on late packets, and fill silence in when none come."""
        payloads: list[bytes] = []
        while self._held and now_s >= self._gap_deadline_s():
            self._give_up_gap(payloads)
        if not self._held:
            payloads += self._fill_quiet(now_s)
        return payloads

    def _receive_next(self, packet: RtpPacket, distance: int, now_s: float) -> list[bytes]:
        if packet.sequence_number in self._held:
            self.statistics.doubled += 1
            return []
        if self._held and any(
            seq16_distance(number, packet.sequence_number) > 0 for number in self._held
        ):
            self.statistics.reordered += 1
        if _is_audio(packet):
            self._arrived_s = now_s
        payloads: list[bytes] = []
        if distance == 0:
            self._pass_on(packet, payloads)
            self._drain(payloads)
        else:
            self._held[packet.sequence_number] = _Held(packet, now_s)
            while len(self._held) > HELD_PACKETS_MAX:
                self._give_up_gap(payloads)
        return payloads + self.receive_time(now_s)

    def _count_old(self, number: int) -> None:
        if number in self._given_up:
            self._given_up.remove(number)
            self.statistics.late += 1
        else:
            self.statistics.doubled += 1

    # Passing on...

    def _pass_on(self, packet: RtpPacket, payloads: list[bytes]) -> None:
        self._expected_seq = seq16_add(packet.sequence_number, 1)
        if not _is_audio(packet):
            return
        self._fill_hole(ts32_distance(packet.timestamp, self._expected_ts), payloads)
        self._expected_ts = ts32_add(packet.timestamp, len(packet.payload))
        self._last_payload = packet.payload
        payloads.append(packet.payload)

    def _drain(self, payloads: list[bytes]) -> None:
        while self._expected_seq in self._held:
            self._pass_on(self._held.pop(self._expected_seq).packet, payloads)

    def _fill_hole(self, samples: int, payloads: list[bytes]) -> None:
        """Fill a hole of the time stamps, less what the clock has already filled."""
        missing = samples - self._ahead_samples
        if samples < 0 or missing > FILL_MAX_S * RATE_HZ:
            self.statistics.resynchronised += 1
        elif missing > 0:
            payloads += self._silence(missing)
        self._ahead_samples = 0

    def _fill_quiet(self, now_s: float) -> list[bytes]:
        """Keep the time line going while nothing comes (silence suppression, a dead peer)."""
        if now_s < self._arrived_s + self._quiet_s:
            return []
        # The last packet is still sounding for one frame.
        quiet = round((now_s - self._arrived_s) * RATE_HZ) - FRAME_SAMPLES
        frames = max(0, quiet - self._ahead_samples) // FRAME_SAMPLES
        self._ahead_samples += frames * FRAME_SAMPLES
        return self._silence(frames * FRAME_SAMPLES)

    def _silence(self, samples: int) -> list[bytes]:
        self.statistics.filled_s += samples / RATE_HZ
        sizes = [FRAME_SAMPLES] * (samples // FRAME_SAMPLES)
        if samples % FRAME_SAMPLES:
            sizes.append(samples % FRAME_SAMPLES)
        return [SILENCE * size for size in sizes]

    # Losing...

    def _gap_deadline_s(self) -> float:
        return min(held.arrived_s for held in self._held.values()) + self._reorder_s

    def _give_up_gap(self, payloads: list[bytes]) -> None:
        """Conceal what is missing before the first held packet, then pass on what follows."""
        first = min(self._held, key=lambda number: seq16_distance(number, self._expected_seq))
        packet = self._held[first].packet
        missing = seq16_distance(first, self._expected_seq)
        self.statistics.lost += missing
        self._given_up.extend(seq16_add(self._expected_seq, n) for n in range(missing))
        self._expected_seq = first
        if _is_audio(packet):
            self._conceal(ts32_distance(packet.timestamp, self._expected_ts), payloads)
        self._drain(payloads)

    def _conceal(self, samples: int, payloads: list[bytes]) -> None:
        """Repeat the last packet into a hole, quieter each time. The rest becomes silence."""
        if self._ahead_samples or samples > FILL_MAX_S * RATE_HZ:
            return
        faded = self._last_payload
        for _ in range(REPEATS_MAX):
            faded = halve_ulaw(faded)
            if not faded or samples < len(faded):
                return
            payloads.append(faded)
            samples -= len(faded)
            self._expected_ts = ts32_add(self._expected_ts, len(faded))

    # Resynchronising...

    def _receive_stray(self, packet: RtpPacket, now_s: float) -> list[bytes]:
        """Follow another stream when its second packet comes: one alone may be an accident."""
        candidate, self._candidate = self._candidate, packet
        if candidate is None:
            return []
        if (
            packet.ssrc != candidate.ssrc
            or seq16_distance(packet.sequence_number, candidate.sequence_number) != 1
        ):
            self.statistics.stray += 1
            return []
        payloads: list[bytes] = []
        while self._held:
            self._give_up_gap(payloads)
        self.statistics.resynchronised += 1
        self._candidate = None
        self._arrived_s = now_s
        self._given_up.clear()
        self._begin(candidate)
        self._pass_on(candidate, payloads)
        self._pass_on(packet, payloads)
        return payloads

    def _begin(self, packet: RtpPacket) -> None:
        self._source = packet.ssrc
        self._expected_seq = packet.sequence_number
        self._expected_ts = packet.timestamp
        self._ahead_samples = 0
        # What comes from before the beginning is late, not doubled.
        number = packet.sequence_number
        self._given_up.extend(seq16_add(number, -back) for back in range(JUMP_PACKETS, 0, -1))


def _is_audio(packet: RtpPacket) -> bool:
    return packet.payload_type == PCMU and len(packet.payload) > 0
