"""What the dialogue does, whichever event makes it do so: the steps that handlers are made of.

Each function takes the call's state and returns the next state with its effects. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from asterisk_agi.dialogue import desk_wording, phrases, wording
from asterisk_agi.dialogue.effects import (
    AskDesk,
    DropQuery,
    Effect,
    Finish,
    HandOff,
    Line,
    Query,
    Say,
)
from asterisk_agi.dialogue.state import DESK_STATES, TOLD_MAX, CallState, Patience, StateName
from dialplan.reasons import Reason

Step = tuple[CallState, tuple[Effect, ...]]

OFFERED = phrases.fixed(phrases.OFFER)
HEARD_MAX = 200
"""Characters of a turn that was not understood that are kept for the summary."""


# Saying and waiting


def stay(state: CallState) -> Step:
    """Do nothing."""
    return state, ()


def reply(state: CallState, lines: tuple[Line, ...], name: StateName, **changes: Any) -> Step:
    """Say lines, which `repeat` will say again, and go to a state that waits for the caller."""
    return replace(state, name=name, said=lines, query=None, **changes), (Say(lines),)


def repeat(state: CallState) -> Step:
    """Say the last answer or prompt again."""
    return state, (Say(state.said),) if state.said else ()


def still_checking(state: CallState) -> Step:
    """Give a sign of life while a query is in progress."""
    return state, (Say(phrases.filler(phrases.CHECKING)),)


def listen(state: CallState, *texts: str) -> Step:
    """Say sentences without a fact and take any question."""
    return reply(state, phrases.fixed(*texts), StateName.LISTENING)


# Queries


def check(state: CallState, query: Query) -> Step:
    """Ask the ERP."""
    return replace(state, name=StateName.CHECKING, query=query), (query,)


def wait_for_lookup(state: CallState) -> Step:
    """Give a sign of life and wait until it is known who is calling."""
    return still_checking(replace(state, name=StateName.CHECKING, query=None))


def drop_query(step: Step, before: CallState) -> Step:
    """Forget the query that was in progress before this step."""
    state, effects = step
    if before.name is not StateName.CHECKING or before.query is None:
        return step
    return state, (DropQuery(), *effects)


def note(state: CallState, answer: str) -> CallState:
    """Keep what was told, in short, for the summary."""
    return replace(state, told=(*state.told, answer)[-TOLD_MAX:])


# Keys


def ask_keys(state: CallState, *texts: str) -> Step:
    """Offer the keypad for the item number."""
    lines = phrases.fixed(*texts, phrases.KEYPAD)
    return reply(state, lines, StateName.KEYPAD, keys="")


# What was not understood, or not said


def misunderstood(state: CallState, heard: str = "", *, first: str = phrases.SORRY) -> Step:
    """Ask again; then offer the keypad; then go to a human.

    heard: the turn, for the summary. first: the sentence that says what went wrong.
    """
    count = state.patience.misunderstandings + 1
    state = replace(
        state,
        patience=replace(state.patience, misunderstandings=count),
        heard=heard[:HEARD_MAX] or state.heard,
        keys="",
    )
    most = state.settings.misunderstandings_max
    if count >= most:
        return give_up(state, Reason.NOT_UNDERSTOOD, first)
    return _by_keys(state, first) if count == most - 1 else _once_more(state, first)


def _by_keys(state: CallState, first: str) -> Step:
    if state.name is StateName.OFFERING_HUMAN:
        return reply(state, phrases.fixed(first, phrases.OFFER, phrases.OFFER_KEYS), state.name)
    if state.name is StateName.CHOOSING_CONTACT:
        choices = wording.choice_lines(state.caller.matches)
        lines = (*phrases.fixed(first), *choices, *phrases.fixed(phrases.CHOOSE_KEYS))
        return reply(state, lines, state.name)
    if state.name is StateName.OFFERING_CALLBACK:
        return reply(state, phrases.fixed(first, desk_wording.keys(state.people.desk)), state.name)
    if state.name is StateName.CONFIRMING_CALLBACK:
        lines = (*_question(state), *phrases.fixed(phrases.OFFER_KEYS))
        return reply(state, (*phrases.fixed(first), *lines), state.name)
    prompt = _KEY_PROMPTS.get(state.name)
    if prompt is not None:
        return reply(state, phrases.fixed(first, prompt), state.name)
    return ask_keys(state, first)


_KEY_PROMPTS = {
    StateName.ASKING_ORDER: phrases.KEYPAD_ORDER,
    StateName.OFFERING_RETRY: phrases.RETRY_KEYS,
    StateName.KEYING_NUMBER: phrases.KEYPAD_PHONE,
}


def _once_more(state: CallState, first: str) -> Step:
    lines = (*phrases.fixed(first), *_question(state))
    return replace(state, said=lines), (Say(lines),)


def _question(state: CallState) -> tuple[Line, ...]:
    """Return what the caller is asked in this state."""
    if state.name is StateName.CHOOSING_CONTACT:
        return wording.choice_lines(state.caller.matches)
    if state.name is StateName.OFFERING_CALLBACK:
        return phrases.fixed(desk_wording.question(state.people.desk))
    if state.name is StateName.CONFIRMING_CALLBACK:
        return desk_wording.read_back(state.people)
    return phrases.fixed(*_QUESTIONS[state.name])


_QUESTIONS: dict[StateName, tuple[str, ...]] = {
    StateName.LISTENING: (phrases.IN_SHORT,),
    StateName.ASKING_ITEM: (phrases.WHICH_ITEM,),
    StateName.ASKING_ORDER: (phrases.WHICH_ORDER,),
    StateName.KEYPAD: (phrases.KEYPAD,),
    StateName.KEYING_NUMBER: (phrases.KEYPAD_PHONE,),
    StateName.OFFERING_RETRY: (phrases.RETRY_KEYS,),
    StateName.OFFERING_HUMAN: (phrases.OFFER,),
}


def prompt_silence(state: CallState) -> Step:
    """Prompt a caller who says nothing; after the last prompt, go to a human."""
    count = state.patience.silences + 1
    state = replace(state, patience=replace(state.patience, silences=count), keys="")
    if count > state.settings.silence_prompts:
        return give_up(state, Reason.NO_INPUT, phrases.NO_INPUT)
    lines = (*phrases.fixed(phrases.STILL_THERE), *_question(state))
    return replace(state, said=lines), (Say(lines),)


def understood(state: CallState) -> CallState:
    """Forget what went wrong before: the caller was understood."""
    return replace(state, patience=Patience(), keys="", heard="", retried=False)


# Ways out


def offer_human(state: CallState, reason: Reason, *texts: str) -> Step:
    """Say what is not possible, and offer a human for this reason, once the desk was asked."""
    if state.people.asked:
        return _ask_desk(state, reason, texts, offered=True)
    lines = (*phrases.fixed(*texts), *OFFERED)
    return reply(state, lines, StateName.OFFERING_HUMAN, reason=reason)


def offer_retry(state: CallState, reason: Reason, *texts: str) -> Step:
    """Say what failed, and offer keys: one to try it again, zero for a human."""
    lines = phrases.fixed(*texts, phrases.RETRY_KEYS)
    return reply(state, lines, StateName.OFFERING_RETRY, reason=reason, keys="")


def hand_off(state: CallState, reason: Reason, *texts: str) -> Step:
    """Bring the caller to a human: where there is a desk, it is asked before anything is promised.

    texts: what is said of the cause, before.
    """
    if not state.people.asked:
        return put_through(state, reason, *texts)
    return drop_query(_ask_desk(state, reason, texts, offered=False), state)


def _ask_desk(state: CallState, reason: Reason, texts: tuple[str, ...], *, offered: bool) -> Step:
    lines = phrases.fixed(*texts)
    said: tuple[Effect, ...] = (Say(lines),) if lines else ()
    asking = replace(
        state,
        name=StateName.ASKING_DESK,
        said=lines,
        query=None,
        reason=reason,
        keys="",
        people=replace(state.people, offered=offered),
    )
    return asking, (*said, AskDesk())


def put_through(
    state: CallState,
    reason: Reason,
    *texts: str,
    last: str = phrases.PUT_THROUGH,
    by_label: bool = False,
    holds: bool = False,
) -> Step:
    """Say that a human comes next, and hand the call over. by_label, holds: see `HandOff`."""
    quiet = (phrases.QUIET,) if state.people.quiet and not by_label else ()
    lines = phrases.fixed(*texts, last, *quiet)
    ended = replace(state, name=StateName.ENDING, said=lines, query=None, reason=reason)
    return drop_query((ended, (Say(lines), HandOff(reason, by_label, holds))), state)


def give_up(state: CallState, reason: Reason, first: str) -> Step:
    """Bring a caller to a human with whom the talk does not go on."""
    if state.name in DESK_STATES:
        return without_asking(state, reason, first)
    return hand_off(state, reason, first)


def without_asking(state: CallState, reason: Reason, *texts: str) -> Step:
    """Put a caller through who heard already how busy the humans are."""
    if state.people.desk.hold:
        return put_through(state, reason, *texts, last=phrases.HOLD, holds=True)
    return put_through(state, reason, *texts, last=phrases.PASS_ON, by_label=True)


def goodbye(state: CallState) -> Step:
    """Say goodbye and end the call as completed."""
    lines = phrases.fixed(phrases.GOODBYE)
    ended = replace(state, name=StateName.ENDING, said=lines, query=None, reason=Reason.GOODBYE)
    return drop_query((ended, (Say(lines), Finish(Reason.GOODBYE))), state)
