"""A Tryton sale as an order status: pure, no I/O.

A sale says `processing` from its confirmation until it is shipped and invoiced; what the caller
wants to know is in its shipments.

Source: trytond 8.2, modules/sale/sale.py (states, get_shipment_state).
"""

from __future__ import annotations

import logging
from datetime import date

from erp.connectors.tryton_values import Row, UnreadableAnswer, shown
from erp.model import OrderLine, OrderState, OrderStatus, Quantity, Source

_log = logging.getLogger(__name__)

SALE_FIELDS = (
    "number",
    "state",
    "shipment_state",
    "sale_date",
    "shipping_date",
    "create_date",
    "lines.type",
    "lines.quantity",
    "lines.description",
    "lines.product.code",
    "lines.product.name",
    "lines.unit.name",
    "shipments.state",
    "shipments.planned_date",
    "shipments.effective_date",
)

STATES = {
    "draft": OrderState.DRAFT,
    "quotation": OrderState.QUOTATION,
    "confirmed": OrderState.CONFIRMED,
    "processing": OrderState.PROCESSING,
    "done": OrderState.SHIPPED,
    "cancelled": OrderState.CANCELLED,
}

SHIPPED_STATES = {
    "none": OrderState.PROCESSING,
    "waiting": OrderState.PROCESSING,
    "partially shipped": OrderState.PARTLY_SHIPPED,
    "sent": OrderState.SHIPPED,
    # A delivery was cancelled and somebody has to decide what happens: it is in the works.
    "exception": OrderState.PROCESSING,
}
"""What a sale in processing is, by its shipment state."""

LEFT = frozenset({"shipped", "done"})
GONE = LEFT | {"cancelled"}


def order_status(sale: Row, source: Source) -> OrderStatus:
    """Turn a sale, read with SALE_FIELDS, into what a caller is told.

    Raises UnreadableAnswer when it lacks what every sale has.
    """
    state = _state(sale)
    return OrderStatus(
        record_id=str(sale.identifier()),
        number=sale.text("number"),
        ordered_on=ordered_on(sale),
        state=state,
        delivery_on=_delivery_on(sale, state),
        lines=tuple(_line(line) for line in sale.rows("lines") if line.text("type") == "line"),
        source=source,
    )


def ordered_on(sale: Row) -> date:
    """Return the order's date; a draft without one was ordered when it was written down."""
    day = sale.day("sale_date") or sale.day("create_date")
    if day is None:
        raise UnreadableAnswer("a sale without a date")
    return day


def _state(sale: Row) -> OrderState:
    raw = sale.text("state")
    state = STATES.get(raw)
    if state is OrderState.PROCESSING:
        raw = sale.text("shipment_state") or "none"
        state = SHIPPED_STATES.get(raw)
        if state is OrderState.PROCESSING and _partly_left(sale):
            return OrderState.PARTLY_SHIPPED
    if state is None:
        _log.warning("tryton: sale.sale,%d: unknown state %s", sale.identifier(), shown(raw))
        return OrderState.UNREADABLE
    return state


def _partly_left(sale: Row) -> bool:
    """Tell whether some deliveries have left and others have not."""
    states = {shipment.text("state") for shipment in sale.rows("shipments")}
    return bool(states & LEFT) and bool(states - GONE)


def _delivery_on(sale: Row, state: OrderState) -> date | None:
    if state in (OrderState.DRAFT, OrderState.QUOTATION, OrderState.CANCELLED):
        return None
    shipments = sale.rows("shipments")
    planned = [
        day
        for shipment in shipments
        if shipment.text("state") not in GONE and (day := shipment.day("planned_date"))
    ]
    if planned:
        return min(planned)
    left = [
        day
        for shipment in shipments
        if shipment.text("state") in LEFT and (day := shipment.day("effective_date"))
    ]
    return max(left) if left else sale.day("shipping_date")


def _line(line: Row) -> OrderLine:
    product = line.row("product")
    return OrderLine(
        item_number=product.text("code"),
        item_name=product.text("name") or line.text("description"),
        quantity=Quantity(line.amount("quantity"), line.row("unit").text("name")),
    )
