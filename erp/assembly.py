"""Neutral records -> the typed values of `erp.model`: pure, no I/O, the same for every system.

A profile's mapping makes the records (`erp.shapes`); here they become what a caller is told. What
does not fit together (a price for 0 pieces) raises UnreadableAnswer, whose text holds no value.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from erp import phone_numbers
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
    OrderSummary,
    Price,
    Quantity,
    Receipt,
    Source,
    Tracking,
    WarehouseStock,
)
from erp.parameters import HISTORY_MAX
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
from erp.stock import Movement, project

NAMES_MAX = 10
"""Most accounts that a name may find; nobody listens to more."""

WITHOUT_DELIVERY = frozenset({OrderState.DRAFT, OrderState.QUOTATION, OrderState.CANCELLED})

Record = Mapping[str, object]
Parts = Mapping[str, Sequence[Record]]
"""The records of each part, by its name."""

T = TypeVar("T")


@dataclass(frozen=True)
class Origin:
    """Where and when the records were read, and what the whole system has in common."""

    system: str
    operation: str
    read_at: datetime
    """Aware, UTC."""
    today: date
    currency: str = ""
    """The company's own, where a record names none."""
    warehouses: frozenset[str] = frozenset()
    """Those that count; empty: all."""

    def source(self, record_id: str = "") -> Source:
        """Return the proof of a record."""
        return Source(self.system, self.operation, record_id, self.read_at)

    def own(self, thing: Item | Customer) -> str:
        """Return a thing's record in this system; empty when another system has named it."""
        return thing.record_id if thing.source.system == self.system else ""


def assemble(query: Query[Any], parts: Parts, origin: Origin) -> object:
    """Make the answer of a query. Raises UnreadableAnswer."""
    return _ASSEMBLERS[type(query)](query, parts, origin)


def nothing(query: Query[Any], origin: Origin, wanted: str = "") -> object:
    """Return the answer when the system has no such item, account or order.

    wanted: what it has not, in words, when that is not what the query asks for. Raises
    UnreadableAnswer when the operation has no answer for that.
    """
    if isinstance(query, CustomersByPhone | CustomersByName):
        return ()
    if isinstance(query, OrderHistoryOf):
        return OrderHistory((), origin.source())
    if isinstance(query, AvailabilityOf):
        raise UnreadableAnswer(f"no {wanted or f'item {query.item.number}'}")
    return NotFound(wanted or _WANTED[type(query)](query), origin.source())


def rank(query: Query[Any], part: str, record: Record, calling_code: str) -> int | None:
    """Tell whether a record is one that the query asks for: None when it is not.

    A LIKE, a collation or a search of the last digits may give others as well. Of several, the
    one with the lowest rank is meant.
    """
    if isinstance(query, CustomersByPhone):
        return 0 if phone_numbers.same(query.number, _text(record, "phone"), calling_code) else None
    if isinstance(query, FindItem):
        return _alike(query.number, _text(record, "number"))
    if isinstance(query, CustomerByAccount):
        return _alike(query.account, _text(record, "account"))
    if isinstance(query, OrderStatusOf) and part == "order":
        return _alike(query.number, _text(record, "number"))
    if isinstance(query, TrackingOf) and part == "order":
        return _alike(query.order_number, _text(record, "number"))
    return 0


RANKED = frozenset(
    {"find_item", "customer_by_account", "customers_by_phone", "order_status", "tracking"}
)
"""The operations of which `rank` may refuse a record."""


def _alike(wanted: str, found: str) -> int | None:
    wanted, found = wanted.strip(), found.strip()
    if wanted == found:
        return 0
    return 1 if wanted.casefold() == found.casefold() else None


# Items, stock and prices


def _found_item(query: FindItem, parts: Parts, origin: Origin) -> object:
    if not parts["item"]:
        return nothing(query, origin)
    record = parts["item"][0]
    return Item(
        record_id=_text(record, "record_id"),
        number=_text(record, "number"),
        name=_text(record, "name"),
        unit=_text(record, "unit"),
        source=origin.source(_text(record, "record_id")),
    )


