"""Random calls: whatever comes in whatever order, the rules hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.dialogue import desk_wording, machine, summary
from asterisk_agi.dialogue.desk import DeskState, TransferFailure
from asterisk_agi.dialogue.effects import (
    AskAvailability,
    AskLastOrder,
    AskOrder,
    AskOrderHistory,
    AskPrice,
    AskTracking,
    DropQuery,
    Finish,
    HandOff,
    Say,
)
from asterisk_agi.dialogue.events import (
    CallAnswered,
    CallbackBooked,
    CallbackPlanned,
    CallbackRefused,
    CustomersFound,
    DeskTold,
    Event,
    FillerDue,
    Intent,
    KeyPressed,
    KeysEnded,
    LongestCallReached,
    LookupFailed,
    LookupOutcome,
    Meaning,
    NothingHeard,
    NumberRefused,
    QueryAnswered,
    QueryFailed,
    TransferFailed,
    TurnHeard,
)
from asterisk_agi.dialogue.machine import TABLE
from asterisk_agi.dialogue.questions import NEEDS, Question, Subject
from asterisk_agi.dialogue.state import CallState, DialogueSettings, People, StateName
from dialplan.reasons import Reason
from erp.model import OrderState
from tests.unit.asterisk_agi.dialogue.builders import (
    ANNA,
    AT,
    AT_DESK,
    BOB,
    BUSY,
    NOW,
    PHONE,
    TODAY,
    Call,
    available,
    delivery,
    history,
    not_found,
    order,
    price,
    tracking,
)

NUMBERS = st.sampled_from([None, "4521", "4522"])
DAYS = st.one_of(st.none(), st.integers(0, 60).map(lambda days: TODAY + timedelta(days=days)))
MEANINGS = st.builds(
    Meaning,
    intent=st.sampled_from(Intent),
    text=st.sampled_from(["", "words"]),
    item_number=NUMBERS,
    day=DAYS,
    choice=st.one_of(st.none(), st.integers(0, 10)),
    amount=st.one_of(st.none(), st.integers(0, 999)),
    order_number=st.sampled_from([None, "2034", "2035"]),
)
CUSTOMERS = st.sampled_from([(), (ANNA,), (ANNA, BOB), (ANNA, BOB) * 4])
ANSWERS = st.sampled_from(
    [
        *(available(), available(0), available(number="4522"), available(old_item=True)),
        *(price(), price(fallback=True), order(), order(number="2034"), order(number="")),
        *(tracking(), tracking(delivery()), tracking(delivery(), delivery(), number="2035")),
        *(history(0), history(4), not_found(), not_found(operation="price")),
        *(not_found(operation="order_status"), not_found(operation="tracking")),
    ]
)
QUERIES = (AskAvailability, AskPrice, AskLastOrder, AskOrder, AskTracking, AskOrderHistory)
FAILURES = st.sampled_from([Reason.BACKEND_SLOW, Reason.BACKEND_DOWN, Reason.BACKEND_REFUSED])
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(TurnHeard, MEANINGS),
    st.builds(TurnHeard, MEANINGS),
    st.builds(KeyPressed, st.sampled_from("0123456789*#")),
    st.builds(QueryAnswered, ANSWERS, st.just(NOW)),
    st.builds(QueryFailed, FAILURES, st.booleans()),
    st.builds(CustomersFound, CUSTOMERS),
    st.builds(LookupFailed, FAILURES),
    st.just(NothingHeard()),
    st.just(KeysEnded()),
    st.just(FillerDue()),
)


def _walk(lookup: LookupOutcome, customers: tuple[object, ...], events: list[Event]) -> Call:
    call = Call().answer(*customers, lookup=lookup)  # type: ignore[arg-type]
    told: set[str] = set()
    querying = False
    for event in events:
        before = call.state
        call.feed(event)
        _check_facts(call, event, before, told)
        querying = _check_queries(call, event, querying)
        _check_ways_out(call, before)
    return call


def _check_facts(call: Call, event: Event, before: CallState, told: set[str]) -> None:
    """A fact is new only when the ERP has just answered the query in progress."""
    new = set(call.facts) - told
    assert not new or (isinstance(event, QueryAnswered) and before.name is StateName.CHECKING)
    told |= new


def _check_queries(call: Call, event: Event, querying: bool) -> bool:
    """A query begins only when none is in progress, and is dropped only when one is."""
    if isinstance(event, (QueryAnswered, QueryFailed)) and call.name is not StateName.CHECKING:
        querying = False
    for effect in call.effects:
        if isinstance(effect, DropQuery):
            assert querying
            querying = False
        if isinstance(effect, QUERIES):
            assert not querying
            assert call.name is StateName.CHECKING
            querying = True
    if call.name is not StateName.CHECKING:
        assert not querying
    return querying


def _check_ways_out(call: Call, before: CallState) -> None:
    """A way out comes last, after a sentence, and leads to ENDING, which is never left."""
    ways = [effect for effect in call.effects if isinstance(effect, (HandOff, Finish))]
    if ways:
        assert ways == [call.effects[-1]]
        assert isinstance(call.effects[-2], Say)
        assert call.name is StateName.ENDING
    if before.name is StateName.ENDING:
        assert call.name is StateName.ENDING


WALKS = st.lists(EVENTS, max_size=25)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(LookupOutcome), CUSTOMERS, WALKS)
def test_a_walk_keeps_the_rules_and_ends_by_the_longest_call(
    lookup: LookupOutcome, customers: tuple[object, ...], events: list[Event]
) -> None:
    call = _walk(lookup, customers, events)
    machine.listening(call.state)
    text = summary.summarise(call.state, call.state.reason or Reason.CALLER_HUNG_UP)
    assert text.isascii()
    assert len(text) <= summary.SUMMARY_MAX
    call.feed(LongestCallReached())
    assert call.name is StateName.ENDING
    assert sum(isinstance(effect, (HandOff, Finish)) for effect in call.history) >= 1


@settings(max_examples=40, deadline=None)
@given(CUSTOMERS, WALKS)
def test_a_walk_reaches_a_human_by_zero(customers: tuple[object, ...], events: list[Event]) -> None:
    call = _walk(LookupOutcome.DONE, customers, events)
    # A number that was begun is cleared first; a caller who waits instead gets there too.
    call.feed(KeyPressed("*"), KeyPressed("0"))
    assert any(isinstance(effect, HandOff) for effect in call.history)


@settings(max_examples=40, deadline=None)
@given(WALKS)
def test_nothing_of_an_account_is_asked_for_without_a_match(events: list[Event]) -> None:
    call = Call().answer()
    for event in events:
        if not isinstance(event, CustomersFound):
            call.feed(event)
    asked = {type(effect) for effect in call.history if isinstance(effect, QUERIES)}
    assert asked <= {AskAvailability}


def test_every_target_of_the_table_can_be_reached() -> None:
    """The picture shows no edge that never happens."""
    seen: set[tuple[StateName, type[object], StateName]] = set()
    for digits_min, digits_max in ((1, 1), (2, 3)):
        impatient = DialogueSettings(
            item_digits_min=digits_min,
            item_digits_max=digits_max,
            order_digits_min=digits_min,
            order_digits_max=digits_max,
            silence_prompts=1,
            misunderstandings_max=2,
            choices_max=2,
        )
        seen |= _edges_from(machine.start(impatient), set(), (TransferFailed,))
    seen |= _edges_at_desk(impatient)
    declared = {
        (name, event, target) for (name, event), rule in TABLE.items() for target in rule.targets
    }
    assert declared == seen


def _edges_at_desk(settings: DialogueSettings) -> set[tuple[StateName, type[object], StateName]]:
    """Return the edges around the desk; what is beyond is searched without it."""
    seen: set[tuple[StateName, type[object], StateName]] = set()
    beyond = set(StateName) - {*AT_DESK, StateName.ENDING}
    # Whoever is calling: known, one of several, nobody; with and without a number.
    for number, customers in ((PHONE, (BOB,)), ("", (ANNA, BOB)), (PHONE, ())):
        waiting = Call(settings, People(asked=True, number=number)).answer(*customers)
        seen |= _edges_from(waiting.hear(Intent.HUMAN).state, beyond, _WHO_IS_CALLING)
        # Who asks for a call-back, or is offered a human, comes by other edges to these states.
        for intent in (Intent.CALL_BACK, Intent.BALANCE):
            asking = Call(settings, waiting.state.people).answer(*customers).hear(intent)
            at_once = set(StateName) - {StateName.ASKING_DESK}
            seen |= _edges_from(asking.state, at_once, _WHO_IS_CALLING)
    return seen


_WHO_IS_CALLING = (CallAnswered, CustomersFound, LookupFailed)
"""Changes nothing at the desk: not walked on there."""


def _edges_from(
    start: CallState, beyond: set[StateName], unwalked: tuple[type[object], ...] = ()
) -> set[tuple[StateName, type[object], StateName]]:
    """Return the edges that can be walked from a state; those beyond are not walked on."""
    seen: set[tuple[StateName, type[object], StateName]] = set()
    frontier, known = [start], {_kind(start)}
    probes = _probes()
    while frontier:
        state = frontier.pop()
        for event in probes:
            if (state.name, type(event)) not in TABLE:
                continue
            after, effects = machine.step(state, event, TODAY)
            seen.add((state.name, type(event), after.name))
            ends = effects and isinstance(effects[-1], HandOff)
            if (ends or after.name is StateName.OFFERING_HUMAN) and not state.people.asked:
                # With a desk, it is asked first.
                asked = replace(state, people=People(asked=True))
                other, _ = machine.step(asked, event, TODAY)
                seen.add((state.name, type(event), other.name))
            walked = after.name not in beyond and type(event) not in unwalked
            if walked and _kind(after) not in known:
                known.add(_kind(after))
                frontier.append(after)
    return seen


def _kind(state: CallState) -> tuple[object, ...]:
    """Return what decides about the next step, so that the search ends."""
    return (
        state.name,
        state.caller.lookup,
        len(state.caller.matches),
        state.caller.chosen is None,
        state.patience.misunderstandings,
        state.patience.silences,
        type(state.query),
        _kind_of(state.open),
        state.topic.subject is Subject.PRICE,
        state.retried and state.name is StateName.CHECKING,
        state.keys[-1:] == "0",
        min(len(state.keys), 8) if state.name is StateName.KEYING_NUMBER else len(state.keys),
        desk_wording.options(state.people.desk),
        min(state.people.failures, 2),
        state.people.callback is None,
        state.people.came_back,
        state.people.offered,
    )


def _kind_of(question: Question | None) -> tuple[object, ...]:
    if question is None:
        return ()
    needs = NEEDS[question.subject]
    lacks_item = needs.item and question.item_number is None
    lacks_order = needs.order and question.order_number is None
    return (needs.item, needs.assurance, lacks_item, lacks_order)


def _probes() -> list[Event]:
    friday = date(2026, 11, 27)
    meanings = [
        Meaning(
            intent,
            "words",
            number,
            friday if number is None else None,
            choice,
            order_number=None if number is None else "2034",
        )
        for intent in Intent
        for number, choice in (("4521", 1), (None, 9))
    ]
    meanings.append(Meaning(Intent.AVAILABILITY, "words"))
    return [
        *(
            CallAnswered(lookup, customers)
            for lookup in LookupOutcome
            for customers in ((), (ANNA, BOB))
        ),
        *(TurnHeard(meaning) for meaning in meanings),
        *(KeyPressed(key) for key in "01234*#"),
        *(
            QueryAnswered(answer, NOW)
            for answer in (available(), order(), order(OrderState.UNREADABLE), not_found())
        ),
        QueryFailed(Reason.BACKEND_DOWN),
        QueryFailed(Reason.BACKEND_DOWN, keypad=True),
        CustomersFound(()),
        CustomersFound((ANNA, BOB)),
        LookupFailed(Reason.BACKEND_DOWN),
        NothingHeard(),
        KeysEnded(),
        FillerDue(),
        LongestCallReached(),
        DeskTold(BUSY),
        DeskTold(replace(BUSY, callback_at=None)),
        DeskTold(DeskState()),
        DeskTold(DeskState(known=True)),
        CallbackPlanned(PHONE, AT),
        NumberRefused(),
        CallbackBooked(AT),
        CallbackRefused(),
        TransferFailed(TransferFailure.DECLINED),
    ]
