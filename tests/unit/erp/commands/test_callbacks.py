"""`orderline callbacks`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import pytest

from erp.callbacks.book import CallbackBook, State
from erp.callbacks.wording import agreed_task
from erp.commands.callbacks import add_commands
from erp.commands.errors import CommandError
from erp.store.settings import StoreSettings
from tests.unit.erp.callbacks.company import DANA, NOON, opened, request


def run(folder: Path, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_commands(parser, lambda config: StoreSettings(folder=config), folder)
    parsed = parser.parse_args(arguments)
    return int(parsed.run(parsed))


def book(folder: Path) -> None:
    async def add() -> None:
        async with opened(folder) as store:
            await CallbackBook(store).add(request(), agreed_task(request(), NOON), NOON)

    asyncio.run(add())


def state(folder: Path) -> State:
    async def look() -> State:
        async with opened(folder) as store:
            row = await CallbackBook(store).get("key-0001")
            assert row is not None
            return row.state

    return asyncio.run(look())


def test_nothing_was_agreed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "list") == 0
    assert capsys.readouterr().out == "no call-backs\n"


def test_it_lists_without_numbers_and_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book(tmp_path)
    assert run(tmp_path, "list") == 0
    out = capsys.readouterr().out
    assert "key-0001  2026-11-20 17:10  *********01" in out
    assert "agreed" in out
    assert DANA not in out
    assert "Dana" not in out


def test_it_cancels_what_was_not_begun_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book(tmp_path)
    assert run(tmp_path, "cancel", "key-0001") == 0
    assert state(tmp_path) is State.CANCELLED
    assert run(tmp_path, "cancel", "key-0001") == 1
    assert run(tmp_path, "cancel", "nothing") == 1
    assert "no open call-back nothing" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [("list",), ("cancel", "key-0001")])
def test_a_store_that_can_not_be_opened_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(CommandError, match="the store can't be"):
        run(tmp_path / "file", *arguments)
