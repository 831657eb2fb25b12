"""Tells what the ERP answered, when it is the answer to the query in progress.

An answer of another kind, or about another item, order or quantity, is not told: that it can't be
read is. (One to a query that was dropped does not come here: `conversation.py` sees to it.) The
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
    if query is None:
        return moves.stay(state)
    if not _fits(answer, query):
        # Nothing else will come: a caller who is told nothing would wait for ever.
        reason = Reason.BACKEND_BAD_ANSWER
        return moves.offer_human(state, reason, phrases.FAILURES[reason])
    age = wording.age_lines(answer, query, event.now)
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
    if isinstance(answer, NotFound):
        return True
    if isinstance(query, AskAvailability):
        return isinstance(answer, Availability) and _same(answer.item.number, query.item_number)
    if isinstance(query, AskPrice):
        if not isinstance(answer, Price) or answer.quantity.amount != query.quantity:
            return False
        return _same(answer.item.number, query.item_number)
    return _fits_orders(answer, query)


def _fits_orders(
    answer: Answer, query: AskLastOrder | AskOrder | AskTracking | AskOrderHistory
) -> bool:
    if isinstance(query, AskOrderHistory):
        return isinstance(answer, OrderHistory)
    if isinstance(query, AskLastOrder):
        return isinstance(answer, OrderStatus)
    if isinstance(query, AskTracking) and isinstance(answer, Tracking):
        return query.number is None or _same(answer.order_number, query.number)
    # A newest order that has no number yet can't be tracked: its state is the answer.
    return isinstance(answer, OrderStatus) and _same(answer.number, query.number or "")


def _same(number: str, wanted: str) -> bool:
    return number.strip().casefold() == wanted.strip().casefold()


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
