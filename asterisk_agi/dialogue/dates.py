"""Finds the day that a caller means: `by friday`, `on december 3rd`, `in 2 weeks`.

Reads text whose numbers were folded (`numbers.fold_numbers`) and takes the day of the call as
an argument. A day is never in the past: a date without a year that is over is next year's, and
a weekday without "this" is the next one after today. "Next friday" is the one of the calendar
week after this one. `Before friday` is the day before it. English only. Pure.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from asterisk_agi.dialogue.spoken import MONTHS, WEEKDAYS

AHEAD_MAX_DAYS = 2 * 366
"""No day further away is taken for one: it would be a misheard number."""

_MONTHS = {name.lower(): number for number, name in enumerate(MONTHS, start=1)}
_WEEKDAYS = {name.lower(): number for number, name in enumerate(WEEKDAYS)}
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_WEEKDAY = f"(?P<weekday>{'|'.join(_WEEKDAYS)})"
_ON_WEEKDAY = f"(?:(?:this|next) )?{_WEEKDAY}"
_YEAR = r"(?: (?P<year>20 ?\d\d)(?! \d))?"
_ORDINAL = r"(?P<number>\d{1,2})(?:st|nd|rd|th)"
_CARDINAL = r"(?P<number>\d{1,2})(?:st|nd|rd|th)?"
_PART = r"(?: (?:morning|afternoon|evening|at the latest))?"


@dataclass(frozen=True)
class FoundDay:
    """A day in a text, and the text with a token in its place."""

    text: str
    day: date | None
    open_ended: bool = False
    """True when a month may follow: `the 3rd`."""


def token(day: date) -> str:
    """Return the word that stands for a day in a folded text."""
    return f"d{day:%Y%m%d}"


def fold_day(text: str, today: date) -> FoundDay:
    """Put a token in the place of the day in a text.

    text: lower case words with folded numbers. Only the first day is taken: a text with two
    days is not understood. Never raises: what is no date is left alone.
    """
    for pattern, make in _PATTERNS:
        for match in pattern.finditer(text):
            day = _made(make, match, today)
            if day is not None:
                return _replaced(text, match, day, today)
    return FoundDay(text, None)


def _made(make: Maker, match: re.Match[str], today: date) -> date | None:
    try:
        day = make(match, today)
    except (ValueError, OverflowError):
        # No such day: february 30th.
        return None
    if day is None or not 0 <= (day - today).days <= AHEAD_MAX_DAYS:
        return None
    return day


def _replaced(text: str, match: re.Match[str], day: date, today: date) -> FoundDay:
    begin = match.start()
    if text[:begin].endswith("before "):
        begin -= len("before ")
        day = max(today, day - timedelta(days=1))
        word = f"by {token(day)}"
    else:
        word = token(day)
    open_ended = match.re is _BARE_ORDINAL and match.end() == len(text)
    return FoundDay(text[:begin] + word + text[match.end() :], day, open_ended)


Maker = Callable[[re.Match[str], date], "date | None"]


# Days counted from today


def _today(match: re.Match[str], today: date) -> date:
    return today


def _tomorrow(match: re.Match[str], today: date) -> date:
    return today + timedelta(days=2 if match["after"] else 1)


def _counted(match: re.Match[str], today: date) -> date:
    count = {"a": 1, "an": 1, "a couple of": 2}.get(match["count"]) or int(match["count"])
    if match["unit"] == "month":
        return _add_months(today, count)
    return today + timedelta(days=count * {"day": 1, "week": 7, "fortnight": 14}[match["unit"]])


def _add_months(day: date, count: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


# Days of the week


def _weekday(match: re.Match[str], today: date) -> date:
    monday = today - timedelta(days=today.weekday())
    number = _WEEKDAYS[match["weekday"]]
    which = match["which"] or match["which_week"] or match["week_first"] or ""
    if which.startswith("next"):
        return monday + timedelta(days=7 + number)
    ahead = (number - today.weekday()) % 7
    if ahead == 0 and "this" not in which:
        ahead = 7
    return today + timedelta(days=ahead)


# Days of the month


def _of_month(match: re.Match[str], today: date) -> date:
    month, number = _MONTHS[match["month"]], int(match["number"])
    if match["year"]:
        return date(int(match["year"].replace(" ", "")), month, number)
    return _next_such(today, month, number)


def _next_such(today: date, month: int, number: int) -> date:
    day = date(today.year, month, number)
    return day if day >= today else date(today.year + 1, month, number)


def _bare_ordinal(match: re.Match[str], today: date) -> date | None:
    number = int(match["number"])
    month = today.replace(day=1)
    for _ in range(3):
        last = calendar.monthrange(month.year, month.month)[1]
        if number <= last and month.replace(day=number) >= today:
            return month.replace(day=number)
        month = _add_months(month, 1)
    return None


def _month_alone(match: re.Match[str], today: date) -> date:
    month = _MONTHS[match["month"]]
    return today if month == today.month else _next_such(today, month, 1)


def _end_of_month(match: re.Match[str], today: date) -> date:
    month = _MONTHS[match["month"]]
    year = today.year if month >= today.month else today.year + 1
    return date(year, month, calendar.monthrange(year, month)[1])


# Spans: this week, next month


def _span(match: re.Match[str], today: date) -> date:
    step = 1 if (match["which"] or "").startswith("next") else 0
    begin, end = _SPANS[match["unit"]](today, step)
    return max(today, end if match["edge"] == "end" else begin)


def _week(today: date, step: int) -> tuple[date, date]:
    monday = today - timedelta(days=today.weekday()) + timedelta(days=7 * step)
    friday = monday + timedelta(days=4)
    return monday, friday if friday >= today else monday + timedelta(days=6)


def _month(today: date, step: int) -> tuple[date, date]:
    first = _add_months(today.replace(day=1), step)
    return first, _add_months(first, 1) - timedelta(days=1)


def _year(today: date, step: int) -> tuple[date, date]:
    return date(today.year + step, 1, 1), date(today.year + step, 12, 31)


_SPANS: dict[str, Callable[[date, int], tuple[date, date]]] = {
    "week": _week,
    "month": _month,
    "year": _year,
}


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b")


_BARE_ORDINAL = _compiled(rf"the {_ORDINAL}(?: of (?:the|this|next) month)?")

# The first pattern that makes a day wins: longer readings stand before shorter ones.
_PATTERNS: tuple[tuple[re.Pattern[str], Maker], ...] = (
    (_compiled(rf"(?:the )?end of {_MONTH}"), _end_of_month),
    (
        _compiled(
            r"(?:the )?(?P<edge>end|beginning|start) of (?:the )?"
            r"(?:(?P<which>this|next|coming) )?(?P<unit>week|month|year)"
        ),
        _span,
    ),
    *(
        (_compiled(pattern + year), _of_month)
        # A number after a date is a year only when that makes a day; else it is an item's.
        for year in (_YEAR, "(?P<year>)")
        for pattern in (
            rf"(?:{_ON_WEEKDAY} )?(?:the )?{_ORDINAL} (?:of )?{_MONTH}",
            rf"(?:{_ON_WEEKDAY} )?{_MONTH} (?:the )?{_CARDINAL}",
            rf"(?<!\d ){_CARDINAL} (?:of )?{_MONTH}",
        )
    ),
    (_compiled(rf"{_ON_WEEKDAY} (?:the )?{_ORDINAL}"), _bare_ordinal),
    (_BARE_ORDINAL, _bare_ordinal),
    (_compiled(rf"(?:the )?(?P<after>day after )?tomorrow{_PART}"), _tomorrow),
    (
        _compiled(
            # "An" and "and" are how a recogniser hears the "in".
            r"(?:(?:in|within|an|and|on) )?(?P<count>\d{1,3}|a couple of|an?) "
            r"(?P<unit>day|week|month|fortnight)s?(?: time| from now| from today)?"
        ),
        _counted,
    ),
    (
        _compiled(
            r"(?:(?P<week_first>this|next) week (?:on )?)?"
            r"(?:(?:the )?(?P<which>this coming|this|next|coming) )?"
            rf"{_WEEKDAY}(?: (?P<which_week>this|next) week)?{_PART}"
        ),
        _weekday,
    ),
    (_compiled(r"(?P<edge>)(?P<which>this|next) (?P<unit>week|month|year)"), _span),
    (
        _compiled(
            r"today|tonight|right now|now|at the moment|currently|at present|"
            r"right away|straight away|immediately"
        ),
        _today,
    ),
    (_compiled(rf"(?:(?<=\bin )|(?<=\bby )|(?<=\bbefore )){_MONTH}"), _month_alone),
)
