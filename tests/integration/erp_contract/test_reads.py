"""Every system answers every read alike: the demo company, asked through the whole ERP side.

Each test goes from a configuration file, of which one line (`erp.use`) differs, through gateway,
connector, engine, profile and mapping to a real system. What is right is worked out from
`etc/demo/` by `tests.rig.demo_company`.
"""

from __future__ import annotations

import asyncio
import random
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from erp.deadline import Deadline
from erp.model import (
    Balance,
    Customer,
    DeliveryState,
    Item,
    NotFound,
    OrderStatus,
    Price,
    Source,
    Tracking,
)
from erp.port import ErpPort
from tests.rig import demo_company as demo

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

SEED = 4521
DANA, NOBODY = "+12125550101", "+12125550199"
A_FEW = 6


def soon(budget_s: float = 10.0) -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), budget_s)


async def the_item(erp: ErpPort, number: str) -> Item:
    item = await erp.find_item(number, soon())
    assert isinstance(item, Item), number
    return item


async def the_account(erp: ErpPort, account: str) -> Customer:
    customer = await erp.customer_by_account(account, soon())
    assert isinstance(customer, Customer), account
    return customer


def assert_read_now(source: Source, kind: str, operation: str) -> None:
    assert (source.system, source.operation, source.live) == (kind, operation, True)
    age = datetime.now(timezone.utc) - source.read_at
    assert timedelta(0) <= age < timedelta(seconds=10)


# Items


async def test_every_item_is_found_by_its_number(erp: ErpPort, kind: str) -> None:
    for wanted in random.Random(SEED).sample(demo.items(), A_FEW):
        item = await the_item(erp, f" {wanted['number']} ")
        assert (item.number, item.name, item.unit) == (
            wanted["number"], wanted["name"], wanted["unit"],
        )
        assert_read_now(item.source, kind, "find_item")
        assert item.source.record


@pytest.mark.parametrize(
    "number", ["9999", "45210", "45%", "452_", "", "4521' or '1'='1", "x" * 99]
)
async def test_no_other_item_is_found(erp: ErpPort, number: str) -> None:
    assert isinstance(await erp.find_item(number, soon()), NotFound)


# Availability


async def test_availability_is_the_lowest_projected_stock(erp: ErpPort, kind: str) -> None:
    today = date.today()
    chance = random.Random(SEED)
    numbers = ["4521", "6102", "4522", *chance.sample([i["number"] for i in demo.items()], A_FEW)]
    for number in numbers:
        item = await the_item(erp, number)
        for in_days in (0, chance.randrange(1, 12), chance.randrange(12, 40)):
            answer = await erp.availability(item, today + timedelta(days=in_days), soon())
            assert answer.available.amount == demo.available(number, in_days), (number, in_days)
            assert answer.available.unit == item.unit
            assert_read_now(answer.source, kind, "availability")


async def test_availability_of_each_warehouse_and_what_comes_in(erp: ErpPort) -> None:
    today = date.today()
    for number in ("4521", "4522", "8928", "6102"):
        answer = await erp.availability(await the_item(erp, number), today, soon())
        for warehouse in answer.warehouses:
            wanted = demo.available(number, 0, warehouse.warehouse)
            assert warehouse.available.amount == wanted, (number, warehouse.warehouse)
        incoming = [(receipt.on, receipt.quantity.amount) for receipt in answer.incoming]
        assert incoming == demo.incoming(number, today), number


async def test_a_date_in_the_past_is_today(erp: ErpPort) -> None:
    answer = await erp.availability(
        await the_item(erp, "4521"), date.today() - timedelta(days=9), soon()
    )
    assert (answer.on, answer.available.amount) == (date.today(), Decimal(10))


# Prices


