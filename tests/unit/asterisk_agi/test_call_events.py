from __future__ import annotations

import contextvars
import logging

from asterisk_agi.call_events import CallEvents
from asterisk_agi.dialogue.events import Intent, Meaning
from asterisk_agi.handoff import Outcome
from asterisk_agi.logs import SessionFilter, current_session
from dialplan.reasons import Reason
from erp.events.model import CallEvent, CallIds, Ended, Escalated, Identified, Started, Turn
from erp.model import Customer
from tests.unit.erp.samples import source


class Sink:
    def __init__(self) -> None:
        self.told: list[tuple[CallIds, CallEvent]] = []

    def tell(self, ids: CallIds, event: CallEvent) -> None:
        self.told.append((ids, event))

    @property
    def events(self) -> list[CallEvent]:
        return [event for _, event in self.told]


def customer(account: str = "C-1") -> Customer:
    return Customer("7", account, "Harbor", "Dana", source())


PRICE = Meaning(Intent.PRICE, "what is the price", confidence=0.91234)


def test_all_that_is_known_of_the_call_is_on_each_event() -> None:
    sink = Sink()
    events = CallEvents(sink, "s-1")
    events.known_as(uniqueid="1.2", sip_call_id="c@h", profile="default")
    events.started("+12125550101", "600")
    assert sink.told == [(CallIds("s-1", "1.2", "c@h", "default"), Started("*********01", "600"))]


def test_one_match_identifies_and_two_do_not() -> None:
    sink = Sink()
    events = CallEvents(sink, "s-1", "https://erp.example/{account}")
    events.identified((customer(),))
    events.identified((customer(), customer("C-2")))
    events.identified(())
    assert sink.events == [
        Identified("C-1", "Harbor", "Dana", 1, 1, "https://erp.example/C-1"),
        Identified("", matches=2),
        Identified("", matches=0),
    ]


def test_a_turn_is_told_once_with_its_hops_or_when_it_is_never_answered() -> None:
    sink = Sink()
    events = CallEvents(sink, "s-1")
    events.heard(1, PRICE)
    events.answered(1, {"erp_ms": 3.0})
    events.answered(1, {"erp_ms": 4.0})
    events.heard(2, PRICE)
    events.answered(1, {"erp_ms": 5.0})
    events.heard(3, PRICE)
    events.ended(Outcome(Reason.GOODBYE), 12.3456)
    text = "what is the price"
    assert sink.events == [
        Turn(1, "price", 0.912, {"erp_ms": 3.0}, text),
        Turn(2, "price", 0.912, {}, text),
        Turn(3, "price", 0.912, {}, text),
        Ended("completed", "goodbye", "AIDONE", 12.346, 3),
    ]


def test_an_escalation_is_told_once_and_again_when_the_caller_came_back() -> None:
    sink = Sink()
    events = CallEvents(sink, "s-1", "https://erp.example/{account}")
    events.identified((customer(),))
    asked = Outcome(Reason.CALLER_ASKED, "wants a human")
    events.escalated(asked, "queue")
    events.escalated(asked, "queue")
    events.came_back()
    events.escalated(asked)
    events.escalated(Outcome(Reason.VOICEMAIL))
    events.escalated(Outcome(Reason.GOODBYE))
    link = "https://erp.example/C-1"
    queue = Escalated("caller-asked", "wants a human", link, "queue")
    label = Escalated("caller-asked", "wants a human", link, "label")
    voicemail = Escalated("voicemail", "", link, "voicemail")
    assert sink.events[1:] == [queue, label, voicemail]


def test_a_line_names_the_call_of_its_task_or_the_one_that_it_is_given() -> None:
    def session(**extra: str) -> str:
        record = logging.makeLogRecord({"msg": "x", **extra})
        SessionFilter().filter(record)
        return str(getattr(record, "session", ""))

    def check() -> None:
        current_session.set("-")
        assert session() == "-"
        current_session.set("s-1")
        assert (session(), session(call="1700.1")) == ("s-1", "1700.1")

    contextvars.copy_context().run(check)
