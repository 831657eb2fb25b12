"""What a voice process says of its calls, and what is no beat."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialplan import beat
from dialplan.beat import BEAT_MAX_BYTES, Beat, read, read_datagram, read_event, texts

VOICE = "127.0.0.1:4573"


def test_a_process_without_calls_beats_too() -> None:
    (text,) = texts(VOICE, ())
    assert read(text) == Beat(VOICE, ())


@settings(max_examples=50)
@given(st.lists(st.text(min_size=1, max_size=40), max_size=80))
def test_every_call_is_read_as_it_was_written(calls: list[str]) -> None:
    written = texts(VOICE, calls)
    assert all(len(text) <= BEAT_MAX_BYTES and text.isascii() for text in written)
    assert [call for text in written for call in read(text).calls] == calls


def test_by_udp_and_by_ami_it_is_the_same() -> None:
    (text,) = texts(VOICE, ("1.1", "pbx-2.2"))
    event = {"Event": "UserEvent", "UserEvent": beat.USER_EVENT, beat.USER_HEADER: text}
    assert read_datagram(text.encode()) == read_event(event) == Beat(VOICE, ("1.1", "pbx-2.2"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"orderline-beat 2 127.0.0.1:4573 1.1",
        b"orderline-beat 1 127.0.0.1:4573 1.1\n",
        b"orderline-beat 1  1.1",
        b"orderline-beat 1 a b c",
        "orderline-beat 1 127.0.0.1:4573 \xe9".encode(),
        b"\xff\xfe",
        b"orderline-beat 1 127.0.0.1:4573 " + b"1" * BEAT_MAX_BYTES,
    ],
)
def test_what_is_no_beat_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a beat"):
        read_datagram(data)


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a beat"):
        read_datagram(data)


@pytest.mark.parametrize(
    "event",
    [
        {"Event": "Hangup"},
        {"Event": "UserEvent", "UserEvent": "LabHuman"},
        {"Event": "UserEvent", "UserEvent": beat.USER_EVENT},
        {"Event": "UserEvent", "UserEvent": beat.USER_EVENT, beat.USER_HEADER: "x"},
    ],
)
def test_other_events_are_no_beats(event: dict[str, str]) -> None:
    assert read_event(event) is None


def test_addresses() -> None:
    assert beat.split_address("10.0.0.1:4574") == ("10.0.0.1", 4574)
    assert beat.split_address("[::1]:4574") == ("::1", 4574)
    for wrong in ("bridge.example:4574", "10.0.0.1", "10.0.0.1:0", "10.0.0.1:65536", ""):
        with pytest.raises(ValueError, match="write IP:PORT"):
            beat.split_address(wrong)
