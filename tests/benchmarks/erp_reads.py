"""How long each ERP operation takes: the Tryton connector against a Tryton of its own.

    python -m tests.benchmarks.erp_reads [--rounds N] [--json FILE]

Every operation is timed at 1 and at 4 callers at once, each caller with random items, dates and
customers. Times are wall-clock milliseconds as the dialogue sees them, connection already open.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path

from erp.connectors.tryton import TrytonConnector, TrytonSettings
from erp.deadline import Deadline
from erp.model import Item
from erp.secrets import Secret
from tests.rig import tryton
from tests.rig.tryton import Launch, demo_data

BUDGET_S = 10.0
AT_ONCE = (1, 4)
SEED = 4521

Operation = Callable[[TrytonConnector, random.Random, Deadline], Awaitable[object]]


async def _ping(erp: TrytonConnector, chance: random.Random, deadline: Deadline) -> object:
    await erp.ping(deadline)
    return None


async def _find_item(erp: TrytonConnector, chance: random.Random, deadline: Deadline) -> object:
    return await erp.find_item(chance.choice(NUMBERS), deadline)


async def _availability(erp: TrytonConnector, chance: random.Random, deadline: Deadline) -> object:
    found = await erp.find_item(chance.choice(NUMBERS), deadline)
    assert isinstance(found, Item)
    on = date.today() + timedelta(days=chance.randrange(40))
    return await erp.availability(found, on, deadline)


async def _customers_by_phone(
    erp: TrytonConnector, chance: random.Random, deadline: Deadline
) -> object:
    return await erp.customers_by_phone(chance.choice(PHONES), deadline)


async def _last_order(erp: TrytonConnector, chance: random.Random, deadline: Deadline) -> object:
    customers = await erp.customers_by_phone(chance.choice(PHONES), deadline)
    return await erp.last_order(customers[0], deadline)


OPERATIONS: dict[str, Operation] = {
    "ping": _ping,
    "find_item": _find_item,
    "find_item + availability": _availability,
    "customers_by_phone": _customers_by_phone,
    "customers_by_phone + last_order": _last_order,
}

_DEMO = demo_data()
NUMBERS = [item["number"] for family in _DEMO["items"].values() for item in family]
PHONES = [customer["phones"][0]["number"] for customer in _DEMO["customers"]]


async def _timed(
    erp: TrytonConnector, operation: Operation, callers: int, rounds: int
) -> list[float]:
    """Return the milliseconds of each call, shortest first."""
    loop = asyncio.get_running_loop()
    times_ms: list[float] = []

    async def caller(number: int) -> None:
        chance = random.Random(SEED + number)
        for _ in range(rounds):
            begin_s = loop.time()
            await operation(erp, chance, Deadline.after(begin_s, BUDGET_S))
            times_ms.append((loop.time() - begin_s) * 1000)

    await asyncio.gather(*(caller(number) for number in range(callers)))
    return sorted(times_ms)


async def _measure(launch: Launch, rounds: int) -> list[dict[str, object]]:
    erp = TrytonConnector(
        TrytonSettings(launch.url, launch.database, launch.user, Secret(launch.password))
    )
    table: list[dict[str, object]] = []
    try:
        await erp.open(Deadline.after(asyncio.get_running_loop().time(), BUDGET_S))
        for name, operation in OPERATIONS.items():
            for callers in AT_ONCE:
                await _timed(erp, operation, callers, 2)
                times_ms = await _timed(erp, operation, callers, rounds)
                row: dict[str, object] = {
                    "operation": name,
                    "callers": callers,
                    "p50_ms": round(times_ms[len(times_ms) // 2], 1),
                    "p95_ms": round(times_ms[int(len(times_ms) * 0.95)], 1),
                }
                table.append(row)
                print(
                    "{operation:34} {callers} at once  p50 {p50_ms:6} ms  p95 {p95_ms:6} ms".format(
                        **row
                    ),
                    flush=True,
                )
    finally:
        await erp.close()
    return table


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="calls of each caller")
    parser.add_argument("--json", type=Path, help="write the table there as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, tryton.served(Path(folder)) as launch:
        table = asyncio.run(_measure(launch, options.rounds))
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
