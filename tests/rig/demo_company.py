"""What the demo company's systems must answer, worked out from `etc/demo/` and nothing else.

The contract suite compares every connector with it; the seeders of the ERPs use its numbers. It
shares no code with the product: availability is the lowest of the projected stocks, day by day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

DEMO_FOLDER = Path(__file__).resolve().parents[2] / "etc" / "demo"
FILES = ("company", "items", "customers", "orders")
FIRST_ORDER_NUMBER = 2001
HORIZON_DAYS = 90
"""After this many days nothing of the demo moves any more."""


@cache
def data() -> dict[str, Any]:
    """Return the files of `etc/demo/`, by file name. Leave it as it is: it is read once."""
    files = {name: DEMO_FOLDER / f"{name}.yaml" for name in FILES}
    return {name: yaml.safe_load(path.read_text("utf-8")) for name, path in files.items()}


def items() -> list[dict[str, Any]]:
    """Return every item, in the order of the file."""
    return [item for family in data()["items"].values() for item in family]


def item(number: str) -> dict[str, Any]:
    """Return one item."""
    return next(item for item in items() if item["number"] == number)


def customer(account: str) -> dict[str, Any]:
    """Return one customer."""
    found: dict[str, Any] = next(c for c in data()["customers"] if c["account"] == account)
    return found


@dataclass(frozen=True)
class Order:
    """One order, with its number ('' for a draft) and the file's values."""

    number: str
    values: dict[str, Any]

    def left(self) -> list[dict[str, Any]]:
        """Return the lines that have been shipped."""
        lines: list[dict[str, Any]] = self.values["lines"]
        return {"shipped": lines, "partly": lines[:1]}.get(self.values["state"], [])

    def claims(self) -> list[dict[str, Any]]:
        """Return the lines that the warehouse still has to ship: of orders in work only."""
        lines: list[dict[str, Any]] = self.values["lines"]
        return {"processing": lines, "partly": lines[1:]}.get(self.values["state"], [])


@cache
def orders() -> tuple[Order, ...]:
    """Return every order, oldest first."""
    number = FIRST_ORDER_NUMBER
    found = []
    for values in data()["orders"]:
        draft = values["state"] == "draft"
        found.append(Order("" if draft else str(number), values))
        number += not draft
    return tuple(found)


def orders_of(account: str) -> list[Order]:
    """Return a customer's orders, newest first."""
    return [order for order in reversed(orders()) if order.values["customer"] == account]


def ordered_on(order: Order, today: date) -> date:
    """Return the date of an order."""
    return today - timedelta(days=order.values["ordered"])


STATES = {
    "draft": "draft",
    "quotation": "quotation",
    "confirmed": "confirmed",
    "processing": "processing",
    "partly": "partly shipped",
    "shipped": "shipped",
    "cancelled": "cancelled",
}
"""The file's state of an order -> the value of `erp.model.OrderState`."""


def delivery_on(order: Order, today: date) -> date | None:
    """Return the planned date of the next open delivery, or the date of the last that left."""
    values = order.values
    if values["state"] in ("draft", "quotation", "cancelled"):
        return None
    if "ship_in" in values:
        return today + timedelta(days=values["ship_in"])
    return today - timedelta(days=values["shipped"])


def deliveries(order: Order, today: date) -> list[tuple[str, date, str, str]]:
    """Return (state, date, carrier, reference) of the deliveries, what has left first."""
    values = order.values
    found = []
    if "shipped" in values:
        day = today - timedelta(days=values["shipped"])
        found.append(("shipped", day, values["carrier"], values["reference"]))
    if order.claims():
        found.append(("planned", today + timedelta(days=values["ship_in"]), "", ""))
    return found


def available(number: str, in_days: int, warehouse: str | None = None) -> Decimal:
    """Return the available-to-promise of an item. warehouse: None for all together."""
    stock = sum(
        amount for name, amount in item(number)["stock"].items() if warehouse in (None, name)
    )
    changes = Counter(dict.fromkeys(range(HORIZON_DAYS), 0))
    for day, amount in _movements(number, warehouse):
        changes[day] += amount
    projected, lowest = stock, None
    for day in range(HORIZON_DAYS):
        projected += changes[day]
        if day >= in_days:
            lowest = projected if lowest is None else min(lowest, projected)
    return max(Decimal(0), Decimal(lowest or 0))


def _movements(number: str, warehouse: str | None) -> Iterator[tuple[int, int]]:
    for receipt in item(number).get("receipts", ()):
        if warehouse in (None, receipt["warehouse"]):
            yield receipt["in_days"], receipt["quantity"]
    for order in orders():
        if warehouse in (None, order.values["warehouse"]):
            for line in order.claims():
                if line["item"] == number:
                    yield order.values["ship_in"], -line["quantity"]


def incoming(number: str, today: date) -> list[tuple[date, Decimal]]:
    """Return what comes in, and when, soonest first."""
    days: Counter[int] = Counter()
    for receipt in item(number).get("receipts", ()):
        days[receipt["in_days"]] += receipt["quantity"]
    return [(today + timedelta(days=day), Decimal(days[day])) for day in sorted(days)]


def price(number: str, account: str) -> Decimal:
    """Return what a customer pays for one unit."""
    listed = Decimal(item(number)["price"])
    trade = customer(account)["price_list"] == "Trade"
    return listed * Decimal("0.9") if trade else listed


@dataclass(frozen=True)
class Account:
    """What a customer owes."""

    owed: Decimal
    overdue: Decimal
    credit_limit: Decimal | None


def account(number: str) -> Account:
    """Return what a customer owes today."""
    values = customer(number)
    invoices = [(Decimal(i["amount"]), i["due_in"]) for i in values.get("invoices", ())]
    limit = values.get("credit_limit")
    return Account(
        owed=sum((amount for amount, _ in invoices), Decimal(0)),
        overdue=sum((amount for amount, due_in in invoices if due_in < 0), Decimal(0)),
        credit_limit=None if limit is None else Decimal(limit),
    )