@pytest.mark.parametrize(
    ("account", "number"), [("C001", "4521"), ("C002", "4521"), ("C004", "6118")]
)
async def test_the_price_is_this_customers(
    erp: ErpPort, kind: str, account: str, number: str
) -> None:
    item, customer = await the_item(erp, number), await the_account(erp, account)
    price = await erp.price(item, customer, Decimal(50), soon())
    assert isinstance(price, Price)
    assert price.unit_price.amount == demo.price(number, account)
    assert price.unit_price.currency == "USD"
    assert (price.quantity.amount, price.quantity.unit) == (Decimal(50), item.unit)
    assert_read_now(price.source, kind, "price")


# Orders


async def test_the_last_order(erp: ErpPort, kind: str) -> None:
    today = date.today()
    for account in ("C001", "C002", "C014", "C018", "C022", "C010"):
        order = await erp.last_order(await the_account(erp, account), soon())
        assert isinstance(order, OrderStatus), account
        assert_same_order(order, demo.orders_of(account)[0], today)
        assert_read_now(order.source, kind, "last_order")


def assert_same_order(order: OrderStatus, wanted: demo.Order, today: date) -> None:
    values = wanted.values
    assert order.number == wanted.number
    assert order.ordered_on == demo.ordered_on(wanted, today), wanted.number
    assert order.state.value == demo.STATES[values["state"]], wanted.number
    assert order.delivery_on == demo.delivery_on(wanted, today), wanted.number
    lines = sorted((line.item_number, line.item_name, line.quantity) for line in order.lines)
    found = [(number, name, amount.amount, amount.unit) for number, name, amount in lines]
    assert found == sorted(
        (line["item"], item["name"], line["quantity"], item["unit"])
        for line in values["lines"]
        if (item := demo.item(line["item"]))
    )


async def test_an_order_by_its_number(erp: ErpPort, kind: str) -> None:
    numbered = [order for order in demo.orders() if order.number]
    for wanted in random.Random(SEED).sample(numbered, A_FEW):
        customer = await the_account(erp, wanted.values["customer"])
        order = await erp.order_status(customer, wanted.number, soon())
        assert isinstance(order, OrderStatus), wanted.number
        assert_same_order(order, wanted, date.today())
        assert_read_now(order.source, kind, "order_status")


async def test_nobody_hears_of_anothers_order(erp: ErpPort) -> None:
    own = demo.orders_of("C002")[0]
    stranger = await the_account(erp, "C001")
    assert isinstance(await erp.order_status(stranger, own.number, soon()), NotFound)
    assert isinstance(await erp.tracking(stranger, own.number, soon()), NotFound)


async def test_an_account_without_orders(erp: ErpPort) -> None:
    customer = await the_account(erp, "C030")
    assert isinstance(await erp.last_order(customer, soon()), NotFound)
    assert (await erp.order_history(customer, 5, soon())).orders == ()


async def test_the_history_is_newest_first_and_no_longer_than_asked(
    erp: ErpPort, kind: str
) -> None:
    today = date.today()
    for account, limit in (("C003", 3), ("C001", 5)):
        history = await erp.order_history(await the_account(erp, account), limit, soon())
        told = [(order.number, order.ordered_on, order.state.value) for order in history.orders]
        assert told == [
            (order.number, demo.ordered_on(order, today), demo.STATES[order.values["state"]])
            for order in demo.orders_of(account)[:limit]
        ]
        assert_read_now(history.source, kind, "order_history")


# Deliveries


@pytest.mark.parametrize("state", ["partly", "shipped", "processing", "quotation"])
async def test_the_deliveries_of_an_order(erp: ErpPort, kind: str, state: str) -> None:
    today = date.today()
    wanted = next(order for order in demo.orders() if order.values["state"] == state)
    customer = await the_account(erp, wanted.values["customer"])
    tracking = await erp.tracking(customer, wanted.number, soon())
    assert isinstance(tracking, Tracking)
    assert tracking.order_number == wanted.number
    left = {DeliveryState.SHIPPED: "shipped", DeliveryState.DELIVERED: "shipped"}
    assert [
        (
            left.get(delivery.state, "planned"),
            delivery.shipped_on or delivery.planned_on,
            delivery.carrier,
            delivery.reference,
        )
        for delivery in tracking.deliveries
    ] == demo.deliveries(wanted, today)
    assert_read_now(tracking.source, kind, "tracking")


