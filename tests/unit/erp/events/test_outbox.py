from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dialplan.reasons import Reason
from erp.events.envelope import Envelope
from erp.events.model import CallEvent, CallIds, Ended, Escalated, Health, Transferred
from erp.events.outbox import Outbox
from erp.events.projection import new_row, project
from erp.store.settings import StoreSettings
from erp.store.store import Store
from erp.store.tables import calls
from tests.unit.erp.events.samples import EVENTS, IDS, NOON, call, envelope

SPOOL = "voice-1"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(StoreSettings(folder=tmp_path))
    yield store
    await store.close()


@pytest.fixture
def outbox(store: Store) -> Outbox:
    return Outbox(store)


async def rows(store: Store) -> dict[str, Mapping[str, Any]]:
    async with store.read() as connection:
        found = (await connection.execute(select(calls))).mappings().all()
    return {row["session"]: dict(row) for row in found}


async def test_the_events_of_a_call_get_its_rising_sequence(outbox: Outbox) -> None:
    first, second = list(call("s-1")), list(call("s-2"))
    mixed = [event for pair in zip(first, second, strict=True) for event in pair]
    assert await outbox.put(mixed[:3], SPOOL) == 3
    assert await outbox.put(mixed[3:], "bridge-1") == 3
    stored = await outbox.after(0)
    assert [event.seq for event in stored] == [1, 2, 3, 4, 5, 6]
    assert [event.id for event in stored] == [event.id for event in mixed]
    sequences = [json.loads(event.body)["sequence"] for event in stored if event.session == "s-1"]
    assert sequences == ["0000000001", "0000000002", "0000000003"]
    assert [event.session for event in await outbox.after(2, 1)] == ["s-1"]
    assert [event.seq for event in await outbox.after(0, sessions=["s-2"])] == [2, 4, 6]


async def test_what_is_put_twice_is_kept_once_with_its_id_and_sequence(outbox: Outbox) -> None:
    events = list(call("s-1"))
    assert await outbox.put([*events[:2], events[0]], SPOOL) == 2
    before = await outbox.after(0)
    assert await outbox.put(events, SPOOL) == 1
    after = await outbox.after(0)
    assert after[:2] == before
    assert json.loads(after[2].body)["sequence"] == "0000000003"
    assert await outbox.put(events, SPOOL) == 0


async def test_many_writers_at_once_make_one_order(tmp_path: Path, outbox: Outbox) -> None:
    stores = [await Store.open(StoreSettings(folder=tmp_path)) for _ in range(3)]
    puts = (
        Outbox(stores[number % 3]).put([event], f"spool-{number}")
        for number in range(12)
        for event in call("s-1")
    )
    await asyncio.gather(*puts)
    sequences = [json.loads(event.body)["sequence"] for event in await outbox.after(0)]
    for other in stores:
        await other.close()
    assert sequences == [f"{number:010d}" for number in range(1, 37)]