def _availability(query: AvailabilityOf, parts: Parts, origin: Origin) -> Availability:
    stock: defaultdict[str, Decimal] = defaultdict(Decimal)
    for record in parts["stock"]:
        stock[_text(record, "warehouse")] += _number(record, "quantity")
    wanted = max(query.on, origin.today)
    found = project(
        stock, map(_movement, parts["movements"]), origin.today, wanted, origin.warehouses
    )
    unit = query.item.unit
    return Availability(
        item=query.item,
        on=wanted,
        available=Quantity(found.available, unit),
        warehouses=tuple(
            WarehouseStock(name, Quantity(amount, unit)) for name, amount in found.warehouses
        ),
        incoming=tuple(Receipt(day, Quantity(amount, unit)) for day, amount in found.incoming),
        source=origin.source(origin.own(query.item)),
    )


def _movement(record: Record) -> Movement:
    return Movement(
        warehouse=_text(record, "warehouse"),
        on=_day(record, "on"),
        quantity=_number(record, "quantity"),
        receipt=record.get("receipt") is True,
    )


def _price(query: PriceFor, parts: Parts, origin: Origin) -> object:
    if not parts["price"]:
        return nothing(query, origin)
    record = parts["price"][0]
    per = record.get("per")
    units = Decimal(1) if per is None else _number(record, "per")
    if units <= 0:
        raise UnreadableAnswer("a price for no units")
    return Price(
        item=query.item,
        quantity=Quantity(query.quantity, query.item.unit),
        unit_price=Money(_number(record, "amount") / units, _currency(record, origin)),
        source=origin.source(origin.own(query.item)),
    )


# Orders


def _order_status(
    query: OrderStatusOf | LastOrderOf, parts: Parts, origin: Origin
) -> object:
    if not parts["order"]:
        return nothing(query, origin)
    record = parts["order"][0]
    state = _state(record, OrderState)
    return OrderStatus(
        record_id=_text(record, "record_id"),
        number=_text(record, "number"),
        ordered_on=_ordered_on(record),
        state=state,
        delivery_on=None if state in WITHOUT_DELIVERY else _day(record, "delivery_on"),
        lines=tuple(_line(line) for line in parts["lines"]),
        source=origin.source(_text(record, "record_id")),
    )


def _line(record: Record) -> OrderLine:
    return OrderLine(
        item_number=_text(record, "item_number"),
        item_name=_text(record, "item_name"),
        quantity=Quantity(_number(record, "quantity"), _text(record, "unit")),
    )


def _history(query: OrderHistoryOf, parts: Parts, origin: Origin) -> OrderHistory:
    found = [
        OrderSummary(
            record_id=_text(record, "record_id"),
            number=_text(record, "number"),
            ordered_on=_ordered_on(record),
            state=_state(record, OrderState),
        )
        for record in parts["orders"]
    ]
    # Orders of one day stay in the system's own order, which knows their hour.
    found.sort(key=lambda order: order.ordered_on, reverse=True)
    most = min(max(query.limit, 1), HISTORY_MAX)
    return OrderHistory(tuple(found[:most]), origin.source(origin.own(query.customer)))


def _tracking(query: TrackingOf, parts: Parts, origin: Origin) -> object:
    if not parts["order"]:
        return nothing(query, origin)
    order = parts["order"][0]
    deliveries = sorted(map(_delivery, parts["deliveries"]), key=_leaves_on)
    source = origin.source(_text(order, "record_id"))
    return Tracking(_text(order, "number"), tuple(deliveries), source)


def _delivery(record: Record) -> Delivery:
    return Delivery(
        record_id=_text(record, "record_id"),
        number=_text(record, "number"),
        state=_state(record, DeliveryState),
        planned_on=_day(record, "planned_on"),
        shipped_on=_day(record, "shipped_on"),
        carrier=_text(record, "carrier"),
        reference=_text(record, "reference"),
    )


