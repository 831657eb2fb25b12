"""Words orders and deliveries, as plain sentences; `wording.py` makes lines of them.

Of the ERP's typed results and of nothing else. A state that could not be read is said to be so.
"""

from __future__ import annotations

from datetime import date

from asterisk_agi.dialogue import spoken
from erp.model import (
    Delivery,
    DeliveryState,
    OrderHistory,
    OrderState,
    OrderStatus,
    OrderSummary,
    Tracking,
)

HISTORY_TOLD = 3
"""Orders that are read out: a caller remembers no more."""
DELIVERIES_TOLD = 3

_STATES: dict[OrderState, str] = {
    OrderState.DRAFT: "is a draft, and not confirmed yet",
    OrderState.QUOTATION: "is a quotation, and not confirmed yet",
    OrderState.CONFIRMED: "is confirmed",
    OrderState.PROCESSING: "is being processed",
    OrderState.PARTLY_SHIPPED: "is partly shipped",
    OrderState.SHIPPED: "is shipped",
    OrderState.CANCELLED: "is cancelled",
    OrderState.UNREADABLE: "is in our system, but I can't read its status",
}
_NO_DELIVERY = {OrderState.DRAFT, OrderState.QUOTATION, OrderState.CANCELLED, OrderState.UNREADABLE}


# One order


def order(answer: OrderStatus, today: date, last: bool) -> list[str]:
    """Say the state of an order, its next or last delivery and what it is of.

    last: True when the caller asked for the last order, not for one by its number.
    """
    of = f"of {spoken.day(answer.ordered_on, today)}"
    number = spoken.spelled(answer.number)
    if last:
        what = f"Your last order, number {number} {of}," if number else f"Your last order, {of},"
    else:
        what = f"Order {number} {of},"
    return [f"{what} {_STATES[answer.state]}.", *_delivery(answer, today), *_contents(answer)]


def _delivery(answer: OrderStatus, today: date) -> list[str]:
    if answer.delivery_on is None or answer.state in _NO_DELIVERY:
        return []
    day = spoken.day(answer.delivery_on, today)
    if answer.state is OrderState.SHIPPED:
        return [f"The last delivery left on {day}."]
    tense = "was" if answer.delivery_on < today else "is"
    return [f"The next delivery {tense} planned for {day}."]


def _contents(answer: OrderStatus) -> list[str]:
    if not answer.lines:
        return []
    if len(answer.lines) > 1:
        return [f"It has {len(answer.lines)} lines."]
    line = answer.lines[0]
    return [f"It is for {spoken.quantity(line.quantity)} of {line.item_name}."]


# The last orders


def history(answer: OrderHistory, today: date) -> list[str]:
    """Say number, date and state of the newest orders, and that there are more."""
    told = [_summary(summary, today) for summary in answer.orders[:HISTORY_TOLD]]
    return [*told, "There are older orders as well."] if len(answer.orders) > len(told) else told


def _summary(summary: OrderSummary, today: date) -> str:
    number = spoken.spelled(summary.number)
    what = f"Order {number}" if number else "An order without a number yet,"
    return f"{what} of {spoken.day(summary.ordered_on, today)}, {_STATES[summary.state]}."


# Deliveries


def tracking(answer: Tracking, today: date) -> list[str]:
    """Say where the deliveries of an order are, with carrier and tracking reference."""
    number = spoken.spelled(answer.order_number)
    if not answer.deliveries:
        return [f"No delivery of order {number} is planned yet."]
    count = len(answer.deliveries)
    if count == 1:
        return _deliveries(f"The delivery of order {number}", answer.deliveries[0], today)
    sentences = [f"{count} deliveries belong to order {number}."]
    for place, delivery in enumerate(answer.deliveries[:DELIVERIES_TOLD], start=1):
        sentences += _deliveries(f"The {spoken.ordinal(place)}", delivery, today)
    return sentences


def _deliveries(what: str, delivery: Delivery, today: date) -> list[str]:
    sentences = [f"{what} {_whereabouts(delivery, today)}."]
    if delivery.reference and delivery.state in _GONE:
        sentences.append(f"Its tracking reference is {spoken.spelled(delivery.reference)}.")
    return sentences


_GONE = {DeliveryState.SHIPPED, DeliveryState.DELIVERED}


def _whereabouts(delivery: Delivery, today: date) -> str:
    if delivery.state is DeliveryState.CANCELLED:
        return "is cancelled"
    if delivery.state is DeliveryState.UNREADABLE:
        return "is in our system, but I can't read its status"
    if delivery.state in _GONE:
        left = f"left{_on(delivery.shipped_on, today)}{_with(delivery.carrier)}"
        arrived = delivery.state is DeliveryState.DELIVERED
        return f"{left}, and is delivered" if arrived else left
    packed = "is packed, and " if delivery.state is DeliveryState.PACKED else ""
    return packed + _planned(delivery.planned_on, today)


def _on(day: date | None, today: date) -> str:
    return "" if day is None else f" on {spoken.day(day, today)}"


def _with(carrier: str) -> str:
    return f", with {carrier}" if carrier else ""


def _planned(day: date | None, today: date) -> str:
    if day is None:
        return "has not left yet"
    return f"{'was' if day < today else 'is'} planned for {spoken.day(day, today)}"
