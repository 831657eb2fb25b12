"""Tells what the ERP answered, when it is the answer to the query in progress.

An answer of another kind, or about another item or order, came too late: it is not told. The
sentences are made in `wording.py`. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from asterisk_agi.dialogue import asking, moves, notes, phrases, wording
from asterisk_agi.dialogue.effects import (
    AskAvailability,
    AskLastOrder,
    AskOrder,
    AskOrderHistory,
    AskPrice,
    AskTracking,
    Line,
    Query,
)
from asterisk_agi.dialogue.events import Answer, QueryAnswered
from asterisk_agi.dialogue.moves import Step
from asterisk_agi.dialogue.state import CallState, StateName
from dialplan.reasons import Reason
from erp.model import Availability, NotFound, OrderHistory, OrderStatus, Price, Tracking


def tell_answer(state: CallState, event: QueryAnswered, today: date) -> Step:
    """Tell what the ERP answered, when it is the answer to the query in progress."""
    answer, query = event.answer, state.query
    if query is None or not _fits(answer, query):
        return moves.stay(state)
    age = wording.age_lines(answer, event.now)
    if isinstance(answer, NotFound):
        return _tell_not_found(state, answer, query, age)
    first, *others = _lines(state, answer, query, today)
    lines = (first, *age, *others)
    told = replace(moves.note(state, notes.note(answer)), open=None)
    if wording.unreadable(answer):
        offered = (*lines, *moves.OFFERED)
        reason = Reason.BACKEND_BAD_ANSWER
        return moves.reply(told, offered, StateName.OFFERING_HUMAN, reason=reason)
    return _listen(told, lines)


def _listen(state: CallState, lines: tuple[Line, ...]) -> Step:
    lines = (*lines, *phrases.fixed(phrases.ANYTHING_ELSE))
    return moves.reply(state, lines, StateName.LISTENING)


def _fits(answer: Answer, query: Query) -> bool:
    if isinstance(answer, (Availability, Price)):
        asked = AskPrice if isinstance(answer, Price) else AskAvailability
        return isinstance(query, asked) and _same(answer.item.number, query.item_number)
    if isinstance(answer, OrderStatus):
        if isinstance(query, (AskOrder, AskTracking)):
            # A newest order that has no number yet can't be tracked: its state is the answer.
            return _same(answer.number, query.number or "")
        return isinstance(query, AskLastOrder)
    if isinstance(answer, Tracking):
        if not isinstance(query, AskTracking):
            return False
        return query.number is None or _same(answer.order_number, query.number)
    return isinstance(answer, NotFound) or isinstance(query, AskOrderHistory)


def _same(number: str, wanted: str) -> bool:
    return number.casefold() == wanted.casefold()


def _lines(
    state: CallState,
    answer: Availability | Price | OrderStatus | OrderHistory | Tracking,
    query: Query,
    today: date,
) -> tuple[Line, ...]:
    if isinstance(answer, Availability):
        return wording.availability_lines(answer, state.topic.amount, today)
    if isinstance(answer, Price):
        return wording.price_lines(answer)
    if isinstance(answer, OrderStatus):
        return wording.order_lines(answer, today, last=not isinstance(query, AskOrder))
    if isinstance(answer, Tracking):
        return wording.tracking_lines(answer, today)
    if not answer.orders and isinstance(query, AskOrderHistory):
        return wording.no_order_lines(query.customer)
    return wording.history_lines(answer, today)


def _tell_not_found(
    state: CallState, answer: NotFound, query: Query, age: tuple[Line, ...]
) -> Step:
    state = moves.note(state, notes.note(answer))
    lines = (*wording.not_found_lines(answer, query), *age)
    missing = wording.missing(answer, query)
    if missing == "item" and state.open is not None:
        question = replace(state.open, item_number=None)
        return asking.ask_item(replace(state, open=question, topic=question), *lines)
    if missing == "order" and state.open is not None:
        return asking.ask_order(replace(state, open=replace(state.open, order_number=None)), *lines)
    return _listen(replace(state, open=None), lines)