def _leaves_on(delivery: Delivery) -> date:
    return delivery.shipped_on or delivery.planned_on or date.max


# Accounts


def _balance(query: BalanceOf, parts: Parts, origin: Origin) -> object:
    if not parts["account"]:
        return nothing(query, origin)
    record = parts["account"][0]
    currency = _currency(record, origin)
    unlimited = record.get("credit_limit") is None
    return Balance(
        account=query.customer.account,
        owed=Money(_number(record, "owed"), currency),
        overdue=Money(_number(record, "overdue"), currency),
        credit_limit=None if unlimited else Money(_number(record, "credit_limit"), currency),
        source=origin.source(origin.own(query.customer)),
    )


def _customers(query: Query[Any], parts: Parts, origin: Origin) -> tuple[Customer, ...]:
    found: dict[tuple[str, str], Customer] = {}
    for record in parts["customer"]:
        customer = _customer(record, origin)
        found.setdefault((customer.record_id, customer.contact), customer)
    return tuple(found.values())


def _customers_by_name(
    query: CustomersByName, parts: Parts, origin: Origin
) -> tuple[Customer, ...]:
    return _customers(query, parts, origin)[:NAMES_MAX]


def _customer_by_account(query: CustomerByAccount, parts: Parts, origin: Origin) -> object:
    found = parts["customer"]
    exact = [one for one in found if _alike(query.account, _text(one, "account")) == 0] or found
    if not exact:
        return nothing(query, origin)
    if len({_text(one, "record_id") for one in exact}) > 1:
        # Neither may hear of the other's orders.
        raise UnreadableAnswer("several accounts of one number: give each its own")
    return _customer(exact[0], origin)


def _customer(record: Record, origin: Origin) -> Customer:
    return Customer(
        record_id=_text(record, "record_id"),
        account=_text(record, "account"),
        name=_text(record, "name"),
        contact=_text(record, "contact"),
        source=origin.source(_text(record, "record_id")),
    )


# Reading a record


def _text(record: Record, name: str) -> str:
    return _typed(record, name, str)


def _number(record: Record, name: str) -> Decimal:
    return _typed(record, name, Decimal)


def _day(record: Record, name: str) -> date | None:
    return None if record.get(name) is None else _typed(record, name, date)


def _ordered_on(record: Record) -> date:
    return _typed(record, "ordered_on", date)


def _state(record: Record, kind: type[T]) -> T:
    return _typed(record, "state", kind)


def _typed(record: Record, name: str, kind: type[T]) -> T:
    value = record.get(name)
    if not isinstance(value, kind):
        raise UnreadableAnswer(f"a record without {name}")
    return value


def _currency(record: Record, origin: Origin) -> str:
    currency = (_text(record, "currency") or origin.currency).upper()
    if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
        raise UnreadableAnswer("an amount without a currency of three letters")
    return currency


_ASSEMBLERS: Mapping[type[Query[Any]], Callable[[Any, Parts, Origin], object]] = {
    Ping: lambda query, parts, origin: None,
    FindItem: _found_item,
    AvailabilityOf: _availability,
    PriceFor: _price,
    OrderStatusOf: _order_status,
    LastOrderOf: _order_status,
    OrderHistoryOf: _history,
    TrackingOf: _tracking,
    BalanceOf: _balance,
    CustomersByPhone: _customers,
    CustomerByAccount: _customer_by_account,
    CustomersByName: _customers_by_name,
}

_WANTED: Mapping[type[Query[Any]], Callable[[Any], str]] = {
    FindItem: lambda query: f"item {query.number.strip()}",
    PriceFor: lambda query: f"a price of item {query.item.number}",
    OrderStatusOf: lambda query: f"order {query.number.strip()}",
    LastOrderOf: lambda query: "an order of this account",
    TrackingOf: lambda query: f"order {query.order_number.strip()}",
    BalanceOf: lambda query: "this account",
    CustomerByAccount: lambda query: "this account",
}
