"""From a question to the ERP: asks for what is missing, the caller's identity too.

What a caller must be known for stands in the declarations of the operations (`questions.NEEDS`).
A telephone number gives assurance 1 at most: what needs more is a colleague's, and the ERP is not
even asked. Each function returns the next state with its effects. Pure.
"""

from __future__ import annotations

from dataclasses import replace

from asterisk_agi.dialogue import moves, phrases, wording
from asterisk_agi.dialogue.effects import Line
from asterisk_agi.dialogue.events import LookupOutcome
from asterisk_agi.dialogue.moves import Step
from asterisk_agi.dialogue.questions import NEEDS, NUMBER_MATCHED, Question, Subject, query_of
from asterisk_agi.dialogue.state import CallState, StateName
from dialplan.reasons import Reason
from erp.model import Customer


def ask(state: CallState, question: Question) -> Step:
    """Ask the ERP, or the caller for what the question lacks."""
    needs = NEEDS[question.subject]
    state = replace(state, open=question, topic=question if needs.item else state.topic, keys="")
    if needs.assurance > NUMBER_MATCHED:
        sentence = phrases.MUST_CHECK_FOR.get(question.subject, phrases.MUST_CHECK)
        return moves.offer_human(state, Reason.NOT_VERIFIED, sentence)
    known = state.caller.assurance >= needs.assurance
    if not known and state.caller.lookup is not LookupOutcome.LATE:
        return _identify(state)
    if needs.item and question.item_number is None:
        return ask_item(state)
    if needs.order and question.order_number is None:
        return ask_order(state)
    query = query_of(question, state.caller.chosen)
    return moves.wait_for_lookup(state) if query is None else moves.check(state, query)


def ask_again(state: CallState) -> Step:
    """Ask the open question again, once: should that fail too, no further try is offered."""
    return go_on(replace(moves.understood(state), retried=True))


def go_on(state: CallState) -> Step:
    """Go on with the open question: it is known now who is calling, or it is tried again."""
    if state.open is None:
        return moves.listen(state, phrases.GO_ON)
    return ask(state, state.open)


def ask_item(state: CallState, *first: Line) -> Step:
    """Ask which item the caller means."""
    lines = (*first, *phrases.fixed(phrases.WHICH_ITEM))
    return moves.reply(state, lines, StateName.ASKING_ITEM)


def ask_order(state: CallState, *first: Line) -> Step:
    """Ask which order the caller means; its number may be keyed."""
    lines = (*first, *phrases.fixed(phrases.WHICH_ORDER))
    return moves.reply(state, lines, StateName.ASKING_ORDER, keys="")


# Who is calling


def _identify(state: CallState) -> Step:
    """Ask which contact is calling, or offer a human when the number doesn't tell."""
    caller = state.caller
    if 1 <= len(caller.matches) <= state.settings.choices_max:
        lines = (*phrases.fixed(phrases.WHO), *wording.choice_lines(caller.matches))
        return moves.reply(state, lines, StateName.CHOOSING_CONTACT)
    # A bare number that follows can only be meant for what anybody may know.
    state = replace(state, topic=replace(state.topic, subject=Subject.AVAILABILITY))
    if caller.lookup is LookupOutcome.FAILED:
        return moves.offer_human(state, Reason.BACKEND_DOWN, phrases.NOT_LOOKED_UP)
    sentence = phrases.TOO_MANY_CONTACTS if caller.matches else phrases.NO_ACCOUNT
    return moves.offer_human(state, Reason.NO_ACCOUNT, sentence)


def choose(state: CallState, number: int) -> Step:
    """Take the contact with this number, from 1, and answer what was asked."""
    chosen: Customer = state.caller.matches[number - 1]
    return go_on(replace(state, caller=replace(state.caller, chosen=chosen)))
