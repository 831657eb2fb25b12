"""The Tryton connector against a real Tryton 8.2 of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from erp.connectors.tryton import TrytonConnector, TrytonSettings
from erp.connectors.tryton_rpc import TrytonRpc
from erp.connectors.tryton_values import rows
from erp.deadline import Deadline
from erp.errors import BackendDown, BackendRefused, BackendSlow, BadAnswer
from erp.model import Availability, Customer, Item, NotFound, OrderState, OrderStatus
from erp.secrets import Secret
from tests.rig import tryton
from tests.rig.tryton import Launch

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

HORIZON_DAYS = 62
UNKNOWN_NUMBER = "+12125550199"


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    with tryton.served(tmp_path_factory.mktemp("tryton")) as served:
        yield served


@pytest.fixture
async def erp(launch: Launch) -> AsyncIterator[TrytonConnector]:
    async with connector(launch) as opened:
        yield opened


@asynccontextmanager
async def connector(launch: Launch, **changes: object) -> AsyncIterator[TrytonConnector]:
    erp = TrytonConnector(settings(launch, **changes))
    try:
        yield erp
    finally:
        await erp.close()


def settings(launch: Launch, **changes: object) -> TrytonSettings:
    values: dict[str, object] = {
        "url": launch.url,
        "database": launch.database,
        "user": launch.user,
        "password": Secret(launch.password),
        **changes,
    }
    return TrytonSettings(**values)  # type: ignore[arg-type]


def soon(budget_s: float = 10.0) -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), budget_s)


async def the_item(erp: TrytonConnector, number: str) -> Item:
    item = await erp.find_item(number, soon())
    assert isinstance(item, Item)
    return item


async def the_customer(erp: TrytonConnector, number: str) -> Customer:
    (customer,) = await erp.customers_by_phone(number, soon())
    return customer


async def the_order(erp: TrytonConnector, number: str) -> OrderStatus:
    order = await erp.last_order(await the_customer(erp, number), soon())
    assert isinstance(order, OrderStatus)
    return order


# Items


async def test_an_item_is_found_by_its_number(erp: TrytonConnector) -> None:
    item = await the_item(erp, " 4521 ")
    assert (item.number, item.name, item.unit) == ("4521", "M8 hex bolt", "piece")
    assert item.source.system == "tryton"
    assert item.source.operation == "find_item"
    assert item.source.record == f"product.product,{item.record_id}"
    assert item.source.live


@pytest.mark.parametrize("number", ["9999", "452", "45210", "45%", "452_", "", "4521\\", "x" * 99])
async def test_no_other_item_is_found(erp: TrytonConnector, number: str) -> None:
    assert isinstance(await erp.find_item(number, soon()), NotFound)


async def test_every_item_of_the_demo_is_there(erp: TrytonConnector) -> None:
    families = tryton.demo_data()["items"]
    items = [item for family in families.values() for item in family]
    assert (len(families), len(items)) == (6, 60)
    for wanted in random.Random(1).sample(items, 8):
        found = await the_item(erp, wanted["number"])
        assert (found.name, found.unit) == (wanted["name"], wanted["unit"])


# Availability


async def test_goods_that_are_due_out_later_are_not_available_now(erp: TrytonConnector) -> None:
    item = await the_item(erp, "4521")
    now = await erp.availability(item, date.today(), soon())
    assert now.available.amount == 10
    assert now.available.unit == "piece"
    assert {w.warehouse: w.available.amount for w in now.warehouses} == {"North": 10, "South": 0}
    (receipt,) = now.incoming
    assert receipt.on == date.today() + timedelta(days=12)
    assert receipt.quantity.amount == 200
    later = await erp.availability(item, date.today() + timedelta(days=12), soon())
    assert later.available.amount == 210


async def test_an_item_without_stock_has_none_until_its_receipt(erp: TrytonConnector) -> None:
    item = await the_item(erp, "6102")
    today = date.today()
    amounts = [
        (await erp.availability(item, today + timedelta(days=days), soon())).available.amount
        for days in (0, 7, 8)
    ]
    assert amounts == [0, 0, 60]


async def test_a_date_in_the_past_is_today(erp: TrytonConnector) -> None:
    item = await the_item(erp, "4521")
    past = await erp.availability(item, date(2020, 1, 1), soon())
    assert (past.on, past.available.amount) == (date.today(), Decimal(10))


async def test_availability_is_the_lowest_of_trytons_own_forecasts(launch: Launch) -> None:
    chance = random.Random(4521)
    demo = [item["number"] for family in tryton.demo_data()["items"].values() for item in family]
    async with connector(launch) as erp:
        oracle = Oracle(settings(launch))
        try:
            for number in ("4521", "6102", *chance.sample(demo, 3)):
                item = await the_item(erp, number)
                on = date.today() + timedelta(days=chance.randrange(30))
                answer = await erp.availability(item, on, soon())
                forecasts = await oracle.forecasts(int(item.record_id), on)
                assert answer.available.amount == max(Decimal(0), min(forecasts)), (number, on)
        finally:
            await oracle.close()


async def test_configured_warehouses_alone_are_promised(launch: Launch) -> None:
    async with connector(launch, warehouses=("South",)) as erp:
        answer = await erp.availability(await the_item(erp, "4521"), date.today(), soon())
        assert answer.available.amount == 0
        assert [stock.warehouse for stock in answer.warehouses] == ["South"]
        assert answer.incoming == ()


async def test_an_unknown_warehouse_is_named(launch: Launch) -> None:
    async with connector(launch, warehouses=("Nowhere",)) as erp:
        with pytest.raises(BadAnswer, match="Nowhere"):
            await erp.open(soon())


async def test_a_new_order_is_seen_at_once(launch: Launch) -> None:
    """No stock is cached: what somebody else books between two questions counts."""
    async with connector(launch) as erp:
        item = await the_item(erp, "8998")
        before = await erp.availability(item, date.today(), soon())
        await move_out(launch, item, before, Decimal(7))
        after = await erp.availability(item, date.today(), soon())
        assert before.available.amount - after.available.amount == 7


# Customers


@pytest.mark.parametrize(
    "number", ["+12125550101", "0012125550101", "12125550101", "2125550101", "(212) 555-0101"]
)
async def test_a_number_is_known_in_every_spelling(erp: TrytonConnector, number: str) -> None:
    customer = await the_customer(erp, number)
    assert (customer.account, customer.name) == ("C001", "Harbor Machine Works")
    assert customer.contact == "Dana Whitfield"
    assert customer.source.record == f"party.party,{customer.record_id}"


async def test_every_number_of_the_demo_finds_its_account(erp: TrytonConnector) -> None:
    for customer in tryton.demo_data()["customers"]:
        for phone in customer["phones"]:
            found = await erp.customers_by_phone(phone["number"], soon())
            expected = (customer["account"], phone.get("person", ""))
            assert expected in {(one.account, one.contact) for one in found}


async def test_a_number_of_two_accounts_finds_both(erp: TrytonConnector) -> None:
    found = await erp.customers_by_phone("+13125550160", soon())
    assert {one.account for one in found} == {"C025", "C026"}


async def test_a_number_of_two_people_finds_both(erp: TrytonConnector) -> None:
    found = await erp.customers_by_phone("+14155550170", soon())
    assert {(one.account, one.contact) for one in found} == {
        ("C028", "Fiona Murray"), ("C028", "Callum Reid"),
    }


@pytest.mark.parametrize("number", [UNKNOWN_NUMBER, "", "anonymous", "100", "5550101%"])
async def test_a_number_of_nobody_finds_nobody(erp: TrytonConnector, number: str) -> None:
    assert await erp.customers_by_phone(number, soon()) == ()


# Orders


async def test_the_newest_order_of_an_account(erp: TrytonConnector) -> None:
    order = await the_order(erp, "+12125550101")
    assert order.state is OrderState.PROCESSING
    assert order.ordered_on == date.today() - timedelta(days=7)
    assert order.delivery_on == date.today() + timedelta(days=3)
    (line,) = order.lines
    assert (line.item_number, line.quantity.unit) == ("3839", "piece")
    assert line.quantity.amount == 14
    assert order.number.isdigit()
    assert order.source.record == f"sale.sale,{order.record_id}"


async def test_an_account_without_orders(erp: TrytonConnector) -> None:
    (quarry,) = await erp.customers_by_phone(the_phone("C030"), soon())
    assert isinstance(await erp.last_order(quarry, soon()), NotFound)


async def test_every_newest_order_of_the_demo_reads_as_it_was_placed(
    erp: TrytonConnector,
) -> None:
    words = {"partly": "partly shipped"}
    newest = {order["customer"]: order for order in tryton.demo_data()["orders"]}
    for account, placed in newest.items():
        customer = next(
            one
            for one in await erp.customers_by_phone(the_phone(account), soon())
            if one.account == account
        )
        order = await erp.last_order(customer, soon())
        assert isinstance(order, OrderStatus)
        assert order.state.value == words.get(placed["state"], placed["state"]), account
        assert order.ordered_on == date.today() - timedelta(days=placed["ordered"])
        assert order.delivery_on == delivery_of(placed), account
        assert [line.item_number for line in order.lines] == [
            line["item"] for line in placed["lines"]
        ]


def delivery_of(placed: Mapping[str, int]) -> date | None:
    if "ship_in" in placed:
        return date.today() + timedelta(days=placed["ship_in"])
    if "shipped" in placed:
        return date.today() - timedelta(days=placed["shipped"])
    return None


def the_phone(account: str) -> str:
    customers = tryton.demo_data()["customers"]
    phones = next(one["phones"] for one in customers if one["account"] == account)
    number: str = phones[0]["number"]
    return number


# Sessions, rights and faults


async def test_a_lost_session_is_renewed_within_the_turn(launch: Launch) -> None:
    async with connector(launch) as erp:
        await erp.open(soon())
        forget_sessions(launch)
        assert isinstance(await erp.find_item("4521", soon(2.0)), Item)


async def test_a_wrong_password_is_refused(launch: Launch) -> None:
    async with connector(launch, password=Secret("wrong")) as erp:
        with pytest.raises(BackendRefused, match="password"):
            await erp.open(soon())


async def test_an_unknown_database_is_refused(launch: Launch) -> None:
    async with connector(launch, database="nosuch") as erp:
        with pytest.raises(BackendRefused, match="no such database"):
            await erp.open(soon())


async def test_nobody_listens(launch: Launch, unused_tcp_port: int) -> None:
    async with connector(launch, url=f"http://127.0.0.1:{unused_tcp_port}") as erp:
        with pytest.raises(BackendDown):
            await erp.ping(soon())


async def test_a_deadline_that_is_too_near(erp: TrytonConnector) -> None:
    await erp.open(soon())
    begin_s = asyncio.get_running_loop().time()
    with pytest.raises(BackendSlow):
        await erp.find_item("4521", soon(0.001))
    assert asyncio.get_running_loop().time() - begin_s < 0.1


async def test_our_user_may_only_read(launch: Launch) -> None:
    rpc = TrytonRpc(settings(launch), "tryton")
    try:
        for method, values in {
            "model.party.party.write": ([2], {"name": "x"}),
            "model.sale.sale.delete": ([1],),
            "model.stock.move.write": ([1], {"planned_date": None}),
            "model.product.template.create": ([{"name": "x"}],),
            "model.res.user.write": ([1], {"name": "x"}),
            "model.account.move.read": ([1], ["id"]),
        }.items():
            with pytest.raises(BackendRefused):
                await call(rpc, method, *values)
    finally:
        await rpc.close()


async def test_the_log_holds_no_personal_data(
    launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="erp")
    async with connector(launch) as erp:
        await the_order(erp, "+12125550101")
    assert "operation=last_order record=sale.sale," in caplog.text
    assert "operation=customers_by_phone record=party.party," in caplog.text
    for secret in ("5550101", "Dana", "Harbor", launch.password):
        assert secret not in caplog.text


async def test_four_callers_at_once(erp: TrytonConnector) -> None:
    item = await the_item(erp, "4521")
    answers = await asyncio.gather(
        *(erp.availability(item, date.today(), soon()) for _ in range(4))
    )
    assert {answer.available.amount for answer in answers} == {Decimal(10)}


# What the tests ask Tryton themselves


class Oracle:
    """Tryton's own forecast, day by day."""

    def __init__(self, of: TrytonSettings) -> None:
        self._rpc = TrytonRpc(of, "oracle")

    async def close(self) -> None:
        await self._rpc.close()

    async def forecasts(self, product: int, since: date) -> list[Decimal]:
        """Return the forecast at every date from `since` on, over all warehouses."""
        found = await call(
            self._rpc, "model.stock.location.search", [["type", "=", "warehouse"]], 0, None, None
        )
        assert isinstance(found, list)
        amounts = []
        for days in range(HORIZON_DAYS):
            context = {"locations": found, "stock_date_end": tagged(since + timedelta(days=days))}
            answer = await call(
                self._rpc, "model.product.product.read", [product], ["forecast_quantity"],
                context=context,
            )
            amounts.append(rows(answer)[0].amount("forecast_quantity"))
        return amounts


