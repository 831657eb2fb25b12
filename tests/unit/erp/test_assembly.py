"""Neutral records become what a caller is told."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from erp.assembly import NAMES_MAX, Origin, Parts, assemble, nothing, rank
from erp.errors import UnreadableAnswer
from erp.model import (
    Availability,
    Balance,
    Customer,
    Delivery,
    DeliveryState,
    Item,
    Money,
    NotFound,
    OrderHistory,
    OrderLine,
    OrderState,
    OrderStatus,
    Price,
    Quantity,
    Receipt,
    Tracking,
    WarehouseStock,
)
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
from tests.unit.erp.samples import NOW, TODAY, customer, item, source

Record = dict[str, object]


def origin(query: Query[Any], **more: Any) -> Origin:
    return Origin("erp", query.operation, NOW, TODAY, **more)


def made(query: Query[Any], parts: Parts, **more: Any) -> Any:
    return assemble(query, parts, origin(query, **more))


def days(number: int) -> date:
    return TODAY + timedelta(days=number)


def pieces(amount: int) -> Quantity:
    return Quantity(Decimal(amount), "piece")


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def test_a_ping_has_no_answer() -> None:
    assert made(Ping(), {"ping": [{}]}) is None


def test_an_item() -> None:
    record = {"record_id": "17", "number": "AB-1", "name": "Bolt", "unit": "piece"}
    found = made(FindItem("ab-1"), {"item": [record]})
    assert found == Item("17", "AB-1", "Bolt", "piece", source("find_item", "17"))


def test_availability_of_several_rows_of_a_warehouse() -> None:
    def moved(warehouse: str, on: date | None, quantity: int, receipt: bool = False) -> Record:
        amount = Decimal(quantity)
        return {"warehouse": warehouse, "on": on, "quantity": amount, "receipt": receipt}

    parts = {
        "stock": [
            {"warehouse": "North", "quantity": Decimal(60)},
            {"warehouse": "South", "quantity": Decimal(7)},
            {"warehouse": "North", "quantity": Decimal(40)},
        ],
        "movements": [moved("North", days(5), -90), moved("South", days(12), 200, receipt=True)],
    }
    found = made(AvailabilityOf(item(), date(2026, 1, 1)), parts)
    assert found == Availability(
        item(), TODAY, pieces(17),
        (WarehouseStock("North", pieces(10)), WarehouseStock("South", pieces(7))),
        (Receipt(days(12), pieces(200)),),
        source("availability", "17"),
    )
    only = made(AvailabilityOf(item(), days(12)), parts, warehouses=frozenset({"South"}))
    assert only.available == pieces(207)
    assert [stock.warehouse for stock in only.warehouses] == ["South"]


@pytest.mark.parametrize(("per", "unit_price"), [(None, "12.50"), (Decimal(100), "0.125")])
def test_a_price_is_of_one_unit(per: Decimal | None, unit_price: str) -> None:
    record = {"amount": Decimal("12.50"), "currency": "usd", "per": per}
    found = made(PriceFor(item(), customer(), Decimal(3)), {"price": [record]})
    assert found == Price(item(), pieces(3), usd(unit_price), source("price", "17"))


def test_a_price_that_makes_no_sense_is_refused() -> None:
    query = PriceFor(item(), customer(), Decimal(3))
    record: Record = {"amount": Decimal(12), "currency": "", "per": None}
    with pytest.raises(UnreadableAnswer, match="an amount without a currency of three letters"):
        made(query, {"price": [record]})
    assert made(query, {"price": [record]}, currency="eur").unit_price.currency == "EUR"
    for currency in ("$", "US", "ÄÖÜ", "U1D"):
        with pytest.raises(UnreadableAnswer, match="without a currency"):
            made(query, {"price": [record | {"currency": currency}]})
    for per in (0, -1):
        with pytest.raises(UnreadableAnswer, match="a price for no units"):
            made(query, {"price": [record | {"currency": "EUR", "per": Decimal(per)}]})


def order(**more: object) -> Record:
    return {
        "record_id": "5", "number": "2001", "ordered_on": days(-3),
        "state": OrderState.PROCESSING, "delivery_on": days(2), **more,
    }


LINE: Record = {
    "item_number": "AB-1", "item_name": "Bolt", "quantity": Decimal(3), "unit": "piece",
}


@pytest.mark.parametrize("query", [OrderStatusOf(customer(), "2001"), LastOrderOf(customer())])
def test_an_order(query: Query[Any]) -> None:
    found = made(query, {"order": [order()], "lines": [LINE]})
    assert found == OrderStatus(
        "5", "2001", days(-3), OrderState.PROCESSING, days(2),
        (OrderLine("AB-1", "Bolt", pieces(3)),), source(query.operation, "5"),
    )


@pytest.mark.parametrize("state", [OrderState.DRAFT, OrderState.QUOTATION, OrderState.CANCELLED])
def test_what_is_not_ordered_has_no_delivery(state: OrderState) -> None:
    parts = {"order": [order(state=state)], "lines": []}
    assert made(LastOrderOf(customer()), parts).delivery_on is None


def test_an_order_without_a_date_is_refused() -> None:
    parts = {"order": [order(ordered_on=None)], "lines": []}
    with pytest.raises(UnreadableAnswer, match="a record without ordered_on"):
        made(LastOrderOf(customer()), parts)


def test_a_history_is_newest_first_and_keeps_the_systems_order_within_a_day() -> None:
    records = [
        order(record_id="1", ordered_on=days(-9)), order(record_id="2", ordered_on=days(-1)),
        order(record_id="3", ordered_on=days(-1)), order(record_id="4", ordered_on=days(-4)),
    ]
    found = made(OrderHistoryOf(customer(), 3), {"orders": records})
    assert [summary.record_id for summary in found.orders] == ["2", "3", "4"]
    assert found.source == source("order_history", "42")
    assert made(OrderHistoryOf(customer()), {"orders": []}).orders == ()


def test_deliveries_are_sorted_by_when_they_leave() -> None:
    def delivery(number: str, shipped: int | None, planned: int | None) -> Record:
        return {
            "record_id": number, "number": number, "state": DeliveryState.PLANNED,
            "planned_on": None if planned is None else days(planned),
            "shipped_on": None if shipped is None else days(shipped),
            "carrier": "", "reference": "",
        }

    parts: Parts = {
        "order": [{"record_id": "5", "number": "2001"}],
        "deliveries": [
            delivery("d", None, None), delivery("c", None, 4), delivery("b", 1, 9),
            delivery("a", -2, None),
        ],
    }
    found = made(TrackingOf(customer(), "2001"), parts)
    assert isinstance(found, Tracking)
    assert [entry.number for entry in found.deliveries] == ["a", "b", "c", "d"]
    assert found.deliveries[2] == Delivery("c", "c", DeliveryState.PLANNED, days(4), None, "", "")
    assert (found.order_number, found.source) == ("2001", source("tracking", "5"))


@pytest.mark.parametrize("limit", [None, Decimal(5000)])
def test_a_balance(limit: Decimal | None) -> None:
    record: Record = {
        "owed": Decimal("120.50"), "overdue": Decimal(20), "currency": "USD", "credit_limit": limit,
    }
    found = made(BalanceOf(customer()), {"account": [record]})
    assert found == Balance(
        "C-9", usd("120.50"), usd("20"), None if limit is None else usd("5000"),
        source("balance", "42"),
    )


def person(record_id: str, contact: str = "", phone: str = "") -> Record:
    return {
        "record_id": record_id, "account": f"C-{record_id}", "name": "Acme", "contact": contact,
        "phone": phone,
    }


def test_each_person_of_a_number_is_there_once() -> None:
    records = [person("1", "Ann"), person("1", "Ann"), person("1"), person("2", "Ann")]
    found = made(CustomersByPhone("+12125550142"), {"customer": records})
    assert [(entry.record_id, entry.contact) for entry in found] == [
        ("1", "Ann"), ("1", ""), ("2", "Ann"),
    ]
    where = source("customers_by_phone", "1")
    assert found[0] == Customer("1", "C-1", "Acme", "Ann", where)


def test_a_name_finds_no_more_than_one_can_listen_to() -> None:
    records = [person(str(number)) for number in range(NAMES_MAX + 1)]
    assert len(made(CustomersByName("acme"), {"customer": records})) == NAMES_MAX


def test_an_account() -> None:
    found = made(CustomerByAccount("c-1"), {"customer": [person("1")]})
    assert found == Customer("1", "C-1", "Acme", "", source("customer_by_account", "1"))


def test_of_several_accounts_of_one_number_none_is_guessed() -> None:
    other = {**person("2"), "account": "C-1"}
    several = [person("1"), other]
    with pytest.raises(UnreadableAnswer, match="several accounts") as raised:
        made(CustomerByAccount("C-1"), {"customer": several})
    assert "C-1" not in str(raised.value)
    # One that is spelled as the caller's is the one; several rows of it are no harm.
    for rows in ([person("1"), {**other, "account": "c-1"}], [person("1"), person("1")]):
        found = made(CustomerByAccount("C-1"), {"customer": rows})
        assert found == Customer("1", "C-1", "Acme", "", source("customer_by_account", "1"))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (FindItem(" AB-1"), "item AB-1"),
        (PriceFor(item(), customer(), Decimal(1)), "a price of item AB-1"),
        (OrderStatusOf(customer(), " 2001"), "order 2001"),
        (LastOrderOf(customer()), "an order of this account"),
        (TrackingOf(customer(), "2001"), "order 2001"),
        (BalanceOf(customer()), "this account"),
        (CustomerByAccount("C-9"), "this account"),
    ],
)
def test_nothing_found_says_what_was_wanted(query: Query[Any], wanted: str) -> None:
    parts: Parts = {name: [] for name in (
        "item", "price", "order", "lines", "deliveries", "account", "customer",
    )}
    assert made(query, parts) == NotFound(wanted, source(query.operation, ""))
    assert nothing(query, origin(query), "item X") == NotFound(
        "item X", source(query.operation, "")
    )


def test_nothing_found_where_nothing_is_an_answer() -> None:
    for query in (CustomersByPhone("1"), CustomersByName("a")):
        assert nothing(query, origin(query)) == ()
    history = OrderHistoryOf(customer())
    assert nothing(history, origin(history)) == OrderHistory((), source("order_history", ""))
    stock = AvailabilityOf(item(), TODAY)
    with pytest.raises(UnreadableAnswer, match="no item AB-1"):
        nothing(stock, origin(stock))


@pytest.mark.parametrize(
    ("query", "part", "record", "place"),
    [
        (FindItem("ab_1"), "item", {"number": "AB_1"}, 1),
        (FindItem(" AB_1 "), "item", {"number": "AB_1"}, 0),
        (FindItem("AB_1"), "item", {"number": "ABX1"}, None),
        (FindItem("1"), "item", {"number": "01"}, None),
        (CustomerByAccount("c-9"), "customer", {"account": "C-9"}, 1),
        (CustomerByAccount("c-9"), "customer", {"account": "C-99"}, None),
        (OrderStatusOf(customer(), "2001"), "order", {"number": "2001"}, 0),
        (OrderStatusOf(customer(), "2001"), "order", {"number": "2002"}, None),
        (OrderStatusOf(customer(), "2001"), "lines", {}, 0),
        (TrackingOf(customer(), "2001"), "order", {"number": "S2001"}, None),
        (TrackingOf(customer(), "2001"), "deliveries", {}, 0),
        (CustomersByPhone("2125550142"), "customer", {"phone": "+1 (212) 555-0142"}, 0),
        (CustomersByPhone("2125550142"), "customer", {"phone": "+44 212 555 0142"}, None),
        (CustomersByPhone("2125550142"), "customer", {"phone": ""}, None),
    ],
)
def test_only_what_was_asked_for_counts(
    query: Query[Any], part: str, record: Record, place: int | None
) -> None:
    assert rank(query, part, record, "1") == place


def test_another_systems_record_is_no_proof_of_this_one() -> None:
    record: Record = {"owed": Decimal(1), "overdue": Decimal(0), "currency": "USD"}
    found = made(BalanceOf(customer("crm")), {"account": [record]})
    assert found.source.record == ""
    assert dataclasses.replace(found.source, record="42") == source("balance", "42")
