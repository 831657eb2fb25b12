from __future__ import annotations

import pytest

from asterisk_agi.errors import AgiPeerError
from asterisk_agi.protocol.lines import LINE_MAX_BYTES, LineBuffer


def test_lines_come_in_order_without_their_ends() -> None:
    buffer = LineBuffer()
    buffer.feed(b"one\ntwo\r\n\nthr")
    assert [buffer.next_line() for _ in range(4)] == [b"one", b"two", b"", None]
    buffer.feed(b"ee\n")
    assert buffer.next_line() == b"three"
    assert len(buffer) == 0


def test_only_one_carriage_return_belongs_to_the_end() -> None:
    buffer = LineBuffer()
    buffer.feed(b"a\rb\r\r\n")
    assert buffer.next_line() == b"a\rb\r"


def test_a_line_as_long_as_the_cap_is_read() -> None:
    buffer = LineBuffer()
    buffer.feed(b"x" * LINE_MAX_BYTES)
    assert buffer.next_line() is None
    buffer.feed(b"\n")
    assert buffer.next_line() == b"x" * LINE_MAX_BYTES


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["unfinished", "finished"])
def test_a_line_over_the_cap_is_refused(end: bytes) -> None:
    buffer = LineBuffer()
    buffer.feed(b"x" * (LINE_MAX_BYTES + 1) + end)
    with pytest.raises(AgiPeerError, match="longer than 16384 bytes"):
        buffer.next_line()


def test_a_line_byte_by_byte_is_found_once_it_ends() -> None:
    buffer = LineBuffer(line_max_bytes=8)
    for byte in b"abcdefgh":
        buffer.feed(bytes([byte]))
        assert buffer.next_line() is None
    buffer.feed(b"\nnext\n")
    assert buffer.next_line() == b"abcdefgh"
    assert buffer.next_line() == b"next"
