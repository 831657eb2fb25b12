"""What a caller wants to know, from the first words until it is answered.

A question may lack something: which item, which order, or who is calling. `NEEDS` says what each
subject takes before the ERP can be asked; what a caller must be known for is read from the
declarations of the operations (`erp.operations`), so no subject has a rule of its own. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum

from asterisk_agi.dialogue.effects import (
    AskAvailability,
    AskLastOrder,
    AskOrder,
    AskOrderHistory,
    AskPrice,
    AskTracking,
    Query,
)
from erp.model import Customer
from erp.operations import OPERATIONS

HISTORY_ASKED = 4
"""Orders that a history is asked for: one more than is told, to know that there are more."""

NOBODY = 0
"""Assurance of a caller of whom nothing is known."""
NUMBER_MATCHED = 1
"""Assurance of a caller whose telephone number is known: the most that this dialogue reaches."""


class Subject(str, Enum):
    """What a question is about."""

    AVAILABILITY = "availability"
    PRICE = "price"
    LAST_ORDER = "last order"
    ORDER = "order"
    LAST_TRACKING = "tracking of the last order"
    TRACKING = "tracking"
    ORDER_HISTORY = "order history"
    BALANCE = "balance"


ABOUT_AN_ORDER = {Subject.LAST_ORDER, Subject.ORDER, Subject.LAST_TRACKING, Subject.TRACKING}
"""A bare number that follows such a question at once is the order's."""


@dataclass(frozen=True)
class Question:
    """A caller's question, as far as it is known."""

    subject: Subject = Subject.AVAILABILITY
    item_number: str | None = None
    day: date | None = None
    amount: int | None = None
    """How much is wanted, in the item's unit; None when not said."""
    order_number: str | None = None


@dataclass(frozen=True)
class Needs:
    """What a subject takes before it can be asked for."""

    operations: tuple[str, ...]
    """The operations of the port that answer it."""
    item: bool = False
    order: bool = False

    @property
    def assurance(self) -> int:
        """What must be known of the caller, as the operations declare it (0 to 3)."""
        return max(OPERATIONS[name].assurance for name in self.operations)


NEEDS: dict[Subject, Needs] = {
    Subject.AVAILABILITY: Needs(("find_item", "availability"), item=True),
    Subject.PRICE: Needs(("find_item", "price"), item=True),
    Subject.LAST_ORDER: Needs(("last_order",)),
    Subject.ORDER: Needs(("order_status",), order=True),
    Subject.LAST_TRACKING: Needs(("last_order", "tracking")),
    Subject.TRACKING: Needs(("tracking",), order=True),
    Subject.ORDER_HISTORY: Needs(("order_history",)),
    Subject.BALANCE: Needs(("balance",)),
}


def query_of(question: Question, customer: Customer | None) -> Query | None:
    """Return what to ask the ERP, or None when there is nothing that may be asked.

    customer: None where the caller is not known; then only what anybody may know can be asked.
    """
    item = question.item_number
    if question.subject is Subject.AVAILABILITY:
        return None if item is None else AskAvailability(item, question.day)
    if customer is None:
        return None
    if question.subject is Subject.PRICE:
        quantity = Decimal(question.amount or 1)
        return None if item is None else AskPrice(customer, item, quantity)
    return _about_orders(question, customer)


def _about_orders(question: Question, customer: Customer) -> Query | None:
    subject, number = question.subject, question.order_number
    if subject is Subject.LAST_ORDER:
        return AskLastOrder(customer)
    if subject is Subject.LAST_TRACKING:
        return AskTracking(customer, None)
    if subject is Subject.ORDER_HISTORY:
        return AskOrderHistory(customer, HISTORY_ASKED)
    if number is None:
        return None
    if subject is Subject.ORDER:
        return AskOrder(customer, number)
    return AskTracking(customer, number) if subject is Subject.TRACKING else None
