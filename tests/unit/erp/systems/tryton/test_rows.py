"""Raw rows of Tryton, read by name and type."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from erp.connectors.engine import RawRow
from erp.errors import UnreadableAnswer
from erp.systems.tryton.rows import amount, day, number, record, records, text

ROW: RawRow = {
    "id": 3, "name": "x", "n": 2, "d": Decimal("1.5"), "on": date(2026, 1, 2),
    "at": datetime(2026, 1, 2, 3, 4), "none": None, "party.": {"id": 9},
    "lines.": [{"id": 1}, {"id": 2}],
}


def test_a_row_is_read_by_name_and_type() -> None:
    assert (number(ROW), text(ROW, "name")) == (3, "x")
    assert [amount(ROW, name) for name in ("n", "d")] == [2, Decimal("1.5")]
    assert day(ROW, "on") == day(ROW, "at") == date(2026, 1, 2)
    assert number(record(ROW, "party")) == 9
    assert [number(line) for line in records(ROW, "lines")] == [1, 2]


def test_a_moment_is_a_day_and_no_moment() -> None:
    assert type(day(ROW, "at")) is date


def test_what_is_unset_is_empty() -> None:
    assert (text(ROW, "none"), amount(ROW, "none")) == ("", Decimal(0))
    assert day(ROW, "none") is None
    assert not record(ROW, "nothing")
    assert not records(ROW, "nothing")


@pytest.mark.parametrize("value", [True, 1.5, [1], {}, "3"])
def test_a_wrong_type_is_an_error(value: object) -> None:
    row = {"x": value, "x.": value}
    for reader in (number, amount, day, *((text,) if not isinstance(value, str) else ())):
        with pytest.raises(UnreadableAnswer, match="x is no"):
            reader(row, "x")
    for relation in (*((record,) if value != {} else ()), records):
        with pytest.raises(UnreadableAnswer, match="x is no"):
            relation(row, "x")


def test_a_record_without_a_number_is_an_error() -> None:
    with pytest.raises(UnreadableAnswer, match="id"):
        number({})
