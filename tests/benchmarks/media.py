"""How evenly legs send, and what a leg costs: `python -m tests.benchmarks.media [--json FILE]`.

Legs send silence and speech to sockets of this process, which send a caller's audio back, for ten
seconds at 1 leg and at 10 legs. Printed: how far the gaps between packets, as the kernel saw them
arrive, are from 20 ms; and processor time per leg (that of the peers is measured and taken off).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import socket
import statistics
import struct
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from aiortc.rtp import RtpPacket

from asterisk_agi.audio import PcmChunk
from asterisk_agi.media.clock import PacingClock
from asterisk_agi.media.formats import FRAME_S, SILENT_FRAME, ts32_add
from asterisk_agi.media.leg import Leg, MediaSettings

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")


class Peer:
    """Plays Asterisk for one leg: sends a frame every 20 ms and notes when packets arrive."""

    def __init__(self) -> None:
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._udp.setblocking(False)
        self._udp.bind(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._udp.getsockname()
        self.arrived_s: list[float] = []
        self.busy_s = 0.0
        self._sequence = 0

    def exchange(self, host: str, port: int) -> None:
        """Send one frame, and read what has come."""
        begin_s = time.thread_time()
        stamp = ts32_add(0, 160 * self._sequence)
        packet = RtpPacket(0, 0, self._sequence & 0xFFFF, stamp, 7, SILENT_FRAME)
        self._udp.sendto(packet.serialize(), (host, port))
        self._sequence += 1
        self.drain()
        self.busy_s += time.thread_time() - begin_s

    def drain(self) -> None:
        """Read what has come, with the kernel's time of arrival."""
        while True:
            try:
                _, ancillary, _, _ = self._udp.recvmsg(2000, 64)
            except BlockingIOError:
                return
            seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
            self.arrived_s.append(seconds + nanoseconds / 1e9)

    def close(self) -> None:
        self._udp.close()


@dataclass
class Result:
    """Of one run."""

    legs: int
    packets: int
    gap_p50_ms: float
    gap_p99_ms: float
    gap_worst_ms: float
    """The same for the distance of a gap from 20 ms: median, 99th percentile, worst."""
    error_p50_ms: float
    error_p99_ms: float
    drift_ms: float
    """Of the last packet from where the first one says it should be, worst leg."""
    skipped: int
    heard_frames: int
    cpu_percent_per_leg: float


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


async def run(count: int, seconds: float) -> Result:
    heard: list[int] = []
    peers = [Peer() for _ in range(count)]
    legs = [await Leg.open(MediaSettings(), lambda chunk: heard.append(1)) for _ in peers]
    begin_cpu_s = time.process_time()
    for leg, peer in zip(legs, peers, strict=True):
        leg.connect(*peer.address)
        leg.play(PcmChunk(bytes(range(0, 250, 2)) * 64))
        await asyncio.sleep(FRAME_S / count)
    await _pace(legs, peers, seconds)
    cpu_s = time.process_time() - begin_cpu_s - sum(peer.busy_s for peer in peers)
    for peer in peers:
        peer.drain()
    result = _result(legs, peers, len(heard), cpu_s / seconds)
    for leg, peer in zip(legs, peers, strict=True):
        await leg.close()
        peer.close()
    return result


async def _pace(legs: list[Leg], peers: list[Peer], seconds: float) -> None:
    loop = asyncio.get_running_loop()
    clock, end_s = PacingClock(loop.time() + 0.007, FRAME_S), loop.time() + seconds
    while loop.time() < end_s:
        await asyncio.sleep(clock.next_deadline_s - loop.time())
        for _ in range(clock.take_due(loop.time())[1]):
            for leg, peer in zip(legs, peers, strict=True):
                peer.exchange(leg.host, leg.port)


def _result(legs: list[Leg], peers: list[Peer], heard: int, load: float) -> Result:
    gaps_ms, drifts_ms = [], []
    for peer in peers:
        times = peer.arrived_s
        gaps_ms += [1000 * (b - a) for a, b in itertools.pairwise(times)]
        drifts_ms.append(1000 * (times[-1] - times[0]) - 20 * (len(times) - 1))
    errors_ms = [abs(gap - 20) for gap in gaps_ms]
    return Result(
        legs=len(legs),
        packets=len(gaps_ms) + len(legs),
        gap_p50_ms=round(statistics.median(gaps_ms), 3),
        gap_p99_ms=round(percentile(gaps_ms, 99), 3),
        gap_worst_ms=round(max(gaps_ms), 3),
        error_p50_ms=round(statistics.median(errors_ms), 3),
        error_p99_ms=round(percentile(errors_ms, 99), 3),
        drift_ms=round(max(abs(drift) for drift in drifts_ms), 3),
        skipped=sum(leg.statistics.skipped for leg in legs),
        heard_frames=heard,
        cpu_percent_per_leg=round(100 * load / len(legs), 3),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = [asyncio.run(run(count, arguments.seconds)) for count in (1, 10)]
    for result in results:
        print(
            f"{result.legs:3} legs: gap p50 {result.gap_p50_ms} ms, p99 {result.gap_p99_ms} ms,"
            f" worst {result.gap_worst_ms} ms; off 20 ms by p50 {result.error_p50_ms} ms,"
            f" p99 {result.error_p99_ms} ms; drift {result.drift_ms} ms;"
            f" {result.skipped} skipped; {result.cpu_percent_per_leg} % of a core per leg"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(result) for result in results], indent=1))


if __name__ == "__main__":
    main()
