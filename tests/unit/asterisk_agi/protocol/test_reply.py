from __future__ import annotations

import pytest

from asterisk_agi.errors import AgiPeerError
from asterisk_agi.protocol.reply import (
    USAGE_MAX_BYTES,
    USAGE_MAX_LINES,
    Reply,
    ReplyReader,
)
from tests.unit.asterisk_agi.protocol.helpers import wire


def replies(data: bytes) -> list[Reply]:
    reader = ReplyReader()
    lines = data.split(b"\n")
    assert lines.pop() == b""
    return [reply for line in lines if (reply := reader.add_line(line)) is not None]


def reply(line: str) -> Reply:
    [only] = replies(line.encode() + b"\n")
    return only


@pytest.mark.parametrize(
    ("line", "result", "data", "endpos"),
    [
        ("200 result=0", "0", None, None),
        ("200 result=-1", "-1", None, None),
        ("200 result=1 (value)", "1", "value", None),
        ("200 result=1 ()", "1", "", None),
        ("200 result=1 (a (b) c)", "1", "a (b) c", None),
        ("200 result=1 (a) endpos=9 (b)", "1", "a) endpos=9 (b", None),
        ("200 result= (timeout)", "", "timeout", None),
        ("200 result=*12 (timeout)", "*12", "timeout", None),
        ("200 result=0 endpos=12480", "0", None, 12480),
        ("200 result=53 (timeout) endpos=80", "53", "timeout", 80),
        ("200 result=1 (digit) digit=5 endpos=7", "1", "digit", 7),
        ("200 result=1 (speech) endpos=3 results=0 ", "1", "speech", 3),
        ("200 result=", "", None, None),
    ],
)
def test_what_a_reply_says(line: str, result: str, data: str | None, endpos: int | None) -> None:
    got = reply(line)
    assert (got.code, got.result, got.data, got.endpos) == (200, result, data, endpos)
    assert got.final


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("510 Invalid or unknown command", 510),
        ("511 Command Not Permitted on a dead channel or intercept routine", 511),
        ("520 Invalid command syntax.  Proper usage not available.", 520),
    ],
)
def test_refusals(line: str, code: int) -> None:
    got = reply(line)
    assert got.code == code
    assert got.text == line[4:]
    assert not got.ok


def test_ok_is_neither_a_refusal_nor_minus_one() -> None:
    assert reply("200 result=0").ok
    assert not reply("200 result=-1").ok


def test_a_provisional_reply_is_not_final() -> None:
    got = reply("100 result=0 Trying...")
    assert not got.final
    assert got.text == "result=0 Trying..."


def test_captured_replies_of_asterisk_22() -> None:
    got = replies(wire("replies_22.bin"))
    assert [one.code for one in got] == [
        *(200, 200, 200, 200, 510, 200),
        *(520, 520, 520, 520, 520),
        *(200, 200, 200, 200),
    ]
    assert got[1].data == 'una"vai\\lable'
    assert got[3].data == "x(Local/far@devc-00000000;1) b (y)"
    # A line of a usage block that looks like a reply is none.
    assert got[7].usage[-1] == "Example return code: 200 result=1 (testvariable)"


def test_a_usage_block_gives_one_reply() -> None:
    [got] = replies(wire("usage_22.bin"))
    assert got.code == 520
    assert got.text == "Invalid command syntax.  Proper usage follows:"
    assert got.usage == ("Sets a variable to the current channel.",)


def test_a_usage_text_without_its_line_end() -> None:
    [got] = replies(wire("usage_joined.bin"))
    assert got.usage == ("Sets a variable to the current channel.",)


def test_after_a_usage_block_replies_are_read_as_before() -> None:
    got = replies(wire("usage_22.bin") + b"200 result=1\n")
    assert [one.code for one in got] == [520, 200]


def test_bytes_that_are_no_text_are_replaced() -> None:
    [got] = replies(b"200 result=1 (J\xfcrgen)\n")
    assert got.data == "J\ufffdrgen"


@pytest.mark.parametrize(
    "line",
    ["", "hello", "20 result=1", "2000 result=1", "600 result=1", "200", "200 ok", "200-result=1"],
)
def test_what_is_no_reply_is_refused(line: str) -> None:
    with pytest.raises(AgiPeerError):
        reply(line)


def test_a_value_with_a_line_end_is_refused() -> None:
    with pytest.raises(AgiPeerError, match="not closed"):
        replies(wire("value_line_end_invalid.bin"))


def test_lines_of_a_usage_block_are_capped() -> None:
    begin, end = b"520-Usage:\n", b"520 End of proper usage.\n"
    [got] = replies(begin + b"x\n" * USAGE_MAX_LINES + end)
    assert len(got.usage) == USAGE_MAX_LINES
    with pytest.raises(AgiPeerError, match="over its caps"):
        replies(begin + b"x\n" * (USAGE_MAX_LINES + 1) + end)


def test_bytes_of_a_usage_block_are_capped() -> None:
    line = b"x" * 16_000 + b"\n"
    with pytest.raises(AgiPeerError, match="over its caps"):
        replies(b"520-Usage:\n" + line * (USAGE_MAX_BYTES // len(line) + 1))
