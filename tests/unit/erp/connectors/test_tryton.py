"""The Tryton connector: what it asks, and what it makes of the answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from erp.connectors.tryton import MOVES_MAX, TrytonConnector
from erp.deadline import Deadline
from erp.errors import BackendDown, BackendRefused, BadAnswer
from erp.model import Availability, Customer, Item, NotFound, OrderStatus, Source
from erp.port import ErpPort
from tests.unit.erp.connectors.fake_tryton import (
    LOCATIONS,
    FakeTryton,
    Hang,
    RpcError,
    Status,
    tagged,
)

NOW = datetime(2026, 5, 4, 23, 30, tzinfo=timezone.utc)
SOURCE = Source("tryton", "test", "", NOW)
ITEM = Item("17", "4521", "M8 hex bolt", "piece", SOURCE)
CUSTOMER = Customer("5", "C001", "Harbor Machine Works", "Dana Whitfield", SOURCE)

ITEMS = "model.product.product.search_read"
ON_HAND = "model.stock.location.read"
MOVES = "model.stock.move.search_read"
PLACES = "model.stock.location.search_read"
CONTACTS = "model.party.contact_mechanism.search_read"
SALES = "model.sale.sale.search_read"
COMPANY = "model.company.company.search_read"


@pytest.fixture
async def erp(fake: FakeTryton) -> AsyncIterator[TrytonConnector]:
    fake.answers[ON_HAND] = lambda *_: [{"id": 1, "quantity": 100.0}, {"id": 3, "quantity": 4.5}]
    fake.answers[MOVES] = lambda *_: [move(1, 2, 9, 90.0, 9)]
    made = TrytonConnector(fake.settings(), now=lambda: NOW)
    yield made
    await made.close()


def move(number: int, source: int, target: int, amount: float, day: int) -> dict[str, Any]:
    return {
        "id": number, "state": "draft", "planned_date": tagged(2026, 5, day),
        "effective_date": None, "internal_quantity": amount, "from_location": source,
        "to_location": target,
    }


def soon(budget_s: float = 5.0) -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), budget_s)


async def availability(erp: TrytonConnector, on: date = date(2026, 5, 4)) -> Availability:
    return await erp.availability(ITEM, on, soon())


def test_it_is_the_port(fake: FakeTryton) -> None:
    port: ErpPort = TrytonConnector(fake.settings())
    assert port.system == "tryton"


async def test_opening_connects_and_asks_nothing_later(
    fake: FakeTryton, erp: TrytonConnector
) -> None:
    await erp.open(soon())
    before = fake.asked.copy()
    await erp.ping(soon())
    assert (fake.asked - before) == {"model.ir.date.today": 1}


async def test_an_outage_at_the_start_heals(fake: FakeTryton, erp: TrytonConnector) -> None:
    works = fake.answers.pop(PLACES)
    fake.answers[PLACES] = failing(Status(503))
    with pytest.raises(BackendDown):
        await erp.open(soon())
    fake.answers[PLACES] = works
    assert (await availability(erp)).available.amount == Decimal("14.5")


def failing(error: Exception) -> Any:
    def answer(*_: object) -> object:
        raise error

    return answer


# Items


async def test_an_item_is_asked_for_literally(fake: FakeTryton, erp: TrytonConnector) -> None:
    fake.answers[ITEMS] = lambda *_: []
    found = await erp.find_item(" a%b_c\\ ", soon())
    assert isinstance(found, NotFound)
    assert found.wanted == "item a%b_c\\"
    assert fake.parameters[ITEMS][0] == [["code", "ilike", "a\\%b\\_c\\\\"]]


@pytest.mark.parametrize("number", ["", "  ", "4" * 65])
async def test_no_item_has_such_a_number(
    fake: FakeTryton, erp: TrytonConnector, number: str
) -> None:
    assert isinstance(await erp.find_item(number, soon()), NotFound)
    assert not fake.asked


async def test_an_item_without_a_name_is_unreadable_only_where_it_matters(
    fake: FakeTryton, erp: TrytonConnector
) -> None:
    fake.answers[ITEMS] = lambda *_: [{"id": 17, "code": "4521", "template.": {"name": 5}}]
    with pytest.raises(BadAnswer, match="name"):
        await erp.find_item("4521", soon())


# Stock


async def test_availability_sums_and_splits_over_the_warehouses(erp: TrytonConnector) -> None:
    answer = await availability(erp)
    assert answer.available.amount == Decimal("14.5")
    assert {w.warehouse: w.available.amount for w in answer.warehouses} == {
        "North": Decimal(10), "South": Decimal("4.5"),
    }
    assert (answer.source.record, answer.source.read_at) == ("product.product,17", NOW)


async def test_it_is_never_below_zero(fake: FakeTryton, erp: TrytonConnector) -> None:
    fake.answers[MOVES] = lambda *_: [move(1, 2, 9, 500.0, 9)]
    answer = await availability(erp)
    assert answer.available.amount == 0
    assert [w.available.amount for w in answer.warehouses] == [0, Decimal("4.5")]


async def test_a_warehouse_that_is_not_configured_is_outside(
    fake: FakeTryton, erp: TrytonConnector
) -> None:
    south = TrytonConnector(fake.settings(warehouses=("South",)), now=lambda: NOW)
    fake.answers[ON_HAND] = lambda ids, *_: [{"id": number, "quantity": 4} for number in ids]
    fake.answers[MOVES] = lambda *_: [move(1, 2, 4, 30.0, 9), move(2, 2, 9, 7.0, 9)]
    answer = await availability(south)
    assert (answer.available.amount, answer.warehouses[0].warehouse) == (Decimal(4), "South")
    assert [receipt.quantity.amount for receipt in answer.incoming] == [30]
    await south.close()


async def test_a_location_made_since_the_start_is_looked_up_once(
    fake: FakeTryton, erp: TrytonConnector
) -> None:
    await erp.open(soon())
    shelf = {"id": 40, "name": "new shelf", "type": "storage", "parent": 1}
    fake.answers[PLACES] = lambda *_: [*LOCATIONS, shelf]
    fake.answers[MOVES] = lambda *_: [move(1, 40, 9, 90.0, 9), move(2, 40, 77, 1.0, 9)]
    assert (await availability(erp)).available.amount == Decimal("13.5")
    assert (await availability(erp)).available.amount == Decimal("13.5")
    assert fake.asked[PLACES] == 2


async def test_more_moves_than_can_be_read_are_refused(
    fake: FakeTryton, erp: TrytonConnector
) -> None:
    fake.answers[MOVES] = lambda *_: [move(n, 2, 9, 1.0, 9) for n in range(MOVES_MAX)]
    with pytest.raises(BadAnswer, match="moves"):
        await availability(erp)


async def test_the_companys_time_zone_says_what_today_is(
    fake: FakeTryton, erp: TrytonConnector
) -> None:
    fake.answers[COMPANY] = lambda *_: [{"id": 7, "timezone": "Pacific/Auckland"}]
    assert (await availability(erp, date(2020, 1, 1))).on == date(2026, 5, 5)


async def test_an_item_of_another_system_is_refused(erp: TrytonConnector) -> None:
    other = Item("SKU-1", "4521", "bolt", "piece", SOURCE)
    with pytest.raises(BadAnswer, match="another system"):
        await erp.availability(other, date(2026, 5, 4), soon())


async def test_when_one_question_fails_the_other_is_not_waited_for(
    fake: FakeTryton, erp: TrytonConnector
) -> None:
    await erp.open(soon())
    fake.answers[ON_HAND] = failing(Hang())
    fake.answers[MOVES] = failing(RpcError(["UserError", ["no"]]))
    begin_s = asyncio.get_running_loop().time()
    running = asyncio.all_tasks()
    with pytest.raises(BackendRefused):
        await erp.availability(ITEM, date(2026, 5, 4), soon(5.0))
    assert asyncio.get_running_loop().time() - begin_s < 1.0
    ours = {task for task in asyncio.all_tasks() - running if "tryton" in task.get_name()}
    assert not ours


# Customers


def contact(party: int, value: str, name: str | None) -> dict[str, Any]:
    return {"id": party * 10, "value": value, "name": name,
            "party.": {"id": party, "code": f"C{party}", "name": f"Company {party}"}}


async def test_only_the_same_number_is_a_customer(
    fake: FakeTryton, erp: TrytonConnector
) -> None:
    fake.answers[CONTACTS] = lambda *_: [
        contact(5, "(212) 555-0142", "Dana"),
        contact(6, "+44 212 555 0142", "Ann"),
        contact(7, "+1 212 555 0142", None),
        contact(5, "+12125550142", "Dana"),
    ]
    found = await erp.customers_by_phone("+1 212 555 0142", soon())
    assert [(one.account, one.contact) for one in found] == [("C5", "Dana"), ("C7", "")]
    domain = fake.parameters[CONTACTS][0]
    assert ["value", "like", "%5%5%5%0%1%4%2%"] in domain


@pytest.mark.parametrize("number", ["", "anonymous", "101"])
async def test_a_withheld_number_asks_only_whether_tryton_is_there(
    fake: FakeTryton, erp: TrytonConnector, number: str
) -> None:
    assert await erp.customers_by_phone(number, soon()) == ()
    assert CONTACTS not in fake.asked
    fake.answers["model.ir.date.today"] = failing(Status(503))
    with pytest.raises(BackendDown):
        await erp.customers_by_phone(number, soon())


# Orders


def sale(number: int, ordered: dict[str, Any] | None, written: int = 1) -> dict[str, Any]:
    return {
        "id": number, "number": str(number), "state": "draft", "shipment_state": "none",
        "sale_date": ordered, "create_date": tagged(2026, 4, written), "lines.": [],
        "shipments.": [],
    }


async def newest(erp: TrytonConnector) -> OrderStatus | NotFound:
    return await erp.last_order(CUSTOMER, soon())


async def test_only_the_accounts_own_orders_are_asked_for(
    fake: FakeTryton, erp: TrytonConnector
) -> None:
    fake.answers[SALES] = lambda *_: []
    assert isinstance(await newest(erp), NotFound)
    assert fake.parameters[SALES][0] == [["party", "=", 5]]


@pytest.mark.parametrize(("written", "expected"), [(2, "8"), (20, "9")])
async def test_a_draft_counts_from_the_day_it_was_written(
    fake: FakeTryton, erp: TrytonConnector, written: int, expected: str
) -> None:
    draft, dated = sale(9, None, written), sale(8, tagged(2026, 4, 10))
    fake.answers[SALES] = lambda domain, *_: [dated] if len(domain) > 1 else [draft]
    order = await newest(erp)
    assert isinstance(order, OrderStatus)
    assert order.number == expected


# The log


async def test_each_query_is_one_line_without_personal_data(
    fake: FakeTryton, erp: TrytonConnector, caplog: pytest.LogCaptureFixture
) -> None:
    fake.answers[CONTACTS] = lambda *_: [contact(5, "+12125550142", "Dana")]
    caplog.set_level(logging.DEBUG, logger="erp")
    await availability(erp)
    await erp.customers_by_phone("+12125550142", soon())
    fake.answers[SALES] = failing(Status(500))
    with pytest.raises(BadAnswer):
        await newest(erp)
    lines = [record.getMessage() for record in caplog.records if "query" in record.getMessage()]
    assert [line.partition(" ms=")[0] for line in lines] == [
        "query system=tryton operation=availability record=product.product,17 live=yes",
        "query system=tryton operation=customers_by_phone record=party.party,5 live=yes",
        "query system=tryton operation=last_order record=- live=yes",
    ]
    assert lines[2].endswith("result=backend-bad-answer")
    assert "Dana" not in caplog.text
    assert "5550142" not in caplog.text