# Balances


@pytest.mark.parametrize("account", ["C001", "C002", "C009", "C014", "C026"])
async def test_what_an_account_owes(erp: ErpPort, kind: str, account: str) -> None:
    balance = await erp.balance(await the_account(erp, account), soon())
    assert isinstance(balance, Balance)
    wanted = demo.account(account)
    assert (balance.owed.amount, balance.overdue.amount) == (wanted.owed, wanted.overdue)
    assert balance.credit_limit is not None
    assert balance.credit_limit.amount == wanted.credit_limit
    assert {balance.owed.currency, balance.overdue.currency, balance.credit_limit.currency} == {
        "USD"
    }
    assert_read_now(balance.source, kind, "balance")


# Customers


@pytest.mark.parametrize(
    "number", [DANA, "2125550101", "001 212 555 0101", "(212) 555-0101", "tel:+12125550101"]
)
async def test_a_number_is_known_in_every_spelling(erp: ErpPort, kind: str, number: str) -> None:
    (customer,) = await erp.customers_by_phone(number, soon())
    assert (customer.account, customer.name) == ("C001", "Harbor Machine Works")
    assert customer.contact == "Dana Whitfield"
    assert_read_now(customer.source, kind, "customers_by_phone")


async def test_every_number_of_the_company_finds_its_account(erp: ErpPort) -> None:
    for customer in random.Random(SEED).sample(demo.data()["customers"], A_FEW):
        for phone in customer["phones"]:
            found = await erp.customers_by_phone(phone["number"], soon())
            people = [(one.account, one.contact) for one in found]
            assert (customer["account"], phone.get("person", "")) in people, phone["number"]


async def test_a_shared_number_finds_everyone(erp: ErpPort) -> None:
    accounts = await erp.customers_by_phone("+13125550160", soon())
    assert {customer.account for customer in accounts} == {"C025", "C026"}
    people = await erp.customers_by_phone("+14155550170", soon())
    assert [customer.account for customer in people] == ["C028", "C028"]
    assert len({customer.contact for customer in people}) == 2


@pytest.mark.parametrize("number", [NOBODY, "", "anonymous", "0", "9" * 40, "+1212555010_"])
async def test_a_number_of_nobody_finds_nobody(erp: ErpPort, number: str) -> None:
    assert await erp.customers_by_phone(number, soon()) == ()


async def test_an_account_by_its_number(erp: ErpPort, kind: str) -> None:
    customer = await the_account(erp, "c007")
    assert (customer.account, customer.name) == ("C007", "Bluebird Bus Company")
    assert_read_now(customer.source, kind, "customer_by_account")
    for nobody in ("C999", "", "C00%", "C00_"):
        assert isinstance(await erp.customer_by_account(nobody, soon()), NotFound)


async def test_accounts_by_name(erp: ErpPort, kind: str) -> None:
    (customer,) = await erp.customers_by_name("bluebird", soon())
    assert customer.account == "C007"
    assert_read_now(customer.source, kind, "customers_by_name")
    assert await erp.customers_by_name("no such company", soon()) == ()
    assert await erp.customers_by_name("blue%bus", soon()) == ()


# Together


async def test_the_system_answers_a_ping(erp: ErpPort) -> None:
    await erp.ping(soon())


async def test_ten_callers_at_once(erp: ErpPort) -> None:
    numbers = [item["number"] for item in random.Random(SEED).sample(demo.items(), 10)]

    async def ask(number: str) -> None:
        answer = await erp.availability(await the_item(erp, number), date.today(), soon(20.0))
        assert answer.available.amount == demo.available(number, 0)

    await asyncio.gather(*(ask(number) for number in numbers))


async def test_a_deadline_that_is_too_near_ends_the_question(erp: ErpPort) -> None:
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    with pytest.raises(TimeoutError):
        await erp.last_order(await the_account(erp, "C001"), soon(0.0005))
    assert loop.time() - begin_s < 5
    await erp.ping(soon())
