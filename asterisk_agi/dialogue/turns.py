"""What a caller's turn does: one handler an intent, in a literal table.

A state may read an intent in its own way (yes, no, a number): `_OWN` has those. Whatever else
is said in a state is taken as a new question, so that no caller is held in a menu. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from asterisk_agi.dialogue import asking, desk_talk, moves, phrases
from asterisk_agi.dialogue.events import Intent, Meaning
from asterisk_agi.dialogue.moves import Step
from asterisk_agi.dialogue.questions import NEEDS, Question, Subject
from asterisk_agi.dialogue.state import DESK_STATES, CallState, StateName
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
    if meaning.intent in (Intent.REPEAT, Intent.RETRY):
        return moves.still_checking(state)
    if _asks_the_same(state, meaning):
        return moves.stay(state)
    step = take_turn(replace(state, name=StateName.LISTENING, query=None), meaning)
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
    asked, before = _question(state, meaning), state.open
    if asked is None or before is None:
        return False
    # An amount that is not said again is still wanted.
    return asked == before or asked == replace(before, amount=None)


# Questions

_SUBJECTS: dict[Intent, Subject] = {
    Intent.AVAILABILITY: Subject.AVAILABILITY,
    Intent.PRICE: Subject.PRICE,
    Intent.ORDER_STATUS: Subject.LAST_ORDER,
    Intent.ORDER: Subject.ORDER,
    Intent.TRACKING: Subject.LAST_TRACKING,
    Intent.ORDER_TRACKING: Subject.TRACKING,
    Intent.ORDER_HISTORY: Subject.ORDER_HISTORY,
    Intent.BALANCE: Subject.BALANCE,
}


def _question(state: CallState, meaning: Meaning) -> Question | None:
    """Return what is asked, with what a bare number or day leaves unsaid; None: no question."""
    item, day, order = meaning.item_number, meaning.day, meaning.order_number
    if meaning.intent in _SUBJECTS:
        return Question(_SUBJECTS[meaning.intent], item, day, meaning.amount, order)
    if meaning.intent is Intent.ITEM_NUMBER:
        # "And 4522?" after "is 4521 there by Friday?" means Friday too; the answer names the day.
        amount = meaning.amount or _amount_asked(state)
        return replace(state.topic, item_number=item, day=day or state.topic.day, amount=amount)
    if meaning.intent is Intent.DAY:
        return replace(state.topic, subject=Subject.AVAILABILITY, day=day)
    if meaning.intent is Intent.ORDER_NUMBER:
        tracked = state.open is not None and state.open.subject in _TRACKING
        return Question(Subject.TRACKING if tracked else Subject.ORDER, order_number=order)
    return None


_TRACKING = {Subject.TRACKING, Subject.LAST_TRACKING}


def _amount_asked(state: CallState) -> int | None:
    return state.topic.amount if state.topic.item_number is None else None


def _ask(state: CallState, meaning: Meaning) -> Step:
    question = _question(state, meaning)
    if question is None or _lacks_what_we_asked(state, meaning, question):
        return moves.misunderstood(state, meaning.text)
    return asking.ask(moves.understood(state), question)


def _lacks_what_we_asked(state: CallState, meaning: Meaning, question: Question) -> bool:
    if state.name is StateName.ASKING_ORDER and NEEDS[question.subject].order:
        return question.order_number is None
    if question.item_number is not None or not NEEDS[question.subject].item:
        return False
    asked = state.name is StateName.ASKING_ITEM and not meaning.day
    return asked or meaning.intent is Intent.ITEM_NUMBER


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
    **dict.fromkeys(_SUBJECTS, _ask),
    Intent.ITEM_NUMBER: _ask,
    Intent.DAY: _ask,
    Intent.ORDER_NUMBER: _ask,
    Intent.HELP: _help,
    Intent.REPEAT: _repeat,
    Intent.RETRY: _repeat,
    Intent.GOODBYE: _goodbye,
    Intent.HUMAN: _human,
    Intent.THANKS: _thanks,
    Intent.NOTHING: _nothing,
    Intent.YES: _yes,
    Intent.NO: _no,
    Intent.CHOICE: _not_understood,
    Intent.NOT_UNDERSTOOD: _not_understood,
    Intent.HOLD: _not_understood,
    Intent.CALL_BACK: desk_talk.ask_for,
    Intent.LEAVE_MESSAGE: desk_talk.ask_for,
}


# A state's own reading


def _accept_human(state: CallState, meaning: Meaning) -> Step:
    return moves.hand_off(moves.understood(state), state.reason or Reason.CALLER_ASKED)


def _try_again(state: CallState, meaning: Meaning) -> Step:
    # "Shall I try again?" was asked; before any try it asks for the question once more.
    return (_accept_human if state.people.failures else _repeat)(state, meaning)


def _refuse_human(state: CallState, meaning: Meaning) -> Step:
    return moves.listen(moves.understood(state), phrases.WHAT_ELSE)


def _choice(state: CallState, meaning: Meaning) -> Step:
    if meaning.choice is None or not 1 <= meaning.choice <= len(state.caller.matches):
        return moves.misunderstood(state, meaning.text)
    return asking.choose(moves.understood(state), meaning.choice)


def _none_of_them(state: CallState, meaning: Meaning) -> Step:
    return moves.offer_human(moves.understood(state), Reason.NO_ACCOUNT, phrases.NO_ACCOUNT)


def _retry(state: CallState, meaning: Meaning) -> Step:
    return asking.ask_again(state)


def _choose_now(state: CallState, meaning: Meaning) -> Step:
    return moves.misunderstood(state, meaning.text)


_OWN: dict[tuple[StateName, Intent], TurnHandler] = {
    (StateName.OFFERING_HUMAN, Intent.YES): _accept_human,
    (StateName.OFFERING_HUMAN, Intent.NO): _refuse_human,
    (StateName.OFFERING_HUMAN, Intent.RETRY): _try_again,
    (StateName.OFFERING_HUMAN, Intent.THANKS): _nothing,
    (StateName.OFFERING_RETRY, Intent.RETRY): _retry,
    (StateName.OFFERING_RETRY, Intent.YES): _retry,
    (StateName.OFFERING_RETRY, Intent.NO): _refuse_human,
    (StateName.OFFERING_RETRY, Intent.THANKS): _nothing,
    (StateName.CHOOSING_CONTACT, Intent.CHOICE): _choice,
    (StateName.CHOOSING_CONTACT, Intent.NO): _none_of_them,
    (StateName.CHOOSING_CONTACT, Intent.YES): _choose_now,
    (StateName.CHOOSING_CONTACT, Intent.THANKS): _nothing,
    (StateName.OFFERING_CALLBACK, Intent.YES): desk_talk.agree,
    (StateName.OFFERING_CALLBACK, Intent.NO): desk_talk.decline,
    (StateName.OFFERING_CALLBACK, Intent.CHOICE): desk_talk.choose,
    (StateName.OFFERING_CALLBACK, Intent.THANKS): _nothing,
    (StateName.KEYING_NUMBER, Intent.YES): _nothing,
    (StateName.KEYING_NUMBER, Intent.NO): _choose_now,
    (StateName.KEYING_NUMBER, Intent.ITEM_NUMBER): _choose_now,
    (StateName.KEYING_NUMBER, Intent.THANKS): _nothing,
    (StateName.CONFIRMING_CALLBACK, Intent.YES): desk_talk.confirm,
    (StateName.CONFIRMING_CALLBACK, Intent.NO): desk_talk.another_number,
    (StateName.CONFIRMING_CALLBACK, Intent.THANKS): _nothing,
    **{
        (name, intent): handler
        for name in DESK_STATES
        for intent, handler in (
            (Intent.HOLD, desk_talk.hold),
            (Intent.HUMAN, desk_talk.hold),
            (Intent.LEAVE_MESSAGE, desk_talk.leave_message),
        )
    },
    (StateName.OFFERING_CALLBACK, Intent.CALL_BACK): desk_talk.call_back,
    (StateName.KEYING_NUMBER, Intent.CALL_BACK): _nothing,
    (StateName.CONFIRMING_CALLBACK, Intent.CALL_BACK): _choose_now,
}
