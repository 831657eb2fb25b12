"""What a caller's turn does: one handler an intent, in a literal table.

A state may read an intent in its own way (yes, no, a number): `_OWN` has those. Whatever else
is said in a state is taken as a new question, so that no caller is held in a menu. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from asterisk_agi.dialogue import moves, phrases
from asterisk_agi.dialogue.effects import AskAvailability
from asterisk_agi.dialogue.events import Intent, Meaning
from asterisk_agi.dialogue.moves import Step
from asterisk_agi.dialogue.state import CallState, StateName, Topic
from dialplan.reasons import Reason

TurnHandler = Callable[[CallState, Meaning], Step]


def take_turn(state: CallState, meaning: Meaning) -> Step:
    """Do what the caller's turn asks for, in any state that waits for the caller."""
    state = replace(state, patience=replace(state.patience, silences=0))
    own = _OWN.get((state.name, meaning.intent))
    return (own or _ANYWHERE[meaning.intent])(state, meaning)


def take_turn_while_checking(state: CallState, meaning: Meaning) -> Step:
    """Take what is said while a query is in progress: a new question replaces the old one."""
    if meaning.intent in _NO_NEW_QUESTION:
        return moves.stay(state)
    if meaning.intent is Intent.REPEAT:
        return moves.still_checking(state)
    if _asks_the_same(state, meaning):
        return moves.stay(state)
    step = take_turn(replace(state, name=StateName.LISTENING), meaning)
    return moves.drop_query(step, state)


_NO_NEW_QUESTION = {
    Intent.NOT_UNDERSTOOD,
    Intent.NOTHING,
    Intent.THANKS,
    Intent.YES,
    Intent.NO,
    Intent.CHOICE,
}


def _asks_the_same(state: CallState, meaning: Meaning) -> bool:
    if meaning.intent is Intent.ORDER_STATUS:
        return not isinstance(state.query, AskAvailability)
    if not isinstance(state.query, AskAvailability):
        return False
    if meaning.intent is Intent.ITEM_NUMBER and meaning.day is None:
        return state.query.item_number == meaning.item_number
    same = AskAvailability(meaning.item_number or "", meaning.day)
    return meaning.intent in (Intent.AVAILABILITY, Intent.ITEM_NUMBER) and state.query == same


# Questions


def _availability(state: CallState, meaning: Meaning) -> Step:
    if meaning.item_number is None and state.name is StateName.ASKING_ITEM and not meaning.day:
        return moves.misunderstood(state, meaning.text)
    topic = Topic(meaning.item_number, meaning.day, meaning.amount)
    return moves.check_item(moves.understood(state), topic)


def _item_number(state: CallState, meaning: Meaning) -> Step:
    if meaning.item_number is None:
        return moves.misunderstood(state, meaning.text)
    # "And 4522?" after "is 4521 there by Friday?" means Friday too; the answer names the day.
    day = meaning.day or state.topic.day
    topic = Topic(meaning.item_number, day, meaning.amount or _amount_asked(state))
    return moves.check_item(moves.understood(state), topic)


def _amount_asked(state: CallState) -> int | None:
    return state.topic.amount if state.topic.item_number is None else None


def _day(state: CallState, meaning: Meaning) -> Step:
    return moves.check_item(moves.understood(state), replace(state.topic, day=meaning.day))


def _order_status(state: CallState, meaning: Meaning) -> Step:
    return moves.check_last_order(moves.understood(state))


# Talk about the talk


def _help(state: CallState, meaning: Meaning) -> Step:
    return moves.listen(moves.understood(state), *phrases.HELP, phrases.GO_ON)


def _repeat(state: CallState, meaning: Meaning) -> Step:
    return moves.repeat(moves.understood(state))


def _goodbye(state: CallState, meaning: Meaning) -> Step:
    return moves.goodbye(moves.understood(state))


def _human(state: CallState, meaning: Meaning) -> Step:
    return moves.hand_off(moves.understood(state), Reason.CALLER_ASKED)


def _thanks(state: CallState, meaning: Meaning) -> Step:
    return moves.listen(moves.understood(state), phrases.WELCOME, phrases.ANYTHING_ELSE)


def _nothing(state: CallState, meaning: Meaning) -> Step:
    return moves.stay(state)


def _yes(state: CallState, meaning: Meaning) -> Step:
    return moves.listen(moves.understood(state), phrases.GO_ON)


def _no(state: CallState, meaning: Meaning) -> Step:
    # A "no" ends the call only as the answer to "anything else?": a misheard one must not.
    if state.said and state.said[-1].text == phrases.ANYTHING_ELSE:
        return _goodbye(state, meaning)
    return _not_understood(state, meaning)


def _not_understood(state: CallState, meaning: Meaning) -> Step:
    # Without a word it was a noise: the caller is prompted when silence follows.
    return moves.misunderstood(state, meaning.text) if meaning.text else moves.stay(state)


_ANYWHERE: dict[Intent, TurnHandler] = {
    Intent.AVAILABILITY: _availability,
    Intent.ITEM_NUMBER: _item_number,
    Intent.DAY: _day,
    Intent.ORDER_STATUS: _order_status,
    Intent.HELP: _help,
    Intent.REPEAT: _repeat,
    Intent.GOODBYE: _goodbye,
    Intent.HUMAN: _human,
    Intent.THANKS: _thanks,
    Intent.NOTHING: _nothing,
    Intent.YES: _yes,
    Intent.NO: _no,
    Intent.CHOICE: _not_understood,
    Intent.NOT_UNDERSTOOD: _not_understood,
}


# A state's own reading


def _accept_human(state: CallState, meaning: Meaning) -> Step:
    return moves.hand_off(moves.understood(state), state.reason or Reason.CALLER_ASKED)


def _refuse_human(state: CallState, meaning: Meaning) -> Step:
    return moves.listen(moves.understood(state), phrases.WHAT_ELSE)


def _choice(state: CallState, meaning: Meaning) -> Step:
    if meaning.choice is None or not 1 <= meaning.choice <= len(state.caller.matches):
        return moves.misunderstood(state, meaning.text)
    return moves.choose(moves.understood(state), meaning.choice)


def _none_of_them(state: CallState, meaning: Meaning) -> Step:
    return moves.offer_human(moves.understood(state), Reason.NO_ACCOUNT, phrases.NO_ACCOUNT)


def _choose_now(state: CallState, meaning: Meaning) -> Step:
    return moves.misunderstood(state, meaning.text)


_OWN: dict[tuple[StateName, Intent], TurnHandler] = {
    (StateName.OFFERING_HUMAN, Intent.YES): _accept_human,
    (StateName.OFFERING_HUMAN, Intent.NO): _refuse_human,
    (StateName.OFFERING_HUMAN, Intent.THANKS): _nothing,
    (StateName.CHOOSING_CONTACT, Intent.CHOICE): _choice,
    (StateName.CHOOSING_CONTACT, Intent.NO): _none_of_them,
    (StateName.CHOOSING_CONTACT, Intent.YES): _choose_now,
    (StateName.CHOOSING_CONTACT, Intent.THANKS): _nothing,
}
