"""Available-to-promise: pure, no I/O, today is an argument.

Available-to-promise at a date D is the lowest projected stock over all dates >= D: 100 on hand
with 90 due out in five days is 10, today already. The projection is what lies there, and what
will enter and leave at its planned dates. What is overdue is treated with caution: a departure
still claims its goods, today, for they are still owed; a receipt promises nothing until somebody
gives it a new date. A departure without a date claims its goods some day, so its stock can be
promised at no date; a receipt from outside without a date promises nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Movement:
    """Goods that will enter or leave one warehouse."""

    warehouse: str
    on: date | None
    """None: some day."""
    quantity: Decimal
    """In the item's own unit; below zero when they leave."""
    receipt: bool = False
    """True when they come from outside: a caller may be told of them."""


@dataclass(frozen=True)
class Projection:
    """What may be promised of one item."""

    available: Decimal
    """Of all warehouses together; never below zero."""
    warehouses: tuple[tuple[str, Decimal], ...]
    """The same of each warehouse that has a name, by name."""
    incoming: tuple[tuple[date, Decimal], ...]
    """What comes in from outside after today, by day, soonest first."""


def project(
    stock: Mapping[str, Decimal],
    movements: Iterable[Movement],
    today: date,
    wanted: date,
    only: Collection[str] = (),
) -> Projection:
    """Work out what may be promised at a date.

    stock: what lies in each warehouse now; '' for goods that are in none. wanted: today or later.
    only: the warehouses that count; empty: all.
    """
    found = [movement for movement in movements if not only or movement.warehouse in only]
    here = {name: amount for name, amount in stock.items() if not only or name in only}
    flows = [flow for movement in found if (flow := _settled(movement, today))]
    names = sorted({*here, *(movement.warehouse for movement in found)} - {""})
    return Projection(
        available=_promised(sum(here.values(), Decimal(0)), flows, wanted),
        warehouses=tuple(
            (
                name,
                _promised(
                    here.get(name, Decimal(0)),
                    [flow for flow in flows if flow.warehouse == name],
                    wanted,
                ),
            )
            for name in names
        ),
        incoming=receipts(found, today),
    )


def lowest(on_hand: Decimal, flows: Iterable[Movement], wanted: date) -> Decimal:
    """Return the lowest projected stock over all dates >= wanted; it may be below zero."""
    by_day: defaultdict[date, Decimal] = defaultdict(Decimal)
    projected = on_hand
    for flow in flows:
        day = flow.on or date.max
        if day <= wanted:
            projected += flow.quantity
        else:
            by_day[day] += flow.quantity
    least = projected
    for day in sorted(by_day):
        projected += by_day[day]
        least = min(least, projected)
    return least


def receipts(movements: Iterable[Movement], today: date) -> tuple[tuple[date, Decimal], ...]:
    """Return what comes in from outside after today, by day, soonest first.

    A receipt without a date is left out: nobody can be told when it comes.
    """
    by_day: defaultdict[date, Decimal] = defaultdict(Decimal)
    for movement in movements:
        if movement.receipt and movement.quantity > 0 and movement.on and movement.on > today:
            by_day[movement.on] += movement.quantity
    return tuple(sorted(by_day.items()))


def _settled(movement: Movement, today: date) -> Movement | None:
    """Return a movement with the day on which it counts, or None when it promises nothing."""
    on = movement.on
    if movement.quantity > 0:
        # Goods that are moved from one of our warehouses to another, some day, are not lost.
        promised = not movement.receipt if on is None else on >= today
        return movement if promised else None
    if on is None or on >= today:
        return movement
    return Movement(movement.warehouse, today, movement.quantity)


def _promised(on_hand: Decimal, flows: Iterable[Movement], wanted: date) -> Decimal:
    return max(Decimal(0), lowest(on_hand, flows, wanted))
