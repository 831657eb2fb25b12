"""A template that is some days old is brought to today."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date

import pytest

from tests.rig.tryton import DATES, move_dates

SEEDED, TODAY = date(2026, 2, 20), date(2026, 3, 3)


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as made:
        for table, columns in DATES.items():
            made.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
        made.execute("CREATE TABLE orderline_seed (day)")
        made.execute("INSERT INTO orderline_seed VALUES (?)", (SEEDED.isoformat(),))
        made.execute(
            "INSERT INTO stock_move (planned_date, effective_date) VALUES ('2026-02-25', NULL)"
        )
        yield made


def planned(database: sqlite3.Connection) -> tuple[str, str | None]:
    row: tuple[str, str | None] = database.execute(
        "SELECT planned_date, effective_date FROM stock_move"
    ).fetchone()
    return row


def test_dates_keep_their_distance_from_today(database: sqlite3.Connection) -> None:
    move_dates(database, TODAY)
    assert planned(database) == ("2026-03-08", None)


def test_a_copy_is_moved_once(database: sqlite3.Connection) -> None:
    move_dates(database, TODAY)
    move_dates(database, TODAY)
    assert planned(database) == ("2026-03-08", None)
