"""The neutral records that a profile's mapping must make, operation by operation.

An operation is answered from one or more *parts*, each a set of records with these fields. What a
system calls them is the profile's; what we call them is this table, and `erp.assembly` makes the
typed results of it. The profile reader checks every profile against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(str, Enum):
    """The type of a field after mapping."""

    TEXT = "text"
    """str, trimmed; a missing value is ''."""
    NUMBER = "number"
    """Decimal."""
    DATE = "date"
    """datetime.date, or None."""
    FLAG = "flag"
    """bool."""
    ORDER_STATE = "order state"
    """erp.model.OrderState."""
    DELIVERY_STATE = "delivery state"
    """erp.model.DeliveryState."""


@dataclass(frozen=True)
class Field:
    """One field of a neutral record."""

    name: str
    kind: Kind = Kind.TEXT
    required: bool = True
    """False: a profile may leave it out; then it is '', None or False. A required number or state
    of a record must have a value; a required text may still be empty."""


@dataclass(frozen=True)
class Part:
    """One set of records of an operation."""

    name: str
    fields: tuple[Field, ...]
    optional: bool = False
    """True when a profile may leave the whole part out."""
    writes: bool = False
    """True when asking it changes the system."""


_ITEM = Part(
    "item",
    (Field("record_id"), Field("number"), Field("name"), Field("unit")),
)
_CUSTOMER = Part(
    "customer",
    (
        Field("record_id"),
        Field("account"),
        Field("name"),
        Field("contact", required=False),
        Field("phone", required=False),
    ),
)
"""`phone` is compared with the caller's number, in any spelling: `customers_by_phone` needs it."""

_ORDER = Part(
    "order",
    (
        Field("record_id"),
        Field("number"),
        Field("ordered_on", Kind.DATE),
        Field("state", Kind.ORDER_STATE),
        Field("delivery_on", Kind.DATE, required=False),
    ),
)
_LINES = Part(
    "lines",
    (
        Field("item_number"),
        Field("item_name"),
        Field("quantity", Kind.NUMBER),
        Field("unit"),
    ),
)
_ORDERS = Part("orders", tuple(f for f in _ORDER.fields if f.name != "delivery_on"))
_STOCK = Part("stock", (Field("warehouse"), Field("quantity", Kind.NUMBER)))
"""What lies in each warehouse now, in the item's unit. Several rows of a warehouse are added."""

_MOVEMENTS = Part(
    "movements",
    (
        Field("warehouse"),
        Field("on", Kind.DATE),
        Field("quantity", Kind.NUMBER),
        Field("receipt", Kind.FLAG, required=False),
    ),
)
"""What will enter (quantity > 0) or leave (< 0) each warehouse, and when; no date: some day.
`receipt`: it comes from outside, and a caller may be told of it. An overdue departure claims its
goods today; an overdue receipt promises nothing."""

_DELIVERIES = Part(
    "deliveries",
    (
        Field("record_id"),
        Field("number"),
        Field("state", Kind.DELIVERY_STATE),
        Field("planned_on", Kind.DATE, required=False),
        Field("shipped_on", Kind.DATE, required=False),
        Field("carrier", required=False),
        Field("reference", required=False),
    ),
)
_PRICE = Part(
    "price",
    (
        Field("amount", Kind.NUMBER),
        Field("currency"),
        Field("per", Kind.NUMBER, required=False),
    ),
)
"""`amount` is for `per` units (1 when left out). The first row counts."""

_ACCOUNT = Part(
    "account",
    (
        Field("owed", Kind.NUMBER),
        Field("overdue", Kind.NUMBER),
        Field("currency"),
        Field("credit_limit", Kind.NUMBER, required=False),
    ),
)

_FIND = Part("find", (Field("record_id"),))
"""What has been written with a key; no row when nothing has."""

_CREATE = Part("create", (Field("record_id", required=False),), writes=True)
"""`record_id` comes from the answer; without it, it is looked up by `find`."""

SHAPES: dict[str, tuple[Part, ...]] = {
    "ping": (Part("ping", ()),),
    "find_item": (_ITEM,),
    "availability": (_STOCK, _MOVEMENTS),
    "price": (_PRICE,),
    "order_status": (_ORDER, _LINES),
    "last_order": (_ORDER, _LINES),
    "order_history": (_ORDERS,),
    "tracking": (Part("order", (Field("record_id"), Field("number"))), _DELIVERIES),
    "balance": (_ACCOUNT,),
    "customers_by_phone": (_CUSTOMER,),
    "customer_by_account": (_CUSTOMER,),
    "customers_by_name": (_CUSTOMER,),
    "create_task": (_FIND, _CREATE),
}
"""The parts of every operation of the port, in the order in which they may refer to each other."""

PARAMETERS: dict[str, tuple[str, ...]] = {
    "ping": (),
    "find_item": ("item_number",),
    "availability": ("item_id", "item_number", "on"),
    "price": ("item_id", "item_number", "customer_id", "account", "quantity"),
    "order_status": ("customer_id", "account", "order_number"),
    "last_order": ("customer_id", "account"),
    "order_history": ("customer_id", "account", "limit"),
    "tracking": ("customer_id", "account", "order_number"),
    "balance": ("customer_id", "account"),
    "customers_by_phone": ("phone", "phone_last", "phone_like"),
    "customer_by_account": ("account",),
    "customers_by_name": ("name", "name_like"),
    "create_task": (
        *("task_key", "title", "text", "due", "due_time", "due_utc"),
        *("customer_id", "account", "customer_name", "phone"),
    ),
}
"""What a request or a statement of each operation may name. In addition, everywhere: `today` (the
company's own date), what the system's `parameters` give, and what the profile has learned.

`find` of a write may name `task_key` alone.

on, due, today: dates. due_time: HH:MM by the company's clock. due_utc: as in 2026-05-31 14:00:00.
customer_id: empty when the customer is not known to this system, as are account, customer_name and
phone when nobody knows them. quantity: a Decimal. limit: an int. All others: text. phone_last: the
last 7 digits of the number, fewer when it has no more without the calling code. phone_like,
name_like: a LIKE pattern, its own wildcards escaped by \\.
"""
