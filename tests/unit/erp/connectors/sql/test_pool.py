"""The pool: so many connections at most, and a doubtful one never comes back."""

from __future__ import annotations

import asyncio
import logging

import pytest

from erp.connectors.sql.pool import Pool
from erp.errors import BackendDown

from .fakes import FakeDriver, lost


def pool_of(size: int) -> tuple[Pool, FakeDriver]:
    driver = FakeDriver()
    return Pool("erp", driver, size), driver


async def test_a_connection_that_comes_back_is_used_again() -> None:
    pool, driver = pool_of(2)
    session, used = await pool.take("price")
    assert not used
    pool.give(session)
    assert await pool.take("price") == (session, True)
    assert driver.tries == 1


async def test_nobody_gets_more_than_there_are() -> None:
    pool, driver = pool_of(1)
    session, _ = await pool.take("price")
    waiting = asyncio.create_task(pool.take("price"))
    await asyncio.sleep(0)
    assert not waiting.done()
    pool.give(session)
    assert (await waiting)[0] is session
    assert driver.tries == 1


async def test_a_doubtful_connection_is_mended_before_it_is_used() -> None:
    pool, _ = pool_of(1)
    session, _ = await pool.take("price")
    session.sure = False
    pool.give(session)
    again, used = await pool.take("price")  # waits for the mending
    assert again is session
    assert used
    assert again.sure


async def test_a_connection_that_can_not_be_mended_is_closed() -> None:
    pool, driver = pool_of(1)
    session, _ = await pool.take("price")
    driver.sessions[0].mends = False
    session.sure = False
    pool.give(session)
    again, used = await pool.take("price")
    assert again is not session
    assert not used
    assert driver.sessions[0].end == "aborted"


async def test_a_mending_that_fails_gives_its_place_back() -> None:
    pool, driver = pool_of(1)

    async def broken() -> bool:
        lost()
        return True

    session, _ = await pool.take("price")
    driver.sessions[0].mend = broken  # type: ignore[method-assign]
    session.sure = False
    pool.give(session)
    assert (await pool.take("price"))[0] is not session
    assert driver.sessions[0].end == "aborted"


async def test_a_connection_that_died_in_the_pool_is_not_given() -> None:
    pool, driver = pool_of(1)
    pool.give((await pool.take("price"))[0])
    driver.sessions[0].usable = False
    session, used = await pool.take("price")
    assert session is driver.sessions[1]
    assert not used


async def test_a_fresh_one_ends_all_that_wait() -> None:
    pool, driver = pool_of(3)
    await pool.fill("open")
    session, used = await pool.take("price", fresh=True)
    assert not used
    assert session is driver.sessions[3]
    assert [old.end for old in driver.sessions[:3]] == ["aborted"] * 3


async def test_a_failed_connection_gives_its_place_back() -> None:
    pool, driver = pool_of(1)
    driver.most = 0
    for _ in range(2):
        with pytest.raises(BackendDown):
            await pool.take("price")
    driver.most = 1
    assert (await pool.take("price"))[0]


async def test_filling_opens_all() -> None:
    pool, driver = pool_of(4)
    await pool.fill("open")
    assert driver.tries == 4
    await pool.fill("tend")
    assert driver.tries == 4


async def test_filling_counts_those_in_use() -> None:
    pool, driver = pool_of(3)
    await pool.fill("open")
    await pool.take("price")
    await pool.fill("tend")
    assert driver.tries == 3


async def test_a_server_that_lets_nobody_in_is_tried_once() -> None:
    pool, driver = pool_of(8)
    driver.most = 0
    with pytest.raises(BackendDown):
        await pool.fill("open")
    assert driver.tries == 1


async def test_fewer_than_wanted_are_logged_and_enough(caplog: pytest.LogCaptureFixture) -> None:
    pool, driver = pool_of(3)
    driver.most = 2
    with caplog.at_level(logging.WARNING):
        await pool.fill("open")
    assert len(caplog.records) == 1
    assert (await pool.take("price"))[1]


async def test_greeting_ends_the_dead_and_keeps_the_others() -> None:
    pool, driver = pool_of(2)
    await pool.fill("open")
    driver.sessions[0].mends = False
    driver.sessions[0].before = lost
    await pool.greet("tend", "reader", ["SELECT 1"])
    await pool.fill("tend")
    assert driver.sessions[0].end == "aborted"
    assert driver.sessions[1].greeted == [("reader", ["SELECT 1"])]
    assert driver.tries == 3


async def test_closing_ends_all_and_waits_for_the_menders() -> None:
    pool, driver = pool_of(2)
    await pool.fill("open")
    session, _ = await pool.take("price")
    session.sure = False
    pool.give(session)
    await pool.close()
    assert [old.end for old in driver.sessions] == ["closed", "closed"]
    await pool.close()


async def test_a_connection_that_comes_back_to_a_closed_pool_is_closed() -> None:
    pool, driver = pool_of(1)
    session, _ = await pool.take("price")
    await pool.close()
    pool.give(session)
    assert driver.sessions[0].end == "aborted"
