"""The handlers of the table in `machine.py`: one function an event, or an event in a state.

Each takes the call's state, the event and today's date. Pure; the steps are in `moves.py`
and `asking.py`, what a turn does is in `turns.py`, what an answer does in `telling.py`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from asterisk_agi.dialogue import asking, desk_talk, moves, phrases, turns, wording
from asterisk_agi.dialogue.effects import Line
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
    QueryFailed,
    TurnHeard,
)
from asterisk_agi.dialogue.moves import Step
from asterisk_agi.dialogue.questions import Question, Subject
from asterisk_agi.dialogue.state import Caller, CallState, StateName
from dialplan.reasons import Reason
from erp.model import Customer

HUMAN_KEY = "0"
END_KEY = "#"
AGAIN_KEY = "*"
RETRY_KEY = "1"


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
        return moves.offer_human(state, event.reason, introduction, phrases.SYSTEM_DOWN)
    lines = (*_hello(state), *phrases.fixed(phrases.HOW_CAN_I_HELP))
    return moves.reply(state, lines, StateName.LISTENING)


def _hello(state: CallState) -> tuple[Line, ...]:
    chosen = state.caller.chosen
    introduction = phrases.fixed(phrases.introduction(state.settings, chosen is not None))
    return introduction if chosen is None else (wording.greeting_line(chosen), *introduction)


def _caller(lookup: LookupOutcome, customers: tuple[Customer, ...]) -> Caller:
    return Caller(lookup, customers, customers[0] if len(customers) == 1 else None)


def note_answer(state: CallState, event: CallAnswered, today: date) -> Step:
    """Keep who is calling: a caller who was quicker than the greeting needs none."""
    return moves.stay(replace(state, caller=_caller(event.lookup, event.customers)))


def note_customers(state: CallState, event: CustomersFound, today: date) -> Step:
    """Keep who is calling, silently. A contact that was chosen stays chosen."""
    if state.caller.chosen is not None:
        return moves.stay(state)
    return moves.stay(replace(state, caller=_caller(LookupOutcome.DONE, event.customers)))


def note_failed_lookup(state: CallState, event: LookupFailed, today: date) -> Step:
    """Keep that the look-up failed, silently: it matters when the account is asked for."""
    if state.caller.lookup is not LookupOutcome.LATE:
        return moves.stay(state)
    return moves.stay(replace(state, caller=Caller(LookupOutcome.FAILED)))


def find_customers(state: CallState, event: CustomersFound, today: date) -> Step:
    """Go on with the question that waited for the look-up."""
    noted, _ = note_customers(state, event, today)
    return asking.go_on(noted) if state.query is None else moves.stay(noted)


def fail_lookup(state: CallState, event: LookupFailed, today: date) -> Step:
    """Tell a caller whose question waited for the look-up that it failed."""
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
    """Collect an item number, or the order number that was asked for; else 0 is the human."""
    state = replace(state, patience=replace(state.patience, silences=0))
    if event.key == AGAIN_KEY:
        return moves.repeat(replace(state, keys=""))
    if event.key == HUMAN_KEY and not state.keys:
        return moves.hand_off(state, Reason.KEY_ZERO)
    if event.key == END_KEY:
        return _take_keys(state) if state.keys else moves.stay(state)
    if not event.key.isdigit():
        return moves.stay(state)
    name = state.name if state.name is StateName.ASKING_ORDER else StateName.KEYPAD
    state = replace(state, name=name, keys=state.keys + event.key)
    _, most = _digits(state)
    return _take_keys(state) if len(state.keys) >= most else moves.stay(state)


def _digits(state: CallState) -> tuple[int, int]:
    """Return the digits of the shortest and of the longest number that is being keyed."""
    settings = state.settings
    if state.name is StateName.ASKING_ORDER:
        return settings.order_digits_min, settings.order_digits_max
    return settings.item_digits_min, settings.item_digits_max


def end_keys(state: CallState, event: KeysEnded, today: date) -> Step:
    """Take the keyed number as it stands."""
    if not state.keys:
        return moves.stay(state)
    least, _ = _digits(state)
    if len(state.keys) < least and state.keys.endswith(HUMAN_KEY):
        return moves.hand_off(state, Reason.KEY_ZERO)
    return _take_keys(state)


def _take_keys(state: CallState) -> Step:
    least, _ = _digits(state)
    order = state.name is StateName.ASKING_ORDER
    if len(state.keys) < least:
        wrong = phrases.ORDER_KEYS_WRONG if order else phrases.KEYS_WRONG
        return moves.misunderstood(state, state.keys, first=wrong)
    if order:
        question = replace(state.open or Question(Subject.ORDER), order_number=state.keys)
    else:
        question = replace(state.topic, item_number=state.keys)
    return asking.ask(moves.understood(state), question)


def press_retry(state: CallState, event: KeyPressed, today: date) -> Step:
    """Take 1 as the wish to try again."""
    if event.key == RETRY_KEY:
        return asking.ask_again(state)
    return moves.repeat(state) if event.key == AGAIN_KEY else only_zero(state, event, today)


def press_offer(state: CallState, event: KeyPressed, today: date) -> Step:
    """Choose what is had instead of a free human: 1 hold, 2 a call-back, 3 a message, 0 hold."""
    if event.key == AGAIN_KEY:
        return moves.repeat(state)
    if event.key == HUMAN_KEY:
        return desk_talk.hold(state, Meaning(Intent.HOLD, event.key))
    if not event.key.isdigit():
        return moves.stay(state)
    return turns.take_turn(state, Meaning(Intent.CHOICE, event.key, choice=int(event.key)))


def press_phone(state: CallState, event: KeyPressed, today: date) -> Step:
    """Collect the number to call back."""
    state = replace(state, patience=replace(state.patience, silences=0))
    return desk_talk.press_phone_digit(state, event.key)


def end_phone(state: CallState, event: KeysEnded, today: date) -> Step:
    """Take the keyed number as it stands."""
    return desk_talk.end_phone_keys(state)


def press_confirmation(state: CallState, event: KeyPressed, today: date) -> Step:
    """Take 1 as yes, 2 as no, 0 as the wish for a human."""
    if event.key == HUMAN_KEY:
        return desk_talk.hold(state, Meaning(Intent.HOLD, event.key))
    return press_yes_or_no(state, event, today)


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


# The ERP does not answer, or not yet


def fill(state: CallState, event: FillerDue, today: date) -> Step:
    """Give a sign of life."""
    return moves.still_checking(state)


def tell_failure(state: CallState, event: QueryFailed, today: date) -> Step:
    """Tell that the ERP did not answer, and offer another try, once, or a human."""
    if state.query is None:
        return moves.stay(state)
    sentence = phrases.FAILURES.get(event.reason, phrases.SYSTEM_DOWN)
    if event.keypad and not state.retried:
        return moves.offer_retry(state, event.reason, sentence)
    return moves.offer_human(state, event.reason, sentence)


# The call has lasted too long


def end_longest_call(state: CallState, event: LongestCallReached, today: date) -> Step:
    """Say so, and go to a human."""
    return moves.give_up(state, Reason.LONGEST_CALL, phrases.LONGEST_CALL)
