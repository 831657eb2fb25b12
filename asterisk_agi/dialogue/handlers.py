"""The handlers of the table in `machine.py`: one function an event, or an event in a state.

Each takes the call's state, the event and today's date. Pure; the steps are in `moves.py`,
what a turn does is in `turns.py`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from asterisk_agi.dialogue import moves, phrases, turns, wording
from asterisk_agi.dialogue.effects import AskAvailability, AskLastOrder, Line
from asterisk_agi.dialogue.events import (
    CallAnswered,
    CustomersFound,
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
    QueryAnswered,
    QueryFailed,
    TurnHeard,
)
from asterisk_agi.dialogue.moves import Step
from asterisk_agi.dialogue.state import TOLD_MAX, Caller, CallState, StateName
from dialplan.reasons import Reason
from erp.model import Availability, Customer, NotFound, OrderState, OrderStatus

HUMAN_KEY = "0"
END_KEY = "#"
AGAIN_KEY = "*"


def ignore(state: CallState, event: Event, today: date) -> Step:
    """Do nothing: the event came late, or does not matter here."""
    return moves.stay(state)


# The caller is answered, and looked up


def greet(state: CallState, event: CallAnswered, today: date) -> Step:
    """Say who is speaking, by name when exactly one contact has the number."""
    if state.caller.lookup is LookupOutcome.LATE:
        state = replace(state, caller=_caller(event.lookup, event.customers))
    if state.caller.lookup is LookupOutcome.FAILED:
        introduction = phrases.introduction(state.settings, greeted=False)
        return moves.offer_human(state, Reason.BACKEND_DOWN, introduction, phrases.SYSTEM_DOWN)
    lines = (*_hello(state), *phrases.fixed(phrases.HOW_CAN_I_HELP))
    return moves.reply(state, lines, StateName.LISTENING)


def _hello(state: CallState) -> tuple[Line, ...]:
    chosen = state.caller.chosen
    introduction = phrases.fixed(phrases.introduction(state.settings, chosen is not None))
    return introduction if chosen is None else (wording.greeting_line(chosen), *introduction)


def _caller(lookup: LookupOutcome, customers: tuple[Customer, ...]) -> Caller:
    return Caller(lookup, customers, customers[0] if len(customers) == 1 else None)


def note_customers(state: CallState, event: CustomersFound, today: date) -> Step:
    """Keep who is calling, silently. A contact that was chosen stays chosen."""
    if state.caller.chosen is not None:
        return moves.stay(state)
    return moves.stay(replace(state, caller=_caller(LookupOutcome.DONE, event.customers)))


def note_failed_lookup(state: CallState, event: LookupFailed, today: date) -> Step:
    """Keep that the look-up failed, silently: it matters when an order is asked for."""
    if state.caller.lookup is not LookupOutcome.LATE:
        return moves.stay(state)
    return moves.stay(replace(state, caller=Caller(LookupOutcome.FAILED)))


def find_customers(state: CallState, event: CustomersFound, today: date) -> Step:
    """Go on with the order question that waited for the look-up."""
    noted, _ = note_customers(state, event, today)
    return moves.check_last_order(noted) if state.query is None else moves.stay(noted)


def fail_lookup(state: CallState, event: LookupFailed, today: date) -> Step:
    """Tell a caller whose order question waited for the look-up that it failed."""
    noted, _ = note_failed_lookup(state, event, today)
    if state.query is not None:
        return moves.stay(noted)
    return moves.offer_human(noted, event.reason, phrases.NOT_LOOKED_UP)


# The caller speaks, or does not


def hear_turn(state: CallState, event: TurnHeard, today: date) -> Step:
    """Do what the caller's turn asks for."""
    return turns.take_turn(state, event.meaning)


def hear_turn_while_checking(state: CallState, event: TurnHeard, today: date) -> Step:
    """Take what is said while a query is in progress."""
    return turns.take_turn_while_checking(state, event.meaning)


def hear_nothing(state: CallState, event: NothingHeard, today: date) -> Step:
    """Prompt, or go to a human after the last prompt."""
    return moves.prompt_silence(state)


def wait_longer(state: CallState, event: NothingHeard, today: date) -> Step:
    """Stop waiting for a look-up that never ends; a query has its own deadline."""
    if state.query is not None:
        return moves.stay(state)
    return moves.offer_human(state, Reason.BACKEND_SLOW, phrases.NOT_LOOKED_UP)


# The caller presses keys


def only_zero(state: CallState, event: KeyPressed, today: date) -> Step:
    """Go to a human on 0; no other key counts here."""
    if event.key == HUMAN_KEY:
        return moves.hand_off(state, Reason.KEY_ZERO)
    return moves.stay(state)


def zero_after_goodbye(state: CallState, event: KeyPressed, today: date) -> Step:
    """Take a 0 instead of the goodbye that is being spoken."""
    if event.key != HUMAN_KEY or state.reason is not Reason.GOODBYE:
        return moves.stay(state)
    return moves.hand_off(state, Reason.KEY_ZERO)


