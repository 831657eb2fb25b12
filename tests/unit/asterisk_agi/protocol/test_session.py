from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.errors import AgiPeerError, AgiUsageError
from asterisk_agi.protocol import (
    NEED_DATA,
    Command,
    Ended,
    HangupRead,
    PreludeRead,
    ProgressRead,
    ReplyRead,
    Session,
    State,
)
from asterisk_agi.protocol.lines import LINE_MAX_BYTES
from asterisk_agi.protocol.session import PROGRESS_MAX
from tests.unit.asterisk_agi.protocol.helpers import (
    PRELUDE,
    WIRE,
    Outcome,
    bytewise,
    drain,
    feed,
    in_flight,
    ready_session,
    wire,
)

SET = Command("SET VARIABLE", ("A", "b"))
WIRE_FILES = sorted(path.name for path in WIRE.glob("*.bin"))


def kinds(outcomes: list[Outcome]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


def state(session: Session) -> State:
    """The state, asked anew: mypy takes a property for a constant."""
    return session.state


# The course of a session...


def test_prelude_command_reply_end() -> None:
    session = Session()
    assert session.next_event() is NEED_DATA
    session.receive_data(wire("prelude_22.bin"))
    prelude = session.next_event()
    assert isinstance(prelude, PreludeRead)
    assert prelude.prelude.caller_number == "15551234"
    assert state(session) is State.READY
    assert session.send(SET) == b'SET VARIABLE "A" "b"\n'
    assert state(session) is State.IN_FLIGHT
    session.receive_data(b"200 result=1\n")
    reply = session.next_event()
    assert isinstance(reply, ReplyRead)
    assert reply.reply.result == "1"
    assert state(session) is State.READY
    session.receive_eof()
    assert session.next_event() == Ended(State.READY, 0)
    assert session.next_event() == Ended(State.READY, 0)
    assert state(session) is State.CLOSED


def test_hangup_in_a_long_command_as_asterisk_22_sends_it() -> None:
    session = in_flight()
    first, rest = wire("hangup_in_exec_22.bin").split(b"\n", 1)
    assert kinds(feed(session, [first + b"\n"], eof=False)) == [ReplyRead]
    session.send(Command("CHANNEL STATUS"))
    hangup, refusal, rest = rest.split(b"\n", 2)
    assert feed(session, [hangup + b"\n"], eof=False) == [HangupRead()]
    assert state(session) is State.HUNG_UP_IN_FLIGHT
    assert kinds(feed(session, [refusal + b"\n"], eof=False)) == [ReplyRead]
    assert state(session) is State.HUNG_UP
    session.send(SET)
    assert kinds(feed(session, [rest.split(b"\n")[0] + b"\n"], eof=False)) == [ReplyRead]
    assert state(session) is State.HUNG_UP


def test_hangup_before_a_reply_is_an_event_of_its_own() -> None:
    outcomes = feed(in_flight(), [b"HANGUP\n200 result=1\n"], eof=False)
    assert kinds(outcomes) == [HangupRead, ReplyRead]


def test_hangup_within_a_usage_block_does_not_spoil_it() -> None:
    outcomes = feed(in_flight(), [wire("usage_hangup.bin")], eof=False)
    assert kinds(outcomes) == [HangupRead, ReplyRead]
    assert isinstance(outcomes[1], ReplyRead)
    assert outcomes[1].reply.usage == ("Sets a variable to the current channel.",)


def test_hangup_is_told_once() -> None:
    outcomes = feed(ready_session(), [b"HANGUP\nHANGUP\n"])
    assert outcomes == [HangupRead(), Ended(State.HUNG_UP, 0)]


def test_a_dead_channel_takes_only_what_asterisk_takes() -> None:
    session = ready_session()
    feed(session, [b"HANGUP\n"], eof=False)
    with pytest.raises(AgiUsageError, match="hung up"):
        session.send(Command("ANSWER"))
    assert state(session) is State.HUNG_UP
    assert session.send(SET)


def test_reply_511_tells_a_dead_channel_without_a_hangup_line() -> None:
    session = in_flight(Command("ANSWER"))
    feed(session, [b"511 Command Not Permitted on a dead channel\n"], eof=False)
    assert session.channel_dead
    assert not session.owes_reply


def test_a_provisional_reply_leaves_the_command_in_flight() -> None:
    session = in_flight(Command("GOSUB", ("a", "b", "1")))
    outcomes = feed(session, [b"100 result=0 Trying...\n"], eof=False)
    assert outcomes == [ProgressRead("result=0 Trying...")]
    assert session.owes_reply
    assert kinds(feed(session, [b"200 result=0 Gosub complete\n"], eof=False)) == [ReplyRead]


# What is refused...


def test_a_second_command_in_flight_is_our_mistake() -> None:
    session = in_flight()
    with pytest.raises(AgiUsageError, match="in flight"):
        session.send(SET)
    assert state(session) is State.IN_FLIGHT


def test_a_command_before_the_prelude_is_our_mistake() -> None:
    with pytest.raises(AgiUsageError, match="prelude"):
        Session().send(SET)


def test_a_command_that_cannot_be_encoded_changes_nothing() -> None:
    session = ready_session()
    with pytest.raises(AgiUsageError):
        session.send(Command("SET VARIABLE", ("A", "x\n")))
    assert state(session) is State.READY


def test_a_reply_without_a_command_poisons() -> None:
    session = ready_session()
    session.receive_data(b"200 result=1\n200 result=1\n")
    with pytest.raises(AgiPeerError, match="nobody had asked"):
        session.next_event()
    assert state(session) is State.POISONED
    assert session.next_event() is NEED_DATA
    with pytest.raises(AgiUsageError, match="poisoned"):
        session.send(SET)


def test_an_abandoned_command_poisons_and_its_late_reply_is_not_read() -> None:
    session = in_flight()
    session.abandon()
    assert state(session) is State.POISONED
    assert feed(session, [b"200 result=0\nHANGUP\n"]) == [Ended(State.POISONED, 0)]


def test_nothing_to_abandon_is_our_mistake() -> None:
    with pytest.raises(AgiUsageError):
        ready_session().abandon()


def test_data_after_the_end_is_our_mistake() -> None:
    session = Session()
    session.receive_eof()
    with pytest.raises(AgiUsageError, match="end of file"):
        session.receive_data(b"x")


def test_provisional_replies_are_capped() -> None:
    session = in_flight()
    outcomes = feed(session, [b"100 result=0\n" * (PROGRESS_MAX + 1)], eof=False)
    assert outcomes[-1] == "too many provisional replies to one command"
    assert state(session) is State.POISONED


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("tls_invalid.bin", "is not `agi_name: value`"),
        ("http_invalid.bin", "is not `agi_name: value`"),
        ("prelude_invalid.bin", "is not `agi_name: value`"),
        ("prelude_twice_invalid.bin", "twice"),
    ],
)
def test_strangers_are_known_before_the_end(name: str, sentence: str) -> None:
    session = Session()
    session.receive_data(wire(name))
    with pytest.raises(AgiPeerError, match=sentence):
        session.next_event()


