"""What is Tryton's own about the configured connector, against a real Tryton 8.2.

What every system must answer alike is in `erp_contract`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest

from erp.connector import Attempt
from erp.connectors.configured import ConfiguredConnector
from erp.deadline import Deadline
from erp.errors import BackendRefused, BadAnswer
from erp.model import Availability, Customer, Item, OrderStatus, Price
from erp.profiles import load
from erp.queries import (
    AvailabilityOf,
    CustomerByAccount,
    CustomersByPhone,
    FindItem,
    LastOrderOf,
    OrderHistoryOf,
    PriceFor,
    Query,
)
from erp.secrets import Secret
from erp.settings import SystemSettings
from erp.trace import Trace
from tests.rig import demo_company as demo
from tests.rig import tryton
from tests.rig.tryton import Launch
from tests.rig.tryton_desk import Desk, Refused, at_desk, tagged

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

HORIZON_DAYS = 62
R = TypeVar("R")


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    with tryton.served(tmp_path_factory.mktemp("tryton")) as served:
        yield served


@pytest.fixture
async def erp(launch: Launch) -> AsyncIterator[ConfiguredConnector]:
    async with connector(launch) as made:
        await made.open(soon())
        yield made


@pytest.fixture
async def admin(launch: Launch) -> AsyncIterator[Desk]:
    async with at_desk(launch, "admin") as desk:
        yield desk


@asynccontextmanager
async def connector(
    launch: Launch, password: str = "", **parameters: str
) -> AsyncIterator[ConfiguredConnector]:
    settings = SystemSettings(
        profile="tryton-8.2",
        url=launch.url,
        user=launch.user,
        password=Secret(password or launch.password),
        parameters={"database": launch.database, **parameters},
    )
    erp = ConfiguredConnector("tryton", settings, load(settings.profile))
    try:
        yield erp
    finally:
        await erp.close()


def soon(budget_s: float = 10.0) -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), budget_s)


async def ask(erp: ConfiguredConnector, query: Query[R]) -> R:
    return await erp.ask(query, Attempt(soon(), Trace("tryton", query.operation)))


async def the_item(erp: ConfiguredConnector, number: str) -> Item:
    item = await ask(erp, FindItem(number))
    assert isinstance(item, Item)
    return item


async def the_account(erp: ConfiguredConnector, account: str) -> Customer:
    customer = await ask(erp, CustomerByAccount(account))
    assert isinstance(customer, Customer)
    return customer


async def promised(erp: ConfiguredConnector, number: str, in_days: int = 0) -> Availability:
    on = date.today() + timedelta(days=in_days)
    return await ask(erp, AvailabilityOf(await the_item(erp, number), on))


# Stock


async def test_availability_is_the_lowest_of_trytons_own_forecasts(
    erp: ConfiguredConnector, admin: Desk
) -> None:
    chance = random.Random(4521)
    for number in ("4521", "8928", chance.choice(demo.items())["number"]):
        in_days = chance.randrange(30)
        answer = await promised(erp, number, in_days)
        lowest = min(await forecasts(admin, int(answer.item.record_id), answer.on))
        assert answer.available.amount == max(0, lowest), (number, in_days)


async def forecasts(desk: Desk, product: int, since: date) -> list[Decimal]:
    """Return Tryton's own forecast at every date from `since` on, over all warehouses."""
    warehouses = [["type", "=", "warehouse"]]
    places = await desk.call("model.stock.location.search", warehouses, 0, None, None)

    async def forecast(days: int) -> Decimal:
        (row,) = await desk.call(
            "model.product.product.read", [product], ["forecast_quantity"],
            locations=places, stock_date_end=tagged(since + timedelta(days=days)),
        )
        return Decimal(str(row["forecast_quantity"]))

    return [await forecast(days) for days in range(HORIZON_DAYS)]


async def test_configured_warehouses_alone_are_promised(launch: Launch) -> None:
    async with connector(launch, warehouses="South") as erp:
        await erp.open(soon())
        answer = await promised(erp, "4521")
    assert answer.available.amount == 0
    assert [stock.warehouse for stock in answer.warehouses] == ["South"]
    assert answer.incoming == ()


async def test_an_unknown_warehouse_is_named(launch: Launch) -> None:
    async with connector(launch, warehouses="North, Nowhere") as erp:
        with pytest.raises(BadAnswer, match="no warehouse Nowhere: mend"):
            await erp.open(soon())


async def test_what_a_colleague_plans_is_seen_at_once(
    erp: ConfiguredConnector, admin: Desk
) -> None:
    """No stock is kept, and a bin that is younger than our map of the locations counts."""
    before = await promised(erp, "8998")
    await move_out_of_a_new_bin(admin, int(before.item.record_id), 7)
    after = await promised(erp, "8998")
    assert before.available.amount - after.available.amount == 7


async def move_out_of_a_new_bin(desk: Desk, product: int, quantity: float) -> None:
    storage = await desk.the_one("stock.location", ["name", "=", "South storage"])
    (bin_,) = await desk.call(
        "model.stock.location.create", [{"name": "bin", "type": "storage", "parent": storage}]
    )
    nowhere = await desk.the_one("stock.location", ["type", "=", "lost_found"])
    (row,) = await desk.call("model.product.product.read", [product], ["default_uom"])
    move = {
        "product": product,
        "unit": row["default_uom"],
        "quantity": quantity,
        "from_location": bin_,
        "to_location": nowhere,
        "planned_date": tagged(date.today() + timedelta(days=3)),
        "company": 1,
    }
    await desk.call("model.stock.move.create", [move])


