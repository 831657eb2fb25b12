"""What may be asked of a business system: one frozen value for each read operation.

A query says what is wanted, not of which system or how; its type says what the answer is. Equal
queries have equal identities, whenever and wherever their items and customers were read.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from typing import ClassVar, Generic, TypeVar

from erp.model import (
    Availability,
    Balance,
    Customer,
    Item,
    NotFound,
    OrderHistory,
    OrderStatus,
    Price,
    Tracking,
)

R_co = TypeVar("R_co", covariant=True)


class Query(Generic[R_co]):
    """A question whose answer is an R_co."""

    operation: ClassVar[str]
    """Its key in `erp.operations.OPERATIONS`."""
    writes: ClassVar[bool] = False
    """True when it changes the system: it is then asked once, and never by two at a time."""

    def identity(self) -> tuple[str, ...]:
        """Return what makes two queries the same question. Holds personal data: never log it."""
        values = (vars(self)[entry.name] for entry in fields(self))  # type: ignore[arg-type]
        return (self.operation, *(_identity(value) for value in values))


def _identity(value: object) -> str:
    if isinstance(value, Item):
        return f"{value.source.system}:{value.record_id}:{value.number}"
    if isinstance(value, Customer):
        return f"{value.source.system}:{value.record_id}:{value.account}"
    return str(value)


@dataclass(frozen=True)
class Ping(Query[None]):
    """Ask for a trifle that needs our login."""

    operation: ClassVar[str] = "ping"


@dataclass(frozen=True)
class FindItem(Query[Item | NotFound]):
    """The item with this number, exactly, without regard to case."""

    operation: ClassVar[str] = "find_item"
    number: str


@dataclass(frozen=True)
class AvailabilityOf(Query[Availability]):
    """The available-to-promise of an item at a date; a date in the past is today."""

    operation: ClassVar[str] = "availability"
    item: Item
    on: date


@dataclass(frozen=True)
class PriceFor(Query[Price | NotFound]):
    """What this customer pays for a unit of the item when buying this quantity today."""

    operation: ClassVar[str] = "price"
    item: Item
    customer: Customer
    quantity: Decimal
    """In the item's unit, above 0."""


@dataclass(frozen=True)
class OrderStatusOf(Query[OrderStatus | NotFound]):
    """One sales order of this customer's account, by its number."""

    operation: ClassVar[str] = "order_status"
    customer: Customer
    number: str


@dataclass(frozen=True)
class LastOrderOf(Query[OrderStatus | NotFound]):
    """The newest sales order of this customer's account."""

    operation: ClassVar[str] = "last_order"
    customer: Customer


@dataclass(frozen=True)
class OrderHistoryOf(Query[OrderHistory]):
    """The newest sales orders of this customer's account, newest first."""

    operation: ClassVar[str] = "order_history"
    customer: Customer
    limit: int = 5
    """Most orders, 1 to 50."""


@dataclass(frozen=True)
class TrackingOf(Query[Tracking | NotFound]):
    """The deliveries of one sales order of this customer's account, by the order's number."""

    operation: ClassVar[str] = "tracking"
    customer: Customer
    order_number: str


@dataclass(frozen=True)
class BalanceOf(Query[Balance | NotFound]):
    """What this customer's account owes, and its credit limit."""

    operation: ClassVar[str] = "balance"
    customer: Customer


@dataclass(frozen=True)
class CustomersByPhone(Query[tuple[Customer, ...]]):
    """Everyone with this telephone number, in any spelling of it."""

    operation: ClassVar[str] = "customers_by_phone"
    number: str = field(repr=False)


@dataclass(frozen=True)
class CustomerByAccount(Query[Customer | NotFound]):
    """The account with this number, exactly, without regard to case."""

    operation: ClassVar[str] = "customer_by_account"
    account: str = field(repr=False)


@dataclass(frozen=True)
class CustomersByName(Query[tuple[Customer, ...]]):
    """The accounts whose name contains these words, without regard to case; the best few."""

    operation: ClassVar[str] = "customers_by_name"
    name: str = field(repr=False)