async def test_the_line_of_a_call_is_what_its_events_say(store: Store, outbox: Outbox) -> None:
    told = [envelope(event, after_s=number) for number, event in enumerate(EVENTS)]
    await outbox.put(told[:5], SPOOL)
    row = (await rows(store))[IDS.session]
    assert (row["started_at"], row["ended_at"], row["turns"]) == (NOON, None, 1)
    await outbox.put(told[5:], SPOOL)
    row = (await rows(store))[IDS.session]
    wanted = {
        "uniqueid": "1700000000.7", "sip_call_id": "call-id@sip", "profile": "default",
        "process": SPOOL, "caller": "*********01", "extension": "600", "account": "C-100",
        "escalated_by": "voice", "way": "label", "human": "PJSIP/anna", "waited_s": 4.2,
        "result": "transfer", "reason": "caller-asked", "disposition": "AIXFER",
        "lasted_s": 41.5, "turns": 1, "last_sequence": 9,
        "ended_at": NOON + timedelta(seconds=8), "escalated_at": NOON + timedelta(seconds=6),
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


async def test_health_belongs_to_no_call(store: Store, outbox: Outbox) -> None:
    await outbox.put([envelope(Health("ami", False))], SPOOL)
    (event,) = await outbox.after(0)
    assert (event.session, "sequence" in json.loads(event.body)) == ("", False)
    assert await rows(store) == {}


def test_a_field_of_any_length_and_content_fits_its_column() -> None:
    row = new_row("s", NOON)
    event = Escalated("r" * 999, way="w\0x" * 99)
    project(row, envelope(event), SPOOL)
    project(row, envelope(Transferred("h\n\0" * 999, 1e308)), SPOOL)
    for column in calls.columns:
        size = getattr(column.type, "length", None)
        if size and column.name != "session":
            assert len(row[column.name]) <= size
            assert row[column.name].isprintable()
    assert row["waited_s"] == 0.0


def test_the_first_end_stands_and_the_human_who_comes_later_is_noted() -> None:
    row = new_row("s", NOON)
    project(row, envelope(Ended("unavailable", "voice-lost", "AIFAIL", 3.0, 2)), "")
    project(row, envelope(Ended("completed", "goodbye", "AIDONE", 9.0)), SPOOL)
    project(row, envelope(Transferred("PJSIP/anna", 1.5)), "")
    assert (row["reason"], row["lasted_s"], row["turns"]) == ("voice-lost", 3.0, 2)
    assert row["human"] == "PJSIP/anna"


def test_what_a_call_back_comes_to_is_no_part_of_the_call_that_it_was_agreed_in() -> None:
    row = new_row("s", NOON)
    project(row, envelope(Ended("completed", "callback-agreed", "AICALB", 3.0, 2)), SPOOL)
    project(row, envelope(Escalated("callback-agreed", way="callback", by="bridge")), "")
    project(row, envelope(Transferred("PJSIP/anna", 1.5, "callback")), "")
    assert (row["human"], row["escalated_at"], row["way"]) == ("", None, "")


async def test_the_calls_of_a_dead_process_are_ended_once(store: Store, outbox: Outbox) -> None:
    await outbox.put([*call("s-1"), *call("s-2")], "voice-dead")
    await outbox.put(list(call("s-3")), "voice-alive")
    human = envelope(Transferred("PJSIP/anna", 1.0), ids=CallIds("s-2"))
    await outbox.put([human], "bridge")
    assert await outbox.end_calls("voice-dead") == 2
    assert await outbox.end_calls("voice-dead") == 0
    found = await rows(store)
    ends = {session: (row["reason"], row["disposition"]) for session, row in found.items()}
    assert ends == {
        "s-1": (Reason.VOICE_LOST.value, "AIFAIL"),
        "s-2": (Reason.TRANSFERRED.value, "AIXFER"),
        "s-3": ("", ""),
    }
    assert found["s-1"]["lasted_s"] == 2.0


async def test_what_several_processes_tell_of_one_call_is_kept_once(outbox: Outbox) -> None:
    """Two bridges saw the rescue and the human, and the carrier found the dead process's spool."""
    await outbox.put(list(call("s-1")), "voice-dead")
    lost = Ended("unavailable", "voice-lost", "AIFAIL", 3.0)
    rescued = Escalated("voice-lost", by="bridge")
    human = Transferred("PJSIP/anna-00000012", 1.5)
    for bridge in ("bridge-1", "bridge-2"):
        ids = CallIds("s-1")
        told = [envelope(event, ids=ids) for event in (rescued, lost, human)]
        assert await outbox.put(told, bridge) == (3 if bridge == "bridge-1" else 0)
    assert await outbox.end_calls("voice-dead") == 0


async def test_an_end_is_told_once_whoever_tells_it_first(outbox: Outbox) -> None:
    await outbox.put(list(call("s-1")), "voice-dead")
    assert await outbox.end_calls("voice-dead") == 1
    lost = envelope(Ended("unavailable", "voice-lost", "AIFAIL", 3.0), ids=CallIds("s-1"))
    assert await outbox.put([lost], "bridge") == 0


@pytest.mark.parametrize("event", [Ended("unavailable", "draining", "AIFAIL", 1.0), *EVENTS[:5]])
def test_what_one_process_alone_can_tell_has_an_id_of_its_own(event: CallEvent) -> None:
    assert envelope(event).id != envelope(event).id


async def test_a_call_that_went_silent_for_long_is_ended(store: Store, outbox: Outbox) -> None:
    await outbox.put(list(call("s-1")), "voice-on-a-host-that-burnt")
    assert await outbox.end_silent_calls(NOON - timedelta(hours=1)) == 0
    assert await outbox.end_silent_calls(NOON + timedelta(hours=1)) == 1


async def test_follow_yields_what_comes_at_once_and_from_other_processes(
    tmp_path: Path, outbox: Outbox
) -> None:
    other = await Store.open(StoreSettings(folder=tmp_path))
    events = list(call("s-1"))
    await outbox.put(events[:1], SPOOL)
    following = outbox.follow(0, poll_s=30.0)
    assert (await anext_of(following)).id == events[0].id
    waiting = asyncio.ensure_future(anext_of(following))
    await asyncio.sleep(0)
    # Our own process's event wakes it, whatever the poll.
    await outbox.put(events[1:2], SPOOL)
    assert (await waiting).id == events[1].id
    polled = Outbox(other).follow(2, poll_s=0.01)
    waiting = asyncio.ensure_future(anext_of(polled))
    await asyncio.sleep(0.02)
    await outbox.put(events[2:], SPOOL)
    assert (await waiting).id == events[2].id
    await other.close()


async def anext_of(events: AsyncIterator[Any]) -> Any:
    return await events.__anext__()


async def test_since_finds_where_a_time_begins(outbox: Outbox) -> None:
    await outbox.put(list(call("s-1")), SPOOL)
    assert await outbox.since(NOON - timedelta(hours=1)) == 0
    assert await outbox.since(NOON + timedelta(seconds=1)) == 1
    assert await outbox.since(NOON + timedelta(hours=1)) == 3


async def test_what_is_old_and_delivered_is_pruned(store: Store, outbox: Outbox) -> None:
    await outbox.put(list(call("s-1")), SPOOL)
    late = (await stored_at(store)) + timedelta(days=31)
    month = timedelta(days=30)
    assert await outbox.prune(month, 3, late - timedelta(days=2)) == 0
    assert await outbox.prune(month, 2, late) == 2
    assert [event.seq for event in await outbox.after(0)] == [3]
    assert await outbox.prune(month, None, late) == 1
    # The numbers go on: no reader takes a new event for one that it has seen.
    await outbox.put([replace(event, id=event.id + "x") for event in call("s-1")], SPOOL)
    assert await outbox.last() == 6


async def stored_at(store: Store) -> Any:
    from erp.store.tables import outbox as table  # noqa: PLC0415

    async with store.read() as connection:
        return (await connection.execute(select(table.c.stored_at))).scalars().first()


async def test_lines_of_calls_are_pruned_when_they_ended_long_ago(
    store: Store, outbox: Outbox
) -> None:
    def ended(session: str) -> Envelope:
        return envelope(EVENTS[8], ids=CallIds(session))

    await outbox.put([*call("s-1"), *call("s-2"), ended("s-1")], SPOOL)
    assert await outbox.prune_calls(timedelta(days=1), NOON + timedelta(hours=1)) == 0
    assert await outbox.prune_calls(timedelta(days=1), NOON + timedelta(days=2)) == 1
    assert set(await rows(store)) == {"s-2"}
