"""The rows of call-backs: one for each key, one open one for each number, claimed once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from erp.callbacks.book import SUMMARY_MAX_CHARS, CallbackBook, State
from erp.callbacks.task_list import TaskList
from erp.callbacks.wording import agreed_task, outcome_task
from erp.store.store import Store
from tests.unit.erp.callbacks.company import DANA, MARCUS, NOON, opened, request

LATER = NOON + timedelta(hours=1)
LIMIT = LATER + timedelta(minutes=2)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path) as made:
        yield made


async def booked(book: CallbackBook, key: str = "key-0001", number: str = DANA) -> None:
    wish = request(key, number)
    await book.add(wish, agreed_task(wish, NOON), NOON)


async def claimed(book: CallbackBook, by: str = "bridge#1", key: str = "key-0001") -> bool:
    row = await book.get(key)
    assert row is not None
    return await book.claim(row, by, LIMIT, NOON)


async def state(book: CallbackBook, key: str = "key-0001") -> State:
    row = await book.get(key)
    assert row is not None
    return row.state


async def test_one_key_is_one_row_and_one_task(store: Store) -> None:
    book = CallbackBook(store)
    await booked(book)
    again = request(after_s=9999)
    row = await book.add(again, agreed_task(again, NOON), NOON)
    assert row.at == request().at
    assert len(await book.latest(10)) == 1
    assert len(await TaskList(store).due(LATER, 10)) == 1


async def test_a_row_is_what_was_agreed(store: Store) -> None:
    book = CallbackBook(store)
    await booked(book)
    row = await book.get("key-0001")
    assert row is not None
    assert (row.number, row.at, row.name) == (DANA, request().at, "Dana Whitfield")
    assert (row.account, row.summary, row.session) == (
        "C001", "asked for 4521 (key-0001)", "session-key-0001",
    )  # fmt: skip


async def test_a_second_call_of_the_number_joins_the_open_one(store: Store) -> None:
    book = CallbackBook(store)
    await booked(book)
    second = request("key-0002", after_s=3000)
    row = await book.add(second, agreed_task(second, NOON), NOON)
    assert (row.state, row.joined) == (State.JOINED, "key-0001")
    first = await book.get("key-0001")
    assert first is not None
    assert first.at == second.at
    assert "key-0001" in first.summary
    assert "key-0002" in first.summary
    assert len(await book.due(LATER, 10)) == 1
    assert await book.add(second, agreed_task(second, NOON), NOON) == row, "and once only"


async def test_an_earlier_time_does_not_bring_the_open_one_forward(store: Store) -> None:
    book = CallbackBook(store)
    await booked(book)
    second = request("key-0002", after_s=10)
    await book.add(second, agreed_task(second, NOON), NOON)
    first = await book.get("key-0001")
    assert first is not None
    assert first.at == request().at


async def test_joined_summaries_are_capped(store: Store) -> None:
    book = CallbackBook(store)
    for number in range(120):
        await booked(book, f"key-{number:04}")
    first = await book.get("key-0000")
    assert first is not None
    assert len(first.summary) == SUMMARY_MAX_CHARS


async def test_what_is_being_dialled_is_not_joined(store: Store) -> None:
    book = CallbackBook(store)
    await booked(book)
    assert await claimed(book)
    await booked(book, "key-0002")
    assert await state(book, "key-0002") is State.AGREED


async def test_what_changed_since_it_was_read_is_not_claimed(store: Store) -> None:
    """Meanwhile another bridge rang the humans, or the customer agreed to a later time."""
    book = CallbackBook(store)
    await booked(book)
    (row,) = await book.due(LATER, 10)
    assert await book.claim(row, "bridge-2#1", LIMIT, NOON)
    assert await book.again(row.key, "bridge-2#1", LATER, "nobody answers", NOON)
    assert not await book.claim(row, "bridge#1", LIMIT, NOON)
    (row,) = await book.due(LATER, 10)
    later = request("key-0002", DANA, after_s=9999)
    await book.add(later, agreed_task(later, NOON), NOON)
    assert not await book.claim(row, "bridge#1", LIMIT, NOON)
    assert await claimed(book)


async def test_only_open_ones_whose_time_has_come_are_due(store: Store) -> None:
    book = CallbackBook(store)
    await booked(book)
    await booked(book, "key-0002", MARCUS)
    assert await book.due(NOON, 10) == []
    assert await book.next_at() == request().at
    assert len(await book.due(LATER, 10)) == 2
    assert len(await book.due(LATER, 1)) == 1
    assert await claimed(book)
    assert [row.key for row in await book.due(LATER, 10)] == ["key-0002"]


async def test_it_is_claimed_once(store: Store) -> None:
    book = CallbackBook(store)
    await booked(book)
    assert [await claimed(book, "a#1"), await claimed(book, "b#1")] == [True, False]
    row = await book.get("key-0001")
    assert row is not None
    assert (row.claimed_by, row.attempts, row.until) == ("a#1", 1, LIMIT)


async def test_many_engines_that_race_claim_it_once(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        books = [
            CallbackBook(await stack.enter_async_context(opened(tmp_path))) for _ in range(4)
        ]
        for number in range(10):
            key = f"key-{number:04}"
            await booked(books[0], key, f"+121255501{number:02}")
            won = await asyncio.gather(
                *(claimed(book, f"bridge#{n}", key) for n, book in enumerate(books))
            )
            assert sum(won) == 1


async def test_many_calls_that_book_at_once_are_one_call_back(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        books = [
            CallbackBook(await stack.enter_async_context(opened(tmp_path))) for _ in range(4)
        ]
        await asyncio.gather(
            *(booked(book, f"key-{number:04}") for number, book in enumerate(books))
        )
        rows = await books[0].latest(10)
        assert len(rows) == 4
        assert [row.state for row in rows].count(State.AGREED) == 1


CLAIMER = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from erp.callbacks.book import CallbackBook
from tests.unit.erp.callbacks.company import NOON, opened

async def main():
    async with opened(Path(sys.argv[1])) as store:
        book = CallbackBook(store)
        rows = await book.due(NOON + timedelta(hours=1), 100)
        print("ready", flush=True)
        sys.stdin.readline()
        won = [await book.claim(row, sys.argv[2], NOON, NOON) for row in rows]
        print(sum(won), len(won), flush=True)

asyncio.run(main())
"""


