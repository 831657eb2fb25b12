"""Available-to-promise: the lowest projected stock from the wanted date on."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.stock import Movement, Projection, project

TODAY = date(2026, 5, 4)
NORTH, SOUTH = "North", "South"


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


def move(amount: int, on: int | None, warehouse: str = NORTH, receipt: bool = False) -> Movement:
    return Movement(warehouse, None if on is None else day(on), Decimal(amount), receipt)


def coming(amount: int, on: int | None, warehouse: str = NORTH) -> Movement:
    return move(amount, on, warehouse, receipt=True)


def at(on_hand: int, moves: list[Movement], on: int) -> Projection:
    return project({NORTH: Decimal(on_hand)}, moves, TODAY, day(on))


def available(on_hand: int, moves: list[Movement], on: int) -> Decimal:
    return at(on_hand, moves, on).available


def test_what_is_due_out_later_is_not_available_now() -> None:
    assert [available(100, [move(-90, 5)], on) for on in (0, 4, 5, 6)] == [10, 10, 10, 10]


def test_a_receipt_counts_from_its_day_on() -> None:
    moves = [move(-90, 5), coming(200, 12)]
    assert [available(100, moves, on) for on in (0, 11, 12)] == [10, 10, 210]


def test_moves_of_one_day_count_together() -> None:
    assert available(100, [move(-150, 5), coming(100, 5)], 0) == 50


def test_a_dip_between_two_receipts_is_seen() -> None:
    dip = [coming(50, 1), move(-120, 2), coming(500, 3)]
    assert [available(100, dip, on) for on in (0, 1, 2, 3)] == [30, 30, 30, 530]


def test_it_is_never_below_zero() -> None:
    assert at(10, [move(-90, 5)], 0) == Projection(Decimal(0), ((NORTH, Decimal(0)),), ())


def test_an_overdue_departure_claims_its_goods_today() -> None:
    assert available(100, [move(-30, -4)], 0) == 70


def test_an_overdue_receipt_promises_nothing() -> None:
    assert at(100, [coming(30, -4)], 0) == Projection(Decimal(100), ((NORTH, Decimal(100)),), ())


def test_what_comes_today_counts_and_is_not_told() -> None:
    assert at(0, [coming(30, 0)], 0) == Projection(Decimal(30), ((NORTH, Decimal(30)),), ())


def test_an_undated_departure_claims_at_the_far_end_and_an_undated_receipt_promises_nothing() -> (
    None
):
    assert available(100, [move(-30, None)], 0) == 70
    assert available(100, [coming(30, None)], 3000) == 100
    # They do not cancel each other: nobody knows that the one comes before the other.
    assert available(100, [move(-30, None), coming(30, None)], 0) == 70


def test_an_undated_transfer_loses_nothing_of_the_whole() -> None:
    found = project(
        {NORTH: Decimal(10)}, [move(-4, None), move(4, None, SOUTH)], TODAY, TODAY
    )
    assert found.available == 10
    assert dict(found.warehouses) == {NORTH: 6, SOUTH: 0}


def test_each_warehouse_has_its_own_and_the_whole_is_not_their_sum() -> None:
    stock = {SOUTH: Decimal(5), NORTH: Decimal(100)}
    found = project(stock, [move(-20, 3, SOUTH), coming(7, 9), move(-1, 2, "West")], TODAY, TODAY)
    assert found.available == 84
    assert [name for name, _ in found.warehouses] == [NORTH, SOUTH, "West"]
    assert dict(found.warehouses) == {NORTH: 100, SOUTH: 0, "West": 0}


def test_only_the_named_warehouses_count() -> None:
    stock = {SOUTH: Decimal(5), NORTH: Decimal(100)}
    moves = [move(-20, 3), coming(7, 9), coming(9, 9, SOUTH)]
    found = project(stock, moves, TODAY, day(9), only={SOUTH, "Nowhere"})
    assert found == Projection(Decimal(14), ((SOUTH, Decimal(14)),), ((day(9), Decimal(9)),))


def test_goods_in_no_warehouse_count_and_are_no_warehouse() -> None:
    found = project({"": Decimal(8)}, [move(-3, 1, "")], TODAY, TODAY)
    assert found == Projection(Decimal(5), (), ())


def test_receipts_after_today_soonest_first() -> None:
    moves = [
        coming(7, 9), coming(1, 3), coming(2, 3), coming(50, 0), coming(60, None), coming(70, -1),
        move(-9, 4), move(5, 2), coming(-4, 6), coming(11, 5, SOUTH),
    ]
    assert at(0, moves, 0).incoming == (
        (day(3), Decimal(3)), (day(5), Decimal(11)), (day(9), Decimal(7)),
    )


@settings(max_examples=60)
@given(
    st.integers(0, 100),
    st.lists(st.tuples(st.integers(-5, 20), st.integers(-50, 50)), max_size=12),
    st.integers(0, 20),
)
def test_it_is_the_minimum_over_every_later_day(
    on_hand: int, changes: list[tuple[int, int]], on: int
) -> None:
    kept = [(max(0, when), amount) for when, amount in changes if amount < 0 or when >= 0]
    projections = [
        on_hand + sum(amount for when, amount in kept if when <= later) for later in range(on, 22)
    ]
    moves = [coming(amount, when) if amount > 0 else move(amount, when) for when, amount in changes]
    assert available(on_hand, moves, on) == max(0, min(projections))


def test_the_far_end_is_the_end_of_the_calendar() -> None:
    found = project({NORTH: Decimal(3)}, [move(-1, None)], TODAY, date.max)
    assert found.available == 2
    with pytest.raises(AttributeError):
        found.available = Decimal(0)  # type: ignore[misc]
