"""A pacing clock that does not drift: deadlines are counted from its start.

A sleep of 20 ms after each packet adds the time of the work and of the wake-up to every period.
Here deadline n is always `start + n * period`, however late deadline n-1 was served.
Reads no clock: time is an argument, in seconds of any monotonic clock.
"""

from __future__ import annotations

BURST_MAX = 2
"""Periods that may be served at once. More would arrive at Asterisk as a burst of packets."""


class PacingClock:
    """Tells how many periods are due, and when the next one is."""

    def __init__(self, start_s: float, period_s: float) -> None:
        self._start_s = start_s
        self._period_s = period_s
        self._passed = 0
        self.skipped = 0
        """Periods that were left out because the loop was late."""

    @property
    def next_deadline_s(self) -> float:
        """When the next period is due. The first one is due at the start."""
        return self._start_s + self._passed * self._period_s

    def take_due(self, now_s: float) -> tuple[int, int]:
        """Return the number of periods to leave out and then the number to serve now.

        At most BURST_MAX are served; the older ones of a longer delay are left out for good, and
        counted. What was left out must still be counted in time stamps.
        """
        # The small term forgives a wake-up that rounding made a nanosecond early.
        reached = int((now_s - self._start_s) / self._period_s + 1e-6) + 1
        due = max(0, reached - self._passed) if now_s >= self._start_s else 0
        late = max(0, due - BURST_MAX)
        self._passed += due
        self.skipped += late
        return late, due - late
