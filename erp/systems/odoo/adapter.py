"""What the Odoo profile can't say: the company's dates, both ends of a move, what is overdue.

It keeps nothing between queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import ClassVar

from erp.connectors.engine import RawRow
from erp.systems.adapter import Fetch, RefineContext, Refiner
from erp.systems.odoo.rows import Clock, amount, record, records, text

INTERNAL = "internal"
OUTSIDE = frozenset({"supplier", "production", "transit"})
"""Kinds of places from which goods come in that a caller may be told of."""

CLOSED = frozenset({"done", "cancel"})
"""States of a transfer that moves no more."""

HUNDRED = Decimal(100)


class Adapter:
    """The steps of the profile `odoo-19`."""

    def __init__(self, fetch: Fetch) -> None:
        """Keep nothing: a step asks by its context."""

    async def moves(self, rows: Sequence[RawRow], context: RefineContext) -> Sequence[RawRow]:
        """Turn open moves into what enters and what leaves each warehouse."""
        clock = Clock.of(context)
        return [entry for move in rows for entry in _ends(move, clock)]

    async def price(self, rows: Sequence[RawRow], context: RefineContext) -> Sequence[RawRow]:
        """Take off the discount that Odoo shows beside the price."""
        return [
            {**row, "net": amount(row, "price_unit") * (1 - amount(row, "discount") / HUNDRED)}
            for row in rows
        ]

    async def sales(self, rows: Sequence[RawRow], context: RefineContext) -> Sequence[RawRow]:
        """Work out the dates of each order, its goods, and its deliveries to the customer."""
        clock = Clock.of(context)
        return [_told(sale, clock) for sale in rows]

    async def owed(self, rows: Sequence[RawRow], context: RefineContext) -> Sequence[RawRow]:
        """Add what the customer's open items come to, and how much of it is overdue."""
        if not rows:
            return ()
        days = await context.fetch("open_items")
        late = [day for day in days if _due_on(day) and _due_on(day) < context.today.isoformat()]
        limited = rows[0].get("show_credit_limit") is True and amount(rows[0], "credit_limit") > 0
        return [
            {
                "owed": _sum(days),
                "overdue": _sum(late),
                # Odoo has 0 for a customer without a limit.
                "credit_limit": rows[0]["credit_limit"] if limited else None,
            }
        ]

    async def people(self, rows: Sequence[RawRow], context: RefineContext) -> Sequence[RawRow]:
        """Tell whether a number is a person's or the company's own."""
        return [
            {**row, "contact": "" if row.get("id") == _company(row).get("id") else row.get("name")}
            for row in rows
        ]

    REFINERS: ClassVar[dict[str, Refiner]] = {
        "moves": moves,
        "price": price,
        "sales": sales,
        "owed": owed,
        "people": people,
    }


# Stock


def _ends(move: RawRow, clock: Clock) -> Iterator[RawRow]:
    """Yield what a move takes out of one warehouse and what it brings into another."""
    source, target = record(move, "location_id"), record(move, "location_dest_id")
    leaves, enters = _warehouse(source), _warehouse(target)
    if leaves == enters:  # from the shelf to the gate
        return
    quantity, on = amount(move, "product_qty"), clock.day(move, "date")
    if leaves:
        yield {"warehouse": leaves, "on": on, "quantity": -quantity, "receipt": False}
    if enters:
        receipt = text(source, "usage") in OUTSIDE
        yield {"warehouse": enters, "on": on, "quantity": quantity, "receipt": receipt}


def _warehouse(location: RawRow) -> str:
    """Return the warehouse whose stock lies in a location; empty when nobody's does."""
    if text(location, "usage") != INTERNAL:
        return ""
    return text(record(location, "warehouse_id"), "name")


# Orders


def _told(sale: RawRow, clock: Clock) -> RawRow:
    deliveries = [
        {
            **picking,
            "planned_on": clock.day(picking, "scheduled_date"),
            "shipped_on": clock.day(picking, "date_done"),
        }
        for picking in records(sale, "picking_ids")
        if picking.get("picking_type_code") == "outgoing"
    ]
    return {
        **sale,
        "ordered_on": clock.day(sale, "date_order"),
        "delivery_on": _delivery_on(deliveries) or clock.day(sale, "commitment_date"),
        "goods": [
            line for line in records(sale, "order_line") if not text(line, "display_type")
        ],
        "deliveries": deliveries,
    }


def _delivery_on(deliveries: Sequence[RawRow]) -> str:
    """Return the date of the next open delivery, else of the last one that left, else empty."""
    open_ones = [text(one, "planned_on") for one in deliveries if one.get("state") not in CLOSED]
    left = [text(one, "shipped_on") for one in deliveries if one.get("state") == "done"]
    return min(filter(None, open_ones), default="") or max(left, default="")


# Accounts and people


def _due_on(day: RawRow) -> str:
    """Return the date of a group of open items: Odoo gives it with a text for people."""
    shown = day.get("date_maturity:day")
    first = shown[0] if isinstance(shown, list) and shown else ""
    return first if isinstance(first, str) else ""


def _sum(days: Sequence[RawRow]) -> Decimal:
    return sum((amount(day, "amount_residual:sum") for day in days), Decimal(0))


def _company(person: RawRow) -> RawRow:
    return record(person, "commercial_partner_id")
