"""Attacks on the listeners of a running lab, seeded and bounded: for tests and benchmarks.

Each is a function that blocks until it is over: call it in a thread, or, where it must be fast,
as a process of its own (`flood`). They know the wire and nothing of the product.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

WIRE_S = 5.0
LINES = (
    b"agi_network: yes\n",
    b"agi_network_script: default\n",
    b"agi_channel: PJSIP/x-1\n",
    b"agi_uniqueid: 1.1\n",
    b'agi_callerid: "${EVAL(${SHELL(id)})}"\n',
    b"\n",
    b"200 result=0\n",
    b"HANGUP\n",
    b"520-Usage\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)


@dataclass(frozen=True)
class Target:
    """Where a listener is."""

    host: str
    port: int

    @property
    def pair(self) -> tuple[str, int]:
        return self.host, self.port


def noise(chance: random.Random, most: int) -> bytes:
    """Return random bytes, or pieces of the real protocol in a wrong order."""
    if chance.random() < 0.5:
        return chance.randbytes(chance.randrange(most))
    return b"".join(chance.choices(LINES, k=chance.randrange(1, 12)))


@contextlib.contextmanager
def at_once() -> Iterator[Callable[..., Future[Any]]]:
    """Give a function that starts an attack in a thread beside the others."""
    with ThreadPoolExecutor(8, thread_name_prefix="attack") as pool:
        yield pool.submit


def random_sessions(target: Target, seconds: float, seed: int) -> int:
    """Connect again and again, send noise, sometimes read, leave politely or not; return how often.

    It never sends a whole prelude and then waits: that would be a call.
    """
    chance, count, until_s = random.Random(seed), 0, time.monotonic() + seconds
    while time.monotonic() < until_s:
        with contextlib.suppress(OSError), socket.create_connection(target.pair, WIRE_S) as wire:
            wire.settimeout(0.05)
            for _ in range(chance.randrange(1, 4)):
                wire.sendall(noise(chance, 3000))
            if chance.random() < 0.3:
                wire.recv(1000)
            if chance.random() < 0.5:
                _reset(wire)
        count += 1
        time.sleep(0.005)
    return count


def _reset(wire: socket.socket) -> None:
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def slow_preludes(target: Target, connections: int, seconds: float) -> int:
    """Hold connections open with a prelude byte by byte; return how many were closed by it."""
    text = b"".join(LINES[:4]) * 20
    wires = [socket.create_connection(target.pair, WIRE_S) for _ in range(connections)]
    closed, until_s, place = 0, time.monotonic() + seconds, 0
    while time.monotonic() < until_s and wires:
        for wire in tuple(wires):
            try:
                wire.sendall(text[place % len(text) :][:1])
            except OSError:
                wire.close()
                wires.remove(wire)
                closed += 1
        place += 1
        time.sleep(0.2)
    for wire in wires:
        wire.close()
    return closed


def connects(target: Target, count: int) -> float:
    """Connect and leave so often, as fast as it goes; return the seconds it took."""
    begin_s = time.monotonic()
    for _ in range(count):
        with contextlib.suppress(OSError), socket.create_connection(target.pair, WIRE_S) as wire:
            _reset(wire)
    return time.monotonic() - begin_s


def random_datagrams(target: Target, seconds: float, seed: int, each_s: float = 0.0005) -> int:
    """Send random datagrams, some of them almost beats or RTP; return how many."""
    chance, count, until_s = random.Random(seed), 0, time.monotonic() + seconds
    beginnings = (b"", b"orderline-beat 1 ", b"orderline-beat 1 127.0.0.1:1 ", b"\x80\x00")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        while time.monotonic() < until_s:
            data = chance.choice(beginnings) + chance.randbytes(chance.randrange(1400))
            with contextlib.suppress(OSError):
                udp.sendto(data, target.pair)
            count += 1
            time.sleep(each_s)
    return count


# Floods...


def rtp_packet(number: int) -> bytes:
    """Return 20 ms of u-law."""
    head = struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, 7)
    return head + bytes(160)


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def forged(source: Target, target: Target, payload: bytes) -> bytes:
    """Return an IPv4 packet as if the source had sent it. Sources: RFC 791, RFC 768."""
    length = 28 + len(payload)
    addresses = socket.inet_aton(source.host) + socket.inet_aton(target.host)
    head = struct.pack("!BBHHHBBH", 0x45, 0, length, 0, 0, 64, socket.IPPROTO_UDP, 0)
    head = head[:10] + struct.pack("!H", checksum(head + addresses)) + addresses
    # A UDP checksum of 0 means: none.
    return head + struct.pack("!HHHH", source.port, target.port, 8 + len(payload), 0) + payload


def send_at(
    send: Callable[[bytes], object], packets: list[bytes], per_s: int, seconds: float
) -> int:
    """Send packets at a rate, in bursts of a millisecond; return how many were sent."""
    begin_s, count, wanted = time.monotonic(), 0, int(per_s * seconds)
    while count < wanted and (passed_s := time.monotonic() - begin_s) < seconds + 1:
        due = min(wanted, int(passed_s * per_s) + 1)
        for number in range(count, due):
            with contextlib.suppress(OSError):
                send(packets[number % len(packets)])
        count = due
        time.sleep(0.001)
    return count


def flood_here(target: Target, source: Target | None, per_s: int, seconds: float) -> int:
    """Flood a UDP port with RTP. source: forge its address (needs root); None: our own."""
    payloads = [rtp_packet(number) for number in range(1000)]
    if source is None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            return send_at(lambda data: udp.sendto(data, target.pair), payloads, per_s, seconds)
    packets = [forged(source, target, payload) for payload in payloads]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        return send_at(lambda data: raw.sendto(data, target.pair), packets, per_s, seconds)


def flood(target: Target, source: Target | None, per_s: int, seconds: float) -> int:
    """The same, by a process of its own; return how many packets were sent."""
    argv = [sys.executable, "-m", "tests.rig.attacks", f"{target.host}:{target.port}"]
    argv += ["--per-s", str(per_s), "--seconds", str(seconds)]
    if source is not None:
        argv += ["--source", f"{source.host}:{source.port}"]
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=seconds + 20, check=True
    )
    return int(done.stdout)


def _target(text: str) -> Target:
    host, _, port = text.rpartition(":")
    return Target(host, int(port))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("target", type=_target)
    parser.add_argument("--source", type=_target)
    parser.add_argument("--per-s", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    print(flood_here(given.target, given.source, given.per_s, given.seconds))
