"""Call-backs in PostgreSQL, as several hosts share it: one claim wins, one number is one row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from erp.callbacks.book import CallbackBook, State
from erp.callbacks.task_list import TaskList
from erp.callbacks.wording import agreed_task
from erp.secrets import Secret
from erp.store.settings import StoreSettings
from erp.store.store import Store
from tests.rig import postgresql
from tests.unit.erp.callbacks.company import DANA, NOON, request

pytestmark = [pytest.mark.live, pytest.mark.at_once, pytest.mark.timeout(120)]

HOSTS = 4
LATER = NOON + timedelta(hours=1)


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[list[tuple[CallbackBook, TaskList]]]:
    """Give the books of several hosts, each with connections of its own."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(postgresql.served(tmp_path / "server"))
        settings = StoreSettings(
            url=f"postgresql+asyncpg://admin@127.0.0.1:{server.port}/postgres",
            password=Secret(server.admin_password),
        )
        made = []
        for _ in range(HOSTS):
            store = await Store.open(settings)
            stack.push_async_callback(store.close)
            made.append((CallbackBook(store), TaskList(store)))
        yield made


async def book_one(book: CallbackBook, key: str, number: str = DANA) -> None:
    wish = request(key, number)
    await book.add(wish, agreed_task(wish, NOON), NOON)


async def claim(book: CallbackBook, key: str, by: str) -> bool:
    row = await book.get(key)
    assert row is not None
    return await book.claim(row, by, LATER, NOON)


async def test_hosts_that_race(books: list[tuple[CallbackBook, TaskList]]) -> None:
    first = books[0][0]
    for number in range(20):
        key = f"key-{number:04}"
        await book_one(first, key, f"+121255501{number:02}")
        claims = (claim(book, key, f"host{n}#1") for n, (book, _) in enumerate(books))
        won = await asyncio.gather(*claims)
        assert sum(won) == 1

    keys = [f"same-{n:04}" for n in range(HOSTS)]
    await asyncio.gather(
        *(book_one(book, key) for (book, _), key in zip(books, keys, strict=True))
    )
    rows = [await first.get(key) for key in keys]
    states = [row.state for row in rows if row is not None]
    assert sorted(states) == sorted([State.AGREED] + [State.JOINED] * (HOSTS - 1))

    new = "+12125550150"
    again = await asyncio.gather(*(book_one(book, "once-0001", new) for book, _ in books))
    assert len(again) == HOSTS
    assert sum(row.key == "once-0001" for row in await first.latest(100)) == 1

    tasks = books[0][1]
    (task, *_) = await tasks.due(LATER, 100)
    leases = await asyncio.gather(*(listed.lease(task, LATER) for _, listed in books))
    assert sum(leases) == 1

    row = await first.get("same-0000")
    assert row is not None
    assert await first.orphans("host0", "host0#2", NOON) != []
    assert await first.again("key-0000", "nobody", LATER, "", NOON) is False
