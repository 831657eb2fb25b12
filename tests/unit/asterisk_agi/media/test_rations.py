"""Any telephone fits into the rations; a flood does not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.media.rations import BURST, RATE_HZ, Rations


@pytest.mark.parametrize("packet_s", [0.010, 0.020, 0.030])
def test_a_telephone_is_never_put_off(packet_s: float) -> None:
    rations = Rations(0.0)
    assert all(rations.take(number * packet_s) for number in range(5000))


def test_two_seconds_that_waited_are_read_at_once() -> None:
    rations = Rations(0.0)
    assert all(rations.take(5.0) for _ in range(100))
    assert not rations.take(5.0)


def test_of_a_flood_only_so_much_is_read() -> None:
    rations = Rations(0.0)
    taken = sum(rations.take(number / 50_000) for number in range(500_000))
    assert taken == pytest.approx(10 * RATE_HZ + BURST, abs=2)


@settings(max_examples=50)
@given(st.lists(st.floats(0, 3), max_size=200))
def test_never_more_than_the_rate_and_one_burst(steps: list[float]) -> None:
    rations, now_s, taken = Rations(0.0), 0.0, 0
    for step in steps:
        now_s += step
        taken += rations.take(now_s)
    assert taken <= BURST + now_s * RATE_HZ + 1
