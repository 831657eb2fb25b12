"""Dates as old systems write them: digits in some order, the day of the year, a century digit.

    yyyymmdd 20261121   yymmdd 261121   cyymmdd 1261121 (c: 0 is 19.., 1 is 20.., as on IBM i)
    yyyyddd  2026325    yyddd  26325    cyyddd  126325  (JD Edwards' "Julian" date)

Numbers have lost their leading zeros, and get them back. A time of day that comes with a date is
cut off; nothing is moved between time zones.

Source: IBM i, "Date and time formats"; Oracle JD Edwards EnterpriseOne, date fields; `strptime`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

from erp.errors import UnreadableAnswer
from erp.mapping.keys import list_at, mistake, place, text_at, unknown, whole_at
from erp.mapping.values import plain_text

PIVOT = 70
"""Two-digit years below it are 20.., the others 19.. ."""

Parse = Callable[[str], date]
_ISO = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ].*)?", re.ASCII | re.DOTALL)
_ZERO = re.compile(r"0*|0000-00-00.*", re.DOTALL)
_SAMPLE = date(2026, 11, 21)


def compile_date(
    spec: Mapping[str, object], label: str, where: str
) -> Callable[[object], date | None]:
    """Return what reads a date; None is no date. Raises ProfileError."""
    form = text_at(spec.get("form", "iso"), place(where, "form"))
    parse = _parser(form, spec, where)
    absent = _no_dates(spec, where)

    def read(value: object) -> date | None:
        if isinstance(value, datetime):
            value = value.date()
        text = plain_text(value, label)
        if text in absent or _ZERO.fullmatch(text):
            return None
        if isinstance(value, date):
            return value
        try:
            return parse(text)
        except (ValueError, OverflowError):
            # Not `from` the error: that one holds the value.
            raise UnreadableAnswer(f"{label} is no date of the form {form}") from None

    return read


def _no_dates(spec: Mapping[str, object], where: str) -> frozenset[str]:
    if "none" not in spec:
        return frozenset()
    values = list_at(spec["none"], place(where, "none"), "what is no date, as in [99999999]")
    try:
        return frozenset(plain_text(value, "it") for value in values)
    except UnreadableAnswer as error:
        raise mistake(place(where, "none"), "holds what is no text and no number") from error


def _parser(form: str, spec: Mapping[str, object], where: str) -> Parse:
    two_digits = form in _SHORT or "%y" in form
    if "pivot" in spec and not two_digits:
        raise mistake(
            place(where, "pivot"), f"is for two-digit years, and {form} has none: take it away"
        )
    pivot = whole_at(spec.get("pivot", PIVOT), place(where, "pivot"), 0, 100)
    if form == "iso":
        return _iso
    if form in _SHORT:
        return _digits(_SHORT[form], len(form), pivot)
    if form in _LONG:
        return _digits(_LONG[form], len(form), pivot)
    if "%" in form:
        return _pattern(form, pivot, place(where, "form"))
    raise unknown(place(where, "form"), form, ("iso", *_LONG, *_SHORT))


def _iso(text: str) -> date:
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError("not ISO")
    return date.fromisoformat(found[1])


def _digits(read: Callable[[str, int], date], width: int, pivot: int) -> Parse:
    def parse(text: str) -> date:
        if not (text.isascii() and text.isdecimal()):
            raise ValueError("not digits")
        digits = text.lstrip("0").zfill(width)
        if len(digits) > width:
            raise ValueError("too many digits")
        return read(digits, pivot)

    return parse


def _year(text: str, pivot: int) -> int:
    year = int(text)
    return (2000 if year < pivot else 1900) + year


def _century_year(text: str) -> int:
    return 1900 + 100 * int(text[0]) + int(text[1:3])


def _julian(year: int, day_of_year: str) -> date:
    found = date(year, 1, 1) + timedelta(days=int(day_of_year) - 1)
    if found.year != year:
        raise ValueError("no such day of the year")
    return found


_LONG: dict[str, Callable[[str, int], date]] = {
    "yyyymmdd": lambda t, _: date(int(t[:4]), int(t[4:6]), int(t[6:])),
    "ddmmyyyy": lambda t, _: date(int(t[4:]), int(t[2:4]), int(t[:2])),
    "mmddyyyy": lambda t, _: date(int(t[4:]), int(t[:2]), int(t[2:4])),
    "cyymmdd": lambda t, _: date(_century_year(t), int(t[3:5]), int(t[5:])),
    "cyyddd": lambda t, _: _julian(_century_year(t), t[3:]),
    "yyyyddd": lambda t, _: _julian(int(t[:4]), t[4:]),
}
_SHORT: dict[str, Callable[[str, int], date]] = {
    "yymmdd": lambda t, pivot: date(_year(t[:2], pivot), int(t[2:4]), int(t[4:])),
    "ddmmyy": lambda t, pivot: date(_year(t[4:], pivot), int(t[2:4]), int(t[:2])),
    "mmddyy": lambda t, pivot: date(_year(t[4:], pivot), int(t[:2]), int(t[2:4])),
    "yyddd": lambda t, pivot: _julian(_year(t[:2], pivot), t[2:]),
}
"""Those with a two-digit year."""


def _pattern(form: str, pivot: int, where: str) -> Parse:
    short = "%y" in form

    def parse(text: str) -> date:
        found = datetime.strptime(text, form).date()
        if not short:
            return found
        return found.replace(year=_year(f"{found.year % 100:02}", pivot))

    try:
        whole = ("%Y" in form or short) and parse(_SAMPLE.strftime(form)) == _SAMPLE
    except ValueError:
        whole = False
    if not whole:
        raise mistake(
            where, f"is {form!r}, which gives no day: write year, month and day, as in %d.%m.%Y"
        )
    return parse
