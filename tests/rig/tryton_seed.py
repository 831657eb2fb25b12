"""Fill an empty Tryton database with the demo company of `etc/demo/`.

Runs in Tryton's own Python environment, never in the product's: `python -m tests.rig.tryton_seed
CONFIG DATABASE`, the demo data as one JSON object on standard input. All dates are relative to
`today` in the data. It makes no taxes and invoices no sale: what the customers owe is older.
"""

from __future__ import annotations

import datetime
import importlib
import json
import sys
from collections import Counter
from decimal import Decimal
from typing import Any

from tests.rig.tryton_books import Books
from tests.rig.tryton_client import Tryton

READ_ONLY_MODELS = (
    "carrier",
    "company.company",
    "party.contact_mechanism",
    "party.party",
    "product.product",
    "product.template",
    "product.uom",
    "sale.line",
    "sale.sale",
    "stock.location",
    "stock.move",
    "stock.shipment.out",
)
"""What the product's own user may see, and not change."""

ADD_ONLY_MODELS = ("project.work",)
"""What it may add to, and see; what is there it may not change."""

OPENING_STOCK_AGE_DAYS = 90
"""The opening stock is older than every order."""

FIRST_ORDER_NUMBER = 2001


def main(config_file: str, database: str) -> None:
    """Seed the database, telling each step on standard output."""
    data = json.load(sys.stdin)
    today = datetime.date.fromisoformat(data["today"])
    tryton = Tryton(config_file, database)
    seed = _Seed(tryton, data, today)
    for step in (
        seed.company,
        seed.warehouses,
        seed.items,
        seed.customers,
        seed.opening_stock,
        seed.receipts,
        seed.books,
        seed.carriers,
        seed.orders,
        seed.user,
    ):
        print(f"seeding: {step.__name__}", flush=True)
        step()


