from __future__ import annotations

import socket

from tests.rig.ports import FIRST_PORT, LAST_PORT, LOOPBACK, free_ports, free_udp_range


def test_free_ports_can_be_bound() -> None:
    found = free_ports(5)
    assert len(set(found)) == 5
    for port in found:
        assert FIRST_PORT <= port < LAST_PORT
        with socket.create_server((LOOPBACK, port)):
            pass


def test_udp_range_starts_even_and_is_as_long_as_asked() -> None:
    first, last = free_udp_range(40)
    assert first % 2 == 0
    assert last - first == 39
