"""Words what was told in short, for the summary that the human gets. Pure.

An account's balance has no note here, and must not get one: a summary is shown to whoever takes
the call, before anybody has checked who is calling.
"""

from __future__ import annotations

from asterisk_agi.dialogue import order_wording, spoken
from asterisk_agi.dialogue.events import Answer
from erp.model import Availability, Delivery, NotFound, OrderStatus, OrderSummary, Price, Tracking


def note(answer: Answer) -> str:
    """Return an answer in short."""
    if isinstance(answer, NotFound):
        return f"{answer.wanted}: not found"
    if isinstance(answer, Availability):
        what = spoken.quantity(answer.available)
        return f"item {answer.item.number} on {answer.on.isoformat()}: {what} available"
    if isinstance(answer, Price):
        price = f"{spoken.amount(answer.unit_price.amount)} {answer.unit_price.currency}"
        return f"price of item {answer.item.number} at {spoken.quantity(answer.quantity)}: {price}"
    if isinstance(answer, Tracking):
        deliveries = "; ".join(_delivery(entry) for entry in answer.deliveries) or "none planned"
        return f"deliveries of order {answer.order_number}: {deliveries}"
    if isinstance(answer, OrderStatus):
        return f"order {_order(answer)}"
    told = "; ".join(_order(entry) for entry in answer.orders[: order_wording.HISTORY_TOLD])
    return f"recent orders: {told or 'none'}"


def _order(entry: OrderStatus | OrderSummary) -> str:
    number = entry.number or "without number"
    return f"{number} of {entry.ordered_on.isoformat()}: {entry.state.value}"


def _delivery(entry: Delivery) -> str:
    return f"{entry.state.value} {entry.reference}".rstrip()
