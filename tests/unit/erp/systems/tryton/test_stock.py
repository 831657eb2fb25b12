"""Locations and open moves as what enters and leaves the warehouses."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from erp.connectors.engine import RawRow
from erp.errors import UnreadableAnswer
from erp.systems.tryton.stock import ends, movements, warehouse_of

TODAY = date(2026, 5, 4)
NORTH, SHELF, SOUTH, SUPPLIER, CUSTOMER = 1, 2, 3, 8, 9
PLACES: dict[int, str | None] = {
    NORTH: "North", SHELF: "North", SOUTH: "South", SUPPLIER: None, CUSTOMER: None,
}


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def move(source: int, target: int, amount: int, planned: int | None, **more: object) -> RawRow:
    return {
        "state": "draft",
        "planned_date": None if planned is None else day(planned),
        "effective_date": None,
        "internal_quantity": amount,
        "from_location": source,
        "to_location": target,
        **more,
    }


def found(*moves: RawRow) -> list[tuple[object, ...]]:
    names = ("warehouse", "on", "quantity", "receipt")
    return [tuple(row[name] for name in names) for row in movements(moves, PLACES, TODAY)]


def test_a_delivery_leaves_its_warehouse() -> None:
    assert found(move(SHELF, CUSTOMER, 90, 5)) == [("North", day(5), Decimal(-90), False)]


def test_a_receipt_comes_from_outside() -> None:
    assert found(move(SUPPLIER, SHELF, 7, 9)) == [("North", day(9), Decimal(7), True)]


def test_a_move_within_a_warehouse_or_outside_of_all_is_none() -> None:
    assert found(move(SHELF, NORTH, 5, 1), move(SUPPLIER, CUSTOMER, 5, 1)) == []


def test_a_transfer_leaves_one_warehouse_and_enters_the_other() -> None:
    assert found(move(SHELF, SOUTH, 5, 1)) == [
        ("North", day(1), Decimal(-5), False), ("South", day(1), Decimal(5), False),
    ]


def test_an_overdue_move_keeps_its_day() -> None:
    assert found(move(SHELF, CUSTOMER, 30, -4)) == [("North", day(-4), Decimal(-30), False)]


def test_an_assigned_move_counts_today_and_is_no_promise() -> None:
    assert found(move(SUPPLIER, NORTH, 30, 9, state="assigned")) == [
        ("North", TODAY, Decimal(30), False)
    ]


def test_an_undated_move_has_no_day() -> None:
    assert found(move(SUPPLIER, NORTH, 30, None)) == [("North", None, Decimal(30), True)]


def test_the_day_on_which_it_will_be_done_counts_more_than_the_plan() -> None:
    sooner = move(SUPPLIER, NORTH, 30, 9, effective_date=day(2))
    assert found(sooner) == [("North", day(2), Decimal(30), True)]


def test_a_move_without_an_end_cannot_be_read() -> None:
    with pytest.raises(UnreadableAnswer, match="to_location"):
        found({**move(SHELF, CUSTOMER, 1, 1), "to_location": None})


def test_every_end_is_named() -> None:
    assert ends([move(SHELF, CUSTOMER, 1, 1), move(40, SHELF, 1, 1)]) == {SHELF, CUSTOMER, 40}


def test_locations_lie_in_the_warehouse_above_them() -> None:
    tree = warehouse_of(
        [
            {"id": 1, "name": "North", "type": "warehouse", "parent": None},
            {"id": 2, "name": "shelf", "type": "storage", "parent": 1},
            {"id": 5, "name": "bin", "type": "storage", "parent": 2},
            {"id": 9, "name": "customers", "type": "customer", "parent": None},
            {"id": 10, "name": "a", "type": "view", "parent": 11},
            {"id": 11, "name": "b", "type": "view", "parent": 10},
            {"id": 12, "name": "orphan", "type": "storage", "parent": 99},
        ]
    )
    north = dict.fromkeys((1, 2, 5), "North")
    assert tree == {**north, 9: None, 10: None, 11: None, 12: None}