class _Seed:
    """The steps, in order; each leaves the ids that later ones need."""

    def __init__(self, tryton: Tryton, data: dict[str, Any], today: datetime.date) -> None:
        self._tryton = tryton
        self._data = data
        self._today = today
        self._company = 0
        self._currency = 0
        self._warehouses: dict[str, dict[str, Any]] = {}
        self._products: dict[str, int] = {}
        self._units: dict[str, int] = {}
        self._parties: dict[str, tuple[int, int]] = {}
        self._carriers: dict[str, int] = {}

    # What the company is

    def company(self) -> None:
        facts = self._data["company"]
        code = facts["currency"]
        self._currency = self._tryton.create_one(
            "currency.currency", name=code, symbol=code, code=code, rounding=Decimal("0.01")
        )
        party = self._tryton.create_one("party.party", name=facts["name"])
        self._company = self._tryton.create_one(
            "company.company", party=party, currency=self._currency
        )
        self._tryton.wear(self._company)

    def warehouses(self) -> None:
        first = self._tryton.the_one("stock.location", ["type", "=", "warehouse"])
        for index, name in enumerate(self._data["company"]["warehouses"]):
            if index == 0:
                self._tryton.call("stock.location", "write", [first], {"name": name})
                warehouse = first
            else:
                warehouse = self._warehouse(name)
            self._warehouses[name] = self._tryton.record(
                "stock.location", warehouse, "input_location", "storage_location",
                "output_location",
            )

    def _warehouse(self, name: str) -> int:
        zones = {
            zone: self._tryton.create_one("stock.location", name=f"{name} {zone}", type="storage")
            for zone in ("input", "storage", "output")
        }
        warehouse = self._tryton.create_one(
            "stock.location",
            name=name,
            type="warehouse",
            **{f"{zone}_location": location for zone, location in zones.items()},
        )
        self._tryton.call(
            "stock.location", "write", list(zones.values()), {"parent": warehouse}
        )
        return warehouse

    def items(self) -> None:
        families = self._data["items"]
        for family, items in families.items():
            category = self._tryton.create_one("product.category", name=family)
            templates = [self._template(item, category) for item in items]
            ids = self._tryton.create("product.template", templates)
            for item, template in zip(items, ids, strict=True):
                product = self._tryton.the_one("product.product", ["template", "=", template])
                self._products[item["number"]] = product

    def _template(self, item: dict[str, Any], category: int) -> dict[str, Any]:
        unit = self._unit(item["unit"])
        return {
            "name": item["name"],
            "code": item["number"],
            "type": "goods",
            "default_uom": unit,
            "sale_uom": unit,
            "salable": True,
            "lead_time": datetime.timedelta(0),
            "categories": [("add", [category])],
            "list_price": Decimal(item["price"]),
            "products": [("create", [{}])],
        }

    def _unit(self, name: str) -> int:
        if name not in self._units:
            category = self._tryton.create_one("product.uom.category", name=name)
            whole = name not in ("meter", "liter")
            self._units[name] = self._tryton.create_one(
                "product.uom",
                name=name,
                symbol=name,
                category=category,
                factor=1.0,
                rate=1.0,
                rounding=1.0 if whole else 0.01,
                digits=0 if whole else 2,
            )
        return self._units[name]

    # Who buys

    def customers(self) -> None:
        lists = {
            name: self._tryton.create_one(
                "product.price_list",
                name=name,
                price="list_price",
                lines=[("create", [{"formula": formula}])],
            )
            for name, formula in self._data["company"]["price_lists"].items()
        }
        rows = [self._party(customer, lists) for customer in self._data["customers"]]
        parties = self._tryton.create("party.party", rows)
        for customer, party in zip(self._data["customers"], parties, strict=True):
            address = self._tryton.the_one("party.address", ["party", "=", party])
            self._parties[customer["account"]] = (party, address)

    def _party(self, customer: dict[str, Any], lists: dict[str, int]) -> dict[str, Any]:
        phones = [
            {"type": "phone", "value": phone["number"], "name": phone.get("person")}
            for phone in customer["phones"]
        ]
        return {
            "name": customer["name"],
            "code": customer["account"],
            "addresses": [("create", [{"city": "New York"}])],
            "contact_mechanisms": [("create", phones)],
            "sale_price_list": lists[customer["price_list"]],
        }

    # What lies in the warehouses

    def opening_stock(self) -> None:
        """Put in what lies there today and what the shipped orders took away since."""
        left = self._shipped()
        nowhere = self._tryton.search("stock.location", ["type", "=", "lost_found"])[0]
        day = self._today - datetime.timedelta(days=OPENING_STOCK_AGE_DAYS)
        rows = []
        for item in self._all_items():
            for warehouse, zones in self._warehouses.items():
                quantity = item["stock"].get(warehouse, 0) + left[item["number"], warehouse]
                if quantity:
                    rows.append({
                        **self._move(item["number"], quantity),
                        "from_location": nowhere,
                        "to_location": zones["storage_location"],
                        "effective_date": day,
                    })
        moves = self._tryton.create("stock.move", rows)
        self._tryton.call("stock.move", "do", moves)

    def _shipped(self) -> Counter[tuple[str, str]]:
        left: Counter[tuple[str, str]] = Counter()
        for order in self._data["orders"]:
            for line in _lines_that_left(order):
                left[line["item"], order["warehouse"]] += line["quantity"]
        return left

    def receipts(self) -> None:
        supplier = self._tryton.create_one(
            "party.party", name="Consolidated Factories", addresses=[("create", [{}])]
        )
        source = self._tryton.search("stock.location", ["type", "=", "supplier"])[0]
        rows = []
        for item in self._all_items():
            for receipt in item.get("receipts", ()):
                zones = self._warehouses[receipt["warehouse"]]
                day = self._today + datetime.timedelta(days=receipt["in_days"])
                move = {
                    **self._move(item["number"], receipt["quantity"]),
                    "from_location": source,
                    "to_location": zones["input_location"],
                    "planned_date": day,
                    "unit_price": Decimal(item["price"]) / 2,
                    "currency": self._currency,
                }
                rows.append({
                    "supplier": supplier,
                    "warehouse": zones["id"],
                    "warehouse_input": zones["input_location"],
                    "warehouse_storage": zones["storage_location"],
                    "planned_date": day,
                    "company": self._company,
                    "incoming_moves": [("create", [move])],
                })
        self._tryton.create("stock.shipment.in", rows)

    def _all_items(self) -> list[dict[str, Any]]:
        return [item for family in self._data["items"].values() for item in family]

    def _move(self, number: str, quantity: int) -> dict[str, Any]:
        item = next(item for item in self._all_items() if item["number"] == number)
        return {
            "product": self._products[number],
            "unit": self._units[item["unit"]],
            "quantity": float(quantity),
            "company": self._company,
        }

    # What is owed

    def books(self) -> None:
        parties = {account: party for account, (party, _) in self._parties.items()}
        Books(self._tryton, self._company, self._today).enter(self._data["customers"], parties)

    # What was ordered

    def carriers(self) -> None:
        service = self._tryton.create_one(
            "product.template",
            name="transport",
            type="service",
            default_uom=self._unit("shipment"),
            list_price=Decimal(0),
            products=[("create", [{}])],
        )
        product = self._tryton.the_one("product.product", ["template", "=", service])
        names = sorted({order["carrier"] for order in self._data["orders"] if "carrier" in order})
        for name in names:
            party = self._tryton.create_one("party.party", name=name)
            self._carriers[name] = self._tryton.create_one(
                "carrier", party=party, carrier_product=product
            )

    def orders(self) -> None:
        orders = self._data["orders"]
        numbering = self._tryton.search("ir.sequence", ["name", "=", "Sale"])
        self._tryton.call("ir.sequence", "write", numbering, {"number_next": FIRST_ORDER_NUMBER})
        sales = self._tryton.create("sale.sale", [self._sale(order) for order in orders])
        road = _OrderRoad(
            self._tryton, list(zip(orders, sales, strict=True)), self._carriers, self._today
        )
        road.go()

    def _sale(self, order: dict[str, Any]) -> dict[str, Any]:
        party, address = self._parties[order["customer"]]
        values = {
            "party": party,
            "company": self._company,
            "currency": self._currency,
            "warehouse": self._warehouses[order["warehouse"]]["id"],
            "invoice_address": address,
            "shipment_address": address,
            "sale_date": self._today - datetime.timedelta(days=order["ordered"]),
            "invoice_method": "manual",
            "shipment_method": "order",
            "lines": [("create", [self._sale_line(line) for line in order["lines"]])],
        }
        if "ship_in" in order:
            values["shipping_date"] = self._today + datetime.timedelta(days=order["ship_in"])
        return values

    def _sale_line(self, line: dict[str, Any]) -> dict[str, Any]:
        item = next(item for item in self._all_items() if item["number"] == line["item"])
        return {
            "type": "line",
            "product": self._products[line["item"]],
            "unit": self._units[item["unit"]],
            "quantity": float(line["quantity"]),
            "unit_price": Decimal(item["price"]),
        }

    # Who may look

    def user(self) -> None:
        """Make the product's user: it reads what the calls need, adds tasks, and nothing else."""
        group = self._tryton.create_one("res.group", name="Orderline")
        access = [
            {
                "model": model,
                "group": group,
                "perm_read": True,
                "perm_write": False,
                "perm_create": model in ADD_ONLY_MODELS,
                "perm_delete": False,
            }
            for model in (*READ_ONLY_MODELS, *ADD_ONLY_MODELS)
        ]
        self._tryton.create("ir.model.access", access)
        self._tryton.create_one(
            "res.user",
            name="Orderline",
            login="orderline",
            groups=[("add", [group])],
            companies=[("add", [self._company])],
            company=self._company,
        )