# Prices


async def priced(erp: ConfiguredConnector, number: str, account: str) -> Decimal:
    item, customer = await the_item(erp, number), await the_account(erp, account)
    price = await ask(erp, PriceFor(item, customer, Decimal(50)))
    assert isinstance(price, Price)
    return price.unit_price.amount


async def test_without_an_own_price_list_that_of_all_customers_counts(
    erp: ConfiguredConnector, admin: Desk
) -> None:
    party = await admin.the_one("party.party", ["code", "=", "C029"])
    trade = await admin.the_one("product.price_list", ["name", "=", "Trade"])
    await admin.call("model.party.party.write", [party], {"sale_price_list": None})
    assert await priced(erp, "4521", "C029") == Decimal("0.42")
    await admin.call("model.sale.configuration.write", [1], {"sale_price_list": trade})
    assert await priced(erp, "4521", "C029") == Decimal("0.378")


async def test_the_price_is_for_the_unit_in_which_the_item_is_counted(
    erp: ConfiguredConnector, admin: Desk
) -> None:
    template = await admin.the_one("product.template", ["code", "=", "8906"])
    piece = await admin.the_one("product.uom", ["name", "=", "piece"])
    (row,) = await admin.call("model.product.uom.read", [piece], ["category"])
    box = {"name": "box", "symbol": "box", "category": row["category"], "factor": 100.0,
           "rate": 0.01, "rounding": 1.0, "digits": 0}
    (unit,) = await admin.call("model.product.uom.create", [box])
    await admin.call("model.product.template.write", [template], {"sale_uom": unit})
    assert await priced(erp, "8906", "C002") == demo.price("8906", "C002")


# Orders


async def test_a_sale_without_a_date_counts_from_its_making(
    erp: ConfiguredConnector, admin: Desk
) -> None:
    customer = await the_account(erp, "C022")
    party = int(customer.record_id)
    (draft,) = await admin.call(
        "model.sale.sale.create",
        [{"party": party, "company": 1, "currency": 1, "sale_date": None}],
    )
    order = await ask(erp, LastOrderOf(customer))
    assert isinstance(order, OrderStatus)
    assert (order.record_id, order.ordered_on) == (str(draft), date.today())
    history = await ask(erp, OrderHistoryOf(customer, 5))
    dated = [one.number for one in demo.orders_of("C022")]
    assert [one.number for one in history.orders] == ["", *dated]


# The demo itself


def test_every_date_of_the_demo_moves_with_today(launch: Launch) -> None:
    """A date that stays behind makes the demo wrong from the second day on."""
    with contextlib.closing(sqlite3.connect(database_file(launch))) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        found = {
            (table, column)
            for (table,) in tables
            for _, column, kind, *_ in database.execute(f'PRAGMA table_info("{table}")')
            if kind.upper() == "DATE"
            and database.execute(f'SELECT count("{column}") FROM "{table}"').fetchone()[0]
        }
    moved = {(table, column) for table, columns in tryton.DATES.items() for column in columns}
    assert ("account_move_line", "maturity_date") in found
    assert found <= moved


def database_file(launch: Launch) -> Path:
    return Path(launch.argv[2]).with_name(f"{launch.database}.sqlite")


# Sessions, rights and the log


async def test_a_lost_session_is_renewed_within_the_turn(
    launch: Launch, erp: ConfiguredConnector
) -> None:
    forget_sessions(launch)
    attempt = Attempt(soon(2.0), Trace("tryton", "find_item"))
    assert isinstance(await erp.ask(FindItem("4521"), attempt), Item)


def forget_sessions(launch: Launch) -> None:
    """End every session, as their greatest age does."""
    with contextlib.closing(sqlite3.connect(database_file(launch))) as database:
        database.execute("DELETE FROM ir_session")
        database.commit()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"password": "wrong"}, "password"), ({"database": "nosuch"}, "no such database")],
)
async def test_what_must_be_mended_is_said(
    launch: Launch, changes: dict[str, str], sentence: str
) -> None:
    async with connector(launch, **changes) as erp:
        with pytest.raises(BackendRefused, match=sentence):
            await erp.open(soon())


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("model.party.party.write", ([2], {"name": "x"})),
        ("model.sale.sale.delete", ([1],)),
        ("model.stock.move.write", ([1], {"planned_date": None})),
        ("model.product.template.create", ([{"name": "x"}],)),
        ("model.sale.configuration.write", ([1], {"sale_price_list": None})),
        ("model.res.user.write", ([1], {"name": "x"})),
        ("model.account.move.read", ([1], ["id"])),
        ("model.account.move.line.read", ([1], ["debit"])),
    ],
)
async def test_our_user_may_only_read_what_the_calls_need(
    launch: Launch, method: str, arguments: tuple[Any, ...]
) -> None:
    async with at_desk(launch, launch.user) as desk:
        with pytest.raises(Refused, match="UserError"):
            await desk.call(method, *arguments)


async def test_the_log_holds_no_personal_data(
    launch: Launch, erp: ConfiguredConnector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (customer,) = await ask(erp, CustomersByPhone("+12125550101"))
    await ask(erp, LastOrderOf(customer))
    assert f"operation=customers_by_phone record={customer.record_id}" in caplog.text
    for secret in ("5550101", "Dana", "Harbor", launch.password):
        assert secret not in caplog.text
