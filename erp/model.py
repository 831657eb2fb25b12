"""What an ERP tells us, as frozen typed values: units, currency and origin are explicit.

No vendor's dictionary passes this line. Amounts are `Decimal`, dates are calendar dates of the
company's time zone, times are aware and in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum


@dataclass(frozen=True)
class Source:
    """Where and when a fact was read: the proof that it was not invented."""

    system: str
    """Name of the configured system, for instance `tryton`."""
    operation: str
    """Name of the operation, a key of `erp.operations.OPERATIONS`."""
    record: str
    """The system's own key of the record, of the operation's kind; empty when none was found."""
    read_at: datetime
    """When the system answered; aware, UTC."""
    live: bool = True
    """False when it came from a cache."""
    fallback: bool = False
    """True when the system did not answer and this is the last that it said: its age (from
    `read_at`) must be spoken."""


@dataclass(frozen=True)
class Quantity:
    """An amount of goods with its unit of measure."""

    amount: Decimal
    unit: str


@dataclass(frozen=True)
class Money:
    """An amount of money; currency is an ISO 4217 code."""

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Item:
    """An item of the catalogue. `number` is what a caller says: digits, perhaps letters."""

    record_id: str
    number: str
    name: str
    unit: str
    source: Source


@dataclass(frozen=True)
class Receipt:
    """Goods that are due in: how much, and when."""

    on: date
    quantity: Quantity


@dataclass(frozen=True)
class WarehouseStock:
    """Available-to-promise of one warehouse."""

    warehouse: str
    available: Quantity


@dataclass(frozen=True)
class Availability:
    """Available-to-promise of an item at a date.

    `available` is the lowest projected stock over all dates >= `on`, summed over the
    warehouses, never below zero and never the on-hand figure: 100 on hand with 90 due out in
    five days is 10.
    """

    item: Item
    on: date
    available: Quantity
    warehouses: tuple[WarehouseStock, ...]
    incoming: tuple[Receipt, ...]
    """Open receipts after today, soonest first."""
    source: Source


class OrderState(str, Enum):
    """The states of a sales order that a caller is told of."""

    DRAFT = "draft"
    QUOTATION = "quotation"
    CONFIRMED = "confirmed"
    PROCESSING = "processing"
    PARTLY_SHIPPED = "partly shipped"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"
    UNREADABLE = "unreadable"
    """The system has a code that we cannot read; its raw value is in the log."""


@dataclass(frozen=True)
class OrderLine:
    """One line of a sales order."""

    item_number: str
    item_name: str
    quantity: Quantity


@dataclass(frozen=True)
class OrderStatus:
    """The status of one sales order."""

    record_id: str
    number: str
    ordered_on: date
    state: OrderState
    delivery_on: date | None
    """Planned date of the next open delivery, or the date of the last one that left."""
    lines: tuple[OrderLine, ...]
    source: Source


@dataclass(frozen=True)
class Price:
    """What one customer pays for one unit of an item."""

    item: Item
    quantity: Quantity
    """The quantity that it was asked for: a larger one may be cheaper."""
    unit_price: Money
    """For one `quantity.unit`, without tax."""
    source: Source


@dataclass(frozen=True)
class OrderSummary:
    """One sales order of a history."""

    record_id: str
    number: str
    """Empty when the system has not numbered it yet."""
    ordered_on: date
    state: OrderState


@dataclass(frozen=True)
class OrderHistory:
    """The newest sales orders of an account, newest first; empty when it has none."""

    orders: tuple[OrderSummary, ...]
    source: Source


class DeliveryState(str, Enum):
    """The states of a delivery that a caller is told of."""

    PLANNED = "planned"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    UNREADABLE = "unreadable"
    """The system has a code that we cannot read; its raw value is in the log."""


@dataclass(frozen=True)
class Delivery:
    """One delivery of a sales order."""

    record_id: str
    number: str
    state: DeliveryState
    planned_on: date | None
    """When it is to leave, or was to."""
    shipped_on: date | None
    """When it left."""
    carrier: str
    """Name of the carrier; empty when the system has none."""
    reference: str
    """The carrier's tracking reference; empty when the system has none."""


@dataclass(frozen=True)
class Tracking:
    """The deliveries of one sales order, the earliest first; empty when none is planned yet."""

    order_number: str
    deliveries: tuple[Delivery, ...]
    source: Source


@dataclass(frozen=True)
class Balance:
    """What an account owes us, and how far its credit goes. All in one currency."""

    account: str = field(repr=False)
    owed: Money = field(repr=False)
    """All open invoices together; below zero when we owe the account."""
    overdue: Money = field(repr=False)
    """The part of it whose due date has passed."""
    credit_limit: Money | None = field(repr=False)
    """None when the system sets none."""
    source: Source


@dataclass(frozen=True)
class Customer:
    """An account, and the person of it that a telephone number belongs to."""

    record_id: str
    account: str = field(repr=False)
    """The account's own number, as printed on its invoices."""
    name: str = field(repr=False)
    """The company's name."""
    contact: str = field(repr=False)
    """The person's name, or empty when the number is the company's."""
    source: Source


@dataclass(frozen=True)
class NotFound:
    """The system was asked, and has no such record."""

    wanted: str
    """What was asked for, in words: `item 9999`, `an order of this account`."""
    source: Source


@dataclass(frozen=True)
class WriteReceipt:
    """A write that is committed in the system: only with this may it be spoken of as done."""

    key: str
    """The idempotency key of the write."""
    record: str
    """The system's own key of the record that was written."""
    source: Source
    existed: bool
    """True when it was found by its key, so that nothing was written this time."""
