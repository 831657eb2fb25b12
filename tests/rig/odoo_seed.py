"""Fill an Odoo 19 database that has its modules and no data with the demo company.

Runs in `odoo shell`, in Odoo's own Python environment, never in the product's: what is given to
the shell calls `main(env, path)`; the path is of a JSON file with the files of `etc/demo/`, the
oracle's order numbers and `today`. Records are made by the methods that Odoo's own screens call,
so what Odoo refuses to a user it refuses here. All dates are relative to `today`; times are at
noon UTC, the same day in nearly every time zone.

It makes no taxes, no payments and no purchase orders: what comes in is a planned receipt.
"""

from __future__ import annotations

import datetime
import json
from collections import Counter
from pathlib import Path
from typing import Any

LOGIN = "orderline"
GROUP = "Orderline"
READ_ONLY_MODELS = (
    "delivery.carrier",
    "product.pricelist",
    "product.pricelist.item",
    "product.product",
    "product.template",
    "res.company",
    "res.currency",
    "res.partner",
    "resource.calendar",
    "sale.order",
    "sale.order.line",
    "stock.location",
    "stock.move",
    "stock.picking",
    "stock.picking.type",
    "stock.quant",
    "stock.warehouse",
    "uom.uom",
)
"""What the product's own group may read, and not change."""

ADD_ONLY_MODELS = ("project.task",)
"""What it may add to, and read; what is there it may not change."""

PROJECT = "Telephone"
"""The project that takes the tasks: the profile's parameter `task_project`."""

ODOO_UNITS = {
    "piece": "uom.product_uom_unit",
    "meter": "uom.product_uom_meter",
    "liter": "uom.product_uom_litre",
}
"""Units that Odoo brings along, under its own names; the demo's others are made."""

PRICE_DIGITS = 4
INVOICE_AGE_DAYS = 30
TRADE_DISCOUNT_PERCENT = 10
NOON = datetime.time(12)


def main(env: Any, path: str) -> None:
    """Seed the database of a shell's environment, and commit."""
    data = json.loads(Path(path).read_text("utf-8"))
    quiet = env(context={**env.context, "tracking_disable": True, "mail_create_nosubscribe": True})
    seed = _Seed(quiet, data)
    for step in (
        seed.company,
        seed.warehouses,
        seed.items,
        seed.customers,
        seed.opening_stock,
        seed.receipts,
        seed.orders,
        seed.invoices,
        seed.project,
        seed.user,
    ):
        print(f"seeding: {step.__name__}", flush=True)
        step()
    env.cr.commit()