async def call(
    rpc: TrytonRpc, method: str, *parameters: object, context: Mapping[str, object] | None = None
) -> object:
    async def work() -> object:
        return await rpc.read(method, *parameters, context or {}, deadline=soon())

    return await rpc.within("test", soon(), work)


async def as_admin(launch: Launch, method: str, *parameters: object) -> object:
    rpc = TrytonRpc(
        settings(launch, user="admin", password=Secret(launch.admin_password)), "admin"
    )
    try:
        return await call(rpc, method, *parameters, context={"company": 1})
    finally:
        await rpc.close()


def forget_sessions(launch: Launch) -> None:
    """End every session, as their greatest age does."""
    file = Path(launch.argv[2]).with_name(f"{launch.database}.sqlite")
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("DELETE FROM ir_session")
        database.commit()


async def move_out(
    launch: Launch, item: Item, seen: Availability, amount: Decimal
) -> None:
    """Plan a delivery of so much in three days, from the first warehouse that has any."""
    name = next(w.warehouse for w in seen.warehouses if w.available.amount >= amount)
    (warehouse,) = rows(
        await as_admin(
            launch, "model.stock.location.search_read", [["name", "=", name]], 0, 1, None,
            ["storage_location"],
        )
    )
    target = await as_admin(
        launch, "model.stock.location.search", [["type", "=", "lost_found"]], 0, 1, None
    )
    (unit,) = rows(
        await as_admin(
            launch, "model.product.product.read", [int(item.record_id)], ["default_uom"]
        )
    )
    assert isinstance(target, list)
    values = {
        "product": int(item.record_id),
        "unit": unit.identifier("default_uom"),
        "quantity": float(amount),
        "from_location": warehouse.identifier("storage_location"),
        "to_location": target[0],
        "planned_date": tagged(date.today() + timedelta(days=3)),
        "company": 1,
    }
    await as_admin(launch, "model.stock.move.create", [values])


def tagged(day: date) -> dict[str, object]:
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}
