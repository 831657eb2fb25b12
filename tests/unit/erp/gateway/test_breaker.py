from __future__ import annotations

import logging

import pytest

from erp.gateway.breaker import Breaker
from erp.gateway.errors import NotAsked
from erp.gateway.outage import Outage


class Bench:
    """A breaker of three silences and 5 s, with a clock that the test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.opened = 0
        outage = Outage("one", self.clock)
        self.breaker = Breaker(3, 5.0, outage, self.clock, self._open)

    def clock(self) -> float:
        return self.now_s

    def _open(self) -> None:
        self.opened += 1

    def silences(self, count: int) -> None:
        for _ in range(count):
            self.breaker.silent(self.breaker.admit("ping"), "refused")


def test_it_opens_after_so_many_silences_in_a_row() -> None:
    bench = Bench()
    bench.silences(2)
    bench.breaker.answered(bench.breaker.admit("ping"))
    bench.silences(2)
    assert bench.breaker.closed
    bench.silences(1)
    assert not bench.breaker.closed
    assert bench.opened == 1


def test_open_it_says_for_how_long_the_system_is_left_alone() -> None:
    bench = Bench()
    bench.silences(3)
    bench.now_s += 3.0
    with pytest.raises(NotAsked, match=r"left alone for 2\.0 s"):
        bench.breaker.demand_way("ping")
    with pytest.raises(NotAsked):
        bench.breaker.admit("ping")


def test_exactly_one_probe_and_its_answer_heals() -> None:
    bench = Bench()
    bench.silences(3)
    bench.now_s += 5.0
    probe = bench.breaker.admit("ping")
    with pytest.raises(NotAsked, match="one question probes it"):
        bench.breaker.admit("ping")
    assert not bench.breaker.closed
    bench.breaker.answered(probe)
    assert bench.breaker.closed
    bench.breaker.admit("ping")


def test_a_silent_probe_opens_it_for_the_whole_time_again() -> None:
    bench = Bench()
    bench.silences(3)
    bench.now_s += 7.0
    bench.breaker.silent(bench.breaker.admit("ping"), "refused")
    bench.now_s += 4.9
    with pytest.raises(NotAsked):
        bench.breaker.admit("ping")
    bench.now_s += 0.1
    bench.breaker.admit("ping")


def test_a_withdrawn_probe_leaves_its_place_to_the_next() -> None:
    bench = Bench()
    bench.silences(3)
    bench.now_s += 5.0
    first = bench.breaker.admit("ping")
    bench.breaker.withdrawn(first)
    second = bench.breaker.admit("ping")
    # The first one's outcome comes late, and must not speak for the probe.
    bench.breaker.silent(first, "refused")
    bench.breaker.answered(second)
    assert bench.breaker.closed


def test_outcomes_from_before_the_last_change_do_not_count() -> None:
    bench = Bench()
    old = [bench.breaker.admit("ping") for _ in range(8)]
    for permit in old[:3]:
        bench.breaker.silent(permit, "refused")
    bench.now_s += 3.0
    bench.breaker.answered(old[3])
    bench.breaker.silent(old[4], "refused")
    assert not bench.breaker.closed
    assert bench.opened == 1
    bench.now_s += 2.0
    probe = bench.breaker.admit("ping")
    bench.breaker.answered(old[5])
    assert not bench.breaker.closed
    bench.breaker.answered(probe)
    for permit in old[5:]:
        bench.breaker.silent(permit, "refused")
    bench.silences(2)
    assert bench.breaker.closed


def test_one_line_when_down_and_one_when_up(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    with caplog.at_level(logging.DEBUG):
        bench.silences(3)
        bench.now_s += 5.0
        bench.silences(1)
        bench.now_s += 7.5
        bench.breaker.answered(bench.breaker.admit("ping"))
    assert [record.getMessage() for record in caplog.records] == [
        "one is down: refused; left alone, and probed every 5 s",
        "one is up again after 12.5 s",
    ]