def press_digit(state: CallState, event: KeyPressed, today: date) -> Step:
    """Collect an item number; outside of a number, 0 is the human and * says it again."""
    state = replace(state, patience=replace(state.patience, silences=0))
    if event.key == AGAIN_KEY:
        return moves.repeat(replace(state, keys=""))
    if event.key == HUMAN_KEY and not state.keys:
        return moves.hand_off(state, Reason.KEY_ZERO)
    if event.key == END_KEY:
        return _take_keys(state) if state.keys else moves.stay(state)
    if not event.key.isdigit():
        return moves.stay(state)
    state = replace(state, name=StateName.KEYPAD, keys=state.keys + event.key)
    full = len(state.keys) >= state.settings.item_digits_max
    return _take_keys(state) if full else moves.stay(state)


def end_keys(state: CallState, event: KeysEnded, today: date) -> Step:
    """Take the keyed number as it stands."""
    if not state.keys:
        return moves.stay(state)
    if _too_short(state) and state.keys.endswith(HUMAN_KEY):
        return moves.hand_off(state, Reason.KEY_ZERO)
    return _take_keys(state)


def _too_short(state: CallState) -> bool:
    return len(state.keys) < state.settings.item_digits_min


def _take_keys(state: CallState) -> Step:
    if _too_short(state):
        return moves.misunderstood(state, state.keys, first=phrases.KEYS_WRONG)
    topic = replace(state.topic, item_number=state.keys)
    return moves.check_item(moves.understood(state), topic)


def press_choice(state: CallState, event: KeyPressed, today: date) -> Step:
    """Choose a contact by its number."""
    if event.key == AGAIN_KEY:
        return moves.repeat(state)
    if not event.key.isdigit() or event.key == HUMAN_KEY:
        return only_zero(state, event, today)
    return turns.take_turn(state, Meaning(Intent.CHOICE, event.key, choice=int(event.key)))


_YES_OR_NO = {"1": Intent.YES, "2": Intent.NO, AGAIN_KEY: Intent.REPEAT}


def press_yes_or_no(state: CallState, event: KeyPressed, today: date) -> Step:
    """Take 1 as yes and 2 as no."""
    intent = _YES_OR_NO.get(event.key)
    if intent is None:
        return only_zero(state, event, today)
    return turns.take_turn(state, Meaning(intent, event.key))


# The ERP answers, or does not


def fill(state: CallState, event: FillerDue, today: date) -> Step:
    """Give a sign of life."""
    return moves.still_checking(state)


def tell_answer(state: CallState, event: QueryAnswered, today: date) -> Step:
    """Tell what the ERP answered, when it is the answer to the query in progress."""
    answer, query = event.answer, state.query
    if isinstance(answer, Availability) and isinstance(query, AskAvailability):
        return _tell_availability(state, answer, query, today)
    if isinstance(answer, OrderStatus) and isinstance(query, AskLastOrder):
        return _tell_order(state, answer, today)
    if isinstance(answer, NotFound) and query is not None:
        return _tell_not_found(state, answer, query)
    return moves.stay(state)


def _tell_availability(
    state: CallState, answer: Availability, query: AskAvailability, today: date
) -> Step:
    if answer.item.number.casefold() != query.item_number.casefold():
        return moves.stay(state)
    lines = wording.availability_lines(answer, state.topic.amount, today)
    return _tell(state, lines, wording.availability_note(answer))


def _tell_order(state: CallState, answer: OrderStatus, today: date) -> Step:
    state = replace(state, order_asked=False)
    lines = wording.order_lines(answer, today)
    if answer.state is not OrderState.UNREADABLE:
        return _tell(state, lines, wording.order_note(answer))
    told = _note(state, wording.order_note(answer))
    offered = (*lines, *moves.OFFERED)
    reason = Reason.BACKEND_BAD_ANSWER
    return moves.reply(told, offered, StateName.OFFERING_HUMAN, query=None, reason=reason)


def _tell_not_found(
    state: CallState, answer: NotFound, query: AskAvailability | AskLastOrder
) -> Step:
    note = wording.not_found_note(answer)
    if isinstance(query, AskLastOrder):
        state = replace(state, order_asked=False)
        return _tell(state, wording.order_not_found_lines(answer, query.customer), note)
    state = replace(_note(state, note), query=None)
    lines = wording.item_not_found_lines(answer, query.item_number)
    return moves.ask_item(state, *lines, topic=replace(state.topic, item_number=None))


def _tell(state: CallState, lines: tuple[Line, ...], note: str) -> Step:
    lines = (*lines, *phrases.fixed(phrases.ANYTHING_ELSE))
    return moves.reply(_note(state, note), lines, StateName.LISTENING, query=None)


def _note(state: CallState, note: str) -> CallState:
    return replace(state, told=(*state.told, note)[-TOLD_MAX:])


def tell_failure(state: CallState, event: QueryFailed, today: date) -> Step:
    """Tell that the ERP did not answer, and offer a human."""
    if state.query is None:
        return moves.stay(state)
    sentence = phrases.FAILURES.get(event.reason, phrases.SYSTEM_DOWN)
    return moves.offer_human(state, event.reason, sentence)


# The call has lasted too long


def end_longest_call(state: CallState, event: LongestCallReached, today: date) -> Step:
    """Say so, and go to a human."""
    return moves.hand_off(state, Reason.LONGEST_CALL, phrases.LONGEST_CALL)
