"""How long each read takes: configured connectors against real systems of their own.

    python -m tests.benchmarks.erp_reads [--system tryton ...] [--rounds N] [--json FILE]

Every operation is timed at 1 and at 4 callers at once, each caller with random items, dates and
customers. Times are wall-clock milliseconds as the gateway sees them, connection already open,
with what an operation needs (its item, its customer) already read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from asterisk_agi import config
from erp.connector import Attempt, Connector
from erp.connectors.configured import ConfiguredConnector
from erp.deadline import Deadline
from erp.model import Customer, Item
from erp.profiles import load
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
from erp.settings import SystemSettings
from erp.trace import Trace
from tests.rig import demo_company as demo
from tests.rig.erp_systems import KINDS, served

BUDGET_S = 10.0
AT_ONCE = (1, 4)
SEED = 4521
WARM_UP_ROUNDS = 2


@dataclass(frozen=True)
class Known:
    """What the callers ask about: read once, before the clock runs."""

    items: tuple[Item, ...]
    customers: tuple[Customer, ...]

    def item(self, chance: random.Random) -> Item:
        return chance.choice(self.items)

    def customer(self, chance: random.Random) -> Customer:
        return chance.choice(self.customers)

    def order(self, chance: random.Random) -> tuple[Customer, str]:
        """Return an order's customer and number."""
        order = chance.choice([order for order in demo.orders() if order.number])
        account = order.values["customer"]
        return next(one for one in self.customers if one.account == account), order.number


Ask = Callable[[Known, random.Random], Query[Any]]

OPERATIONS: dict[str, Ask] = {
    "ping": lambda known, chance: Ping(),
    "find_item": lambda known, chance: FindItem(known.item(chance).number),
    "availability": lambda known, chance: AvailabilityOf(
        known.item(chance), date.today() + timedelta(days=chance.randrange(40))
    ),
    "price": lambda known, chance: PriceFor(
        known.item(chance), known.customer(chance), Decimal(chance.randrange(1, 100))
    ),
    "order_status": lambda known, chance: OrderStatusOf(*known.order(chance)),
    "last_order": lambda known, chance: LastOrderOf(known.customer(chance)),
    "order_history": lambda known, chance: OrderHistoryOf(known.customer(chance)),
    "tracking": lambda known, chance: TrackingOf(*known.order(chance)),
    "balance": lambda known, chance: BalanceOf(known.customer(chance)),
    "customers_by_phone": lambda known, chance: CustomersByPhone(
        chance.choice(demo.data()["customers"])["phones"][0]["number"]
    ),
    "customer_by_account": lambda known, chance: CustomerByAccount(known.customer(chance).account),
    "customers_by_name": lambda known, chance: CustomersByName(
        known.customer(chance).name.split()[0]
    ),
}


class Bench:
    """Asks one opened connector, and times it."""

    def __init__(self, system: str, erp: Connector) -> None:
        self._system = system
        self._erp = erp

    async def ask(self, query: Query[Any]) -> Any:
        deadline = Deadline.after(asyncio.get_running_loop().time(), BUDGET_S)
        return await self._erp.ask(query, Attempt(deadline, Trace(self._system, query.operation)))

    async def known(self) -> Known:
        items = [await self.ask(FindItem(item["number"])) for item in demo.items()]
        accounts = [customer["account"] for customer in demo.data()["customers"]]
        customers = [await self.ask(CustomerByAccount(account)) for account in accounts]
        return Known(tuple(items), tuple(customers))

    async def timed(self, known: Known, query: Ask, callers: int, rounds: int) -> list[float]:
        """Return the milliseconds of each call, shortest first."""
        loop = asyncio.get_running_loop()
        times_ms: list[float] = []

        async def caller(number: int) -> None:
            chance = random.Random(SEED + number)
            for _ in range(rounds):
                asked = query(known, chance)
                begin_s = loop.time()
                await self.ask(asked)
                times_ms.append((loop.time() - begin_s) * 1000)

        await asyncio.gather(*(caller(number) for number in range(callers)))
        return sorted(times_ms)


async def _measure(system: str, settings: SystemSettings, rounds: int) -> list[dict[str, object]]:
    erp = ConfiguredConnector(system, settings, load(settings.profile))
    bench = Bench(system, erp)
    table: list[dict[str, object]] = []
    try:
        await erp.open(Deadline.after(asyncio.get_running_loop().time(), BUDGET_S))
        known = await bench.known()
        for operation, query in OPERATIONS.items():
            for callers in AT_ONCE:
                await bench.timed(known, query, callers, WARM_UP_ROUNDS)
                times_ms = await bench.timed(known, query, callers, rounds)
                row = _row(system, operation, callers, times_ms)
                table.append(row)
                print(LINE.format(**row), flush=True)
    finally:
        await erp.close()
    return table


LINE = "{system:10} {operation:20} {callers} at once  p50 {p50_ms:6} ms  p95 {p95_ms:6} ms"


def _row(system: str, operation: str, callers: int, times_ms: list[float]) -> dict[str, object]:
    return {
        "system": system,
        "operation": operation,
        "callers": callers,
        "p50_ms": round(times_ms[len(times_ms) // 2], 1),
        "p95_ms": round(times_ms[int(len(times_ms) * 0.95)], 1),
    }


def _measured(kind: str, rounds: int) -> list[dict[str, object]]:
    with tempfile.TemporaryDirectory() as folder, served(kind, Path(folder)) as section:
        settings = config.build(SystemSettings, section, f"systems.{kind}")
        return asyncio.run(_measure(kind, settings, rounds))


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--system", choices=KINDS, action="append", help="default: all of them")
    parser.add_argument("--rounds", type=int, default=50, help="calls of each caller")
    parser.add_argument("--json", type=Path, help="write the table there as well")
    options = parser.parse_args()
    table = [row for kind in options.system or KINDS for row in _measured(kind, options.rounds)]
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
