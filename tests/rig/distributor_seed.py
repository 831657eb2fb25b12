"""The demo company of `etc/demo/` as rows of the distributor's tables.

The same INSERT statements for PostgreSQL and MariaDB. All dates are relative to the day that is
given. What a careless statement would fall for is there too: deleted rows, closed purchase orders,
paid invoices, another account's documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal

from tests.rig import demo_company
from tests.rig.demo_company import Order

UNITS = {"piece": "EA", "pack": "PK", "meter": "MT", "liter": "LT", "pair": "PR", "roll": "RL"}
PACKS = {"4521": 10, "4522": 10, "4530": 25, "4535": 50}
"""Items whose stock is counted in packs, and how many pieces make one."""

PRICED_PER_HUNDRED = frozenset({"4521", "4522", "4530", "4535"})
STATES = {
    "draft": ("O", "E"),
    "quotation": ("Q", "S"),
    "confirmed": ("O", "C"),
    "processing": ("O", "P"),
    "partly": ("O", "B"),
    "shipped": ("O", "S"),
    "cancelled": ("O", "X"),
}
"""The file's state of an order -> kind and status of the document."""

CLASSES = {"Standard": "S", "Trade": "T"}
CARRIERS = {"Parcel Post": "PP", "Northern Freight": "NF"}
WAREHOUSES = {"North": "N1", "South": "S1"}
NOBODYS_NUMBER = "+1 212 555 0199"
GONE_ITEM = "9999"
GONE_ORDER = 9999

Row = tuple[str | int, ...]


def cyyddd(day: date) -> int:
    """Return a day as century, year and day of the year."""
    return (day.year - 1900) * 1000 + day.timetuple().tm_yday


def cyymmdd(day: date) -> int:
    """Return a day as century, year, month and day."""
    return (day.year - 1900) * 10_000 + day.month * 100 + day.day


def statements(today: date) -> str:
    """Return the INSERT statements of the whole company."""
    tables: dict[str, Iterable[Row]] = {
        "CTLPAR": _company(),
        "WHSMST": [*((key, name, "") for name, key in WAREHOUSES.items()), ("X9", "Closed", "D")],
        "ITMMST": _items(),
        "PRCDSC": [("S", 0, 0), ("T", 0, 1000), ("T", 99_999_900, 4000)],
        "WHSBAL": _stock(),
        "PORDTL": _purchases(today),
        "CUSMST": _customers(),
        "CUSCON": _contacts(),
        "CUSCRD": _credit(),
        "ORDHDR": _orders(today),
        "ORDDTL": _lines(today),
        "SHPHDR": _shipments(today),
        "CARMST": [(key, name) for name, key in CARRIERS.items()],
        "ARITEM": _open_items(today),
    }
    return "\n".join(_insert(table, list(rows)) for table, rows in tables.items())


def _insert(table: str, rows: list[Row]) -> str:
    lines = ",\n".join(f"({', '.join(map(_literal, row))})" for row in rows)
    return f"INSERT INTO {table} VALUES\n{lines};"


