"""Permitted hours of the day, and the earliest permitted moment in several zones at once. Pure.

Law of many countries: a call to a customer between eight and eight of the customer's own clock
(US: 47 CFR 64.1200(c)(1), 8 a.m. to 9 p.m. at the called party's location; ours are narrower).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_DAY_MINUTES = 24 * 60

STEPS_MAX = 1000
"""So often the rules may move a moment before it is given up: each step is hours or days."""

NextOpen = Callable[[datetime], "datetime | None"]
"""Returns the first moment, at or after the given one, that a rule permits; None: never."""


@dataclass(frozen=True)
class Hours:
    """From a time of the day up to, not including, a later one of the same day; in minutes."""

    begin: int
    end: int

    @classmethod
    def read(cls, text: str) -> Hours:
        """Read `08:00-20:00`. Raises ValueError with the mend."""
        found = _HOURS.fullmatch(text)
        parts = [int(part) for part in found.groups()] if found else [0, 0, 0, 0]
        hours = cls(parts[0] * 60 + parts[1], parts[2] * 60 + parts[3])
        if not hours.begin < hours.end <= _DAY_MINUTES:
            raise ValueError(f"hours is {text!r}: write a span of one day, as in 08:00-20:00")
        return hours

    def next(self, at: datetime, zone: ZoneInfo) -> datetime:
        """Return the first moment at or after `at` (aware) that lies in them in a zone, in UTC."""
        local = at.astimezone(zone)
        minute = local.hour * 60 + local.minute
        if self.begin <= minute < self.end:
            return at.astimezone(timezone.utc)
        day = local.date() if minute < self.begin else local.date() + timedelta(days=1)
        begins = time(self.begin // 60, self.begin % 60)
        # Through UTC: an hour that a change of the clock leaves out becomes the one after it.
        found = datetime.combine(day, begins, tzinfo=zone).astimezone(timezone.utc)
        return max(found, at.astimezone(timezone.utc))


def in_all(hours: Hours, zones: Sequence[ZoneInfo]) -> list[NextOpen]:
    """Return the rules that the hours hold in each of the zones."""
    return [lambda at, zone=zone: hours.next(at, zone) for zone in zones]  # type: ignore[misc]


def first_permitted(rules: Sequence[NextOpen], at: datetime, until: datetime) -> datetime | None:
    """Return the first moment at or after `at` that all rules permit; None: not by `until`."""
    moment = at.astimezone(timezone.utc)
    for _ in range(STEPS_MAX):
        moved = moment
        for rule in rules:
            allowed = rule(moved)
            if allowed is None or allowed > until:
                return None
            moved = max(moved, allowed)
        if moved == moment:
            return moment
        moment = moved
    return None
