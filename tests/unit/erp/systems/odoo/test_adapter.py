"""The steps of the Odoo adapter: what they ask besides, and what they make of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from erp.connectors.engine import RawRow, Value
from erp.errors import UnreadableAnswer
from erp.systems.adapter import RefineContext
from erp.systems.odoo.adapter import Adapter
from erp.systems.odoo.rows import amount, record, records, text

TODAY = date(2026, 5, 4)


class Requests:
    """Answers the named requests of a profile, and keeps what was asked."""

    def __init__(self, **answers: Sequence[RawRow]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Mapping[str, Value]]] = []

    async def __call__(self, request_name: str, /, **values: Value) -> Sequence[RawRow]:
        self.asked.append((request_name, values))
        return self.answers[request_name]


async def step(
    name: str, rows: Sequence[RawRow], requests: Requests | None = None, zone: str = "UTC"
) -> Any:
    fetch = requests or Requests()
    context = RefineContext(values={"time_zone": zone}, today=TODAY, fetch=fetch)
    return await Adapter.REFINERS[name](Adapter(fetch), rows, context)


# Stock


def place(usage: str, warehouse: str = "") -> RawRow:
    named = {"id": 1, "name": warehouse} if warehouse else False
    return {"id": 5, "usage": usage, "warehouse_id": named}


SUPPLIER, CUSTOMER, TRANSIT = place("supplier"), place("customer"), place("transit")
NORTH, SOUTH = place("internal", "North"), place("internal", "South")


def move(source: RawRow, target: RawRow) -> RawRow:
    return {
        "product_qty": Decimal(5), "date": "2026-05-09 12:00:00",
        "location_id": source, "location_dest_id": target,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "target", "wanted"),
    [
        (SUPPLIER, NORTH, [("North", 5, True)]),
        (NORTH, CUSTOMER, [("North", -5, False)]),
        (NORTH, SOUTH, [("North", -5, False), ("South", 5, False)]),
        (NORTH, TRANSIT, [("North", -5, False)]),
        (TRANSIT, SOUTH, [("South", 5, True)]),
        (CUSTOMER, NORTH, [("North", 5, False)]),
        (NORTH, dict(NORTH, id=6), []),
        (SUPPLIER, CUSTOMER, []),
        # A place of one's own that belongs to no warehouse is promised to nobody.
        (place("internal"), SOUTH, [("South", 5, False)]),
    ],
)
async def test_a_move_has_two_ends(
    source: RawRow, target: RawRow, wanted: list[tuple[str, int, bool]]
) -> None:
    rows = await step("moves", [move(source, target)])
    assert [(row["warehouse"], row["quantity"], row["receipt"]) for row in rows] == wanted
    assert all(row["on"] == "2026-05-09" for row in rows)


# Prices


async def test_the_discount_is_taken_off() -> None:
    (row,) = await step("price", [{"price_unit": Decimal("0.42"), "discount": Decimal(10)}])
    assert row["net"] == Decimal("0.378")


async def test_a_price_without_discount_stays_to_the_last_digit() -> None:
    (row,) = await step("price", [{"price_unit": Decimal("0.3780"), "discount": False}])
    assert row["net"] == Decimal("0.378")


# Orders


def picking(**values: object) -> RawRow:
    return {
        "state": "assigned", "picking_type_code": "outgoing",
        "scheduled_date": "2026-05-10 12:00:00", "date_done": False, **values,
    }  # fmt: skip


def left(day: str) -> RawRow:
    return picking(state="done", date_done=f"{day} 12:00:00")


@pytest.mark.parametrize(
    ("pickings", "wanted"),
    [
        ([left("2026-05-01"), picking(), picking(scheduled_date="2026-05-08 12:00:00")],
         "2026-05-08"),
        ([left("2026-04-20"), left("2026-05-01")], "2026-05-01"),
        ([picking(state="cancel")], "2026-06-01"),
        # Goods that are picked for an order, or come back, are not on their way to the customer.
        ([picking(picking_type_code="internal"), picking(picking_type_code="incoming")],
         "2026-06-01"),
        (False, "2026-06-01"),
    ],
)  # fmt: skip
async def test_the_date_of_the_delivery(pickings: Any, wanted: str) -> None:
    sale = {"commitment_date": "2026-06-01 08:00:00", "picking_ids": pickings}
    (told,) = await step("sales", [sale])
    assert told["delivery_on"] == wanted


async def test_what_is_promised_nowhere_has_no_date() -> None:
    (told,) = await step("sales", [{"commitment_date": False, "picking_ids": []}])
    assert told["delivery_on"] == ""


async def test_times_are_told_as_dates_of_the_company() -> None:
    sale = {"date_order": "2026-05-04 23:30:00", "picking_ids": [left("2026-05-01")]}
    (east,) = await step("sales", [sale], zone="Europe/Berlin")
    (west,) = await step("sales", [sale], zone="America/New_York")
    assert (east["ordered_on"], west["ordered_on"]) == ("2026-05-05", "2026-05-04")
    assert east["deliveries"][0]["shipped_on"] == "2026-05-01"


async def test_headings_and_notes_are_no_goods() -> None:
    lines = [{"id": 1, "display_type": "line_section"}, {"id": 2, "display_type": False}]
    (told,) = await step("sales", [{"order_line": lines}])
    assert [line["id"] for line in told["goods"]] == [2]


# Accounts


def due(day: str, open_amount: str) -> RawRow:
    shown = [day, "for people"] if day else False
    return {"date_maturity:day": shown, "amount_residual:sum": Decimal(open_amount)}


async def test_what_is_due_today_is_not_overdue() -> None:
    open_items = [
        due("2026-05-03", "10.10"), due("2026-05-04", "5"), due("2026-06-01", "-2"), due("", "1")
    ]  # fmt: skip
    requests = Requests(open_items=open_items)
    partner = {"id": 6, "credit_limit": Decimal(5000), "show_credit_limit": True}
    (account,) = await step("owed", [partner], requests)
    assert (account["owed"], account["overdue"]) == (Decimal("14.10"), Decimal("10.10"))
    assert account["credit_limit"] == 5000
    assert requests.asked == [("open_items", {})]


@pytest.mark.parametrize(("limit", "shown"), [(0, True), (5000, False), (False, True)])
async def test_no_limit_is_no_limit_of_zero(limit: object, shown: bool) -> None:
    partner = {"id": 6, "credit_limit": limit, "show_credit_limit": shown}
    (account,) = await step("owed", [partner], Requests(open_items=[]))
    assert account == {"owed": 0, "overdue": 0, "credit_limit": None}


async def test_a_customer_who_is_gone_owes_nothing_that_is_asked_for() -> None:
    requests = Requests(open_items=[])
    assert await step("owed", [], requests) == ()
    assert requests.asked == []


# People


async def test_a_number_of_the_company_names_no_person() -> None:
    company = {"id": 6, "ref": "C001", "name": "Harbor"}
    rows = [
        {"id": 6, "name": "Harbor", "commercial_partner_id": company},
        {"id": 7, "name": "Dana", "commercial_partner_id": company},
        {"id": 8, "name": False, "commercial_partner_id": company},
    ]
    assert [row["contact"] for row in await step("people", rows)] == ["", "Dana", False]


# Rows


@pytest.mark.parametrize(
    ("read", "value"),
    [(text, 5), (amount, "5"), (amount, True), (record, "x"), (records, {}), (records, [1])],
)
def test_another_type_is_not_taken_for_it(read: Any, value: object) -> None:
    with pytest.raises(UnreadableAnswer, match="field is no "):
        read({"field": value}, "field")


async def test_what_is_no_time_is_not_shown() -> None:
    with pytest.raises(UnreadableAnswer, match="date_order is no time") as raised:
        await step("sales", [{"date_order": "next week"}])
    assert "week" not in str(raised.value)
