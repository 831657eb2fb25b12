from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from erp.events import carrier as carrier_module
from erp.events.carrier import Carrier
from erp.events.envelope import Envelope
from erp.events.model import CallIds, Health, Started
from erp.events.outbox import Outbox, Stored
from erp.events.settings import EventSettings
from erp.events.spool import Spool
from erp.events.stream import open_stream
from erp.store.errors import StoreError
from erp.store.settings import StoreSettings
from erp.store.store import Store
from tests.unit.erp.events.samples import EVENTS, IDS, envelope

WAIT_S = 10.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(StoreSettings(folder=tmp_path / "store"))
    yield store
    await store.close()


def settings(tmp_path: Path) -> EventSettings:
    return EventSettings(spool=tmp_path / "spool", retry_s=0.01)


async def stored(store: Store, count: int) -> list[Stored]:
    """Return the first so many events of the outbox, as soon as they are there."""
    outbox = Outbox(store)

    async def collect() -> list[Stored]:
        found = []
        async for event in outbox.follow(0, poll_s=0.01):
            found.append(event)
            if len(found) == count:
                break
        return found

    return await asyncio.wait_for(collect(), WAIT_S)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_what_is_told_is_in_the_outbox_soon_and_the_spool_goes(
    tmp_path: Path, store: Store
) -> None:
    async with open_stream(settings(tmp_path), store, "voice", "127.0.0.1:4573") as stream:
        for event in EVENTS[:3]:
            stream.sink.tell(IDS, event)
        found = await stored(store, 3)
        stream.system_health("tryton", False, "it is gone")
    assert [event.type for event in found] == [
        "orderline.call.started", "orderline.call.identified", "orderline.call.turn",
    ]  # fmt: skip
    assert '"source":"orderline/voice@127.0.0.1:4573"' in found[0].body
    assert '"part":"erp:tryton"' in (await stored(store, 4))[3].body
    assert left_in(tmp_path / "spool") == []


async def test_events_of_the_last_moment_are_carried_by_the_close(
    tmp_path: Path, store: Store
) -> None:
    async with open_stream(settings(tmp_path), store, "voice", "x:1") as stream:
        for number in range(50):
            stream.sink.tell(CallIds(f"s-{number}"), Started("**"))
    assert len(await Outbox(store).after(0)) == 50


