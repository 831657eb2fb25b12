"""Tryton 8 as a business system: the operations of `erp.port.ErpPort`, over JSON-RPC.

    connector ---> tryton_company (time zone, warehouses) ---> tryton_rpc (session, retries,
        |                                                      errors) ---> HTTP
        +--------> tryton_values (tagged values, rows), tryton_stock (projection),
                   tryton_orders (states), phone_numbers (spellings): pure

It reads and never writes. It caches no answer: only the company's time zone and the map of its
locations are kept, and the map is read again when a move names a location that it does not know.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TypeVar

from erp.connectors import phone_numbers
from erp.connectors.tryton_company import Company, CompanyBook, both
from erp.connectors.tryton_orders import SALE_FIELDS, order_status, ordered_on
from erp.connectors.tryton_rpc import TrytonRpc
from erp.connectors.tryton_settings import TrytonSettings
from erp.connectors.tryton_stock import (
    MOVE_FIELDS,
    OPEN_STATES,
    Flow,
    flows,
    lowest,
    receipts,
)
from erp.connectors.tryton_values import Row, UnreadableAnswer, rows
from erp.deadline import Deadline
from erp.errors import ErpError
from erp.model import (
    Availability,
    Customer,
    Item,
    NotFound,
    OrderStatus,
    Quantity,
    Receipt,
    Source,
    WarehouseStock,
)

__all__ = ["TrytonConnector", "TrytonSettings"]

_log = logging.getLogger(__name__)

SYSTEM = "tryton"
ITEM_NUMBER_MAX = 64
"""Longest item number, in characters, that is looked for."""

MOVES_MAX = 2000
"""Most open moves of one item; with more, its projection would be wrong, and is refused."""

CONTACTS_MAX = 200
"""Most contacts whose numbers end in the same digits."""

RELATED_MAX = 200
"""Most lines and deliveries of one order."""

_Result = TypeVar("_Result")


class TrytonConnector:
    """One Tryton database behind `erp.port.ErpPort`. Belongs to one event loop."""

    def __init__(
        self,
        settings: TrytonSettings,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._settings = settings
        self._now = now
        self._rpc = TrytonRpc(settings, SYSTEM)
        self._book = CompanyBook(self._rpc, settings.warehouses)

    @property
    def system(self) -> str:
        """Name of the configured system."""
        return SYSTEM

    async def open(self, deadline: Deadline) -> None:
        """Connect, log in, and learn what the later operations need."""

        async def work() -> None:
            await self._book.company(deadline)
            # Two connections: availability asks two questions at once.
            await both(self._book.ask_today(deadline), self._book.ask_today(deadline))

        await self._rpc.within("open", deadline, work)

    async def close(self) -> None:
        """Close every connection. May be called twice."""
        await self._rpc.close()

    async def ping(self, deadline: Deadline) -> None:
        """Ask for Tryton's own date with our login."""

        async def work() -> str:
            await self._book.ask_today(deadline)
            return ""

        await self._query("ping", deadline, work, lambda record: record)

    async def find_item(self, number: str, deadline: Deadline) -> Item | NotFound:
        """Return the item whose code is this number, without regard to case."""

        async def work() -> Item | NotFound:
            wanted = number.strip()
            found: tuple[Row, ...] = ()
            if 0 < len(wanted) <= ITEM_NUMBER_MAX:
                found = await self._rpc.search(
                    "product.product",
                    [["code", "ilike", _escaped(wanted)]],
                    ("code", "template.name", "template.default_uom.name"),
                    deadline,
                )
            if not found:
                return NotFound(f"item {wanted}", self._source("find_item", ""))
            return self._item(found[0])

        return await self._query("find_item", deadline, work, _record_of)

    async def availability(self, item: Item, on: date, deadline: Deadline) -> Availability:
        """Return the available-to-promise of an item at a date; a date in the past is today."""

        async def work() -> Availability:
            company = await self._book.company(deadline)
            product = _number(item.record_id)
            on_hand, moves = await both(
                self._on_hand(company, product, deadline),
                self._open_moves(product, deadline),
            )
            company = await self._book.with_locations(_ends(moves), deadline)
            return self._availability(item, on, company, on_hand, moves)

        return await self._query("availability", deadline, work, _record_of)

    async def customers_by_phone(self, number: str, deadline: Deadline) -> tuple[Customer, ...]:
        """Return every contact with this telephone number, in any spelling of it."""

        async def work() -> tuple[Customer, ...]:
            last = phone_numbers.search_digits(number, self._settings.calling_code)
            if not last:
                # Nobody has such a number; but "nobody" must not be said of a system that is down.
                await self._book.ask_today(deadline)
                return ()
            found = await self._rpc.search(
                "party.contact_mechanism",
                [
                    ["type", "in", ["phone", "mobile"]],
                    ["value", "like", "%" + "%".join(last) + "%"],
                    ["party.active", "=", True],
                ],
                ("value", "name", "party.code", "party.name"),
                deadline,
                limit=CONTACTS_MAX,
            )
            return self._customers(number, found)

        return await self._query("customers_by_phone", deadline, work, _records_of_customers)

    async def last_order(self, customer: Customer, deadline: Deadline) -> OrderStatus | NotFound:
        """Return the newest sale of the customer's account."""

        async def work() -> OrderStatus | NotFound:
            sale = await self._newest_sale(_number(customer.record_id), deadline)
            if sale is None:
                return NotFound("an order of this account", self._source("last_order", ""))
            record = f"sale.sale,{sale.identifier()}"
            return order_status(sale, self._source("last_order", record))

        return await self._query("last_order", deadline, work, _record_of)

    # Asking

    async def _query(
        self,
        operation: str,
        deadline: Deadline,
        work: Callable[[], Awaitable[_Result]],
        record: Callable[[_Result], str],
    ) -> _Result:
        """Do the work of one operation by the deadline, and log one line about it."""
        loop = asyncio.get_running_loop()
        begin_s = loop.time()

        def log(level: int, about: str, ending: str) -> None:
            elapsed_ms = (loop.time() - begin_s) * 1000
            _log.log(
                level, "query system=%s operation=%s record=%s live=yes ms=%.1f result=%s",
                SYSTEM, operation, about or "-", elapsed_ms, ending,
            )

        try:
            result = await self._rpc.within(operation, deadline, work)
        except ErpError as error:
            log(logging.WARNING, "", error.reason.value)
            raise
        log(logging.INFO, record(result), "ok")
        return result

    def _source(self, operation: str, record: str) -> Source:
        return Source(SYSTEM, operation, record, self._now())

    # Items and stock

    def _item(self, row: Row) -> Item:
        template = row.row("template")
        return Item(
            record_id=str(row.identifier()),
            number=row.text("code"),
            name=template.text("name"),
            unit=template.row("default_uom").text("name"),
            source=self._source("find_item", f"product.product,{row.identifier()}"),
        )

    async def _on_hand(
        self, company: Company, product: int, deadline: Deadline
    ) -> dict[int, Decimal]:
        """Return what lies in each warehouse now, in the item's own unit."""
        found = await self._rpc.read(
            "model.stock.location.read",
            list(company.warehouses), ["quantity"],
            {"company": company.number, "product": product},
            deadline=deadline,
        )
        return {row.identifier(): row.amount("quantity") for row in rows(found)}

    async def _open_moves(self, product: int, deadline: Deadline) -> tuple[Row, ...]:
        moves = await self._rpc.search(
            "stock.move",
            [["product", "=", product], ["state", "in", list(OPEN_STATES)]],
            MOVE_FIELDS,
            deadline,
            limit=MOVES_MAX,
        )
        if len(moves) == MOVES_MAX:
            raise UnreadableAnswer(f"{MOVES_MAX} open moves of one item, or more")
        return moves

    def _availability(
        self,
        item: Item,
        on: date,
        company: Company,
        on_hand: dict[int, Decimal],
        moves: Iterable[Row],
    ) -> Availability:
        today = company.today(self._now())
        wanted = max(on, today)
        mine = {
            location: warehouse if warehouse in company.warehouses else None
            for location, warehouse in company.warehouse_of.items()
        }
        found = flows(moves, mine, today)

        def promised(stock: Decimal, of: Iterable[Flow]) -> Quantity:
            return Quantity(max(Decimal(0), lowest(stock, of, wanted)), item.unit)

        warehouses = tuple(
            WarehouseStock(
                name,
                promised(
                    on_hand.get(number, Decimal(0)),
                    (flow for flow in found if flow.warehouse == number),
                ),
            )
            for number, name in company.warehouses.items()
        )
        return Availability(
            item=item,
            on=wanted,
            available=promised(sum(on_hand.values(), Decimal(0)), found),
            warehouses=warehouses,
            incoming=tuple(
                Receipt(day, Quantity(amount, item.unit))
                for day, amount in receipts(found, company.warehouses, today)
            ),
            source=self._source("availability", f"product.product,{item.record_id}"),
        )

    # Customers and orders

    def _customers(self, number: str, found: Iterable[Row]) -> tuple[Customer, ...]:
        code = self._settings.calling_code
        customers: dict[tuple[int, str], Customer] = {}
        for row in found:
            party = row.row("party")
            key = (party.identifier(), row.text("name"))
            if phone_numbers.same(number, row.text("value"), code):
                customers.setdefault(key, self._customer(party, row.text("name")))
        return tuple(customers.values())

    def _customer(self, party: Row, contact: str) -> Customer:
        record = f"party.party,{party.identifier()}"
        return Customer(
            record_id=str(party.identifier()),
            account=party.text("code"),
            name=party.text("name"),
            contact=contact,
            source=self._source("customers_by_phone", record),
        )

    async def _newest_sale(self, party: int, deadline: Deadline) -> Row | None:
        """Return the newest sale; one without a date, not yet quoted, counts from its making."""
        newest = await self._sales([["party", "=", party]], deadline)
        if not newest or newest[0].has("sale_date"):
            return newest[0] if newest else None
        dated = await self._sales([["party", "=", party], ["sale_date", "!=", None]], deadline)
        return max((*newest, *dated), key=ordered_on)

    async def _sales(self, domain: list[object], deadline: Deadline) -> tuple[Row, ...]:
        return await self._rpc.search(
            "sale.sale", domain, SALE_FIELDS, deadline,
            order=(("sale_date", "DESC NULLS FIRST"), ("id", "DESC")),
            related_read_limit=RELATED_MAX,
        )


def _escaped(text: str) -> str:
    """Return a text that `ilike` matches literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _number(record_id: str) -> int:
    if not record_id.isascii() or not record_id.isdigit():
        raise UnreadableAnswer("a record of another system")
    return int(record_id)


def _ends(moves: Iterable[Row]) -> set[int]:
    """Return every location that a move names."""
    return {move.identifier(end) for move in moves for end in ("from_location", "to_location")}


def _record_of(result: Item | Availability | OrderStatus | NotFound) -> str:
    return result.source.record


def _records_of_customers(result: tuple[Customer, ...]) -> str:
    return "+".join(customer.source.record for customer in result)
