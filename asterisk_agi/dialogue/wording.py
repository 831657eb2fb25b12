"""Makes the sentences that hold facts, of the ERP's typed results and of nothing else.

Every function here takes a result of `erp.model`; no other module makes a line of kind FACT
(a test proves it), so nothing can be said as a fact that the ERP did not give in this call.
The first sentence begins with the fact; the others are short.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from asterisk_agi.dialogue import order_wording, spoken
from asterisk_agi.dialogue.effects import (
    AskAvailability,
    AskOrder,
    AskPrice,
    AskTracking,
    Line,
    LineKind,
    Query,
)
from asterisk_agi.dialogue.events import Answer
from erp.model import (
    Availability,
    Customer,
    DeliveryState,
    NotFound,
    OrderHistory,
    OrderState,
    OrderStatus,
    Price,
    Source,
    Tracking,
)

INCOMING_MAX = 2
"""Receipts that are told of: a caller remembers no more."""


def _fact(text: str) -> Line:
    return Line(text, LineKind.FACT)


# Availability


def availability_lines(answer: Availability, amount: int | None, today: date) -> tuple[Line, ...]:
    """Say how much is available, and what comes in when that is not enough.

    amount: how much the caller wants, in the item's unit; None when not said.
    """
    free = answer.available.amount
    item = f"item {spoken.spelled(answer.item.number)}, {answer.item.name}"
    when = spoken.by_day(answer.on, today)
    lines = [_fact(f"{_available(answer, amount)} available of {item}, {when}.")]
    if free < Decimal(amount or 1):
        lines.extend(_incoming(answer, today))
    return tuple(lines)


def _available(answer: Availability, amount: int | None) -> str:
    free = answer.available.amount
    if free <= 0:
        return "None is"
    few = "Only " if amount is not None and free < amount else ""
    return f"{few}{spoken.quantity(answer.available)} {'is' if free == 1 else 'are'}"


def _incoming(answer: Availability, today: date) -> list[Line]:
    lines = [
        _fact(
            f"{spoken.quantity(receipt.quantity)} "
            f"{'is' if receipt.quantity.amount == 1 else 'are'} due in on "
            f"{spoken.day(receipt.on, today)}."
        )
        for receipt in answer.incoming[:INCOMING_MAX]
        if receipt.quantity.amount > 0
    ]
    return lines or [_fact("No delivery to us is planned.")]


# Price


def price_lines(answer: Price) -> tuple[Line, ...]:
    """Say what one unit costs, and at which quantity where that was more than one.

    No total is reckoned: how a system rounds it is the system's.
    """
    each = f"{spoken.money(answer.unit_price)} per {spoken.unit(answer.quantity.unit, Decimal(1))}"
    item = f"item {spoken.spelled(answer.item.number)}, {answer.item.name}"
    at = "" if answer.quantity.amount == 1 else f", for {spoken.quantity(answer.quantity)}"
    return (_fact(f"{each} is the price of {item}{at}, without tax."),)


# Orders and deliveries


def order_lines(answer: OrderStatus, today: date, last: bool = True) -> tuple[Line, ...]:
    """Say the state of an order, its next or last delivery and what it is of.

    last: True when the caller asked for the last order, not for one by its number.
    """
    return _facts(order_wording.order(answer, today, last))


def history_lines(answer: OrderHistory, today: date) -> tuple[Line, ...]:
    """Say number, date and state of the newest orders; there is at least one."""
    return _facts(order_wording.history(answer, today))


def tracking_lines(answer: Tracking, today: date) -> tuple[Line, ...]:
    """Say where the deliveries of an order are, with carrier and tracking reference."""
    return _facts(order_wording.tracking(answer, today))


def _facts(sentences: list[str]) -> tuple[Line, ...]:
    return tuple(_fact(sentence) for sentence in sentences)


def unreadable(answer: Answer) -> bool:
    """Tell whether what was asked for is a state that could not be read."""
    if isinstance(answer, OrderStatus):
        return answer.state is OrderState.UNREADABLE
    if isinstance(answer, Tracking) and answer.deliveries:
        return all(entry.state is DeliveryState.UNREADABLE for entry in answer.deliveries)
    return False


# What was not found


def missing(answer: NotFound, query: Query) -> str:
    """Return what the ERP does not have: `item`, `order` (by number), or `` for anything else."""
    if isinstance(query, AskAvailability):
        return "item"
    if isinstance(query, AskPrice):
        return "" if answer.source.operation == "price" else "item"
    return "order" if isinstance(query, (AskOrder, AskTracking)) and query.number else ""


def not_found_lines(answer: NotFound, query: Query) -> tuple[Line, ...]:
    """Say that the ERP, which was asked, has no such thing."""
    if isinstance(query, (AskAvailability, AskPrice)):
        item = f"item {spoken.spelled(query.item_number)}"
        if isinstance(query, AskPrice) and not missing(answer, query):
            return (_fact(f"There is no price of {item} for {query.customer.name} in our system."),)
        return (_fact(f"There is no {item} in our catalogue."),)
    whose = f"of {query.customer.name} in our system"
    if isinstance(query, (AskOrder, AskTracking)) and query.number:
        return (_fact(f"There is no order {spoken.spelled(query.number)} {whose}."),)
    if answer.source.operation == "tracking":
        return (_fact("There is no delivery of your last order in our system."),)
    return no_order_lines(query.customer)


def no_order_lines(customer: Customer) -> tuple[Line, ...]:
    """Say that the ERP, which was asked, has no order of this account."""
    return (_fact(f"There is no order of {customer.name} in our system."),)


# How old it is


def age_lines(answer: Answer, query: Query, now: datetime) -> tuple[Line, ...]:
    """Say how old it is where a system did not answer, and this is the last that it said."""
    customer = None if isinstance(query, AskAvailability) else query.customer
    if answer.source.fallback:
        return (_fact(f"That is as of {_age(answer.source, now)}."),)
    if isinstance(answer, (Availability, Price)) and answer.item.source.fallback:
        return (_fact(f"The item's name is as of {_age(answer.item.source, now)}."),)
    if customer is not None and customer.source.fallback:
        return (_fact(f"Your account's name is as of {_age(customer.source, now)}."),)
    return ()


def _age(source: Source, now: datetime) -> str:
    return spoken.age((now - source.read_at).total_seconds())


# Customers


def greeting_line(customer: Customer) -> Line:
    """Greet a caller by name: the person's, or the company's when the number is the company's."""
    return Line(f"Hello, {customer.contact or customer.name}.")


def choice_lines(customers: tuple[Customer, ...]) -> tuple[Line, ...]:
    """Read out who may be calling, one number each from 1."""
    return tuple(
        Line(f"For {contact_name(customer)}, say or press {number}.")
        for number, customer in enumerate(customers, start=1)
    )


def contact_name(customer: Customer) -> str:
    """Return `Anna Berg of Northwind`, or the company alone when it has no contact."""
    return f"{customer.contact} of {customer.name}" if customer.contact else customer.name
