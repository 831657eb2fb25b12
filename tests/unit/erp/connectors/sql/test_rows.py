"""Rows: found in any case, unreadable types made texts, and never more than may be."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from decimal import Decimal

import pytest

from erp.connectors.sql.rows import Columns, Gathered, Row, TooMuch


def test_a_column_is_found_in_any_case() -> None:
    row = Row(Columns(["itnbr", "PrIce"]), ("4521", Decimal("1.5")))
    assert (row["ITNBR"], row["price"]) == ("4521", Decimal("1.5"))
    assert row.get("NOWHERE", "absent") == "absent"
    assert "ItNbr" in row
    assert list(row) == ["itnbr", "PrIce"]
    assert len(row) == 2


def test_of_two_columns_with_one_name_the_first_counts() -> None:
    assert Row(Columns(["A", "a"]), (1, 2))["a"] == 1


@pytest.mark.parametrize("value", [None, "x", 7, 1.5, Decimal(3), date(2026, 1, 2), b"x", True])
def test_what_a_mapping_reads_stays(value: object) -> None:
    assert Row(Columns(["A"]), (value,))["A"] is value


def test_what_no_mapping_reads_becomes_text() -> None:
    number = uuid.UUID(int=7)
    assert Row(Columns(["A"]), (number,))["A"] == str(number)
    assert Row(Columns(["A"]), (timedelta(hours=3),))["A"] == "3:00:00"


def test_a_number_has_no_exponent() -> None:
    row = Row(Columns(["A", "B", "C"]), (Decimal("50E+4"), Decimal("1.50"), Decimal("NaN")))
    assert [str(row[name]) for name in "ABC"] == ["500000", "1.50", "NaN"]


def test_a_row_shows_its_columns_and_no_value() -> None:
    assert "Secret" not in repr(Row(Columns(["A"]), ("Secret",)))


def test_rows_over_the_cap_are_not_wanted() -> None:
    gathered = Gathered(rows_max=2, bytes_max=1000)
    gathered.add(("a",))
    assert not gathered.full
    gathered.add(("b",))
    assert gathered.full


def test_bytes_over_the_cap_are_refused() -> None:
    gathered = Gathered(rows_max=10, bytes_max=20)
    gathered.add(("x" * 10, b"y" * 10))
    with pytest.raises(TooMuch, match="20 bytes"):
        gathered.add(("z",))
    with pytest.raises(TooMuch):
        Gathered(rows_max=10, bytes_max=20).add((1, 2))
