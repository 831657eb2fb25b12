"""Knocking at what we depend on."""

from __future__ import annotations

import asyncio

import pytest

from erp.monitoring.health import HealthBoard
from erp.monitoring.probes import Door, Probes, door_of, knock
from erp.store.errors import StoreError


@pytest.mark.parametrize(
    ("url", "door"),
    [
        ("https://erp.example/x", Door("erp.example", 443)),
        ("http://127.0.0.1:8000", Door("127.0.0.1", 8000)),
        ("postgresql://db.example/x", Door("db.example", 5432)),
        ("http://[::1]:80", Door("::1", 80)),
        ("http://h:99999", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_where_an_address_leads(url: str, door: Door | None) -> None:
    assert door_of(url) == door


async def test_a_door_that_opens_and_one_that_does_not() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    door = Door("127.0.0.1", server.sockets[0].getsockname()[1])
    assert await knock(door) == ""
    server.close()
    await server.wait_closed()
    assert await knock(door) != ""


async def test_the_board_is_told() -> None:
    board = HealthBoard(())
    looked = asyncio.Event()

    async def look() -> None:
        looked.set()
        raise StoreError("away")

    probes = Probes(board, {}, [look])
    probes.start()
    await looked.wait()
    await asyncio.sleep(0)
    assert board.ill("store")
    await probes.close()
    await probes.close()
