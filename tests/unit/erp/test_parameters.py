"""What a request may be filled with."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from erp.connectors.engine import Value
from erp.operations import WRITES
from erp.parameters import WANTED_MAX, like, parameters, wanted
from erp.queries import (
    AvailabilityOf,
    BalanceOf,
    CustomerByAccount,
    CustomersByName,
    CustomersByPhone,
    FindItem,
    LastOrderOf,
    OrderHistoryOf,
    OrderStatusOf,
    Ping,
    PriceFor,
    Query,
    TrackingOf,
)
from erp.shapes import PARAMETERS
from tests.unit.erp.samples import TODAY, customer, item

ITEM: dict[str, Value] = {"item_id": "17", "item_number": "AB-1"}
CUSTOMER: dict[str, Value] = {"customer_id": "42", "account": "C-9"}
LATER = date(2026, 6, 1)

CASES: list[tuple[Query[Any], dict[str, Value]]] = [
    (Ping(), {}),
    (FindItem(" AB-1 "), {"item_number": "AB-1"}),
    (AvailabilityOf(item(), LATER), {**ITEM, "on": LATER}),
    (PriceFor(item(), customer(), Decimal(5)), {**ITEM, **CUSTOMER, "quantity": Decimal(5)}),
    (OrderStatusOf(customer(), " 2001 "), {**CUSTOMER, "order_number": "2001"}),
    (LastOrderOf(customer()), CUSTOMER),
    (OrderHistoryOf(customer(), 3), {**CUSTOMER, "limit": 3}),
    (TrackingOf(customer(), "2001"), {**CUSTOMER, "order_number": "2001"}),
    (BalanceOf(customer()), CUSTOMER),
    (
        CustomersByPhone("+1 212 555 0142"),
        {"phone": "+1 212 555 0142", "phone_last": "5550142", "phone_like": "%5%5%5%0%1%4%2%"},
    ),
    (CustomerByAccount(" C-9"), {"account": "C-9"}),
    (
        CustomersByName("  acme \t 100% _co "),
        {"name": "acme 100% _co", "name_like": "%acme%100\\%%\\_co%"},
    ),
]


@pytest.mark.parametrize(("query", "values"), CASES, ids=lambda case: type(case).__name__)
def test_each_operation_has_the_values_of_the_table(
    query: Query[Any], values: dict[str, Value]
) -> None:
    assert set(values) == set(PARAMETERS[query.operation])
    assert parameters(query, TODAY, "1") == {"today": TODAY, **values}


def test_every_operation_is_there() -> None:
    assert {query.operation for query, _ in CASES} == set(PARAMETERS) - set(WRITES)


def test_a_past_date_is_today_and_a_history_has_its_limits() -> None:
    assert parameters(AvailabilityOf(item(), date(2026, 1, 1)), TODAY, "1")["on"] == TODAY
    for limit, asked in ((0, 1), (50, 50), (51, 50)):
        assert parameters(OrderHistoryOf(customer(), limit), TODAY, "1")["limit"] == asked


def test_wildcards_of_a_text_are_escaped() -> None:
    assert like("a_b", "c\\d", "100%") == "%a\\_b%c\\\\d%100\\%%"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (Ping(), None),
        (AvailabilityOf(item(), TODAY), None),
        (FindItem(" AB-1 "), "AB-1"),
        (FindItem("  "), ""),
        (FindItem("A" * WANTED_MAX), "A" * WANTED_MAX),
        (FindItem("A" * (WANTED_MAX + 1)), ""),
        (FindItem("A\x00B"), ""),
        (CustomersByPhone("+1 212 555 0142"), "5550142"),
        (CustomersByPhone("anonymous"), ""),
        (CustomersByPhone(""), ""),
        (CustomersByName(" acme  tools "), "acme tools"),
        (CustomersByName(""), ""),
        (CustomerByAccount("C-9"), "C-9"),
        (OrderStatusOf(customer(), ""), ""),
        (TrackingOf(customer(), "2001"), "2001"),
    ],
)
def test_what_nothing_can_have_is_empty(query: Query[Any], text: str | None) -> None:
    assert wanted(query, "1") == text
