"""What the Tryton connector knows of the company itself: its number, time zone and warehouses.

These change with the company's organisation, not with its business, so they are read once. The
map of the locations is read again when a move names a location that is not on it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Collection, Coroutine, Iterable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from erp.connectors.tryton_rpc import TrytonRpc
from erp.connectors.tryton_stock import warehouse_map
from erp.connectors.tryton_values import Row, UnreadableAnswer
from erp.deadline import Deadline

_log = logging.getLogger(__name__)

LOCATIONS_MAX = 20_000
"""Most locations of a company: each bin of a warehouse is one."""

_One = TypeVar("_One")
_Other = TypeVar("_Other")


@dataclass(frozen=True)
class Company:
    """The company that our user works for."""

    number: int
    zone: tzinfo | None
    """None when Tryton does not say: then this machine's own time zone counts."""
    warehouses: dict[int, str]
    """Names of the warehouses whose stock is promised, by their number."""
    warehouse_of: dict[int, int | None]
    """The warehouse in which each location lies; None outside of all."""

    def today(self, now: datetime) -> date:
        """Return the company's own date. now: aware."""
        return now.astimezone(self.zone).date()


class CompanyBook:
    """Reads the company when it is first needed, and keeps it. All within `TrytonRpc.within`."""

    def __init__(self, rpc: TrytonRpc, warehouses: Collection[str]) -> None:
        self._rpc = rpc
        self._wanted = warehouses
        self._company: Company | None = None
        self._lock = asyncio.Lock()

    async def company(self, deadline: Deadline) -> Company:
        """Return the company. Raises UnreadableAnswer when a configured warehouse is not there."""
        async with self._lock:
            if self._company is None:
                self._company = await self._read(deadline)
            return self._company

    async def with_locations(self, locations: Collection[int], deadline: Deadline) -> Company:
        """Return the company, all these locations on its map."""
        company = await self.company(deadline)
        if all(location in company.warehouse_of for location in locations):
            return company
        fresh = warehouse_map(await self._locations(deadline))
        unseen: dict[int, int | None] = dict.fromkeys(locations)
        self._company = dataclasses.replace(company, warehouse_of=unseen | fresh)
        return self._company

    async def ask_today(self, deadline: Deadline) -> object:
        """Ask Tryton for its date: a trifle that needs our login."""
        company = await self.company(deadline)
        return await self._rpc.read(
            "model.ir.date.today", {"company": company.number}, deadline=deadline
        )

    async def _read(self, deadline: Deadline) -> Company:
        preferences = Row(
            await self._rpc.read("model.res.user.get_preferences", True, {}, deadline=deadline)
        )
        number = preferences.identifier("company")
        facts, locations = await both(
            self._rpc.search("company.company", [["id", "=", number]], ["timezone"], deadline),
            self._locations(deadline),
        )
        zone = _zone(facts[0].text("timezone")) if facts else None
        return Company(number, zone, self._promised(locations), warehouse_map(locations))

    async def _locations(self, deadline: Deadline) -> tuple[Row, ...]:
        return await self._rpc.search(
            "stock.location",
            [],
            ("name", "type", "parent"),
            deadline,
            limit=LOCATIONS_MAX,
            active_test=False,
        )

    def _promised(self, locations: Iterable[Row]) -> dict[int, str]:
        """Return the configured warehouses, or all."""
        every = {
            row.identifier(): row.text("name")
            for row in locations
            if row.text("type") == "warehouse"
        }
        missing = set(self._wanted) - set(every.values())
        if missing:
            names = ", ".join(sorted(missing))
            raise UnreadableAnswer(f"no warehouse {names}: mend erp.warehouses")
        return {
            number: name
            for number, name in every.items()
            if not self._wanted or name in self._wanted
        }


async def both(
    one: Coroutine[object, object, _One], other: Coroutine[object, object, _Other]
) -> tuple[_One, _Other]:
    """Wait for two questions at once; when one fails, the other is taken back first."""
    first = asyncio.create_task(one, name="tryton-first")
    second = asyncio.create_task(other, name="tryton-second")
    try:
        return await asyncio.gather(first, second)
    finally:
        for task in (first, second):
            task.cancel()
        await asyncio.gather(first, second, return_exceptions=True)


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        _log.warning("tryton: no such time zone here: %r; using this machine's", name)
        return None
