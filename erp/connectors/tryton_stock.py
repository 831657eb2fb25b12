"""Available-to-promise from Tryton's stock moves: pure, no I/O, today is an argument.

Available-to-promise at a date D is the lowest projected stock over all dates >= D: 100 on hand
with 90 due out in five days is 10, today already. The projection is Tryton's own
(`forecast_quantity`): what is done, and the open moves (draft, assigned) at their planned dates;
an assigned move counts today. Tryton leaves an open move out once its planned date has passed.
Here an overdue delivery still claims its goods, today, for they are still owed; an overdue
receipt promises nothing until somebody gives it a new date.

Source: trytond 8.2, modules/stock/move.py (compute_quantities_query).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from erp.connectors.tryton_values import Row

OPEN_STATES = ("draft", "assigned")
MOVE_FIELDS = (
    "state",
    "planned_date",
    "effective_date",
    "internal_quantity",
    "from_location",
    "to_location",
)


@dataclass(frozen=True)
class Flow:
    """Goods that will enter or leave one warehouse."""

    warehouse: int
    on: date
    amount: Decimal
    """In the item's own unit; below zero when they leave."""
    receipt: bool = False
    """True when they come from outside, and are still open at a planned date."""


def flows(
    moves: Iterable[Row], warehouse_of: Mapping[int, int | None], today: date
) -> tuple[Flow, ...]:
    """Turn open moves into what enters and leaves the warehouses.

    warehouse_of: the warehouse of each location, None for a location outside. A move within one
    warehouse is no flow.
    """
    found: list[Flow] = []
    for move in moves:
        source = warehouse_of.get(move.identifier("from_location"))
        target = warehouse_of.get(move.identifier("to_location"))
        if source != target:
            found.extend(_flows_of(move, source, target, today))
    return tuple(found)


def _flows_of(
    move: Row, source: int | None, target: int | None, today: date
) -> Iterable[Flow]:
    amount = move.amount("internal_quantity")
    assigned = move.text("state") == "assigned"
    planned = today if assigned else move.day("planned_date")
    due = move.day("effective_date") or planned or date.max
    if source is not None:
        yield Flow(source, max(due, today), -amount)
    if target is not None and due >= today:
        yield Flow(target, due, amount, receipt=source is None and not assigned)


def lowest(on_hand: Decimal, found: Iterable[Flow], on: date) -> Decimal:
    """Return the lowest projected stock over all dates >= on; it may be below zero."""
    by_day: defaultdict[date, Decimal] = defaultdict(Decimal)
    projected = on_hand
    for flow in found:
        if flow.on <= on:
            projected += flow.amount
        else:
            by_day[flow.on] += flow.amount
    least = projected
    for day in sorted(by_day):
        projected += by_day[day]
        least = min(least, projected)
    return least


def receipts(
    found: Iterable[Flow], warehouses: Collection[int], today: date
) -> tuple[tuple[date, Decimal], ...]:
    """Return what comes in from outside after today, by day, soonest first.

    A receipt without a date is left out: nobody can be told when it comes.
    """
    by_day: defaultdict[date, Decimal] = defaultdict(Decimal)
    for flow in found:
        if flow.receipt and flow.warehouse in warehouses and today < flow.on < date.max:
            by_day[flow.on] += flow.amount
    return tuple(sorted(by_day.items()))


def warehouse_map(locations: Iterable[Row]) -> dict[int, int | None]:
    """Return the warehouse of each location: itself, its nearest warehouse above it, or None."""
    parents: dict[int, int | None] = {}
    warehouses = set()
    for location in locations:
        number = location.identifier()
        parents[number] = location.identifier("parent") if location.has("parent") else None
        if location.text("type") == "warehouse":
            warehouses.add(number)
    return {number: _warehouse_above(number, parents, warehouses) for number in parents}


def _warehouse_above(
    number: int, parents: Mapping[int, int | None], warehouses: Collection[int]
) -> int | None:
    seen: set[int] = set()
    above: int | None = number
    while above is not None and above not in seen:
        if above in warehouses:
            return above
        seen.add(above)
        above = parents.get(above)
    return None
