"""A telephone that is called, against our own calling one: pure, both ways, no socket."""

from __future__ import annotations

import itertools

import pytest

from asterisk_agi.testcall.answering import REPLIES_KEPT, CalledAgent, Ring
from asterisk_agi.testcall.dialog import Account
from asterisk_agi.testcall.errors import PhoneUsageError
from asterisk_agi.testcall.user_agent import (
    Answered,
    Ended,
    HangUp,
    Invite,
    Refused,
    Ringing,
    State,
    UserAgent,
)
from erp.secrets import Secret

WORDS = itertools.count()


class Wire:
    """A caller and a called telephone, joined."""

    def __init__(self) -> None:
        account = Account("127.0.0.1", 5062, "caller", Secret("x"))
        self.caller = UserAgent(account, ("127.0.0.1", 5061), lambda: f"a{next(WORDS)}")
        self.called = CalledAgent(("127.0.0.1", 5062), lambda: f"b{next(WORDS)}")

    def carry(self) -> tuple[list[object], list[object]]:
        """Deliver all that is sent; return the events of both."""
        told: tuple[list[object], list[object]] = ([], [])
        for _ in range(10):
            for sender, receiver in ((self.caller, self.called), (self.called, self.caller)):
                for datagram in sender.data_to_send():
                    receiver.receive_data(datagram, 0.0)
            told[0].extend(iter(self.caller.next_event, None))
            told[1].extend(iter(self.called.next_event, None))
        return told

    def ring(self) -> None:
        self.caller.send(Invite("desk", "127.0.0.1", 4000), 0.0)
        told = self.carry()
        assert any(isinstance(event, Ringing) for event in told[0])
        assert isinstance(told[1][0], Ring)

    def talk(self) -> tuple[list[object], list[object]]:
        self.ring()
        self.called.answer(("127.0.0.1", 4002), 0.0)
        return self.carry()


def test_a_call_is_answered_and_each_side_has_the_others_address() -> None:
    at_caller, at_called = Wire().talk()
    (answered,) = (event for event in at_caller if isinstance(event, Answered))
    assert answered.media.port == 4002
    (asked,) = (event for event in at_called if isinstance(event, Answered))
    assert asked.media.port == 4000


@pytest.mark.parametrize("who", ["caller", "called"])
def test_either_side_may_hang_up(who: str) -> None:
    wire = Wire()
    wire.talk()
    if who == "caller":
        wire.caller.send(HangUp(), 1.0)
    else:
        wire.called.hang_up(1.0)
    told = wire.carry()
    assert told[0] == [Ended(by_far_side=who == "called")]
    assert told[1] == [Ended(by_far_side=who == "caller")]
    assert wire.called.state is State.OVER
    assert wire.called.next_timer_s is None


def test_a_call_may_be_refused() -> None:
    wire = Wire()
    wire.ring()
    wire.called.reject(486, "Busy Here")
    told = wire.carry()
    assert told[0] == [Refused(486, "Busy Here")]


def test_a_caller_may_give_up() -> None:
    wire = Wire()
    wire.ring()
    wire.caller.send(HangUp(), 1.0)
    told = wire.carry()
    assert Ended(by_far_side=True) in told[1]
    assert wire.caller.state is State.OVER


def test_a_second_caller_finds_it_busy_and_the_first_is_not_disturbed() -> None:
    wire, other = Wire(), Wire()
    wire.talk()
    other.called = wire.called
    other.caller.send(Invite("desk", "127.0.0.1", 4004), 0.0)
    assert Refused(486, "Busy Here") in other.carry()[0]
    assert wire.called.state is State.TALKING


def test_after_a_call_it_can_be_called_again() -> None:
    wire = Wire()
    wire.talk()
    wire.called.hang_up(1.0)
    wire.carry()
    again = Wire()
    again.called = wire.called
    again.ring()


def test_an_answer_that_is_lost_is_given_again() -> None:
    wire = Wire()
    wire.ring()
    wire.called.answer(("127.0.0.1", 4002), 0.0)
    first = wire.called.data_to_send()
    due_s = wire.called.next_timer_s
    assert due_s is not None
    wire.called.handle_timer(due_s)
    assert wire.called.data_to_send() == first[-1:]


def test_a_repeated_request_gets_the_same_answer() -> None:
    wire = Wire()
    wire.caller.send(Invite("desk", "127.0.0.1", 4000), 0.0)
    (invite,) = wire.caller.data_to_send()
    wire.called.receive_data(invite, 0.0)
    first = wire.called.data_to_send()
    for _ in range(REPLIES_KEPT + 1):
        wire.called.receive_data(invite, 0.0)
        assert wire.called.data_to_send() == first


def test_nobody_calls_nobody_is_answered() -> None:
    with pytest.raises(PhoneUsageError):
        Wire().called.answer(("127.0.0.1", 4002), 0.0)