class _OrderRoad:
    """Takes the sales from the draft to the states that the demo wants, many at a time."""

    def __init__(
        self,
        tryton: Tryton,
        orders: list[tuple[dict[str, Any], int]],
        carriers: dict[str, int],
        today: datetime.date,
    ) -> None:
        self._tryton = tryton
        self._orders = orders
        self._carriers = carriers
        self._today = today

    def go(self) -> None:
        in_work = ("processing", "partly", "shipped")
        self._press("quote", "quotation", "cancelled", "confirmed", *in_work)
        self._press("cancel", "cancelled")
        self._press("confirm", *in_work)
        self._ship()
        # Without a worker Tryton processes an order as soon as it is confirmed. With one it
        # leaves that to the worker, and the demo has none: the order stays confirmed.
        importlib.import_module("trytond.config").set("queue", "worker", "True")
        self._press("confirm", "confirmed")

    def _press(self, button: str, *states: str) -> None:
        sales = [sale for order, sale in self._orders if order["state"] in states]
        self._tryton.call("sale.sale", button, sales)

    def _ship(self) -> None:
        """Ship all of an order, or its first line only."""
        shipments = []
        for order, sale in self._orders:
            if "shipped" in order:
                shipment = self._shipment_of(sale)
                shipments.append(shipment)
                self._call(shipment, "write", self._departure(order))
                if order["state"] == "partly":
                    self._leave_out_later_lines(shipment, order["lines"][0]["item"])
        for button in ("wait", "assign_force", "pick", "pack", "do"):
            self._tryton.call("stock.shipment.out", button, shipments)

    def _departure(self, order: dict[str, Any]) -> dict[str, Any]:
        return {
            "effective_date": self._today - datetime.timedelta(days=order["shipped"]),
            "carrier": self._carriers[order["carrier"]],
            "reference": order["reference"],
        }

    def _shipment_of(self, sale: int) -> int:
        shipments: list[int] = self._tryton.record("sale.sale", sale, "shipments")["shipments"]
        return shipments[0]

    def _leave_out_later_lines(self, shipment: int, first: str) -> None:
        """Take all but the first line off: Tryton makes a new shipment of what is missing."""
        self._call(shipment, "draft")
        later = self._tryton.search(
            "stock.move", ["shipment", "=", f"stock.shipment.out,{shipment}"],
            ["product.code", "!=", first],
        )
        self._tryton.call("stock.move", "delete", later)

    def _call(self, shipment: int, method: str, *arguments: Any) -> None:
        self._tryton.call("stock.shipment.out", method, [shipment], *arguments)


def _lines_that_left(order: dict[str, Any]) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = order["lines"]
    return {"shipped": lines, "partly": lines[:1]}.get(order["state"], [])


if __name__ == "__main__":
    main(*sys.argv[1:])