@pytest.mark.parametrize("first", [b"G", b"\x16", b"agX", b"\r\r"])
def test_a_stranger_is_known_by_its_first_bytes(first: bytes) -> None:
    session = Session()
    session.receive_data(first)
    with pytest.raises(AgiPeerError):
        session.next_event()


@pytest.mark.parametrize(
    "make", [Session, ready_session, in_flight], ids=lambda make: make.__name__
)
def test_an_endless_line_is_refused_in_every_state(make: type[Session]) -> None:
    session = make()
    session.receive_data(b"agi_x: " + b"2" * LINE_MAX_BYTES)
    with pytest.raises(AgiPeerError, match="longer than 16384"):
        session.next_event()
    session.receive_data(b"x" * 10_000_000)
    session.receive_eof()
    assert session.next_event() == Ended(State.POISONED, 0)


# The end of file in every state...


@pytest.mark.parametrize(
    ("make", "data", "ended"),
    [
        (Session, b"", Ended(State.PRELUDE, 0)),
        (Session, b"agi_chan", Ended(State.PRELUDE, 8)),
        (Session, wire("prelude_truncated.bin"), Ended(State.PRELUDE, 12)),
        (ready_session, b"", Ended(State.READY, 0)),
        (in_flight, b"", Ended(State.IN_FLIGHT, 0)),
        (in_flight, b"200 resu", Ended(State.IN_FLIGHT, 8)),
        (in_flight, wire("usage_truncated.bin"), Ended(State.IN_FLIGHT, 9)),
        (in_flight, b"HANGUP\n", Ended(State.HUNG_UP_IN_FLIGHT, 0)),
        (ready_session, b"HANGUP\n", Ended(State.HUNG_UP, 0)),
        (ready_session, b"garbage\n", Ended(State.POISONED, 0)),
    ],
)
def test_the_end_of_file_has_its_event(make: type[Session], data: bytes, ended: Ended) -> None:
    session = make()
    assert feed(session, [data])[-1] == ended
    assert state(session) is State.CLOSED


# The same bytes in any pieces give the same events...


@pytest.mark.parametrize("name", WIRE_FILES)
@pytest.mark.parametrize(
    "make", [Session, ready_session, in_flight], ids=lambda make: make.__name__
)
def test_byte_by_byte_gives_the_same(make: type[Session], name: str) -> None:
    whole, pieces = make(), make()
    assert feed(pieces, bytewise(wire(name))) == feed(whole, [wire(name)])
    assert pieces.state is whole.state is State.CLOSED


LINES = st.sampled_from(
    [
        *(b"200 result=1 (x)\n", b"HANGUP\n", b"520-Usage\n", b"520 End of proper usage.\n"),
        *(b"511 dead\n", b"100 result=0 Trying\n", b"\n", b"agi_x: y\n", b"HANG", b"\r\n"),
        *(PRELUDE, b"\xff\xfe", b"200 ", b"(", b"agi_channel: x\nagi_uniqueid: y\n"),
    ]
)
STREAMS = st.lists(st.one_of(LINES, st.binary(max_size=12)), max_size=12).map(b"".join)


@settings(max_examples=150)
@given(data=STREAMS, cuts=st.sets(st.integers(0, 120), max_size=6), make=st.integers(0, 2))
def test_any_bytes_in_any_pieces(data: bytes, cuts: set[int], make: int) -> None:
    makers = (Session, ready_session, in_flight)
    whole, cut, single = makers[make](), makers[make](), makers[make]()
    edges = [0, *sorted(edge for edge in cuts if edge < len(data)), len(data)]
    pieces = [data[begin:end] for begin, end in pairwise(edges)]
    expected = feed(whole, [data])
    assert feed(cut, pieces) == expected
    assert feed(single, bytewise(data)) == expected
    assert isinstance(expected[-1], Ended)
    assert kinds(expected).count(str) <= 1
    assert kinds(expected).count(HangupRead) <= 1


def test_drain_helper_ends_without_data() -> None:
    assert drain(Session()) == []