async def test_what_many_calls_tell_goes_in_few_transactions(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes the interpreter from the calls; nobody needs an event within half a second."""
    monkeypatch.setattr(carrier_module, "GATHER_S", 30.0)
    outbox, told = WeakStore(store), list[Health]()
    async with carried(tmp_path, outbox, told) as spool:
        await stored(store, await _append(spool, 1))
        for _ in range(20):
            await _append(spool, 1)
            await asyncio.sleep(0.005)
        assert outbox.puts == 1
    assert (len(await outbox.after(0)), outbox.puts) == (21, 2)


async def _append(spool: Spool, count: int) -> int:
    for _ in range(count):
        spool.append(envelope(Started("**")).text.encode() + b"\n")
    return count


class WeakStore(Outbox):
    """An outbox that is away when it is told to be, or loses its answer after the commit."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.away = False
        self.answers_lost = 0
        self.puts = 0
        self.tried = asyncio.Event()

    async def put(self, events: Sequence[Envelope], process: str) -> int:
        self.tried.set()
        self.puts += 1
        if self.away:
            raise StoreError("gone")
        count = await super().put(events, process)
        if self.answers_lost:
            self.answers_lost -= 1
            raise StoreError("connection lost after the commit")
        return count


@contextlib.asynccontextmanager
async def carried(tmp_path: Path, outbox: Outbox, told: list[Health]) -> AsyncIterator[Spool]:
    class Told:
        def tell(self, ids: CallIds, event: object) -> None:
            assert isinstance(event, Health)
            told.append(event)

    spool = Spool(tmp_path / "spool", "voice", 1_000_000)
    carrier = Carrier(spool, outbox, settings(tmp_path), Told(), None)
    await carrier.start()
    try:
        yield spool
    finally:
        await carrier.close()
        spool.close()


def line(number: int) -> bytes:
    from erp.events.envelope import write  # noqa: PLC0415

    return write(CallIds(f"s-{number}"), Started("**"), "orderline/x").text.encode() + b"\n"


async def test_while_the_store_is_away_the_spool_holds_and_then_nothing_is_missing(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Health] = []
    outbox = WeakStore(store)
    outbox.away = True
    async with carried(tmp_path, outbox, told) as spool:
        for number in range(70):
            spool.append(line(number))
        await asyncio.wait_for(outbox.tried.wait(), WAIT_S)
        await asyncio.sleep(0.05)
        assert await outbox.after(0) == []
        outbox.away = False
        found = await stored(store, 70)
    assert [event.session for event in found] == [f"s-{number}" for number in range(70)]
    assert [(event.part, event.well) for event in told] == [("store", False), ("store", True)]
    assert caplog.text.count("the store takes no events") == 1


async def test_an_answer_that_is_lost_after_the_commit_makes_no_duplicate(
    tmp_path: Path, store: Store
) -> None:
    outbox = WeakStore(store)
    outbox.answers_lost = 2
    async with carried(tmp_path, outbox, []) as spool:
        for number in range(5):
            spool.append(line(number))
        await stored(store, 5)
    assert [event.session for event in await outbox.after(0)] == [f"s-{n}" for n in range(5)]


async def test_a_process_that_ends_while_the_store_is_away_leaves_all_to_the_next(
    tmp_path: Path, store: Store
) -> None:
    away = WeakStore(store)
    away.away = True
    async with carried(tmp_path, away, []) as spool:
        spool.append(line(1))
        await asyncio.wait_for(away.tried.wait(), WAIT_S)
    assert len(left_in(tmp_path / "spool")) == 2
    async with open_stream(settings(tmp_path), store, "voice", "x:1"):
        (event,) = await stored(store, 1)
    assert event.session == "s-1"


LIVE_AND_DIE = """
import asyncio, os, signal, sys
from pathlib import Path
from erp.events.model import CallIds, Started, Turn
from erp.events.settings import EventSettings
from erp.events.stream import open_stream
from erp.store.settings import StoreSettings
from erp.store.store import Store

async def main():
    store = Store(StoreSettings(folder=Path(sys.argv[1]) / "store"))
    settings = EventSettings(spool=Path(sys.argv[1]) / "spool")
    async with open_stream(settings, store, "voice", "x:1") as stream:
        stream.sink.tell(CallIds("s-1"), Started("**01"))
        while not await stream.outbox.after(0):
            await asyncio.sleep(0.01)
        for number in range(1, 30):
            stream.sink.tell(CallIds("s-1"), Turn(number, "price"))
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_a_killed_process_told_is_carried_by_another_and_its_call_is_ended(
    tmp_path: Path, store: Store
) -> None:
    command = [sys.executable, "-c", LIVE_AND_DIE, str(tmp_path)]
    done = await asyncio.to_thread(subprocess.run, command, check=False)
    assert done.returncode == -signal.SIGKILL
    async with open_stream(settings(tmp_path), store, "bridge", "x:2"):
        found = await stored(store, 31)
    assert [event.type.rpartition(".")[2] for event in found] == [
        "started", *["turn"] * 29, "ended",
    ]  # fmt: skip
    assert '"reason":"voice-lost"' in found[-1].body
    assert len({event.id for event in found}) == 31
    assert left_in(tmp_path / "spool") == []


async def test_events_that_are_lost_for_the_cap_are_told_when_the_store_is_back(
    tmp_path: Path, store: Store
) -> None:
    told: list[Health] = []
    outbox = WeakStore(store)
    outbox.away = True
    async with carried(tmp_path, outbox, told) as spool:
        spool._max_bytes = 3 * len(line(0))
        for number in range(8):
            spool.append(line(number))
        outbox.away = False
        await stored(store, 3)
        spool.append(line(9))
        await stored(store, 4)
    lost = [(event.well, event.why) for event in told if event.part == "events"]
    assert lost == [(False, "5 events were lost"), (True, "")]


async def test_old_events_are_pruned_by_the_process_that_is_to(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def delivered() -> int | None:
        asked.set()
        return None

    async with open_stream(settings(tmp_path), store, "bridge", "x:1", delivered):
        await asyncio.wait_for(asked.wait(), WAIT_S)
    asked.clear()
    async with open_stream(settings(tmp_path), store, "voice", "x:1"):
        await asyncio.sleep(0.05)
    assert not asked.is_set()
    assert carrier_module.PRUNE_EVERY_S >= 60
