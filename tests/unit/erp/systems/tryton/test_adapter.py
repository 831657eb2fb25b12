"""The steps of the Tryton adapter: what they ask besides, and what they make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from erp.connectors.engine import RawRow, Value
from erp.errors import UnreadableAnswer
from erp.systems.adapter import RefineContext
from erp.systems.tryton.adapter import Adapter

TODAY = date(2026, 5, 4)
NORTH = {"id": 1, "name": "North", "type": "warehouse", "parent": None}
SHELF = {"id": 2, "name": "shelf", "type": "storage", "parent": 1}
OUTSIDE = {"id": 9, "name": "customers", "type": "customer", "parent": None}


class Requests:
    """Answers the named requests of a profile, and keeps what was asked."""

    def __init__(self, **answers: Sequence[RawRow]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Mapping[str, Value]]] = []

    async def __call__(self, request_name: str, /, **values: Value) -> Sequence[RawRow]:
        self.asked.append((request_name, values))
        return self.answers[request_name]

    def context(self, **values: Value) -> RefineContext:
        return RefineContext(values=values, today=TODAY, fetch=self)


async def step(
    adapter: Adapter, name: str, rows: Sequence[RawRow], context: RefineContext
) -> Any:
    return await Adapter.REFINERS[name](adapter, rows, context)


# Stock


def move(source: int, target: int) -> RawRow:
    return {"state": "draft", "planned_date": TODAY, "internal_quantity": 5,
            "from_location": source, "to_location": target}


async def places(requests: Requests) -> Adapter:
    adapter = Adapter(requests)
    (row,) = await step(adapter, "locations", [NORTH, SHELF, OUTSIDE], requests.context())
    assert row["count"] == "3"
    return adapter


async def test_known_locations_are_not_asked_for() -> None:
    requests = Requests()
    (out,) = await step(await places(requests), "moves", [move(2, 9)], requests.context())
    assert (out["warehouse"], out["quantity"]) == ("North", Decimal(-5))
    assert requests.asked == []


async def test_what_lies_in_a_warehouse_gets_its_name_also_when_it_is_new() -> None:
    south = {"id": 3, "name": "South", "type": "warehouse", "parent": None}
    requests = Requests(locations=[NORTH, SHELF, OUTSIDE, south])
    rows = [{"id": 1, "quantity": Decimal(4)}, {"id": 3, "quantity": Decimal(5)}]
    found = await step(await places(requests), "stock", rows, requests.context())
    assert [(row["warehouse"], row["quantity"]) for row in found] == [("North", 4), ("South", 5)]
    assert [name for name, _ in requests.asked] == ["locations"]


async def test_a_location_made_since_the_start_is_looked_up_once() -> None:
    new = {"id": 40, "name": "new shelf", "type": "storage", "parent": 1}
    requests = Requests(locations=[NORTH, SHELF, OUTSIDE, new])
    adapter = await places(requests)
    for _ in range(2):
        found = await step(adapter, "moves", [move(40, 9), move(40, 77)], requests.context())
        assert [row["warehouse"] for row in found] == ["North", "North"]
    assert [name for name, _ in requests.asked] == ["locations"]


async def test_a_warehouse_that_is_not_there_is_named() -> None:
    context = Requests().context(warehouses="North, Nowhere")
    with pytest.raises(UnreadableAnswer, match="no warehouse Nowhere: mend"):
        await step(Adapter(Requests()), "locations", [NORTH], context)


# Orders


def sale(number: int, ordered: date | None, written: int = 1) -> RawRow:
    return {"id": number, "number": str(number), "state": "draft", "shipment_state": "none",
            "sale_date": ordered, "create_date": datetime(2026, 4, written)}


@pytest.mark.parametrize(("written", "expected"), [(2, 8), (20, 9)])
async def test_a_draft_counts_from_the_day_it_was_written(written: int, expected: int) -> None:
    requests = Requests(dated_sales=[sale(8, date(2026, 4, 10))])
    context = requests.context(customer_id="5")
    (order,) = await step(Adapter(requests), "newest", [sale(9, None, written)], context)
    assert order["id"] == expected
    assert requests.asked == [("dated_sales", {"limit": 1})]


async def test_dated_orders_are_asked_for_once() -> None:
    requests = Requests()
    rows = [sale(8, date(2026, 4, 10)), sale(7, date(2026, 4, 9))]
    history = await step(Adapter(requests), "newest", rows, requests.context(limit=5))
    assert [order["id"] for order in history] == [8, 7]
    assert requests.asked == []


async def test_a_history_has_its_length_and_no_order_twice() -> None:
    requests = Requests(dated_sales=[sale(8, date(2026, 4, 10)), sale(7, date(2026, 4, 9))])
    rows = [sale(9, None, 20), sale(8, date(2026, 4, 10))]
    history = await step(Adapter(requests), "newest", rows, requests.context(limit=2))
    assert [order["id"] for order in history] == [9, 8]


# Prices


def priced(price: str | None, sale_uom: int = 36) -> RawRow:
    return {"sale_price_uom": price and Decimal(price), "sale_uom": sale_uom, "default_uom": 36}


async def test_the_customers_own_list_counts() -> None:
    requests = Requests(product_price=[priced("0.378")])
    (row,) = await step(
        Adapter(requests), "price", [{"sale_price_list": 2}], requests.context()
    )
    assert row["sale_price_uom"] == Decimal("0.378")
    assert requests.asked == [("product_price", {"price_list": 2, "unit": None})]


@pytest.mark.parametrize(("general", "expected"), [([{"sale_price_list": 4}], 4), ([], None)])
async def test_without_an_own_list_that_of_all_customers_counts(
    general: list[RawRow], expected: int | None
) -> None:
    requests = Requests(general_price_list=general, product_price=[priced("0.42")])
    await step(Adapter(requests), "price", [{"sale_price_list": None}], requests.context())
    assert requests.asked[-1] == ("product_price", {"price_list": expected, "unit": None})


async def test_an_item_that_is_sold_in_another_unit_is_priced_in_its_own() -> None:
    requests = Requests(product_price=[priced("42", sale_uom=37)])
    await step(Adapter(requests), "price", [{"sale_price_list": 2}], requests.context())
    assert requests.asked[-1] == ("product_price", {"price_list": 2, "unit": 36})


async def test_no_customer_and_no_price_are_no_rows() -> None:
    requests = Requests(product_price=[priced(None)])
    context = requests.context()
    assert await step(Adapter(requests), "price", [], context) == ()
    assert await step(Adapter(requests), "price", [{"sale_price_list": 2}], context) == []


@pytest.mark.parametrize(
    ("name", "rows", "values"),
    [("price", [{"sale_price_list": "two"}], {}), ("newest", [], {"limit": "5"})],
)
async def test_what_cannot_be_read_is_an_error(
    name: str, rows: list[RawRow], values: dict[str, Value]
) -> None:
    requests = Requests()
    with pytest.raises(UnreadableAnswer):
        await step(Adapter(requests), name, rows, requests.context(**values))
