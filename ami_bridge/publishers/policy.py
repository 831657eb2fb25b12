"""When an event that was not taken is sent again, and when it is given up. Pure.

Pauses double from `first_s` to `max_s`, each drawn from its upper half, so that many events do not
come back at one moment; a longer wish of the other side (Retry-After) is respected up to a limit.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from ami_bridge.publishers.errors import PublishError, Refused, Unreachable
from ami_bridge.publishers.port import Message
from erp.limits import demand_above_zero

RETRY_AFTER_MAX_S = 3600.0
"""A server that wants to be left alone for a year is asked again all the same."""

EXPONENT_MAX = 30
"""Doubling stops here: 2 ** 30 s is beyond every limit."""


@dataclass(frozen=True)
class RetrySettings:
    """How often and how long an event is sent again before it becomes a dead letter."""

    first_s: float = 1.0
    """Longest pause before the second attempt, seconds; it doubles each time."""
    max_s: float = 3600.0
    """Longest pause between two attempts, seconds."""
    outage_max_s: float = 30.0
    """Longest pause of a publisher when nobody is there, seconds."""
    attempts_max: int = 24
    """Attempts for one event. What fails because nobody is there at all is not counted."""
    age_max_s: float = 259_200.0
    """Age of an event, seconds, at which it is given up whatever the reason (3 days)."""

    def __post_init__(self) -> None:
        demand_above_zero(self, "first_s", "max_s", "outage_max_s")
        demand_above_zero(self, "attempts_max", "age_max_s")


@dataclass(frozen=True)
class Dead:
    """Given up: kept in the store until somebody replays it."""

    why: str


@dataclass(frozen=True)
class Again:
    """To be sent again, this event and after it the later ones of its call."""

    why: str
    after_s: float


@dataclass(frozen=True)
class Hold:
    """Nothing is sent by this publisher for a while; the event is as good as new."""

    why: str
    after_s: float


Verdict = Dead | Again | Hold


def pause_s(first_s: float, most_s: float, failures: int, after_s: float | None = None) -> float:
    """Return how long to wait after so many failures in a row (1 or more).

    first_s, most_s: see `RetrySettings`. after_s: what the other side asked for.
    """
    whole_s = first_s * 2.0 ** min(max(failures - 1, 0), EXPONENT_MAX)
    drawn_s = min(most_s, whole_s) * random.uniform(0.5, 1.0)
    return max(drawn_s, min(after_s or 0.0, RETRY_AFTER_MAX_S))


def judge(
    settings: RetrySettings, message: Message, error: PublishError, outage: int, now_s: float
) -> Verdict:
    """Decide what becomes of an event that was not taken.

    outage: how often in a row nobody was there, this time included. now_s: the Unix clock.
    """
    if isinstance(error, Refused):
        return Dead(error.why)
    if now_s - message.told_s > settings.age_max_s:
        return Dead(f"too old, and at last: {error.why}")
    if isinstance(error, Unreachable):
        most_s = settings.outage_max_s
        return Hold(error.why, pause_s(settings.first_s, most_s, outage, error.after_s))
    failures = message.attempts + 1
    if failures >= settings.attempts_max:
        return Dead(f"{failures} attempts, and at last: {error.why}")
    pause = pause_s(settings.first_s, settings.max_s, failures, error.after_s)
    return Again(error.why, pause)
