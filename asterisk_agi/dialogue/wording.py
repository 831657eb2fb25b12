"""Makes the sentences that hold facts, of the ERP's typed results and of nothing else.

Every function here takes a result of `erp.model`; no other module makes a line of kind FACT
(a test proves it), so nothing can be said as a fact that the ERP did not give in this call.
The first sentence begins with the fact; the others are short.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from asterisk_agi.dialogue import spoken
from asterisk_agi.dialogue.effects import Line, LineKind
from erp.model import Availability, Customer, NotFound, OrderState, OrderStatus

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


def availability_note(answer: Availability) -> str:
    """Return the answer in short, for the summary."""
    what = spoken.quantity(answer.available)
    return f"item {answer.item.number} on {answer.on.isoformat()}: {what} available"


# Order status

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


def order_lines(answer: OrderStatus, today: date) -> tuple[Line, ...]:
    """Say the state of an order, its next or last delivery and what it is of."""
    first = (
        f"Your last order, number {spoken.spelled(answer.number)} "
        f"of {spoken.day(answer.ordered_on, today)}, {_STATES[answer.state]}."
    )
    lines = [first, *_delivery(answer, today), *_contents(answer)]
    return tuple(_fact(line) for line in lines)


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


def order_note(answer: OrderStatus) -> str:
    """Return the answer in short, for the summary."""
    return f"last order {answer.number} of {answer.ordered_on.isoformat()}: {answer.state.value}"


# What was not found


def item_not_found_lines(answer: NotFound, item_number: str) -> tuple[Line, ...]:
    """Say that the ERP, which was asked, has no such item."""
    return (_fact(f"There is no item {spoken.spelled(item_number)} in our catalogue."),)


def order_not_found_lines(answer: NotFound, customer: Customer) -> tuple[Line, ...]:
    """Say that the ERP, which was asked, has no order of this account."""
    return (_fact(f"There is no order of {customer.name} in our system."),)


def not_found_note(answer: NotFound) -> str:
    """Return the answer in short, for the summary."""
    return f"{answer.wanted}: not found"


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
