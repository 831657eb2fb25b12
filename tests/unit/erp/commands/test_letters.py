"""`orderline events dead` and `replay`, on a real store."""

from __future__ import annotations

import argparse
import asyncio
from datetime import datetime, timezone
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from erp.commands import letters
from erp.commands.errors import CommandError
from erp.events.letters import DEAD, WAITING
from erp.store.settings import StoreSettings
from erp.store.store import Store
from erp.store.tables import deliveries, outbox

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


@pytest.fixture
def settings(tmp_path: Path) -> StoreSettings:
    settings = StoreSettings(folder=tmp_path)
    asyncio.run(_with_a_dead_letter(settings))
    return settings


async def _with_a_dead_letter(settings: StoreSettings) -> None:
    store = Store(settings)
    event = {"id": "e-1", "type": "orderline.call.ended", "session": "s-1", "source": "x"}
    times = {"time": NOW, "stored_at": NOW}
    letter = {"publisher": "nats", "event": "e-1", "seq": 1, "session": "s-1", "state": DEAD}
    async with store.begin() as connection:
        await connection.execute(insert(outbox).values(**event, **times, body="{}"))
        await connection.execute(
            insert(deliveries).values(**letter, attempts=7, changed_at=NOW, why="answered 422")
        )
    await store.close()


def run(settings: StoreSettings, *arguments: str) -> None:
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(required=True)
    letters.add_verbs(verbs, lambda _: settings, Path("unused"))
    parsed = parser.parse_args(arguments)
    assert parsed.run(parsed) == 0


async def _states(settings: StoreSettings) -> list[tuple[str, int]]:
    store = Store(settings)
    async with store.read() as connection:
        rows = await connection.execute(select(deliveries.c.state, deliveries.c.attempts))
        found = [(row.state, row.attempts) for row in rows]
    await store.close()
    return found


def test_dead_letters_are_listed(
    settings: StoreSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    run(settings, "dead")
    shown = capsys.readouterr().out
    for part in ("e-1", "orderline.call.ended", "s-1", "nats", "7", "answered 422", "03:04:05"):
        assert part in shown
    run(settings, "dead", "--publisher", "webhook:desk")
    assert capsys.readouterr().out == "no dead letters\n"


@pytest.mark.parametrize("arguments", [("e-1",), ("--all",), ("--all", "--publisher", "nats")])
def test_a_replayed_one_waits_again(settings: StoreSettings, arguments: tuple[str, ...]) -> None:
    run(settings, "replay", *arguments)
    assert asyncio.run(_states(settings)) == [(WAITING, 0)]


@pytest.mark.parametrize("arguments", [(), ("e-1", "--all")])
def test_it_must_be_said_which(settings: StoreSettings, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="--all"):
        run(settings, "replay", *arguments)


def test_what_is_not_dead_is_not_replayed(
    settings: StoreSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    run(settings, "replay", "e-2")
    assert capsys.readouterr().out.startswith("0 ")
    assert asyncio.run(_states(settings)) == [(DEAD, 7)]
