"""The human side of a call: asked in time, proposed once, booked only as it was heard."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from asterisk_agi.dialogue import desk_wording
from asterisk_agi.dialogue.desk import DeskState
from asterisk_agi.dialogue.effects import AskDesk, BookCallback, PlanCallback
from asterisk_agi.dialogue.events import (
    CallbackBooked,
    CallbackPlanned,
    CallbackRefused,
    DeskTold,
    Intent,
    KeyPressed,
    Meaning,
    NumberRefused,
    TurnHeard,
)
from asterisk_agi.dialogue.state import CallState, StateName
from asterisk_agi.front_desk import FrontDesk, HumanSide, nobody
from dialplan.reasons import Reason
from erp.callbacks import CallbackError, CallbackReceipt, CallbackRequest
from erp.callbacks.times import Planned
from erp.deadline import Deadline
from erp.events.model import CallEvent, Committed, Proposal
from tests.unit.asterisk_agi.dialogue.builders import AT, BUSY, NOW, PHONE, at_desk

YES = TurnHeard(Meaning(Intent.YES, "yes"))
SEEN = replace(BUSY, callback_at=None)


class FakeDesk:
    def __init__(self, state: DeskState = SEEN, takes_s: float = 0.0) -> None:
        self.state, self.takes_s = state, takes_s

    async def look(self, deadline: Deadline) -> DeskState:
        await asyncio.sleep(self.takes_s)
        return self.state


class FakePlanner:
    """Calls everybody but 900 numbers, from its hour on."""

    def __init__(self, at: datetime = AT) -> None:
        self.at = at

    def plan(self, number: str, not_before: datetime) -> Planned | None:
        if "900" in number:
            return None
        return Planned(f"+1{number[-10:]}", max(self.at, not_before))

    def earliest(self, number: str, now: datetime) -> datetime | None:
        return self.at if number else None


class FakeCallbacks:
    def __init__(self, error: CallbackError | None = None, takes_s: float = 0.0) -> None:
        self.error, self.takes_s = error, takes_s
        self.booked: list[CallbackRequest] = []

    async def book(self, request: CallbackRequest, deadline: Deadline) -> CallbackReceipt:
        await asyncio.sleep(self.takes_s)
        if self.error is not None:
            raise self.error
        self.booked.append(request)
        return CallbackReceipt(request.key, request.at, "tryton", "task,7")


class Site:
    """One call's front desk with everything behind it."""

    def __init__(
        self,
        desk: FakeDesk | None = None,
        callbacks: FakeCallbacks | None = None,
        number: str = PHONE,
        at: datetime = AT,
    ) -> None:
        self.told: list[CallEvent] = []
        self.callbacks = callbacks or FakeCallbacks()
        side = HumanSide(desk or FakeDesk(), 0.05, FakePlanner(at), self.callbacks)
        self.desk = FrontDesk(side, "session-1", number, self.told.append)


def confirming(callback: BookCallback | None = None) -> CallState:
    state = at_desk(StateName.CONFIRMING_CALLBACK).state
    if callback is None:
        return state
    return replace(state, people=replace(state.people, callback=callback))


async def look(site: Site) -> DeskState:
    told = await site.desk.do(AskDesk(), confirming())
    assert isinstance(told, DeskTold)
    return told.desk


async def test_the_desk_is_told_with_the_time_of_a_call_back() -> None:
    assert await look(Site()) == replace(SEEN, callback_at=AT)


async def test_a_withheld_number_can_be_called_back_too() -> None:
    assert (await look(Site(number=""))).callback_at == NOW
    closed = replace(SEEN, open=False, opens_at=AT)
    assert (await look(Site(FakeDesk(closed), number=""))).callback_at == AT


async def test_a_slow_desk_is_not_waited_for() -> None:
    begin_s = asyncio.get_running_loop().time()
    assert not (await look(Site(FakeDesk(takes_s=5.0)))).known
    assert asyncio.get_running_loop().time() - begin_s < 3


async def test_who_has_no_desk_knows_nothing_and_books_nothing() -> None:
    state = confirming()
    assert await nobody().do(AskDesk(), state) == DeskTold(DeskState())
    assert nobody().plan(PlanCallback(PHONE, NOW)) == NumberRefused()
    refused = await nobody().do(BookCallback(PHONE, AT), state)
    assert refused == CallbackRefused(Reason.INTERNAL_ERROR)


async def test_without_call_backs_none_is_offered() -> None:
    desk = FrontDesk(HumanSide(FakeDesk(), 0.05), "s", PHONE, lambda _: None)
    told = await desk.do(AskDesk(), confirming())
    assert isinstance(told, DeskTold)
    assert told.desk.callback_at is None


