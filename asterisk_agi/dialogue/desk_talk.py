"""The talk about humans: who is free, what else can be had, and the agreement on a call-back.

Handlers of the table in `machine.py` and of the turns in these states. Nothing is written but
what the caller said yes to: `BookCallback` is the very value that was read back. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from asterisk_agi.dialogue import desk_wording, moves, phrases
from asterisk_agi.dialogue.effects import (
    AskDesk,
    BookCallback,
    Finish,
    PlanCallback,
    Say,
)
from asterisk_agi.dialogue.events import (
    CallbackBooked,
    CallbackPlanned,
    CallbackRefused,
    DeskTold,
    FillerDue,
    Intent,
    Meaning,
    NumberRefused,
    TransferFailed,
)
from asterisk_agi.dialogue.moves import Step
from asterisk_agi.dialogue.state import CallState, StateName
from dialplan.reasons import Reason

PHONE_DIGITS_MIN = 7
"""Digits of the shortest number that is called back: fewer are no number with its area code."""
PHONE_DIGITS_MAX = 15
"""Digits of the longest one, of E.164."""
FAILURES_MAX = 2
"""The transfer in vain after which the dialplan's label is to find a human."""


def _people(state: CallState, **changes: Any) -> CallState:
    return replace(state, people=replace(state.people, **changes))


def _reason(state: CallState) -> Reason:
    return state.reason or Reason.CALLER_ASKED


# The desk answers, or a transfer comes back


def hear_of_desk(state: CallState, event: DeskTold, today: date) -> Step:
    """Put the caller through, and say who is free; or offer what can be had instead."""
    desk = event.desk
    came_back = state.people.came_back
    wish = state.people.wish
    state = _people(state, desk=desk, callback=None, came_back=False, wish=None)
    if wish is not None and desk.known and wish in desk_wording.options(desk):
        return _CHOSEN[wish](state, Meaning(wish))
    if came_back:
        return _after_failure(state)
    if state.people.offered:
        return _offer_human(state)
    if not desk.known:
        return moves.put_through(state, _reason(state))
    free = desk_wording.free(desk)
    if free:
        sentence = desk_wording.free_sentence(free)
        return moves.put_through(state, _reason(state), sentence, last=desk_wording.PUT_THROUGH)
    return _nobody_free(state)


def _nobody_free(state: CallState) -> Step:
    sentences = desk_wording.busy_sentences(state.people.desk)
    choices = desk_wording.options(state.people.desk)
    # No time is left for a question when the longest call is reached.
    asks = choices not in ((), (Intent.HOLD,)) and state.reason is not Reason.LONGEST_CALL
    if not asks:
        return moves.without_asking(state, _reason(state), *sentences)
    return _offer(state, *sentences)


def _offer_human(state: CallState) -> Step:
    """Offer what the desk says can be had to a caller who did not ask for a human."""
    desk = state.people.desk
    busy = desk.known and not desk_wording.free(desk)
    sentences = desk_wording.busy_sentences(desk) if busy else ()
    choices = desk_wording.options(desk)
    if busy and not choices:
        return moves.listen(state, *sentences, phrases.WHAT_ELSE)
    if busy and choices != (Intent.HOLD,):
        return _offer(state, *sentences)
    return moves.reply(state, phrases.fixed(*sentences, phrases.OFFER), StateName.OFFERING_HUMAN)


def _offer(state: CallState, *sentences: str) -> Step:
    lines = phrases.fixed(*sentences, desk_wording.question(state.people.desk))
    calm = moves.understood(state)
    return moves.reply(calm, lines, StateName.OFFERING_CALLBACK, reason=_reason(state))


def come_back(state: CallState, event: TransferFailed, today: date) -> Step:
    """Say why no human took the call, and go on with the caller; after two of them, no more."""
    state = _people(state, failures=state.people.failures + 1)
    sentence = phrases.TRANSFER_FAILURES[event.failure]
    if state.people.failures >= FAILURES_MAX:
        return moves.put_through(
            state, _reason(state), sentence, last=phrases.PASS_ON, by_label=True
        )
    if not state.people.asked:
        return _offer_again(state, sentence)
    lines = phrases.fixed(sentence)
    asking = _people(replace(state, name=StateName.ASKING_DESK, said=lines), came_back=True)
    return asking, (Say(lines), AskDesk())


def _after_failure(state: CallState) -> Step:
    desk = state.people.desk
    if not desk.known:
        return _offer_again(state)
    sentences = () if desk_wording.free(desk) else desk_wording.busy_sentences(desk)
    choices = desk_wording.options(desk)
    if choices == (Intent.HOLD,):
        return _offer_again(state, *sentences)
    if not choices:
        return moves.without_asking(state, _reason(state), *sentences)
    return _offer(state, *sentences)


def _offer_again(state: CallState, *sentences: str) -> Step:
    lines = phrases.fixed(*sentences, phrases.TRY_AGAIN)
    calm = moves.understood(state)
    return moves.reply(calm, lines, StateName.OFFERING_HUMAN, reason=_reason(state))


# What the caller chooses


def hold(state: CallState, meaning: Meaning) -> Step:
    """Put a caller through who would rather wait."""
    return moves.without_asking(moves.understood(state), _reason(state))


def call_back(state: CallState, meaning: Meaning) -> Step:
    """Find when the caller's number may be called; ask for one when it is withheld."""
    if Intent.CALL_BACK not in desk_wording.options(state.people.desk):
        return moves.misunderstood(state, meaning.text)
    calm = moves.understood(state)
    return _plan(calm, state.people.number) if state.people.number else _ask_number(calm)


