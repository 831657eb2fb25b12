"""What the event stream costs a call: telling on the event loop, and carrying beside it.

    .venv/bin/python -m tests.benchmarks.events

Prints a table: microseconds of `tell` while the carrier works, the longest stall of the event
loop meanwhile, and how fast a backlog goes into the store (SQLite, on the disk of --folder).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from erp.events.model import CallEvent, CallIds, Query, Started, Turn
from erp.events.settings import EventSettings
from erp.events.spool import Spool
from erp.events.stream import open_stream
from erp.events.teller import Teller
from erp.store.settings import StoreSettings
from erp.store.store import Store

CALLS = 30
PER_CALL_S = 2.0
"""Events that a call in a lively conversation tells in a second, more than real ones do."""

TICK_S = 0.005

HOPS = {"endpoint_ms": 220.4, "transcript_ms": 63.4, "erp_ms": 285.6, "synthesis_ms": 47.5}
EVENTS: tuple[CallEvent, ...] = (
    Started("*********01", "600"),
    Query(1, "tryton", "availability", "Availability", 166.4, "1", True),
    Turn(1, "availability", 0.994, HOPS, "do you have item four five two one"),
)


def of_call(number: int) -> CallIds:
    return CallIds(f"20261121T120000-{number:06x}", f"17952.{number}", f"{number}@sip", "default")


def told_us(folder: Path, count: int) -> list[float]:
    """Microseconds of each `tell`, nothing else running."""
    spool = Spool(folder, "voice", 10**9)
    teller = Teller("orderline/voice@127.0.0.1:4573", spool)
    took = []
    for number in range(count):
        ids, event = of_call(number % CALLS), EVENTS[number % len(EVENTS)]
        begin = time.perf_counter()
        teller.tell(ids, event)
        took.append((time.perf_counter() - begin) * 1e6)
    spool.close()
    return took


async def in_calls(folder: Path, seconds: float) -> tuple[list[float], list[float]]:
    """Microseconds of each `tell`, and milliseconds of lateness of the loop, in many calls."""
    store = await Store.open(StoreSettings(folder=folder))
    told: list[float] = []
    late: list[float] = []
    settings = EventSettings(spool=folder / "spool")
    async with open_stream(settings, store, "voice", "127.0.0.1:4573") as stream:
        loop = asyncio.get_running_loop()
        end, due, number = loop.time() + seconds, loop.time(), 0
        while loop.time() < end:
            due += TICK_S
            await asyncio.sleep(max(0.0, due - loop.time()))
            late.append((loop.time() - due) * 1000)
            if number < (seconds - (end - loop.time())) * CALLS * PER_CALL_S:
                begin = time.perf_counter()
                stream.sink.tell(of_call(number % CALLS), EVENTS[number % len(EVENTS)])
                told.append((time.perf_counter() - begin) * 1e6)
                number += 1
    await store.close()
    return told, late


async def carried_per_s(folder: Path, count: int) -> float:
    """How many events of a backlog go into the store in a second."""
    store = await Store.open(StoreSettings(folder=folder))
    spool = Spool(folder / "spool", "voice", 10**9)
    teller = Teller("orderline/voice@127.0.0.1:4573", spool)
    for number in range(count):
        teller.tell(of_call(number % CALLS), EVENTS[number % len(EVENTS)])
    spool.close()
    begin = time.perf_counter()
    async with open_stream(EventSettings(spool=folder / "spool"), store, "voice", "x:1") as stream:
        async for event in stream.outbox.follow(0, 0.05):
            if event.seq == count:
                break
    await store.close()
    return count / (time.perf_counter() - begin)


def row(what: str, values: list[float], unit: str) -> str:
    values = sorted(values)
    p50, p99 = statistics.median(values), values[int(len(values) * 0.99)]
    return f"{what:44} {p50:8.1f} {p99:8.1f} {values[-1]:8.1f}  {unit}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where spool and store are; default: /tmp")
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        print(f"{'':44} {'p50':>8} {'p99':>8} {'longest':>8}")
        print(row("tell, alone", told_us(folder / "alone", 20_000), "us"))
        told, late = asyncio.run(in_calls(folder / "calls", arguments.seconds))
        print(row(f"tell, {CALLS} calls, carrier at work", told, "us"))
        print(row("lateness of the event loop meanwhile", late, "ms"))
        rate = asyncio.run(carried_per_s(folder / "backlog", 2000))
        print(f"{'a backlog goes into the store at':44} {rate:8.0f} events/s")


if __name__ == "__main__":
    main()