def _literal(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def _three(words: str) -> tuple[str, str, str]:
    """Split a name over three fields, as whoever typed it did."""
    first, second, third = [*words.split(" ", 2), "", ""][:3]
    return first, second, third


def _company() -> Iterator[Row]:
    company = demo_company.data()["company"]
    yield (1, company["name"], company["currency"])


# Items


def _items() -> Iterator[Row]:
    for item in demo_company.items():
        number = item["number"]
        per = 100 if number in PRICED_PER_HUNDRED else 1
        price = int(Decimal(item["price"]) * per * 1000)
        yield (number, *_three(item["name"]), UNITS[item["unit"]], _pack(number), price, per, "")
    yield (GONE_ITEM, *_three("steam whistle"), "EA", 1, 1_000, 1, "D")


def _pack(number: str) -> int:
    return PACKS.get(number, 1)


def _packs(number: str, quantity: int) -> int:
    """Return a quantity as hundredths of packs."""
    hundredths, rest = divmod(quantity * 100, _pack(number))
    if rest:
        raise ValueError(f"item {number}: {quantity} are no whole hundredths of a pack")
    return hundredths


def _stock() -> Iterator[Row]:
    for item in demo_company.items():
        for warehouse, quantity in item["stock"].items():
            yield item["number"], WAREHOUSES[warehouse], _packs(item["number"], quantity)
        yield item["number"], "X9", 700


def _purchases(today: date) -> Iterator[Row]:
    number = 70_000
    for item in demo_company.items():
        for receipt in item.get("receipts", ()):
            number += 1
            due = cyymmdd(today + timedelta(days=receipt["in_days"]))
            quantity = _packs(item["number"], receipt["quantity"])
            place = WAREHOUSES[receipt["warehouse"]]
            yield f"P{number}", item["number"], place, quantity, due, "N"
    closed = cyymmdd(today + timedelta(days=1))
    yield "P60001", "4521", "N1", 5_000, closed, "Y"
    yield "P60002", "6102", "S1", 5_000, closed, "X"


# Customers


def _customers() -> Iterator[Row]:
    for customer in demo_company.data()["customers"]:
        own = [phone["number"] for phone in customer["phones"] if "person" not in phone]
        place = CLASSES[customer["price_list"]]
        yield customer["account"], *_three(customer["name"]), place, own[0] if own else "", ""
    yield ("C099", *_three("Harbor Wrecking Yard"), "T", NOBODYS_NUMBER, "D")


def _contacts() -> Iterator[Row]:
    for customer in demo_company.data()["customers"]:
        named = [phone for phone in customer["phones"] if "person" in phone]
        for place, phone in enumerate(named, start=1):
            yield customer["account"], place, phone["person"], phone["number"], ""
    yield "C001", 99, "Gone Long Since", NOBODYS_NUMBER, "D"


def _credit() -> Iterator[Row]:
    for place, customer in enumerate(demo_company.data()["customers"]):
        limit = customer.get("credit_limit")
        if limit is None:
            yield customer["account"], "N", 0
        else:
            yield customer["account"], "YX"[place % 2], int(Decimal(limit) * 100)


def _open_items(today: date) -> Iterator[Row]:
    number = 500_000
    for customer in demo_company.data()["customers"]:
        for invoice in customer.get("invoices", ()):
            number += 1
            amount = int(Decimal(invoice["amount"]) * 100)
            kind = "C" if amount < 0 else "I"
            due = cyyddd(today + timedelta(days=invoice["due_in"]))
            yield number, customer["account"], kind, due, abs(amount), "N"
    long_ago = cyyddd(today - timedelta(days=60))
    yield 400_001, "C001", "I", long_ago, 12_345, "Y"
    yield 400_002, "C030", "I", long_ago, 54_321, "X"


# Orders


def _documents() -> Iterator[tuple[str, Order]]:
    for place, order in enumerate(demo_company.orders(), start=1):
        yield f"D{place:08d}", order


def _orders(today: date) -> Iterator[Row]:
    for document, order in _documents():
        kind, state = STATES[order.values["state"]]
        day = cyyddd(demo_company.ordered_on(order, today))
        place = WAREHOUSES[order.values["warehouse"]]
        number = int(order.number or 0)
        yield document, kind, number, order.values["customer"], place, day, state, ""
    yield "D99999999", "O", GONE_ORDER, "C001", "N1", cyyddd(today), "P", "D"


def _lines(today: date) -> Iterator[Row]:
    for document, order in _documents():
        left = order.left()
        promised = cyymmdd(today + timedelta(days=_promised_in(order)))
        for place, line in enumerate(order.values["lines"], start=1):
            quantity = line["quantity"] * 100
            shipped = quantity if line in left else 0
            yield document, place, line["item"], quantity, shipped, promised
    yield "D99999999", 1, "4521", 7_700, 0, cyymmdd(today)


def _promised_in(order: Order) -> int:
    """Return the days until the goods are promised; the lines of the cancelled have a date too."""
    values = order.values
    days: int = values.get("ship_in", -values.get("shipped", 0) or 30)
    return days


def _shipments(today: date) -> Iterator[Row]:
    number = 10_000
    for document, order in _documents():
        for delivery in demo_company.deliveries(order, today):
            number += 1
            yield _shipment(f"S{number}", document, delivery)


def _shipment(number: str, document: str, delivery: tuple[str, date, str, str]) -> Row:
    state, on, carrier, reference = delivery
    day = cyymmdd(on)
    if state == "shipped":
        return number, document, "F", day, day, CARRIERS[carrier], reference
    return number, document, "P", day, 0, "", ""