class _Seed:
    """The steps, in order; each leaves the records that later ones need."""

    def __init__(self, env: Any, data: dict[str, Any]) -> None:
        self._env = env
        self._data = data
        self._today = datetime.date.fromisoformat(data["today"])
        self._warehouses: dict[str, Any] = {}
        self._units: dict[str, Any] = {}
        self._products: dict[str, Any] = {}
        self._partners: dict[str, Any] = {}
        self._carriers: dict[str, Any] = {}

    def _day(self, days: int) -> datetime.date:
        return self._today + datetime.timedelta(days=days)

    def _noon(self, days: int) -> datetime.datetime:
        return datetime.datetime.combine(self._day(days), NOON)

    # What the company is

    def company(self) -> None:
        env, facts = self._env, self._data["company"]
        currency = env["res.currency"].with_context(active_test=False).search(
            [("name", "=", facts["currency"])]
        )
        currency.active = True
        env.company.write({"name": facts["name"], "currency_id": currency.id})
        settings = env["res.config.settings"].create({
            "group_product_pricelist": True,
            "group_uom": True,
            "account_use_credit_limit": True,
        })
        settings.execute()
        env.ref("product.decimal_price").digits = PRICE_DIGITS
        if not env.company.chart_template:
            env["account.chart.template"].try_loading("generic_coa", env.company, False)

    def warehouses(self) -> None:
        first = self._env["stock.warehouse"].search([], limit=1)
        for index, name in enumerate(self._data["company"]["warehouses"]):
            values = {"name": name, "code": name[:3].upper()}
            if index == 0:
                first.write(values)
            self._warehouses[name] = self._env["stock.warehouse"].create(values) if index else first

    def items(self) -> None:
        category = self._env["product.category"]
        for family, items in self._data["items"].items():
            of_family = category.create({"name": family})
            products = self._env["product.product"].create(
                [self._product(item, of_family) for item in items]
            )
            self._products |= {item["number"]: p for item, p in zip(items, products, strict=True)}

    def _product(self, item: dict[str, Any], category: Any) -> dict[str, Any]:
        return {
            "name": item["name"],
            "default_code": item["number"],
            "type": "consu",
            "is_storable": True,
            "uom_id": self._unit(item["unit"]).id,
            "list_price": float(item["price"]),
            "categ_id": category.id,
            "taxes_id": [(5,)],
            "invoice_policy": "delivery",
        }

    def _unit(self, name: str) -> Any:
        if name not in self._units:
            known = ODOO_UNITS.get(name)
            unit = self._env.ref(known) if known else self._env["uom.uom"].create({"name": name})
            self._units[name] = unit
        return self._units[name]

    # Who buys

    def customers(self) -> None:
        lists = {name: self._price_list(name) for name in self._data["company"]["price_lists"]}
        for customer in self._data["customers"]:
            partner = self._env["res.partner"].create(_partner(customer))
            partner.property_product_pricelist = lists[customer["price_list"]]
            if "credit_limit" in customer:
                partner.credit_limit = float(customer["credit_limit"])
            self._partners[customer["account"]] = partner

    def _price_list(self, name: str) -> Any:
        percent = TRADE_DISCOUNT_PERCENT if name == "Trade" else 0
        rule = {"compute_price": "formula", "base": "list_price", "price_discount": percent}
        return self._env["product.pricelist"].create({
            "name": name,
            "currency_id": self._env.company.currency_id.id,
            "item_ids": [(0, 0, {"applied_on": "3_global", **rule})],
        })

    # What lies in the warehouses

    def opening_stock(self) -> None:
        """Put in what lies there today and what the shipped orders will have taken away."""
        left = self._shipped()
        rows = []
        for item in self._all_items():
            for name, warehouse in self._warehouses.items():
                quantity = item["stock"].get(name, 0) + left[item["number"], name]
                if quantity:
                    rows.append({
                        "product_id": self._products[item["number"]].id,
                        "location_id": warehouse.lot_stock_id.id,
                        "inventory_quantity": quantity,
                    })
        quants = self._env["stock.quant"].with_context(inventory_mode=True).create(rows)
        quants.action_apply_inventory()

    def _shipped(self) -> Counter[tuple[str, str]]:
        left: Counter[tuple[str, str]] = Counter()
        for order in self._data["orders"]:
            for line in _lines_that_left(order):
                left[line["item"], order["warehouse"]] += line["quantity"]
        return left

    def receipts(self) -> None:
        source = self._env.ref("stock.stock_location_suppliers")
        rows = [
            self._receipt(item, receipt, source)
            for item in self._all_items()
            for receipt in item.get("receipts", ())
        ]
        self._env["stock.picking"].create(rows).action_confirm()

    def _receipt(self, item: dict[str, Any], receipt: dict[str, Any], source: Any) -> Any:
        warehouse = self._warehouses[receipt["warehouse"]]
        product, on = self._products[item["number"]], self._noon(receipt["in_days"])
        places = {
            "location_id": source.id,
            "location_dest_id": warehouse.lot_stock_id.id,
        }
        move = {
            "product_id": product.id,
            "product_uom_qty": receipt["quantity"],
            "product_uom": product.uom_id.id,
            "date": on,
            **places,
        }
        return {
            "picking_type_id": warehouse.in_type_id.id,
            "scheduled_date": on,
            "move_ids": [(0, 0, move)],
            **places,
        }

    def _all_items(self) -> list[dict[str, Any]]:
        return [item for family in self._data["items"].values() for item in family]

    # What was ordered

    def orders(self) -> None:
        orders = self._data["orders"]
        sales = self._env["sale.order"].create([self._sale(order) for order in orders])
        pairs = list(zip(orders, sales, strict=True))
        self._bring_to_their_states(pairs)
        for order, sale in pairs:
            if "shipped" in order:
                self._ship(order, sale)
        self._env.flush_all()
        for order, sale in pairs:  # confirming sets the date of the order to now
            sale.date_order = self._noon(-order["ordered"])
            if "ship_in" in order:
                still = sale.picking_ids.filtered(lambda picking: picking.state != "done")
                still.scheduled_date = self._noon(order["ship_in"])
                still.move_ids.date_deadline = self._noon(order["ship_in"])

    def _sale(self, order: dict[str, Any]) -> dict[str, Any]:
        lines = [
            {"product_id": self._products[line["item"]].id, "product_uom_qty": line["quantity"]}
            for line in order["lines"]
        ]
        values = {
            "partner_id": self._partners[order["customer"]].id,
            "warehouse_id": self._warehouses[order["warehouse"]].id,
            "order_line": [(0, 0, line) for line in lines],
        }
        if order["number"]:
            values["name"] = order["number"]
        if "ship_in" in order:
            values["commitment_date"] = self._noon(order["ship_in"])
        return values

    def _bring_to_their_states(self, pairs: list[tuple[dict[str, Any], Any]]) -> None:
        for order, sale in pairs:
            state = order["state"]
            if state in ("processing", "partly", "shipped"):
                sale.action_confirm()
            elif state == "confirmed":
                # As with orders that a planner still has to give to the warehouse.
                sale.write({"state": "sale"})
            elif state == "quotation":
                sale.action_quotation_sent()
            elif state == "cancelled":
                sale.action_quotation_sent()
                sale.action_cancel()

    def _ship(self, order: dict[str, Any], sale: Any) -> None:
        """Ship all of an order, or its first line only: Odoo makes a backorder of the rest."""
        picking = sale.picking_ids
        picking.ensure_one()
        leaving = {self._products[line["item"]] for line in _lines_that_left(order)}
        for move in picking.move_ids:
            if move.product_id in leaving:
                move.quantity = move.product_uom_qty
                move.picked = True
        picking.write({
            "carrier_id": self._carrier(order["carrier"]).id,
            "carrier_tracking_ref": order["reference"],
        })
        picking._action_done()
        on = self._noon(-order["shipped"])
        picking.write({"date_done": on})
        picking.move_ids.write({"date": on, "date_deadline": on})
        sale.picking_ids.filtered(lambda other: other.state != "done").carrier_id = False

    def _carrier(self, name: str) -> Any:
        if name not in self._carriers:
            product = self._env["product.product"].create({"name": name, "type": "service"})
            self._carriers[name] = self._env["delivery.carrier"].create({
                "name": name, "product_id": product.id, "delivery_type": "fixed",
            })
        return self._carriers[name]

    # What is owed

    def invoices(self) -> None:
        rows = [
            self._invoice(self._partners[customer["account"]], invoice)
            for customer in self._data["customers"]
            for invoice in customer.get("invoices", ())
        ]
        self._env["account.move"].create(rows).action_post()

    def _invoice(self, partner: Any, invoice: dict[str, Any]) -> dict[str, Any]:
        amount, due_in = float(invoice["amount"]), invoice["due_in"]
        line = {"name": "goods", "quantity": 1, "price_unit": abs(amount), "tax_ids": [(5,)]}
        return {
            "move_type": "out_refund" if amount < 0 else "out_invoice",
            "partner_id": partner.id,
            "invoice_date": self._day(due_in - INVOICE_AGE_DAYS),
            "invoice_payment_term_id": False,
            "invoice_date_due": self._day(due_in),
            "invoice_line_ids": [(0, 0, line)],
        }

    # Where tasks go

    def project(self) -> None:
        stages = [(0, 0, {"name": name}) for name in ("To do", "Done")]
        self._env["project.project"].create(
            {"name": PROJECT, "privacy_visibility": "employees", "type_ids": stages}
        )

    # Who may look

    def user(self) -> None:
        """Make the product's user: it reads what the calls need, adds tasks, and no more."""
        env = self._env
        readonly = env.ref("account.group_account_readonly")
        group = env["res.groups"].create({
            "name": GROUP,
            "implied_ids": [(6, 0, [env.ref("base.group_user").id, readonly.id])],
        })
        wanted = (*READ_ONLY_MODELS, *ADD_ONLY_MODELS)
        models = env["ir.model"].search([("model", "in", wanted)])
        env["ir.model.access"].create([_access(model, group) for model in models])
        self._let_ask_for_prices(group)
        env["res.users"].create({
            "name": "Orderline", "login": LOGIN, "group_ids": [(6, 0, [group.id])]
        })

    def _let_ask_for_prices(self, group: Any) -> None:
        """Odoo reckons a price in an unsaved order line, for those only who may create lines.

        The rule beside that right matches no line, so that none can be saved.
        """
        lines = self._env["ir.model"].search([("model", "=", "sale.order.line")])
        self._env["ir.model.access"].search([
            ("model_id", "=", lines.id), ("group_id", "=", group.id)
        ]).perm_create = True
        self._env["ir.rule"].create({
            "name": "Orderline saves no line",
            "model_id": lines.id,
            "groups": [(4, group.id)],
            "domain_force": "[(0, '=', 1)]",
            "perm_read": False,
            "perm_write": True,
            "perm_create": True,
            "perm_unlink": True,
        })


def _partner(customer: dict[str, Any]) -> dict[str, Any]:
    people = [
        {"name": phone["person"], "phone": phone["number"], "type": "contact"}
        for phone in customer["phones"]
        if "person" in phone
    ]
    own = [phone["number"] for phone in customer["phones"] if "person" not in phone]
    return {
        "name": customer["name"],
        "ref": customer["account"],
        "is_company": True,
        "customer_rank": 1,
        "phone": own[0] if own else False,
        "child_ids": [(0, 0, person) for person in people],
    }


def _lines_that_left(order: dict[str, Any]) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = order["lines"]
    return {"shipped": lines, "partly": lines[:1]}.get(order["state"], [])


def _access(model: Any, group: Any) -> dict[str, Any]:
    return {
        "name": f"orderline: {model.model}",
        "model_id": model.id,
        "group_id": group.id,
        "perm_read": True,
        "perm_write": False,
        "perm_create": model.model in ADD_ONLY_MODELS,
        "perm_unlink": False,
    }
