"""Free ports on 127.0.0.1 for the lab, outside the range from which the kernel hands out its own.

A port is free when it is chosen; nothing keeps it so. Staying outside the kernel's range makes it
unlikely that anything takes it before the lab's process does.
"""

from __future__ import annotations

import random
import socket

FIRST_PORT = 10_000
LAST_PORT = 32_000
"""Linux hands out ports from 32768 on (ip_local_port_range)."""

ATTEMPTS = 200
LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Return distinct ports that are free for both TCP and UDP on 127.0.0.1.

    Raises OSError when there are not so many.
    """
    found: list[int] = []
    for port in random.sample(range(FIRST_PORT, LAST_PORT), ATTEMPTS + count):
        if _free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"fewer than {count} free ports on {LOOPBACK} from {FIRST_PORT} to {LAST_PORT}")


def free_udp_range(size: int) -> tuple[int, int]:
    """Return the first and last port of an unbroken range that is free for UDP on 127.0.0.1.

    size: even; the first port is even, as RTP wants it.
    Raises OSError when there is none.
    """
    for _ in range(ATTEMPTS):
        first = random.randrange(FIRST_PORT, LAST_PORT - size, 2)
        if all(_bindable(socket.SOCK_DGRAM, port) for port in range(first, first + size)):
            return first, first + size - 1
    raise OSError(f"no {size} free UDP ports in a row on {LOOPBACK}")


def _free(port: int) -> bool:
    return _bindable(socket.SOCK_STREAM, port) and _bindable(socket.SOCK_DGRAM, port)


def _bindable(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
