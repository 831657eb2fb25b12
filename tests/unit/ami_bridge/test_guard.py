from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.errors import AmiDown, AmiUsageError
from ami_bridge.guard import (
    HEADER_MAX_BYTES,
    HEADERS_MAX,
    HEADERS_SENT_MAX,
    LINE_MAX_BYTES,
    MESSAGE_MAX_BYTES,
    MessageBuffer,
    checked,
)

CONTROLS = [*(chr(code) for code in range(0x20)), "\x7f"]


def test_what_may_be_sent_is_given_back() -> None:
    action = checked("Setvar", {"Channel": "PJSIP/line-1", "Variable": ["A=ä", "B="]})
    assert action == {"Action": "Setvar", "Channel": "PJSIP/line-1", "Variable": ["A=ä", "B="]}


@pytest.mark.parametrize("control", CONTROLS)
def test_control_characters_are_refused_everywhere(control: str) -> None:
    for name, headers in (
        (f"Ping{control}", {}),
        ("Hangup", {"Channel": f"a{control}b"}),
        ("Setvar", {"Variable": ["A=b", f"C={control}"]}),
        ("Hangup", {f"Channel{control}": "a"}),
    ):
        with pytest.raises(AmiUsageError):
            checked(name, headers)


def test_a_value_cannot_smuggle_an_action() -> None:
    with pytest.raises(AmiUsageError):
        checked("Hangup", {"Channel": "x\r\n\r\nAction: Command\r\nCommand: core stop now"})


@pytest.mark.parametrize("name", ["", "A B", "A:", "Ä", "Action", "ActionID", "1st", "x" * 81])
def test_a_header_has_a_name_of_its_own(name: str) -> None:
    with pytest.raises(AmiUsageError, match="name"):
        checked("Hangup", {name: "x"})


def test_a_header_is_as_long_as_asterisk_reads_and_no_longer() -> None:
    room = HEADER_MAX_BYTES - len("Channel: \r\n")
    assert checked("Hangup", {"Channel": "x" * room})
    with pytest.raises(AmiUsageError, match="over 1024 bytes"):
        checked("Hangup", {"Channel": "x" * (room + 1)})


def test_number_of_headers_is_capped() -> None:
    values = ["A=b"] * (HEADERS_SENT_MAX - 2)
    assert checked("Setvar", {"Variable": values})
    with pytest.raises(AmiUsageError, match="at most 127"):
        checked("Setvar", {"Variable": [*values, "A=b"]})


def test_a_lone_surrogate_is_refused_and_no_value_is_shown() -> None:
    with pytest.raises(AmiUsageError, match="lone surrogate") as caught:
        checked("Login", {"Secret": "very-secret\ud800"})
    assert "very-secret" not in str(caught.value)


def test_several_messages_in_one_read() -> None:
    buffer = MessageBuffer()
    assert (
        buffer.feed(b"Event: A\r\n\r\nEvent: B\r\n\r\nEve") == b"Event: A\r\n\r\nEvent: B\r\n\r\n"
    )
    assert buffer.feed(b"nt: C\r\n\r") == b""
    assert buffer.feed(b"\n") == b"Event: C\r\n\r\n"


PIECES = st.lists(
    st.one_of(st.binary(max_size=12), st.sampled_from([b"\r\n", b"\r", b"\n", b"\r\n\r\n"])),
    max_size=10,
)


@given(PIECES)
def test_nothing_is_lost_reordered_or_kept_back(pieces: list[bytes]) -> None:
    buffer = MessageBuffer()
    whole = b"".join(pieces)
    given_back = b"".join(map(buffer.feed, pieces))
    assert whole.startswith(given_back)
    assert given_back == b"" or given_back.endswith(b"\r\n\r\n")
    assert b"\r\n\r\n" not in whole[len(given_back) :]


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"], ids=["unfinished", "finished"])
def test_a_line_is_capped(end: bytes) -> None:
    assert MessageBuffer().feed(b"x" * (LINE_MAX_BYTES - 1) + b"\r\n\r\n")
    with pytest.raises(AmiDown, match="a line over 65536"):
        MessageBuffer().feed(b"Event: A\r\n" + b"x" * (LINE_MAX_BYTES + 1) + end)


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"], ids=["unfinished", "finished"])
def test_a_message_is_capped(end: bytes) -> None:
    line = b"x" * 60_000 + b"\r\n"
    with pytest.raises(AmiDown, match="a message over 524288"):
        MessageBuffer().feed(line * (MESSAGE_MAX_BYTES // len(line) + 1) + end)


def test_number_of_received_headers_is_capped() -> None:
    with pytest.raises(AmiDown, match="over 4096 headers"):
        MessageBuffer().feed(b"A: b\r\n" * (HEADERS_MAX + 1) + b"\r\n")
