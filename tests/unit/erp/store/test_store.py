from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from erp.secrets import Secret
from erp.store import migrate
from erp.store.errors import StoreError
from erp.store.settings import StoreSettings
from erp.store.store import Store
from erp.store.tables import metadata, outbox

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)


def event(number: int) -> dict[str, object]:
    return {
        "id": f"id-{number}", "type": "orderline.health", "session": "", "source": "test",
        "time": NOON, "stored_at": NOON, "body": "{}",
    }  # fmt: skip


async def test_what_one_process_commits_another_reads(tmp_path: Path) -> None:
    settings = StoreSettings(folder=tmp_path / "new" / "folder")
    first, second = await Store.open(settings), await Store.open(settings)
    async with first.begin() as connection:
        await connection.execute(insert(outbox).values(event(1)))
    async with second.read() as connection:
        row = (await connection.execute(select(outbox))).one()
    await first.close()
    await second.close()
    assert (row.seq, row.id, row.time) == (1, "id-1", NOON)


async def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = await Store.open(StoreSettings(folder=tmp_path))
    with pytest.raises(ZeroDivisionError):
        async with store.begin() as connection:
            await connection.execute(insert(outbox).values(event(1)))
            raise ZeroDivisionError
    with pytest.raises(StoreError, match=r"IntegrityError.*UNIQUE"):
        async with store.begin() as connection:
            await connection.execute(insert(outbox).values(event(2)))
            await connection.execute(insert(outbox).values(event(2)))
    async with store.read() as connection:
        assert (await connection.execute(select(outbox))).all() == []
    await store.close()


async def test_an_error_that_the_block_takes_itself_is_the_databases_own(tmp_path: Path) -> None:
    store = await Store.open(StoreSettings(folder=tmp_path))
    async with store.begin() as connection:
        await connection.execute(insert(outbox).values(event(1)))
        with pytest.raises(IntegrityError):
            await connection.execute(insert(outbox).values(event(1)))
    await store.close()


async def test_writers_wait_for_each_other_and_lose_nothing(tmp_path: Path) -> None:
    stores = [await Store.open(StoreSettings(folder=tmp_path)) for _ in range(3)]

    async def write(number: int) -> None:
        async with stores[number % 3].begin() as connection:
            # A read first: with BEGIN DEFERRED this is what fails as "database is locked".
            await connection.execute(select(outbox).limit(1))
            await connection.execute(insert(outbox).values(event(number)))

    await asyncio.gather(*(write(number) for number in range(30)))
    async with stores[0].read() as connection:
        numbers = (await connection.execute(select(outbox.c.seq))).scalars().all()
    for store in stores:
        await store.close()
    assert sorted(numbers) == list(range(1, 31))


OPEN = """
import asyncio, sys
from pathlib import Path
from erp.store.settings import StoreSettings
from erp.store.store import Store

async def main():
    sys.stdin.readline()
    store = await Store.open(StoreSettings(folder=Path(sys.argv[1])))
    await store.close()

asyncio.run(main())
"""


def test_processes_that_open_a_new_file_at_the_same_moment_all_succeed(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, str(tmp_path)],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=50)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], errors


async def test_migrations_do_not_hold_up_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that comes back during calls is opened then: beats must not be late for it."""
    upgrade = migrate.upgrade

    def slow(connection: Connection) -> None:
        time.sleep(2.0)
        upgrade(connection)

    monkeypatch.setattr(migrate, "upgrade", slow)
    longest_s, opened = 0.0, asyncio.ensure_future(Store.open(StoreSettings(folder=tmp_path)))
    while not opened.done():
        begin_s = time.monotonic()
        await asyncio.sleep(0.01)
        longest_s = max(longest_s, time.monotonic() - begin_s)
    await opened.result().close()
    assert longest_s < 1.5


async def test_stores_that_one_process_opens_at_once_do_not_mix(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(3)]
    stores = await asyncio.gather(*(Store.open(StoreSettings(folder=one)) for one in folders))
    for store in stores:
        async with store.read() as connection:
            assert (await connection.execute(select(outbox))).all() == []
        await store.close()


def rights_of(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_its_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    store = await Store.open(StoreSettings(folder=tmp_path))
    async with store.begin() as connection:
        await connection.execute(insert(outbox).values(event(1)))
    rights = rights_of(tmp_path)
    await store.close()
    assert set(rights.values()) == {0o600}, rights


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": False})
    return list(compare_metadata(context, metadata))


async def test_the_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    store = await Store.open(StoreSettings(folder=tmp_path))
    async with store.read() as connection:
        assert await connection.run_sync(_differences) == []
    await store.close()


async def test_a_store_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    store = await Store.open(StoreSettings(folder=tmp_path))
    async with store.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await store.close()
    with pytest.raises(StoreError, match=r"newer release \(step 9999\)"):
        await Store.open(StoreSettings(folder=tmp_path))


async def test_a_store_that_cannot_be_reached_says_so_and_is_tried_again(tmp_path: Path) -> None:
    in_the_way = tmp_path / "folder"
    in_the_way.write_text("a file")
    store = Store(StoreSettings(folder=in_the_way))
    with pytest.raises(StoreError, match="FileExistsError"):
        async with store.begin():
            pytest.fail("there is no store")
    in_the_way.unlink()
    async with store.begin() as connection:
        assert (await connection.execute(select(outbox))).all() == []
    await store.close()


async def test_a_server_that_is_not_there_says_so() -> None:
    settings = StoreSettings(url="postgresql+asyncpg://me@127.0.0.1:1/x", password=Secret("s3cret"))
    with pytest.raises(StoreError) as raised:
        await Store.open(settings)
    assert "s3cret" not in str(raised.value)


async def test_a_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    store = await Store.open(StoreSettings(folder=tmp_path))
    naive = {**event(1), "time": datetime(2026, 1, 1)}
    with pytest.raises(StoreError, match="no time zone"):
        async with store.begin() as connection:
            await connection.execute(insert(outbox).values(naive))
    later = {**event(2), "time": NOON.astimezone(timezone(timedelta(hours=5)))}
    async with store.begin() as connection:
        await connection.execute(insert(outbox).values(later))
        assert (await connection.execute(select(outbox.c.time))).scalar_one() == NOON
    await store.close()


@pytest.mark.parametrize(
    ("url", "mend"),
    [
        ("mysql://me@host/db", "write postgresql+asyncpg://"),
        ("not an address", "write postgresql+asyncpg://"),
        ("postgresql+asyncpg://me:s3cret@host/db", "url holds a password: take it out"),
    ],
)
def test_a_wrong_address_is_refused_without_repeating_it(url: str, mend: str) -> None:
    with pytest.raises(ValueError, match=mend.replace("+", r"\+")) as raised:
        StoreSettings(url=url)
    assert "s3cret" not in str(raised.value)
