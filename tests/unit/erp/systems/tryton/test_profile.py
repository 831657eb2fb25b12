"""The profile tryton-8.2: what it asks, in how many round trips, and how each failure is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from erp.connector import Attempt
from erp.connectors.configured import ConfiguredConnector
from erp.deadline import Deadline
from erp.errors import BackendDown, BackendRefused, BackendSlow, BadAnswer, ErpError
from erp.model import (
    Customer,
    DeliveryState,
    Item,
    NotFound,
    OrderState,
    OrderStatus,
    Price,
    Source,
    Tracking,
)
from erp.profiles import load
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
from erp.secrets import Secret
from erp.shapes import SHAPES
from erp.trace import Trace
from tests.unit.erp.systems.tryton.fake_tryton import (
    COMPANY,
    LOCATIONS,
    OF_COMPANY,
    PASSWORD,
    FakeTryton,
    RpcError,
    Status,
    decimal,
    raising,
    tagged,
)

R = TypeVar("R")

PROFILE = load("tryton-8.2")
NOW = datetime(2026, 5, 4, 23, 30, tzinfo=timezone.utc)
TODAY = date(2026, 5, 4)
SOURCE = Source("tryton", "test", "", NOW)
ITEM = Item("17", "4521", "M8 hex bolt", "piece", SOURCE)
CUSTOMER = Customer("5", "C001", "Harbor Machine Works", "Dana Whitfield", SOURCE)

TODAY_THERE = "model.ir.date.today"
ITEMS = "model.product.product.search_read"
MOVES = "model.stock.move.search_read"
PLACES = "model.stock.location.search_read"
CONTACTS = "model.party.contact_mechanism.search_read"
PARTIES = "model.party.party.search_read"
SALES = "model.sale.sale.search_read"
COMPANIES = "model.company.company.search_read"

SALE: dict[str, Any] = {
    "id": 9, "number": "2009", "state": "processing", "shipment_state": "waiting",
    "sale_date": tagged(2026, 4, 30), "shipping_date": None, "create_date": None,
    "lines.": [{"type": "line", "quantity": 5.0, "description": "",
                "product.": {"code": "4521", "name": "M8 hex bolt"}, "unit.": {"name": "piece"}}],
    "shipments.": [
        {"id": 3, "number": "30", "state": "waiting", "planned_date": tagged(2026, 5, 9),
         "effective_date": None, "reference": None, "carrier.": None},
        {"id": 2, "number": "29", "state": "done", "planned_date": tagged(2026, 5, 1),
         "effective_date": tagged(2026, 5, 2), "reference": "PP40137",
         "carrier.": {"id": 1, "party.": {"id": 34, "name": "Parcel Post"}}},
    ],
}
CONTACT = {"id": 1, "value": "(212) 555-0142", "name": "Dana",
           "party.": {"id": 5, "code": "C001", "name": "Harbor Machine Works"}}
PARTY = {"id": 5, "code": "C001", "name": "Harbor Machine Works", "sale_price_list": 2,
         "receivable": decimal("962.40"), "receivable_today": decimal("812.40"),
         "credit_limit_amount": None}
PRODUCT = {"id": 17, "code": "4521", "sale_price_uom": decimal("0.3780"), "sale_uom": 36,
           "default_uom": 36, "template.": {"name": "M8 hex bolt", "id": 1,
                                            "default_uom.": {"name": "piece", "id": 36}}}


@pytest.fixture
async def erp(fake: FakeTryton) -> AsyncIterator[ConfiguredConnector]:
    fake.on_hand = {1: 100.0, 3: 4.5}
    fake.answers[MOVES] = lambda *_: [move(2, 9, 90.0, 9)]
    for method, row in {
        ITEMS: PRODUCT, CONTACTS: CONTACT, PARTIES: PARTY, SALES: SALE,
    }.items():
        fake.answers[method] = lambda *_, row=row: [row]
    made = connector(fake)
    await made.open(soon())
    fake.asked.clear()
    yield made
    await made.close()


def connector(fake: FakeTryton, **changes: Any) -> ConfiguredConnector:
    return ConfiguredConnector("tryton", fake.settings(**changes), PROFILE, now=lambda: NOW)


def move(source: int, target: int, amount: float, day: int) -> dict[str, Any]:
    return {
        "id": source, "state": "draft", "planned_date": tagged(2026, 5, day),
        "effective_date": None, "internal_quantity": amount, "from_location": source,
        "to_location": target,
    }


def soon(budget_s: float = 5.0) -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), budget_s)


async def ask(erp: ConfiguredConnector, query: Query[R], budget_s: float = 5.0) -> R:
    return await erp.ask(query, Attempt(soon(budget_s), Trace("tryton", query.operation)))


# The profile itself


def test_it_does_every_read_and_proves_its_rules() -> None:
    assert set(PROFILE.operations) == set(SHAPES)
    checks = PROFILE.checks()
    assert checks.ok
    assert checks.unproven == ()


async def test_opening_learns_the_company(fake: FakeTryton) -> None:
    erp = connector(fake)
    await erp.open(soon())
    await erp.close()
    assert fake.asked["common.db.login"] == 1
    assert fake.parameters[COMPANIES][0] == [["id", "=", COMPANY]]
    assert fake.parameters[TODAY_THERE] == [{"company": COMPANY}]
    assert fake.parameters[PLACES][-1] == {"active_test": False}


# Round trips and what they name


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (Ping(), {TODAY_THERE: 1}),
        (FindItem("4521"), {ITEMS: 1}),
        (AvailabilityOf(ITEM, TODAY), {PLACES: 1, MOVES: 1}),
        (PriceFor(ITEM, CUSTOMER, Decimal(50)), {PARTIES: 1, ITEMS: 1}),
        (OrderStatusOf(CUSTOMER, "2009"), {SALES: 1}),
        (LastOrderOf(CUSTOMER), {SALES: 1}),
        (OrderHistoryOf(CUSTOMER), {SALES: 1}),
        (TrackingOf(CUSTOMER, "2009"), {SALES: 1}),
        (BalanceOf(CUSTOMER), {PARTIES: 1}),
        (CustomersByPhone("+12125550142"), {CONTACTS: 1}),
        (CustomerByAccount("c001"), {PARTIES: 1}),
        (CustomersByName("harbor works"), {PARTIES: 1}),
    ],
    ids=lambda value: value.operation if isinstance(value, Query) else "",
)
async def test_each_read_costs_no_more_than_these_round_trips(
    fake: FakeTryton, erp: ConfiguredConnector, query: Query[Any], asked: dict[str, int]
) -> None:
    answer = await ask(erp, query)
    assert not isinstance(answer, NotFound)
    assert fake.asked == asked


@pytest.mark.parametrize(
    ("query", "method", "condition"),
    [
        (OrderStatusOf(CUSTOMER, "2009"), SALES, ["party", "=", 5]),
        (TrackingOf(CUSTOMER, "2009"), SALES, ["party", "=", 5]),
        (LastOrderOf(CUSTOMER), SALES, ["party", "=", 5]),
        (OrderHistoryOf(CUSTOMER), SALES, ["party", "=", 5]),
        (OrderStatusOf(CUSTOMER, "2009"), SALES, ["company", "=", COMPANY]),
        (LastOrderOf(CUSTOMER), SALES, ["company", "=", COMPANY]),
        (OrderHistoryOf(CUSTOMER), SALES, ["company", "=", COMPANY]),
        (AvailabilityOf(ITEM, TODAY), MOVES, ["company", "=", COMPANY]),
        (BalanceOf(CUSTOMER), PARTIES, ["id", "=", 5]),
        (PriceFor(ITEM, CUSTOMER, Decimal(50)), PARTIES, ["id", "=", 5]),
        (CustomersByPhone("+12125550142"), CONTACTS, ["party.active", "=", True]),
        (CustomersByPhone("+12125550142"), CONTACTS, ["value", "like", "%5%5%5%0%1%4%2%"]),
        (CustomersByName("harbor 100%"), PARTIES, ["name", "ilike", "%harbor%100\\%%"]),
        (CustomersByName("harbor"), PARTIES, ["id", "!=", OF_COMPANY["party"]]),
    ],
)
async def test_nobody_is_told_of_another(
    fake: FakeTryton, erp: ConfiguredConnector, query: Query[Any], method: str,
    condition: list[object],
) -> None:
    await ask(erp, query)
    assert condition in fake.parameters[method][0]


async def test_the_price_is_asked_by_list_quantity_and_company(
    fake: FakeTryton, erp: ConfiguredConnector
) -> None:
    price = await ask(erp, PriceFor(ITEM, CUSTOMER, Decimal("2.5")))
    assert isinstance(price, Price)
    assert (price.unit_price.amount, price.unit_price.currency) == (Decimal("0.378"), "USD")
    assert fake.parameters[ITEMS][-1] == {
        "company": COMPANY, "price_list": 2, "quantity": 2.5, "uom": None,
    }


# Stock


async def test_availability_sums_and_splits_over_the_warehouses(erp: ConfiguredConnector) -> None:
    answer = await ask(erp, AvailabilityOf(ITEM, TODAY))
    assert answer.available.amount == Decimal("14.5")
    assert {w.warehouse: w.available.amount for w in answer.warehouses} == {
        "North": Decimal(10), "South": Decimal("4.5"),
    }


async def test_a_location_made_since_the_start_is_looked_up_once(
    fake: FakeTryton, erp: ConfiguredConnector
) -> None:
    fake.places = [*LOCATIONS, {"id": 40, "name": "new", "type": "storage", "parent": 1}]
    fake.answers[MOVES] = lambda *_: [move(40, 9, 90.0, 9), move(40, 77, 1.0, 9)]
    for _ in range(2):
        answer = await ask(erp, AvailabilityOf(ITEM, TODAY))
        assert answer.available.amount == Decimal("13.5")
    # Twice what lies there, once the map.
    assert fake.asked[PLACES] == 3


@pytest.mark.parametrize(("count", "fits"), [(2000, True), (2001, False)])
async def test_more_moves_than_can_be_read_are_refused(
    fake: FakeTryton, erp: ConfiguredConnector, count: int, fits: bool
) -> None:
    fake.answers[MOVES] = lambda *_: [move(2, 9, 0.01, 9)] * count
    if fits:
        assert (await ask(erp, AvailabilityOf(ITEM, TODAY))).available.amount < 100
    else:
        with pytest.raises(BadAnswer, match="movements"):
            await ask(erp, AvailabilityOf(ITEM, TODAY))


async def test_the_companys_time_zone_says_what_today_is(
    fake: FakeTryton, erp: ConfiguredConnector
) -> None:
    fake.answers[COMPANIES] = lambda *_: [{**OF_COMPANY, "timezone": "Pacific/Auckland"}]
    await erp.open(soon())
    assert (await ask(erp, AvailabilityOf(ITEM, date(2020, 1, 1)))).on == date(2026, 5, 5)


async def test_a_warehouse_that_is_not_there_is_named(fake: FakeTryton) -> None:
    erp = connector(fake, parameters={"database": "demo", "warehouses": "North, East"})
    with pytest.raises(BadAnswer, match="no warehouse East: mend"):
        await erp.open(soon())
    await erp.close()


# Orders


async def test_an_order_and_its_deliveries(erp: ConfiguredConnector) -> None:
    order = await ask(erp, OrderStatusOf(CUSTOMER, "2009"))
    assert isinstance(order, OrderStatus)
    assert (order.state, order.delivery_on) == (OrderState.PARTLY_SHIPPED, date(2026, 5, 9))
    assert [line.item_number for line in order.lines] == ["4521"]
    tracking = await ask(erp, TrackingOf(CUSTOMER, "2009"))
    assert isinstance(tracking, Tracking)
    assert [
        (one.number, one.state, one.shipped_on, one.carrier, one.reference)
        for one in tracking.deliveries
    ] == [
        ("29", DeliveryState.SHIPPED, date(2026, 5, 2), "Parcel Post", "PP40137"),
        ("30", DeliveryState.PLANNED, None, "", ""),
    ]


@pytest.mark.parametrize("changes", [{"state": "frozen"}, {"shipment_state": "lost"}])
async def test_an_unknown_state_is_logged_and_not_guessed(
    fake: FakeTryton, erp: ConfiguredConnector, changes: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    sale = {**SALE, "shipments.": [], **changes}
    fake.answers[SALES] = lambda *_: [sale]
    order = await ask(erp, LastOrderOf(CUSTOMER))
    assert isinstance(order, OrderStatus)
    assert order.state is OrderState.UNREADABLE
    assert next(iter(changes.values())) in caplog.text


async def test_a_draft_without_a_date_does_not_hide_newer_orders(
    fake: FakeTryton, erp: ConfiguredConnector
) -> None:
    draft = {**SALE, "id": 4, "sale_date": None, "create_date": {
        "__class__": "datetime", "year": 2026, "month": 4, "day": 2, "hour": 9, "minute": 0,
        "second": 0, "microsecond": 0}}
    dated = ["sale_date", "!=", None]
    fake.answers[SALES] = lambda domain, *_: [SALE] if dated in domain else [draft]
    order = await ask(erp, LastOrderOf(CUSTOMER))
    assert isinstance(order, OrderStatus)
    assert order.record_id == "9"
    of_customer = [["party", "=", 5], ["company", "=", COMPANY]]
    assert fake.parameters[SALES][:3] == [[*of_customer, dated], 0, 1]


# Failures


@pytest.mark.parametrize(
    ("error", "expected", "sentence"),
    [
        (Status(403), BackendRefused, "does not allow this method to our user"),
        (Status(404), BackendRefused, "no such database: mend parameters.database"),
        (Status(405), BackendRefused, "no such address: mend url"),
        (Status(429), BackendRefused, "too many wrong logins"),
        (Status(500), BadAnswer, ""),
        (Status(502), BackendDown, ""),
        (Status(503), BackendDown, ""),
        (Status(504), BackendSlow, "gave up"),
        (RpcError(["UserError", ['You may not access "Sale".', "Within groups: Ms Private"]]),
         BackendRefused, "You may not access"),
        (RpcError(["ConcurrencyException", "Records were modified"]), BackendDown, "same moment"),
        (RpcError(["'nosuch'", "Ms Private"]), BadAnswer, "nosuch"),
        (RpcError("?"), BadAnswer, ""),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_each_failure_has_its_error(
    fake: FakeTryton, erp: ConfiguredConnector, error: Exception, expected: type[ErpError],
    sentence: str,
) -> None:
    fake.answers[TODAY_THERE] = raising(error)
    with pytest.raises(expected) as caught:
        await ask(erp, Ping())
    assert type(caught.value) is expected
    assert sentence in str(caught.value)
    assert "Private" not in str(caught.value)
    assert fake.asked[TODAY_THERE] == 1


async def test_a_users_error_is_shown_short(fake: FakeTryton, erp: ConfiguredConnector) -> None:
    fake.answers[TODAY_THERE] = raising(RpcError(["UserError", ["x" * 300_000]]))
    with pytest.raises(BackendRefused) as caught:
        await ask(erp, Ping())
    assert len(str(caught.value)) < 200


async def test_an_expired_session_is_renewed_once_for_all(
    fake: FakeTryton, erp: ConfiguredConnector
) -> None:
    fake.sessions.clear()
    await asyncio.gather(*(ask(erp, Ping()) for _ in range(4)))
    assert fake.asked["common.db.login"] == 1


async def test_a_wrong_password_is_tried_once_and_not_shown(fake: FakeTryton) -> None:
    erp = connector(fake, password=Secret("wrong"))
    with pytest.raises(BackendRefused, match="password"):
        await erp.open(soon())
    assert fake.asked["common.db.login"] == 1
    await erp.close()


async def test_no_error_shows_the_password(fake: FakeTryton) -> None:
    erp = connector(fake)
    fake.answers["common.db.login"] = raising(RpcError(["UserError", [PASSWORD]]))
    with pytest.raises(ErpError) as caught:
        await erp.open(soon())
    assert PASSWORD not in repr(caught.value)
    await erp.close()
