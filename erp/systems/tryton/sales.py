"""A Tryton sale as a caller is told of it: how far it is, when it is delivered, its goods. Pure.

A sale says `processing` from its confirmation until it is shipped and invoiced; what the caller
wants to know is in its shipments.

Source: trytond 8.2, modules/sale/sale.py (states, get_shipment_state).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from erp.connectors.engine import RawRow
from erp.errors import UnreadableAnswer
from erp.systems.tryton.rows import day, number, record, records, text

LEFT = frozenset({"shipped", "done"})
GONE = LEFT | {"cancelled"}
PARTLY = "partially shipped"
WAITING = frozenset({"none", "waiting", "exception"})
"""Shipment states of a sale of which, by the state alone, nothing has left."""

UNPLANNED = frozenset({"draft", "quotation", "cancelled"})
"""States of a sale that is not to be delivered, or not yet."""


def told(sale: RawRow) -> RawRow:
    """Return the sale with `ordered_on`, `progress`, `delivery_on` and `goods` worked out.

    Raises UnreadableAnswer when it lacks what every sale has.
    """
    return {
        **sale,
        "ordered_on": ordered_on(sale),
        "progress": _progress(sale),
        "delivery_on": _delivery_on(sale),
        "goods": [_goods(line) for line in records(sale, "lines") if text(line, "type") == "line"],
        "deliveries": [_delivery(shipment) for shipment in records(sale, "shipments")],
    }


def newest_first(sales: Iterable[RawRow]) -> list[RawRow]:
    """Return each sale once, the newest first; the later record first on the same day."""
    every = {number(sale): sale for sale in sales}
    return sorted(every.values(), key=lambda sale: (ordered_on(sale), number(sale)), reverse=True)


def ordered_on(sale: RawRow) -> date:
    """Return the order's date; a draft without one was ordered when it was written down."""
    found = day(sale, "sale_date") or day(sale, "create_date")
    if found is None:
        raise UnreadableAnswer("a sale without a date")
    return found


def _progress(sale: RawRow) -> str:
    """Return the sale's state; of one in processing its shipments' state."""
    state = text(sale, "state")
    if state != "processing":
        return state
    state = text(sale, "shipment_state") or "none"
    states = {text(shipment, "state") for shipment in records(sale, "shipments")}
    # Until Tryton's worker has caught up, the shipments know more than the sale.
    partly = state in WAITING and states & LEFT and states - GONE
    return PARTLY if partly else state


def _delivery_on(sale: RawRow) -> date | None:
    if text(sale, "state") in UNPLANNED:
        return None
    shipments = records(sale, "shipments")
    planned = [
        on
        for shipment in shipments
        if text(shipment, "state") not in GONE and (on := day(shipment, "planned_date"))
    ]
    left = [on for shipment in shipments if (on := _left_on(shipment))]
    if planned:
        return min(planned)
    return max(left) if left else day(sale, "shipping_date")


def _left_on(shipment: RawRow) -> date | None:
    """Return when a shipment left: an effective date may be entered long before."""
    return day(shipment, "effective_date") if text(shipment, "state") in LEFT else None


def _goods(line: RawRow) -> RawRow:
    product = record(line, "product")
    return {
        "code": product.get("code"),
        "name": text(product, "name") or text(line, "description"),
        "quantity": line.get("quantity"),
        "unit": record(line, "unit").get("name"),
    }


def _delivery(shipment: RawRow) -> RawRow:
    return {**shipment, "left_on": _left_on(shipment)}
