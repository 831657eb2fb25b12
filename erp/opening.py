"""Opening hours: whether somebody can be there, and when next.

Hours are those of a clock on the wall of the office, so the days on which the clocks change need
no rule of their own: an hour that comes twice counts twice, one that is left out never comes.
Pure: the moment is always an argument. Zones are those of IANA's database (`zoneinfo`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

SEARCHED_DAYS = 400
"""Days ahead in which an opening is looked for: an office that is closed longer has closed."""

_MINUTE = timedelta(minutes=1)
_SPAN = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_YEARLY = re.compile(r"(\d\d)-(\d\d)", re.ASCII)

Span = tuple[int, int]
"""From the first minute of the day to the one after the last."""


@dataclass(frozen=True)
class OpeningSettings:
    """When humans are there. Without any hours they always are."""

    zone: str = "UTC"
    """Time zone of the office by its IANA name, as in Europe/Berlin or America/New_York."""
    monday: tuple[str, ...] = ()
    """Spans of the day, as in ["09:00-12:30", "13:30-17:00"]; empty: closed all day."""
    tuesday: tuple[str, ...] = ()
    """As monday."""
    wednesday: tuple[str, ...] = ()
    """As monday."""
    thursday: tuple[str, ...] = ()
    """As monday."""
    friday: tuple[str, ...] = ()
    """As monday."""
    saturday: tuple[str, ...] = ()
    """As monday."""
    sunday: tuple[str, ...] = ()
    """As monday."""
    holidays: tuple[str, ...] = field(default=())
    """Days on which nobody is there: "2027-03-26", or "12-25" for every year; in quotes."""

    def __post_init__(self) -> None:
        Opening(self)


class Opening:
    """The opening hours of one office. Raises ValueError, one sentence, when they are none."""

    def __init__(self, settings: OpeningSettings) -> None:
        self.zone = _zone(settings.zone)
        self._days = tuple(_spans(settings, name) for name in WEEKDAYS)
        self._always = not any(self._days)
        self._dates: set[date] = set()
        self._yearly: set[tuple[int, int]] = set()
        for holiday in settings.holidays:
            self._take_holiday(holiday)

    def _take_holiday(self, text: str) -> None:
        yearly = _YEARLY.fullmatch(text)
        try:
            if yearly is None:
                self._dates.add(date.fromisoformat(text))
            else:
                # A leap year: 02-29 is a day of some years.
                day = date(2000, int(yearly[1]), int(yearly[2]))
                self._yearly.add((day.month, day.day))
        except ValueError as error:
            raise ValueError(
                f'holidays has {text!r}: write "YYYY-MM-DD", or "MM-DD" for every year'
            ) from error

    def open_at(self, when: datetime) -> bool:
        """Tell whether the office is open at a moment. when: aware."""
        local = when.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        return any(begin <= minute < end for begin, end in self._on(local.date()))

    def next_open(self, after: datetime) -> datetime | None:
        """Return the first moment from `after` on at which it is open, in the office's zone.

        after: aware; it comes back itself when it is open then. None: not within SEARCHED_DAYS.
        """
        if self.open_at(after):
            return after.astimezone(self.zone)
        today = after.astimezone(self.zone).date()
        for number in range(SEARCHED_DAYS):
            begins = [b for b in self._begins(today + timedelta(days=number)) if b >= after]
            if begins:
                return min(begins).astimezone(self.zone)
        return None

    def _on(self, day: date) -> tuple[Span, ...]:
        if day in self._dates or (day.month, day.day) in self._yearly:
            return ()
        return ((0, 24 * 60),) if self._always else self._days[day.weekday()]

    def _begins(self, day: date) -> Iterator[datetime]:
        """Yield the moments, in UTC, at which the office may open on a day."""
        for begin, _ in self._on(day):
            wall = datetime(day.year, day.month, day.day, begin // 60, begin % 60)
            for fold in (0, 1):
                moment = wall.replace(tzinfo=self.zone, fold=fold).astimezone(timezone.utc)
                yield from self._first_open(moment, wall)

    def _first_open(self, moment: datetime, wall: datetime) -> Iterator[datetime]:
        """Yield the moment, or where the clocks leave it out the first after it; if open then."""
        while _wall(moment - _MINUTE, self.zone) >= wall and self.open_at(moment - _MINUTE):
            moment -= _MINUTE
        if _wall(moment, self.zone) >= wall and self.open_at(moment):
            yield moment


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"zone is {name!r}: write a name of IANA's list, as in Europe/Berlin"
        ) from error


def _spans(settings: OpeningSettings, name: str) -> tuple[Span, ...]:
    return tuple(_span(text, name) for text in getattr(settings, name))


def _span(text: str, name: str) -> Span:
    found = _SPAN.fullmatch(text)
    begin, end = (0, 0) if found is None else (_minute(found, 1), _minute(found, 3))
    if not 0 <= begin < end <= 24 * 60:
        raise ValueError(f'{name} has {text!r}: write a span within the day, as in "09:00-17:00"')
    return begin, end


def _minute(found: re.Match[str], group: int) -> int:
    return int(found[group]) * 60 + int(found[group + 1])