def leave_message(state: CallState, meaning: Meaning) -> Step:
    """End the call at the dialplan's voice mail."""
    if not state.people.desk.voicemail:
        return moves.misunderstood(state, meaning.text)
    lines = phrases.fixed(phrases.LEAVE_MESSAGE)
    ended = replace(
        moves.understood(state), name=StateName.ENDING, said=lines, reason=Reason.VOICEMAIL
    )
    return ended, (Say(lines), Finish(Reason.VOICEMAIL))


_CHOSEN = {
    Intent.HOLD: hold,
    Intent.CALL_BACK: call_back,
    Intent.LEAVE_MESSAGE: leave_message,
}


def ask_for(state: CallState, meaning: Meaning) -> Step:
    """Ask the desk whether a caller can have what was asked for, unasked, instead of a human."""
    calm = _people(moves.understood(state), wish=meaning.intent)
    return moves.hand_off(calm, Reason.CALLER_ASKED)


def agree(state: CallState, meaning: Meaning) -> Step:
    """Take a yes where one thing was offered; of several, ask which."""
    choices = desk_wording.options(state.people.desk)
    if len(choices) != 1:
        return moves.misunderstood(state, meaning.text)
    return _CHOSEN[choices[0]](state, meaning)


def decline(state: CallState, meaning: Meaning) -> Step:
    """Take a no: to one thing at once, to several when it is said again."""
    several = len(desk_wording.options(state.people.desk)) > 1
    if several and not state.patience.misunderstandings:
        return moves.misunderstood(state, meaning.text)
    calm = moves.understood(state)
    if state.people.failures or state.people.offered:
        return moves.listen(calm, phrases.WHAT_ELSE)
    return moves.without_asking(calm, _reason(state))


def choose(state: CallState, meaning: Meaning) -> Step:
    """Take a key, or a number that was said for one."""
    intent = dict(zip((1, 2, 3), _CHOSEN, strict=True)).get(meaning.choice or 0)
    if intent is None or intent not in desk_wording.options(state.people.desk):
        return moves.misunderstood(state, meaning.text)
    return _CHOSEN[intent](state, meaning)


# The number and the time


def _plan(state: CallState, number: str) -> Step:
    earliest = state.people.desk.callback_at
    if earliest is None:
        return moves.without_asking(state, _reason(state), phrases.NOT_BOOKED)
    planning = _people(replace(state, name=StateName.CONFIRMING_CALLBACK, keys=""), callback=None)
    return planning, (PlanCallback(number, earliest),)


def _ask_number(state: CallState) -> Step:
    lines = phrases.fixed(phrases.WHICH_PHONE, phrases.KEYPAD_PHONE)
    state = _people(state, callback=None)
    return moves.reply(state, lines, StateName.KEYING_NUMBER, keys="")


def read_back(state: CallState, event: CallbackPlanned, today: date) -> Step:
    """Read number and time back, and ask for a yes to just these."""
    state = _people(state, callback=BookCallback(event.number, event.at))
    lines = desk_wording.read_back(state.people)
    return moves.reply(state, lines, StateName.CONFIRMING_CALLBACK)


def refuse_number(state: CallState, event: NumberRefused, today: date) -> Step:
    """Ask for another number."""
    asking = _people(replace(state, name=StateName.KEYING_NUMBER, keys=""), callback=None)
    return moves.misunderstood(asking, first=phrases.PHONE_REFUSED)


def press_phone_digit(state: CallState, key: str) -> Step:
    """Collect the number to call back; the hash key ends it."""
    if key == "#":
        return end_phone_keys(state)
    if not key.isdigit():
        return moves.repeat(replace(state, keys=""))
    state = replace(state, keys=state.keys + key)
    return end_phone_keys(state) if len(state.keys) >= PHONE_DIGITS_MAX else moves.stay(state)


def end_phone_keys(state: CallState) -> Step:
    """Take the keyed number as it stands; a zero alone is the wish for a human."""
    keys = state.keys
    if len(keys) >= PHONE_DIGITS_MIN:
        return _plan(moves.understood(state), keys)
    if keys.endswith("0"):
        return moves.without_asking(moves.understood(state), Reason.KEY_ZERO)
    if not keys:
        return moves.stay(state)
    return moves.misunderstood(state, first=phrases.PHONE_KEYS_WRONG)


def confirm(state: CallState, meaning: Meaning) -> Step:
    """Book what was read back."""
    callback = state.people.callback
    if callback is None:
        return moves.stay(state)
    booking = replace(moves.understood(state), name=StateName.BOOKING_CALLBACK)
    return booking, (callback,)


def another_number(state: CallState, meaning: Meaning) -> Step:
    """Ask which number it is, when the one that was read back is not."""
    return _ask_number(moves.understood(state))


# It is booked, or not


def tell_booked(state: CallState, event: CallbackBooked, today: date) -> Step:
    """Say that it is done, and goodbye."""
    done = desk_wording.booked(event.at, state.people.desk.now)
    lines = phrases.fixed(done, phrases.GOODBYE)
    ended = replace(state, name=StateName.ENDING, said=lines, reason=Reason.CALLBACK_AGREED)
    return _people(ended, booked=True), (Say(lines), Finish(Reason.CALLBACK_AGREED))


def tell_refused(state: CallState, event: CallbackRefused, today: date) -> Step:
    """Say that nobody will call, and leave it to a human."""
    state = _people(state, callback=None)
    return moves.without_asking(state, _reason(state), phrases.NOT_BOOKED)


def fill_booking(state: CallState, event: FillerDue, today: date) -> Step:
    """Give a sign of life while it is written down."""
    return state, (Say(phrases.filler(phrases.BOOKING)),)