def test_a_time_is_told_in_steps_of_five_minutes_and_never_earlier() -> None:
    odd = AT + timedelta(minutes=2, seconds=3)
    planned = Site(at=odd).desk.plan(PlanCallback("2125550101", NOW))
    assert planned == CallbackPlanned("+12125550101", AT + timedelta(minutes=5))
    assert Site().desk.plan(PlanCallback(PHONE, NOW)) == CallbackPlanned(PHONE, AT)
    assert Site().desk.plan(PlanCallback("9005550101", NOW)) == NumberRefused()


def test_a_yes_counts_only_when_the_whole_proposal_was_heard() -> None:
    state, site = confirming(), Site()
    repeat = site.desk.binding(YES, state)
    assert isinstance(repeat, TurnHeard) and repeat.meaning.intent is Intent.REPEAT
    callback = state.people.callback
    assert callback is not None
    proposal = desk_wording.proposal(callback, NOW)
    site.desk.spoken(proposal, whole=False)
    assert site.desk.binding(YES, state) is not YES
    assert site.desk.binding(KeyPressed("1"), state) != KeyPressed("1")
    site.desk.spoken(proposal, whole=True)
    assert site.desk.binding(YES, state) is YES
    assert site.desk.binding(KeyPressed("1"), state) == KeyPressed("1")


def test_what_was_heard_of_another_number_does_not_bind() -> None:
    site, other = Site(), BookCallback("+12125550199", AT)
    site.desk.spoken(desk_wording.proposal(other, NOW), whole=True)
    site.desk.spoken("Is that right?", whole=False)
    assert site.desk.binding(YES, confirming()) is not YES


def test_other_turns_and_other_states_are_left_alone() -> None:
    no = TurnHeard(Meaning(Intent.NO, "no"))
    assert Site().desk.binding(no, confirming()) is no
    assert Site().desk.binding(YES, at_desk(StateName.OFFERING_CALLBACK).state) is YES


async def test_a_proposal_is_told_once_and_committed_under_its_id() -> None:
    site, state = Site(), confirming()
    site.desk.proposed(state)
    site.desk.proposed(state)
    callback = state.people.callback
    assert callback is not None
    booked = await site.desk.do(callback, state)
    assert booked == CallbackBooked(AT)
    proposal, committed = site.told
    assert isinstance(proposal, Proposal) and isinstance(committed, Committed)
    (request,) = site.callbacks.booked
    assert "Call-back agreed: " in request.summary
    assert proposal.proposal == committed.proposal == request.key
    assert (request.number, request.at, request.session) == (PHONE, AT, "session-1")
    assert (request.name, request.account) == ("Anna Berg", "C1")
    assert (committed.system, committed.record) == ("tryton", "task,7")


async def test_another_number_or_time_is_another_proposal() -> None:
    site = Site()
    for callback in (
        BookCallback(PHONE, AT),
        BookCallback("+12125550199", AT),
        BookCallback(PHONE, AT + timedelta(hours=1)),
    ):
        site.desk.proposed(confirming(callback))
    ids = [event.proposal for event in site.told if isinstance(event, Proposal)]
    digests = {event.digest for event in site.told if isinstance(event, Proposal)}
    assert len(set(ids)) == len(digests) == 3
    again = Site()
    again.desk.proposed(confirming(BookCallback(PHONE, AT)))
    assert [event.proposal for event in again.told if isinstance(event, Proposal)] == ids[:1]


async def test_what_could_not_be_kept_is_refused() -> None:
    site = Site(callbacks=FakeCallbacks(CallbackError("the store is down")))
    refused = await site.desk.do(BookCallback(PHONE, AT), confirming())
    assert refused == CallbackRefused(Reason.BACKEND_DOWN)
    assert not site.told


async def test_a_booking_that_hangs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asterisk_agi.front_desk.BOOK_S", 0.01)
    monkeypatch.setattr("asterisk_agi.front_desk._LATE_S", 0.01)
    site = Site(callbacks=FakeCallbacks(takes_s=30.0))
    refused = await site.desk.do(BookCallback(PHONE, AT), confirming())
    assert refused == CallbackRefused(Reason.BACKEND_SLOW)


def test_the_zone_of_the_told_time_stays() -> None:
    zone = timezone(timedelta(hours=-5))
    planned = Site(at=AT.astimezone(zone)).desk.plan(PlanCallback(PHONE, NOW))
    assert isinstance(planned, CallbackPlanned)
    assert planned.at.utcoffset() == timedelta(hours=-5)
