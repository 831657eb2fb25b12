"""Pauses double, have jitter and limits; what can't be sent is given up in the end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.publishers.errors import Refused, TryAgain, Unreachable
from ami_bridge.publishers.policy import (
    RETRY_AFTER_MAX_S,
    Again,
    Dead,
    Hold,
    RetrySettings,
    judge,
    pause_s,
)
from tests.unit.ami_bridge.publishers.fakes import message

RETRY = RetrySettings(1.0, 60.0, outage_max_s=4.0, attempts_max=3, age_max_s=100.0)


@settings(max_examples=50)
@given(st.integers(min_value=0, max_value=10**6), st.floats(min_value=0, max_value=1e12))
def test_a_pause_stays_within_its_limits(failures: int, after_s: float) -> None:
    pause = pause_s(1.0, 60.0, failures, after_s)
    assert 0.5 <= pause <= max(RETRY.max_s, RETRY_AFTER_MAX_S)
    assert pause >= min(after_s, RETRY_AFTER_MAX_S)


def test_pauses_double() -> None:
    for failures, whole_s in [(1, 1), (2, 2), (3, 4), (7, 60)]:
        assert whole_s / 2 <= pause_s(1.0, 60.0, failures) <= whole_s


def test_pauses_are_not_all_alike() -> None:
    assert len({pause_s(1.0, 60.0, 3) for _ in range(20)}) > 1


def test_what_is_refused_is_dead_at_once() -> None:
    assert judge(RETRY, message(), Refused("answered 422"), 0, 0) == Dead("answered 422")


def test_attempts_are_limited() -> None:
    again = judge(RETRY, message(attempts=1), TryAgain("answered 500"), 0, 0)
    assert isinstance(again, Again)
    dead = judge(RETRY, message(attempts=2), TryAgain("answered 500"), 0, 0)
    assert dead == Dead("3 attempts, and at last: answered 500")


def test_nobody_there_is_no_attempt() -> None:
    hold = judge(RETRY, message(attempts=2), Unreachable("no connection"), 9, 0)
    assert isinstance(hold, Hold)
    assert 2 <= hold.after_s <= 4


def test_age_is_limited_even_when_nobody_is_there() -> None:
    dead = judge(RETRY, message(told_s=0), Unreachable("no connection"), 9, 101)
    assert isinstance(dead, Dead)


def test_a_receiver_that_asks_for_time_gets_it() -> None:
    again = judge(RETRY, message(), TryAgain("answered 500", after_s=50), 0, 0)
    assert isinstance(again, Again)
    assert again.after_s == 50


def test_a_limit_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="attempts_max is 0"):
        RetrySettings(attempts_max=0)
