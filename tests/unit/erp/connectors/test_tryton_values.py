"""Tagged values and rows."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.connectors.tryton_values import Row, UnreadableAnswer, decode, rows, shown


def test_tagged_values_are_read() -> None:
    body = b"""{"on": {"__class__": "date", "year": 2026, "month": 2, "day": 28},
        "at": {"__class__": "datetime", "year": 2026, "month": 2, "day": 28, "hour": 1,
               "minute": 2, "second": 3, "microsecond": 4},
        "price": {"__class__": "Decimal", "decimal": "8.00"}, "amount": 0.1,
        "other": {"__class__": "timedelta", "seconds": 3}}"""
    assert decode(body) == {
        "on": date(2026, 2, 28),
        "at": datetime(2026, 2, 28, 1, 2, 3, 4),
        "price": Decimal("8.00"),
        "amount": Decimal("0.1"),
        "other": {"__class__": "timedelta", "seconds": 3},
    }


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff", b"[" * 100_000,
        b'{"__class__": "date", "year": 2026, "month": 13, "day": 1}',
        b'{"__class__": "date", "year": 2026}',
        b'{"__class__": "date", "year": "2026", "month": 1, "day": 1}',
        b'{"__class__": "date", "year": 99999999999999999999, "month": 1, "day": 1}',
        b'{"__class__": "Decimal", "decimal": "eight"}',
        b'{"__class__": "Decimal", "decimal": 8}',
    ],
)
def test_what_cannot_be_read_is_an_error(body: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        decode(body)


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        decode(body)
    except UnreadableAnswer as error:
        assert str(error)


def test_a_row_is_read_by_name_and_type() -> None:
    row = Row(
        {"id": 3, "name": "x", "n": 2, "d": Decimal("1.5"), "on": date(2026, 1, 2),
         "at": datetime(2026, 1, 2, 3, 4), "none": None, "party.": {"id": 9},
         "lines.": [{"id": 1}, {"id": 2}]}
    )
    assert (row.identifier(), row.text("name"), row.text("none")) == (3, "x", "")
    assert [row.amount(name) for name in ("n", "d", "none")] == [2, Decimal("1.5"), 0]
    assert row.day("on") == row.day("at") == date(2026, 1, 2)
    assert row.day("none") is None
    assert row.row("party").identifier() == 9
    assert row.row("nothing").text("name") == ""
    assert [line.identifier() for line in row.rows("lines")] == [1, 2]
    assert row.has("n")
    assert not row.has("none")


@pytest.mark.parametrize("value", [True, "3", 1.5, [], {}])
def test_a_wrong_type_is_an_error(value: object) -> None:
    row = Row({"x": value})
    with pytest.raises(UnreadableAnswer):
        row.identifier("x")
    with pytest.raises(UnreadableAnswer):
        row.amount("x")
    with pytest.raises(UnreadableAnswer):
        row.day("x")
    if not isinstance(value, str):
        with pytest.raises(UnreadableAnswer):
            row.text("x")


def test_an_infinite_amount_is_an_error() -> None:
    with pytest.raises(UnreadableAnswer):
        Row({"x": Decimal("Infinity")}).amount("x")


@pytest.mark.parametrize("answer", [None, {}, "text", [1], [None]])
def test_records_are_a_list_of_objects(answer: object) -> None:
    with pytest.raises(UnreadableAnswer):
        rows(answer)


def test_a_raw_value_is_shown_short_and_on_one_line() -> None:
    assert shown("a\nb") == r"'a\nb'"
    assert len(shown("x" * 1000)) < 50
