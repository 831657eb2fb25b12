"""Available-to-promise from stock moves."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from erp.connectors.tryton_stock import Flow, flows, lowest, receipts, warehouse_map
from erp.connectors.tryton_values import Row, rows

TODAY = date(2026, 5, 4)
NORTH, SHELF, SOUTH, SUPPLIER, CUSTOMER = 1, 2, 3, 8, 9
PLACES: dict[int, int | None] = {NORTH: 1, SHELF: 1, SOUTH: 3, SUPPLIER: None, CUSTOMER: None}


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def move(source: int, target: int, amount: int, planned: int | None, **more: Any) -> Row:
    return Row(
        {
            "state": "draft",
            "planned_date": None if planned is None else day(planned),
            "effective_date": None,
            "internal_quantity": amount,
            "from_location": source,
            "to_location": target,
            **more,
        }
    )


def available(on_hand: int, moves: list[Row], on: int) -> Decimal:
    return lowest(Decimal(on_hand), flows(moves, PLACES, TODAY), day(on))


def test_what_is_due_out_later_is_not_available_now() -> None:
    due_out = [move(SHELF, CUSTOMER, 90, 5)]
    assert [available(100, due_out, on) for on in (0, 4, 5, 6)] == [10, 10, 10, 10]


def test_a_receipt_counts_from_its_day_on() -> None:
    coming = [move(SHELF, CUSTOMER, 90, 5), move(SUPPLIER, NORTH, 200, 12)]
    assert [available(100, coming, on) for on in (0, 11, 12)] == [10, 10, 210]


def test_moves_of_one_day_count_together() -> None:
    same_day = [move(SHELF, CUSTOMER, 150, 5), move(SUPPLIER, NORTH, 100, 5)]
    assert available(100, same_day, 0) == 50


def test_a_dip_between_two_receipts_is_seen() -> None:
    dip = [move(SUPPLIER, NORTH, 50, 1), move(SHELF, CUSTOMER, 120, 2),
           move(SUPPLIER, NORTH, 500, 3)]
    assert [available(100, dip, on) for on in (0, 1, 2, 3)] == [30, 30, 30, 530]


def test_a_move_within_a_warehouse_is_none() -> None:
    assert flows([move(SHELF, NORTH, 5, 1)], PLACES, TODAY) == ()


def test_a_transfer_leaves_one_warehouse_and_enters_the_other() -> None:
    out, into = flows([move(SHELF, SOUTH, 5, 1)], PLACES, TODAY)
    assert (out.warehouse, out.amount) == (1, Decimal(-5))
    assert (into.warehouse, into.amount, into.receipt) == (3, Decimal(5), False)


def test_an_overdue_delivery_still_claims_its_goods() -> None:
    assert available(100, [move(SHELF, CUSTOMER, 30, -4)], 0) == 70


def test_an_overdue_receipt_promises_nothing() -> None:
    assert available(100, [move(SUPPLIER, NORTH, 30, -4)], 0) == 100


def test_an_assigned_move_counts_today_whatever_was_planned() -> None:
    assert available(100, [move(SHELF, CUSTOMER, 30, 9, state="assigned")], 0) == 70
    assert available(0, [move(SUPPLIER, NORTH, 30, 9, state="assigned")], 0) == 30


def test_an_undated_delivery_counts_some_day_and_an_undated_receipt_never() -> None:
    assert available(100, [move(SHELF, CUSTOMER, 30, None)], 0) == 70
    assert available(100, [move(SUPPLIER, NORTH, 30, None)], 3000) == 100


def test_receipts_after_today_soonest_first() -> None:
    found = flows(
        [move(SUPPLIER, NORTH, 7, 9), move(SUPPLIER, SHELF, 1, 3), move(SUPPLIER, NORTH, 2, 3),
         move(SUPPLIER, NORTH, 50, 0), move(SUPPLIER, NORTH, 60, None),
         move(SUPPLIER, NORTH, 70, -1), move(SHELF, CUSTOMER, 9, 4), move(SOUTH, NORTH, 5, 2),
         move(SUPPLIER, SOUTH, 11, 5)],
        PLACES,
        TODAY,
    )
    assert receipts(found, {1, 3}, TODAY) == (
        (day(3), Decimal(3)), (day(5), Decimal(11)), (day(9), Decimal(7)),
    )
    assert receipts(found, {3}, TODAY) == ((day(5), Decimal(11)),)


@settings(max_examples=100)
@given(
    st.integers(0, 100),
    st.lists(st.tuples(st.integers(-20, 20), st.integers(-50, 50)), max_size=12),
    st.integers(0, 20),
)
def test_it_is_the_minimum_over_every_later_day(
    on_hand: int, changes: list[tuple[int, int]], on: int
) -> None:
    found = [Flow(1, day(max(0, when)), Decimal(amount)) for when, amount in changes]
    projections = [
        on_hand + sum(amount for when, amount in changes if max(0, when) <= later)
        for later in range(on, 22)
    ]
    assert lowest(Decimal(on_hand), found, day(on)) == min(projections)


def test_locations_lie_in_the_warehouse_above_them() -> None:
    tree = warehouse_map(
        rows([
            {"id": 1, "type": "warehouse", "parent": None},
            {"id": 2, "type": "storage", "parent": 1},
            {"id": 5, "type": "storage", "parent": 2},
            {"id": 9, "type": "customer", "parent": None},
            {"id": 10, "type": "view", "parent": 11},
            {"id": 11, "type": "view", "parent": 10},
            {"id": 12, "type": "storage", "parent": 99},
        ])
    )
    assert tree == {1: 1, 2: 1, 5: 1, 9: None, 10: None, 11: None, 12: None}
