"""A sale as a caller is told of it."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from erp.connectors.engine import RawRow
from erp.errors import UnreadableAnswer
from erp.systems.tryton.sales import newest_first, ordered_on, told


def sale(**values: object) -> RawRow:
    return {
        "id": 5,
        "number": "2005",
        "state": "processing",
        "shipment_state": "waiting",
        "sale_date": date(2026, 5, 1),
        "lines.": [],
        "shipments.": [],
        **values,
    }


def shipment(state: str, planned: int | None = None, effective: int | None = None) -> RawRow:
    return {
        "state": state,
        "planned_date": planned and date(2026, 5, planned),
        "effective_date": effective and date(2026, 5, effective),
    }


@pytest.mark.parametrize(
    ("state", "shipped", "progress"),
    [
        ("quotation", "none", "quotation"),
        ("processing", "none", "none"),
        ("processing", None, "none"),
        ("processing", "waiting", "waiting"),
        ("processing", "sent", "sent"),
        ("processing", "lost", "lost"),
        ("done", "sent", "done"),
        ("cancelled", "none", "cancelled"),
    ],
)
def test_in_processing_the_shipments_say_how_far_it_is(
    state: str, shipped: str | None, progress: str
) -> None:
    assert told(sale(state=state, shipment_state=shipped))["progress"] == progress


@pytest.mark.parametrize(
    ("others", "progress"),
    [
        ([shipment("waiting", 9)], "partially shipped"),
        ([shipment("cancelled", 9)], "waiting"),
        ([], "waiting"),
    ],
)
def test_a_delivery_that_left_beside_one_that_did_not_is_partly_shipped(
    others: list[RawRow], progress: str
) -> None:
    order = told(sale(**{"shipments.": [shipment("done", effective=2), *others]}))
    assert order["progress"] == progress


@pytest.mark.parametrize(
    ("shipments", "expected"),
    [
        ([shipment("waiting", 9), shipment("draft", 7)], 7),
        ([shipment("done", 5, 3), shipment("packed", 8)], 8),
        ([shipment("done", 5, 3), shipment("shipped", 5, 4)], 4),
        ([shipment("waiting"), shipment("waiting", 6)], 6),
        ([], 20),
        ([shipment("cancelled", 9)], 20),
    ],
)
def test_the_date_of_the_next_delivery_or_of_the_last(
    shipments: list[RawRow], expected: int
) -> None:
    order = told(sale(**{"shipments.": shipments, "shipping_date": date(2026, 5, 20)}))
    assert order["delivery_on"] == date(2026, 5, expected)


@pytest.mark.parametrize("state", ["draft", "quotation", "cancelled"])
def test_what_is_not_ordered_has_no_delivery(state: str) -> None:
    assert told(sale(state=state, shipping_date=date(2026, 5, 20)))["delivery_on"] is None


@pytest.mark.parametrize(("state", "left"), [("done", 2), ("shipped", 2), ("waiting", None)])
def test_an_effective_date_counts_when_it_has_left(state: str, left: int | None) -> None:
    deliveries = told(sale(**{"shipments.": [shipment(state, 9, 2)]}))["deliveries"]
    assert isinstance(deliveries, list)
    assert deliveries[0]["left_on"] == (left and date(2026, 5, left))


def test_lines_without_comments_and_titles() -> None:
    lines = [
        {"type": "title", "description": "Bolts"},
        {"type": "line", "quantity": 5, "product.": {"code": "4521", "name": "M8 hex bolt"},
         "unit.": {"name": "piece"}},
        {"type": "line", "quantity": 1, "description": "setting up", "product.": None,
         "unit.": None},
        {"id": 99},
    ]
    assert told(sale(**{"lines.": lines}))["goods"] == [
        {"code": "4521", "name": "M8 hex bolt", "quantity": 5, "unit": "piece"},
        {"code": None, "name": "setting up", "quantity": 1, "unit": None},
    ]


def test_a_draft_without_a_date_was_ordered_when_it_was_written() -> None:
    draft = sale(sale_date=None, create_date=datetime(2026, 4, 30, 23, 59))
    assert ordered_on(draft) == date(2026, 4, 30)


def test_a_sale_without_any_date_cannot_be_read() -> None:
    with pytest.raises(UnreadableAnswer):
        told(sale(sale_date=None))


def test_the_newest_comes_first_and_each_once() -> None:
    dated = {number: sale(id=number, sale_date=date(2026, 4, 10)) for number in (6, 7)}
    draft = sale(id=9, sale_date=None, create_date=datetime(2026, 4, 2))
    newest = newest_first([draft, dated[6], sale(), dated[7], dated[6]])
    assert [order["id"] for order in newest] == [5, 7, 6, 9]
