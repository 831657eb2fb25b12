"""Booking a call-back: kept first, its task then or later, nothing promised that is not kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from erp.callbacks.book import CallbackBook, State
from erp.callbacks.booker import GRACE_S, Booker
from erp.callbacks.model import CallbackError
from erp.callbacks.task_list import TaskList
from erp.callbacks.tasks import LEASE_S, PAUSE_FIRST_S, PAUSE_MAX_S, TaskWriter, pause_s
from erp.deadline import Deadline
from erp.errors import BackendDown, WriteUnknown
from erp.store.errors import StoreError
from erp.store.settings import StoreSettings
from erp.store.store import Store
from tests.unit.erp.callbacks.company import Clock, Company, Told, opened, request, schedule

DOWN = BackendDown("books", "create_task", "connection refused")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as made:
        yield made


def soon(budget_s: float = 5.0) -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), budget_s)


async def test_it_is_kept_and_its_task_is_in_the_business_system(store: Store) -> None:
    company, told = Company(), list[str]()
    booker = Booker(store, company, schedule(), Clock(), told.append)
    receipt = await booker.book(request(), soon())
    assert (receipt.system, receipt.record) == ("books", "task,1")
    assert receipt.at == request().at
    assert told == ["key-0001"]
    task = company.tasks["key-0001"]
    assert task.phone == "+12125550101"
    assert task.customer is not None
    assert "asked for 4521" in task.text
    assert await TaskList(store).next_after() is None, "nothing is left to write"
    await booker.close()


async def test_booking_it_again_changes_nothing(store: Store) -> None:
    company = Company()
    booker = Booker(store, company, schedule(), Clock())
    first = await booker.book(request(), soon())
    assert await booker.book(request(after_s=9999), soon()) == first
    assert company.writes == 1
    assert len(await CallbackBook(store).latest(10)) == 1


async def test_a_second_call_of_the_number_is_told_the_time_of_the_one_call_back(
    store: Store,
) -> None:
    booker = Booker(store, Company(), schedule(), Clock())
    first = await booker.book(request(after_s=3000), soon())
    second = await booker.book(request("key-0002", after_s=60), soon())
    assert (second.key, second.at) == ("key-0002", first.at)


@pytest.mark.parametrize("error", [DOWN, WriteUnknown("books", "create_task", "timed out")])
async def test_a_business_system_that_is_ill_gets_its_task_later(
    store: Store, error: BackendDown
) -> None:
    company, clock, told = Company(fails=error), Clock(), Told()
    booker = Booker(store, company, schedule(), clock)
    receipt = await booker.book(request(), soon())
    assert (receipt.key, receipt.system, receipt.record) == ("key-0001", "", "")
    writer = TaskWriter(TaskList(store), company, told, clock)
    await writer.write_due()
    assert company.tasks == {}, "the voice process may still be writing it"
    company.fails = None
    clock.forward(5.0 + GRACE_S + 1)
    await writer.write_due()
    assert list(company.tasks) == ["key-0001"]
    assert told.types() == ["committed"]
    assert told.events[0][0].session == "session-key-0001"
    await writer.write_due()
    assert company.writes == 1
    assert await booker.book(request(), soon()) != receipt, "now it has its record"
    assert company.writes == 1


async def test_a_task_that_fails_is_tried_again_ever_more_seldom(store: Store) -> None:
    company, clock = Company(fails=DOWN), Clock()
    await Booker(store, company, schedule(), clock).book(request(), soon())
    clock.forward(60)
    listed, writer = TaskList(store), TaskWriter(TaskList(store), company, Told(), clock)
    pauses = []
    for _ in range(4):
        await writer.write_due()
        after = await listed.next_after()
        assert after is not None
        pauses.append((after - clock()).total_seconds())
        clock.at = after
    assert pauses == [PAUSE_FIRST_S, 2 * PAUSE_FIRST_S, 4 * PAUSE_FIRST_S, 8 * PAUSE_FIRST_S]
    assert pause_s(10_000) == PAUSE_MAX_S


async def test_two_bridges_do_not_write_one_task_side_by_side(store: Store) -> None:
    clock = Clock()
    await Booker(store, Company(fails=DOWN), schedule(), clock).book(request(), soon())
    clock.forward(60)
    one = TaskList(store)
    (task,) = await one.due(clock(), 10)
    assert await one.lease(task, clock() + (task.due - clock()))
    assert not await TaskList(store).lease(task, clock())
    assert LEASE_S > 0


async def test_the_writer_runs_until_it_is_closed(store: Store) -> None:
    company, clock = Company(fails=DOWN), Clock()
    booker = Booker(store, company, schedule(), clock)
    await booker.book(request(), soon())
    company.fails = None
    writer = TaskWriter(TaskList(store), company, Told(), clock)
    await writer.start()
    clock.forward(60)
    writer.wake()
    while not company.tasks:
        await asyncio.sleep(0)
    await writer.close()
    await writer.close()


@pytest.mark.parametrize("number", ["+19005551234", "+4930123456", "212-555-0101", "x"])
async def test_a_number_that_is_not_called_back_is_refused(store: Store, number: str) -> None:
    booker = Booker(store, Company(), schedule(), Clock())
    with pytest.raises(CallbackError):
        await booker.book(request(number=number), soon())
    assert await CallbackBook(store).latest(10) == []


async def test_a_store_that_is_not_there_promises_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    company = Company()
    store = Store(StoreSettings(folder=tmp_path / "file"))
    with pytest.raises(CallbackError, match="did not keep"):
        await Booker(store, company, schedule(), Clock()).book(request(), soon())
    assert company.tasks == {}


async def test_what_was_kept_too_late_is_withdrawn(store: Store) -> None:
    company = Company()
    booker = Booker(store, company, schedule(), Clock())
    async with store.begin():  # somebody else writes
        with pytest.raises(CallbackError, match="in time"):
            await booker.book(request(), soon(0.05))
    await booker.close()
    row = await CallbackBook(store).get("key-0001")
    assert row is not None
    assert row.state is State.CANCELLED
    assert company.tasks == {}
    with pytest.raises(CallbackError, match="cancelled"):
        await booker.book(request(), soon())


async def test_a_caller_who_hangs_up_after_the_yes_is_called_back(store: Store) -> None:
    booker = Booker(store, Company(), schedule(), Clock())
    async with store.begin():
        booking = asyncio.get_running_loop().create_task(booker.book(request(), soon()))
        await asyncio.sleep(0.05)
        booking.cancel()
        await asyncio.gather(booking, return_exceptions=True)
    await booker.close()
    row = await CallbackBook(store).get("key-0001")
    assert row is not None
    assert row.state is State.AGREED


async def test_an_error_of_the_store_while_the_task_is_noted_costs_only_the_note(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr(TaskList, "written", fail)
    company = Company()
    receipt = await Booker(store, company, schedule(), Clock()).book(request(), soon())
    assert (receipt.system, receipt.record) == ("", "")
    assert list(company.tasks) == ["key-0001"], "it is found by its key later"
