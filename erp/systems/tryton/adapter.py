"""What the Tryton profile can't say: warehouses above locations, progress of sales, price lists.

The map of the locations changes with the company's organisation, not with its business, so it is
kept; it is read again when a move names a location that is not on it. Nothing else is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import ClassVar

from erp.connectors.engine import RawRow, Value
from erp.errors import UnreadableAnswer
from erp.systems.adapter import Fetch, RefineContext, Refiner
from erp.systems.tryton.rows import number
from erp.systems.tryton.sales import newest_first, told
from erp.systems.tryton.stock import ends, movements, warehouse_of


class Adapter:
    """The steps of the profile `tryton-8.2`."""

    def __init__(self, fetch: Fetch) -> None:
        self._warehouse_of: dict[int, str | None] = {}

    async def locations(
        self, rows: Sequence[RawRow], context: RefineContext
    ) -> Sequence[RawRow]:
        """Keep the map of the locations. Returns one row: how many there are.

        Raises UnreadableAnswer when a configured warehouse is none of them.
        """
        self._warehouse_of = warehouse_of(rows)
        wanted = (name.strip() for name in str(context.values.get("warehouses", "")).split(","))
        missing = sorted(set(wanted) - {"", *self._warehouse_of.values()})
        if missing:
            names = ", ".join(missing)
            raise UnreadableAnswer(f"no warehouse {names}: mend parameters.warehouses")
        return [{"count": str(len(rows))}]

    async def stock(self, rows: Sequence[RawRow], context: RefineContext) -> Sequence[RawRow]:
        """Name the warehouses: their names are translated, which Tryton takes time for."""
        known = await self._known({number(row) for row in rows}, context)
        return [{**row, "warehouse": known[number(row)]} for row in rows]

    async def moves(self, rows: Sequence[RawRow], context: RefineContext) -> Sequence[RawRow]:
        """Turn open moves into what enters and leaves the warehouses."""
        return list(movements(rows, await self._known(ends(rows), context), context.today))

    async def sales(self, rows: Sequence[RawRow], context: RefineContext) -> Sequence[RawRow]:
        """Work out what a caller is told of each sale."""
        return [told(sale) for sale in rows]

    async def newest(self, rows: Sequence[RawRow], context: RefineContext) -> Sequence[RawRow]:
        """Put the newest sales first; one without a date, not yet quoted, counts from its making.

        Tryton gives those without a date first: where there is one, newer ones with a date may be
        missing, and are asked for.
        """
        limit = context.values.get("limit", 1)
        if not isinstance(limit, int):
            raise UnreadableAnswer("a limit that is no whole number")
        if any(sale.get("sale_date") is None for sale in rows):
            rows = [*rows, *await context.fetch("dated_sales", limit=limit)]
        return [told(sale) for sale in newest_first(rows)[:limit]]

    async def price(self, rows: Sequence[RawRow], context: RefineContext) -> Sequence[RawRow]:
        """Ask the price by the customer's price list; by that of all customers when it has none."""
        for customer in rows:
            price_list = _list_of(customer)
            if price_list is None:
                general = await context.fetch("general_price_list")
                price_list = _list_of(general[0]) if general else None
            return await self._prices(context, price_list)
        return ()

    async def _known(
        self, locations: Set[int], context: RefineContext
    ) -> Mapping[int, str | None]:
        """Return the map, with all of these locations on it."""
        if not locations <= self._warehouse_of.keys():
            fresh = warehouse_of(await context.fetch("locations"))
            # Not there even now, as after a deletion: outside of every warehouse.
            unseen: dict[int, str | None] = dict.fromkeys(locations)
            self._warehouse_of = unseen | fresh
        return self._warehouse_of

    async def _prices(
        self, context: RefineContext, price_list: int | None
    ) -> Sequence[RawRow]:
        """Ask the price for the unit in which the item is counted."""
        asked: dict[str, Value] = {"price_list": price_list}
        products = await context.fetch("product_price", **asked, unit=None)
        if products and products[0].get("sale_uom") != products[0].get("default_uom"):
            unit = number(products[0], "default_uom")
            products = await context.fetch("product_price", **asked, unit=unit)
        return [product for product in products if product.get("sale_price_uom") is not None]

    REFINERS: ClassVar[dict[str, Refiner]] = {
        "locations": locations,
        "stock": stock,
        "moves": moves,
        "sales": sales,
        "newest": newest,
        "price": price,
    }


def _list_of(row: RawRow) -> int | None:
    return None if row.get("sale_price_list") is None else number(row, "sale_price_list")
