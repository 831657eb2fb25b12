from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from asterisk_agi.errors import MediaError
from asterisk_agi.media.ports import bind_udp


@pytest.fixture
def even_pair() -> Iterator[int]:
    """An even port that was free with the next even one, on an address of our own."""
    for port in range(20000, 60000, 2):
        try:
            bind_udp("127.0.0.1", port, port).close()
            bind_udp("127.0.0.1", port + 2, port + 2).close()
        except MediaError:
            continue
        yield port
        return


def test_any_free_port() -> None:
    with bind_udp("127.0.0.1", 0, 0) as udp:
        assert udp.getsockname()[0] == "127.0.0.1"
        assert not udp.getblocking()


def test_even_ports_of_the_range_first_free_first(even_pair: int) -> None:
    with (
        bind_udp("127.0.0.1", even_pair - 1, even_pair + 2) as first,
        bind_udp("127.0.0.1", even_pair - 1, even_pair + 2) as second,
    ):
        assert first.getsockname()[1] == even_pair
        assert second.getsockname()[1] == even_pair + 2


def test_an_exhausted_range_names_the_keys_to_mend(even_pair: int) -> None:
    with (
        bind_udp("127.0.0.1", even_pair, even_pair),
        pytest.raises(MediaError, match=rf"media\.port_first {even_pair} to media\.port_last"),
    ):
        bind_udp("127.0.0.1", even_pair, even_pair + 1)


def test_an_address_that_is_not_ours_names_the_key() -> None:
    with pytest.raises(MediaError, match=r"media\.host 192\.0\.2\.1"):
        bind_udp("192.0.2.1", 20000, 30000)


def test_ipv6() -> None:
    with bind_udp("::1", 0, 0) as udp:
        assert udp.family == socket.AF_INET6
