from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.media.clock import BURST_MAX, PacingClock

PERIOD_S = 0.020


def test_the_first_period_is_due_at_the_start() -> None:
    clock = PacingClock(5.0, PERIOD_S)
    assert clock.next_deadline_s == 5.0
    assert clock.take_due(4.99) == (0, 0)
    assert clock.take_due(5.0) == (0, 1)
    assert clock.next_deadline_s == pytest.approx(5.020)


def test_late_wake_ups_do_not_add_up() -> None:
    clock = PacingClock(0.0, PERIOD_S)
    served = 0
    for _ in range(5000):
        served += clock.take_due(clock.next_deadline_s + 0.009)[1]
    assert served == 5000
    assert clock.next_deadline_s == pytest.approx(100.0)
    assert clock.skipped == 0


def test_a_period_is_not_served_twice() -> None:
    clock = PacingClock(0.0, PERIOD_S)
    clock.take_due(0.0)
    assert clock.take_due(0.001) == (0, 0)


def test_a_deadline_that_comes_round_exactly_is_served() -> None:
    clock = PacingClock(0.1, PERIOD_S)
    for _ in range(1000):
        assert clock.take_due(clock.next_deadline_s) == (0, 1)


def test_a_short_delay_is_caught_up() -> None:
    clock = PacingClock(0.0, PERIOD_S)
    assert clock.take_due(0.025) == (0, 2)
    assert clock.skipped == 0


def test_a_long_delay_is_no_burst() -> None:
    clock = PacingClock(0.0, PERIOD_S)
    assert clock.take_due(0.205) == (11 - BURST_MAX, BURST_MAX)
    assert clock.skipped == 11 - BURST_MAX
    assert clock.next_deadline_s == pytest.approx(0.220)


@given(st.lists(st.floats(0, 0.3), max_size=60))
@settings(max_examples=40, deadline=None)
def test_served_and_skipped_are_the_time_that_passed(delays: list[float]) -> None:
    clock = PacingClock(0.0, PERIOD_S)
    now_s, served = 0.0, 0
    for delay in delays:
        now_s += delay
        served += clock.take_due(now_s)[1]
        assert now_s < clock.next_deadline_s <= now_s + PERIOD_S + 1e-6
    assert served + clock.skipped == round(clock.next_deadline_s / PERIOD_S)
