"""What a request may be filled with: the values of a query, by the names of `erp.shapes`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timezone, tzinfo
from typing import Any

from erp import phone_numbers
from erp.connectors.engine import Value
from erp.model import Customer, Item
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
from erp.writes import CreateTask, TaskByKey, Write

WANTED_MAX = 64
"""Longest number or name, in characters, that is looked for: no system has a longer one."""

HISTORY_MAX = 50
"""Most orders of a history."""


def parameters(query: Query[Any], today: date, calling_code: str) -> dict[str, Value]:
    """Return the values that a request of this query's operation may name, and `today`.

    calling_code: digits of the company's own country, for national telephone numbers.
    """
    if isinstance(query, AvailabilityOf):
        return {"today": today, **_item(query.item), "on": max(query.on, today)}
    if isinstance(query, CustomersByPhone):
        return {"today": today, **_phone(query.number, calling_code)}
    return {"today": today, **_VALUES[type(query)](query)}


def written(query: Write | TaskByKey, zone: tzinfo | None) -> dict[str, Value]:
    """Return the values that a write's request, or its look-up, may name, but for `today`.

    zone: the company's; None: this machine's own.
    """
    if not isinstance(query, CreateTask):
        return {"task_key": query.key}
    here, customer = query.due.astimezone(zone), query.customer
    return {
        "task_key": query.key,
        "title": query.title.strip(),
        "text": query.text,
        "due": here.date(),
        "due_time": f"{here:%H:%M}",
        "due_utc": f"{query.due.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}",
        "customer_id": (customer.record_id or None) if customer else None,
        "account": customer.account if customer else "",
        "customer_name": customer.name if customer else "",
        "phone": query.phone,
    }


def wanted(query: Query[Any], calling_code: str) -> str | None:
    """Return the text that a query looks for, trimmed; None when it looks for none.

    Empty when nothing can have it: no text, too long a one, or a withheld telephone number.
    """
    if isinstance(query, CustomersByPhone):
        return phone_numbers.search_digits(query.number, calling_code)
    reader = _WANTED.get(type(query))
    if reader is None:
        return None
    text = " ".join(reader(query).split())
    return text if len(text) <= WANTED_MAX and text.isprintable() else ""


def like(*words: str) -> str:
    """Return a LIKE pattern of what contains these words, in this order."""
    escaped = (
        word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for word in words
    )
    return f"%{'%'.join(escaped)}%"


def _item(item: Item) -> dict[str, Value]:
    return {"item_id": item.record_id, "item_number": item.number}


def _customer(customer: Customer) -> dict[str, Value]:
    return {"customer_id": customer.record_id, "account": customer.account}


def _phone(number: str, calling_code: str) -> dict[str, Value]:
    last = phone_numbers.search_digits(number, calling_code)
    # A spelling has blanks and dashes anywhere: only the digits' order is sure.
    return {"phone": number.strip(), "phone_last": last, "phone_like": like(*last)}


def _price(query: PriceFor) -> dict[str, Value]:
    return {**_item(query.item), **_customer(query.customer), "quantity": query.quantity}


def _history(query: OrderHistoryOf) -> dict[str, Value]:
    return {**_customer(query.customer), "limit": min(max(query.limit, 1), HISTORY_MAX)}


def _order(customer: Customer, number: str) -> dict[str, Value]:
    return {**_customer(customer), "order_number": number.strip()}


def _name(query: CustomersByName) -> dict[str, Value]:
    words = query.name.split()
    return {"name": " ".join(words), "name_like": like(*words)}


_VALUES: Mapping[type[Query[Any]], Callable[[Any], dict[str, Value]]] = {
    Ping: lambda query: {},
    FindItem: lambda query: {"item_number": query.number.strip()},
    PriceFor: _price,
    OrderStatusOf: lambda query: _order(query.customer, query.number),
    LastOrderOf: lambda query: _customer(query.customer),
    OrderHistoryOf: _history,
    TrackingOf: lambda query: _order(query.customer, query.order_number),
    BalanceOf: lambda query: _customer(query.customer),
    CustomerByAccount: lambda query: {"account": query.account.strip()},
    CustomersByName: _name,
}

_WANTED: Mapping[type[Query[Any]], Callable[[Any], str]] = {
    FindItem: lambda query: query.number,
    OrderStatusOf: lambda query: query.number,
    TrackingOf: lambda query: query.order_number,
    CustomerByAccount: lambda query: query.account,
    CustomersByName: lambda query: query.name,
}
