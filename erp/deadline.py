"""The turn's deadline: one point in time that travels from hop to hop.

Each hop asks what is left and passes the same deadline on; nobody starts a budget of their
own. Times are seconds of one monotonic clock (`asyncio`'s `loop.time()`); the clock is never
read here: now is always an argument.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A point in time, in seconds of the monotonic clock, by which the turn must be answered."""

    at_s: float

    @classmethod
    def after(cls, now_s: float, budget_s: float) -> Deadline:
        """Return the deadline that lies budget_s (seconds, > 0) after now_s."""
        if budget_s <= 0:
            raise ValueError(f"budget_s is {budget_s}: a deadline needs a budget above 0 s")
        return cls(now_s + budget_s)

    def remaining_s(self, now_s: float) -> float:
        """Return the seconds that are left, never below 0."""
        return max(0.0, self.at_s - now_s)

    def passed(self, now_s: float) -> bool:
        """Tell whether nothing is left."""
        return now_s >= self.at_s

    def sooner(self, now_s: float, cap_s: float) -> Deadline:
        """Return this deadline, or the one cap_s after now_s if that comes first."""
        return Deadline(min(self.at_s, now_s + cap_s))
