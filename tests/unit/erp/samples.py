"""A moment, an item and a customer, for tests of what happens to them."""

from __future__ import annotations

from datetime import date, datetime, timezone

from erp.model import Customer, Item, Source

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=timezone.utc)
TODAY = date(2026, 5, 4)


def source(operation: str = "find_item", record: str = "17", system: str = "erp") -> Source:
    return Source(system, operation, record, NOW)


def item(system: str = "erp") -> Item:
    return Item("17", "AB-1", "Bolt", "piece", source(system=system))


def customer(system: str = "erp") -> Customer:
    where = source("customers_by_phone", "42", system)
    return Customer("42", "C-9", "Acme", "Ann", where)
