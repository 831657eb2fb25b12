"""What the gateway itself costs: its overhead on each question, at 200 questions a second.

    python -m tests.benchmarks.gateway [--seconds N] [--rate N] [--runs N] [--json FILE]

The connector notes when each question reaches it and when its answer leaves it. The overhead of a
question is the whole time that the asker waited, less that: what happened before the connector
began and after it ended, on the same question, so nothing of two different questions is compared.
It holds the waits for the event loop's next turn, which every way pays that makes a task.

Four ways are asked in turns, a second each, so that all see the same machine: the connector alone,
tenacity alone, the breaker alone (pybreaker, around the await), and the gateway with everything
on. Questions come at random times (the same for each way), as calls do, whether or not the former
are answered, from 20 calls that take turns; no two are equal, so single flight and cache never
spare one. At even times, 5 ms apart, an answer after 5 ms would always meet the next question.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar, cast

import pybreaker

from erp.connector import Attempt, Capabilities, LockStrength, RollbackKind
from erp.deadline import Deadline
from erp.gateway import Gateway, retries
from erp.gateway.hops import percentile
from erp.model import Item, NotFound, Source
from erp.operations import READS
from erp.queries import FindItem, Query
from erp.settings import GatewaySettings
from erp.trace import Trace

R = TypeVar("R")

BUDGET_S = 2.0
CALLS = 20
SLICE_S = 1.0
WARM_UP = 50
READ_AT = datetime(2026, 11, 21, tzinfo=timezone.utc)
ANSWER = Item("1", "1001", "Item", "Unit", Source("one", "find_item", "1", READ_AT))

Way = Callable[[FindItem, int, Deadline], Awaitable[object]]


class Immediate:
    """A connector that answers after so many seconds, and knows how long each question took."""

    def __init__(self, answer_s: float) -> None:
        self._answer_s = answer_s
        self.inside_s: dict[str, float] = {}
        self.capabilities = Capabilities(
            "one", "bench 1", dict.fromkeys(READS, 5.0), LockStrength.NONE, RollbackKind.NONE
        )

    async def open(self, deadline: Deadline, trace: Trace | None = None) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    async def tend(self, deadline: Deadline) -> None:
        """Nothing to do."""

    async def ask(self, query: Query[R], attempt: Attempt) -> R:
        clock = asyncio.get_running_loop().time
        begin_s = clock()
        await asyncio.sleep(self._answer_s)
        assert isinstance(query, FindItem)
        self.inside_s[query.number] = clock() - begin_s
        return cast(R, ANSWER)


def _bare(connector: Immediate) -> Way:
    async def ask(query: FindItem, call: int, deadline: Deadline) -> object:
        return await connector.ask(query, Attempt(deadline, Trace("one", "find_item")))

    return ask


def _tenacity(connector: Immediate) -> Way:
    policy = retries.reads(3, asyncio.get_running_loop().time)

    async def attempt(deadline: Deadline, query: FindItem) -> Item | NotFound:
        return await connector.ask(query, Attempt(deadline, Trace("one", "find_item")))

    async def ask(query: FindItem, call: int, deadline: Deadline) -> object:
        answer: object = await policy(cast(Any, attempt), deadline, query)
        return answer

    return ask


def _breaker(connector: Immediate) -> Way:
    breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=5)

    async def ask(query: FindItem, call: int, deadline: Deadline) -> object:
        with breaker.calling():
            return await connector.ask(query, Attempt(deadline, Trace("one", "find_item")))

    return ask


async def _paced(
    way: Way, connector: Immediate, count: int, rate: float, offset: int
) -> list[float]:
    """Return the overhead of each of so many questions, in milliseconds."""
    loop = asyncio.get_running_loop()
    overhead_ms: list[float] = []

    async def question(number: int) -> None:
        query = FindItem(str(number))
        begin_s = loop.time()
        await way(query, number % CALLS, Deadline.after(begin_s, BUDGET_S))
        took_s = loop.time() - begin_s
        overhead_ms.append((took_s - connector.inside_s.pop(query.number)) * 1000)

    # Seeded by the length only: all ways get their questions at the same times.
    chance = random.Random(count)
    due_s = loop.time()
    tasks = []
    for place in range(count):
        due_s += chance.expovariate(rate)
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        tasks.append(loop.create_task(question(offset + place)))
    await asyncio.gather(*tasks)
    return overhead_ms


async def _compare(answer_s: float, seconds: float, rate: float) -> dict[str, list[float]]:
    """Return the overheads of each way, in milliseconds, smallest first."""
    connector = Immediate(answer_s)
    door = Gateway(GatewaySettings(), lambda: {"one": connector})
    await door.open(Deadline.after(asyncio.get_running_loop().time(), BUDGET_S))
    contexts = [door.for_call(f"call {number}") for number in range(CALLS)]
    ports = [await context.__aenter__() for context in contexts]

    async def through(query: FindItem, call: int, deadline: Deadline) -> object:
        return await ports[call].find_item(query.number, deadline)

    ways: dict[str, Way] = {
        "connector alone": _bare(connector),
        "tenacity alone": _tenacity(connector),
        "breaker alone": _breaker(connector),
        "gateway": through,
    }
    overheads: dict[str, list[float]] = {name: [] for name in ways}
    offset, count = 0, int(SLICE_S * rate)
    for way in ways.values():
        await _paced(way, connector, WARM_UP, rate, offset)
        offset += WARM_UP
    for _ in range(round(seconds / SLICE_S)):
        for name, way in ways.items():
            overheads[name] += await _paced(way, connector, count, rate, offset)
            offset += count
    for context in contexts:
        await context.__aexit__(None, None, None)
    await door.close()
    return {name: sorted(times) for name, times in overheads.items()}


def _report(answer_s: float, runs: list[dict[str, list[float]]]) -> list[dict[str, object]]:
    """Print and return the medians of the runs' percentiles."""
    rows: list[dict[str, object]] = []
    for name in runs[0]:
        row: dict[str, object] = {"answer_ms": answer_s * 1000, "way": name}
        for part in (0.5, 0.95, 0.99):
            values = [percentile(run[name], part) for run in runs]
            row[f"p{round(part * 100)}_ms"] = round(statistics.median(values), 3)
        row["n"] = len(runs[0][name])
        rows.append(row)
        print(
            "answer in {answer_ms} ms  {way:16} n {n:5}  p50 {p50_ms:5}  p95 {p95_ms:5}  "
            "p99 {p99_ms:5} ms".format_map(row),
            flush=True,
        )
    return rows


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description="The gateway's own overhead")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each way and run")
    parser.add_argument("--rate", type=float, default=200.0, help="questions a second")
    parser.add_argument("--runs", type=int, default=1, help="medians of so many runs are told")
    parser.add_argument("--json", type=Path, help="write the table there as well")
    options = parser.parse_args()
    table: list[dict[str, object]] = []
    for answer_s in (0.0, 0.005):
        runs = [
            asyncio.run(_compare(answer_s, options.seconds, options.rate))
            for _ in range(options.runs)
        ]
        table += _report(answer_s, runs)
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
