"""The turn's deadline: one point in time that only ever comes nearer."""

from __future__ import annotations

import pytest

from erp.deadline import Deadline


def test_what_is_left_shrinks_to_zero_and_not_below() -> None:
    deadline = Deadline.after(now_s=100.0, budget_s=2.0)
    assert deadline.remaining_s(100.5) == pytest.approx(1.5)
    assert deadline.remaining_s(103.0) == 0.0
    assert not deadline.passed(101.9)
    assert deadline.passed(102.0)


def test_a_cap_never_makes_it_later() -> None:
    deadline = Deadline.after(100.0, 2.0)
    assert deadline.sooner(100.0, 0.5) == Deadline(100.5)
    assert deadline.sooner(101.9, 0.5) == deadline


def test_a_budget_must_be_above_zero() -> None:
    with pytest.raises(ValueError, match=r"budget_s is 0\.0"):
        Deadline.after(1.0, 0.0)
