"""A sale as an order status."""

from __future__ import annotations

import logging
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from erp.connectors.tryton_orders import order_status
from erp.connectors.tryton_values import Row, UnreadableAnswer
from erp.model import OrderLine, OrderState, OrderStatus, Quantity, Source

SOURCE = Source("tryton", "last_order", "sale.sale,5", datetime(2026, 5, 4, tzinfo=timezone.utc))


def status(**values: Any) -> OrderStatus:
    sale = {
        "id": 5,
        "number": "2005",
        "state": "processing",
        "shipment_state": "waiting",
        "sale_date": date(2026, 5, 1),
        "lines.": [],
        "shipments.": [],
        **values,
    }
    return order_status(Row(sale), SOURCE)


def shipment(state: str, planned: int | None = None, effective: int | None = None) -> object:
    return {
        "state": state,
        "planned_date": planned and date(2026, 5, planned),
        "effective_date": effective and date(2026, 5, effective),
    }


@pytest.mark.parametrize(
    ("state", "shipped", "expected"),
    [
        ("draft", "none", OrderState.DRAFT),
        ("quotation", "none", OrderState.QUOTATION),
        ("confirmed", "none", OrderState.CONFIRMED),
        ("processing", "none", OrderState.PROCESSING),
        ("processing", None, OrderState.PROCESSING),
        ("processing", "waiting", OrderState.PROCESSING),
        ("processing", "exception", OrderState.PROCESSING),
        ("processing", "partially shipped", OrderState.PARTLY_SHIPPED),
        ("processing", "sent", OrderState.SHIPPED),
        ("done", "sent", OrderState.SHIPPED),
        ("cancelled", "none", OrderState.CANCELLED),
    ],
)
def test_states(state: str, shipped: str | None, expected: OrderState) -> None:
    assert status(state=state, shipment_state=shipped).state is expected


@pytest.mark.parametrize("values", [{"state": "frozen"}, {"shipment_state": "lost"}])
def test_an_unknown_state_is_logged_and_not_guessed(
    values: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert status(**values).state is OrderState.UNREADABLE
    assert repr(next(iter(values.values()))) in caplog.text
    assert "sale.sale,5" in caplog.text


def test_a_delivery_that_left_beside_one_that_did_not_is_partly_shipped() -> None:
    order = status(**{"shipments.": [shipment("done", effective=2), shipment("waiting", 9)]})
    assert order.state is OrderState.PARTLY_SHIPPED
    assert order.delivery_on == date(2026, 5, 9)


def test_a_cancelled_delivery_beside_one_that_left_is_not_partly() -> None:
    order = status(**{"shipments.": [shipment("done", effective=2), shipment("cancelled", 9)]})
    assert order.state is OrderState.PROCESSING
    assert order.delivery_on == date(2026, 5, 2)


@pytest.mark.parametrize(
    ("shipments", "expected"),
    [
        ([shipment("waiting", 9), shipment("draft", 7)], 7),
        ([shipment("packed", 8)], 8),
        ([shipment("done", 5, 3), shipment("shipped", 5, 4)], 4),
        ([shipment("waiting"), shipment("waiting", 6)], 6),
        ([], 20),
        ([shipment("cancelled", 9)], 20),
    ],
)
def test_the_date_of_the_next_delivery_or_of_the_last(
    shipments: list[object], expected: int
) -> None:
    order = status(**{"shipments.": shipments, "shipping_date": date(2026, 5, 20)})
    assert order.delivery_on == date(2026, 5, expected)


@pytest.mark.parametrize("state", ["draft", "quotation", "cancelled"])
def test_what_is_not_ordered_has_no_delivery(state: str) -> None:
    assert status(state=state, shipping_date=date(2026, 5, 20)).delivery_on is None


def test_lines_without_comments_and_titles() -> None:
    lines = [
        {"type": "title", "description": "Bolts"},
        {"type": "line", "quantity": 5, "product.": {"code": "4521", "name": "M8 hex bolt"},
         "unit.": {"name": "piece"}},
        {"type": "line", "quantity": 1, "description": "setting up", "product.": None,
         "unit.": None},
        {"id": 99},
    ]
    assert status(**{"lines.": lines}).lines == (
        OrderLine("4521", "M8 hex bolt", Quantity(Decimal(5), "piece")),
        OrderLine("", "setting up", Quantity(Decimal(1), "")),
    )


def test_a_draft_without_a_date_was_ordered_when_it_was_written() -> None:
    order = status(state="draft", number=None, sale_date=None,
                   create_date=datetime(2026, 4, 30, 23, 59))
    assert (order.ordered_on, order.number) == (date(2026, 4, 30), "")


def test_a_sale_without_any_date_cannot_be_read() -> None:
    with pytest.raises(UnreadableAnswer):
        status(sale_date=None)