async def test_two_processes_that_race_claim_each_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        for number in range(30):
            await booked(CallbackBook(store), f"key-{number:04}", f"+121255501{number:02}")
    await asyncio.to_thread(race, tmp_path)


def race(folder: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, str(folder), f"bridge#{number}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(2)
    ]  # fmt: skip
    won = 0
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        out, _ = process.communicate(timeout=30)
        mine, tried = map(int, out.split())
        assert tried == 30
        won += mine
    assert won == 30


async def test_only_the_claimer_moves_it_on(store: Store) -> None:
    book = CallbackBook(store)
    await booked(book)
    assert await claimed(book, "a#1")
    assert not await book.ringing("key-0001", "b#1", State.RINGING_HUMAN, NOON)
    assert await book.ringing("key-0001", "a#1", State.RINGING_HUMAN, NOON)
    assert not await book.finish("key-0001", "b#1", State.CONNECTED, why="", now=NOON)
    assert await book.finish("key-0001", "a#1", State.CONNECTED, why="", now=NOON)
    assert not await book.finish("key-0001", "a#1", State.UNKNOWN, why="", now=NOON)
    assert await state(book) is State.CONNECTED


async def test_one_whose_human_did_not_answer_is_open_again(store: Store) -> None:
    book = CallbackBook(store)
    await booked(book)
    assert await claimed(book)
    assert await book.again("key-0001", "bridge#1", LATER, "no answer", NOON)
    assert await book.next_at() == LATER
    assert await claimed(book, "other#1")


async def test_one_that_opens_again_yields_to_a_newer_one_of_the_number(store: Store) -> None:
    book = CallbackBook(store)
    await booked(book)
    assert await claimed(book)
    await booked(book, "key-0002")
    assert await book.again("key-0001", "bridge#1", LATER, "no answer", NOON)
    assert await state(book) is State.JOINED
    assert [row.key for row in await book.due(LATER, 10)] == ["key-0002"]


async def test_an_outcome_and_its_task_are_kept_together(store: Store) -> None:
    book = CallbackBook(store)
    await booked(book)
    row = await book.get("key-0001")
    assert row is not None
    task = outcome_task(row, State.UNKNOWN, "why", NOON)
    assert task is not None
    assert not await book.finish(
        "key-0001", "a#1", State.UNKNOWN, why="why", now=NOON, task=task
    ), "not claimed"
    assert len(await TaskList(store).due(LATER, 10)) == 1
    assert await claimed(book, "a#1")
    assert await book.finish("key-0001", "a#1", State.UNKNOWN, why="w" * 999, now=NOON, task=task)
    assert {one.key for one in await TaskList(store).due(LATER, 10)} == {"key-0001", task.key}


@pytest.mark.parametrize(
    ("by", "now", "orphaned"),
    [
        ("bridge#1", NOON, False),  # its own, under way
        ("bridge#2", NOON, True),  # of an earlier process of the same bridge
        ("brid_e#2", NOON, False),  # no pattern
        ("other#1", NOON, False),  # another bridge's, under way
        ("other#1", LIMIT + timedelta(seconds=1), True),  # whose end was never told
    ],
)
async def test_orphans(store: Store, by: str, now: object, orphaned: bool) -> None:
    book = CallbackBook(store)
    await booked(book)
    assert await book.orphans("bridge", "bridge#2", LIMIT + timedelta(days=1)) == [], "open"
    assert await claimed(book)
    found = await book.orphans(by.split("#", maxsplit=1)[0], by, now)  # type: ignore[arg-type]
    assert bool(found) is orphaned


async def test_cancelled_is_only_what_was_not_begun(store: Store) -> None:
    book = CallbackBook(store)
    await booked(book)
    await booked(book, "key-0002", MARCUS)
    assert await book.cancel("key-0001", "by command", NOON)
    assert not await book.cancel("key-0001", "by command", NOON)
    assert await claimed(book, key="key-0002")
    assert not await book.cancel("key-0002", "by command", NOON)
    assert not await claimed(book)
    left = [task.key for task in await TaskList(store).due(LATER, 10)]
    assert left == ["key-0002"], "nobody is told that a cancelled one is dialled"


async def test_a_time_is_moved_while_it_is_open(store: Store) -> None:
    book = CallbackBook(store)
    await booked(book)
    assert await book.postpone("key-0001", LATER, NOON)
    assert await book.next_at() == LATER
    assert await claimed(book)
    assert not await book.postpone("key-0001", NOON, NOON)
