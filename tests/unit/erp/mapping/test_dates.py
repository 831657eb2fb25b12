"""Dates in every form, and what is none."""

from __future__ import annotations

import traceback
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.errors import UnreadableAnswer
from erp.profiles.errors import ProfileError
from erp.shapes import Kind

from .rules import WHERE, mapped, mapper

DAY = date(2026, 11, 21)


def day(value: object, **options: object) -> object:
    return mapped(Kind.DATE, {"from": "D", **options}, {"D": value})


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("iso", "2026-11-21"),
        ("iso", " 2026-11-21T23:59:59.5Z "),
        ("iso", "2026-11-21 10:00:00+02"),
        ("yyyymmdd", "20261121"),
        ("yyyymmdd", 20261121),
        ("yyyymmdd", Decimal("20261121")),
        ("yyyymmdd", 20261121.0),
        ("yymmdd", 261121),
        ("cyymmdd", 1261121),
        ("ddmmyyyy", "21112026"),
        ("mmddyyyy", "11212026"),
        ("ddmmyy", "211126"),
        ("mmddyy", "112126"),
        ("yyddd", "26325"),
        ("cyyddd", 126325),
        ("yyyyddd", 2026325),
        ("%d.%m.%Y", "21.11.2026"),
        ("%d/%m/%y", "21/11/26"),
        ("%Y%j", 2026325),
        ("%Y-%m-%d-%H.%M.%S.%f", "2026-11-21-10.11.12.123456"),
    ],
)
def test_each_form(form: str, value: object) -> None:
    assert day(value, form=form) == DAY


@pytest.mark.parametrize(
    ("form", "value", "wanted"),
    [
        ("yymmdd", 51105, date(2005, 11, 5)),
        ("cyymmdd", 991231, date(1999, 12, 31)),
        ("ddmmyyyy", 1112026, date(2026, 11, 1)),
        ("mmddyy", 10226, date(2026, 1, 2)),
        ("cyyddd", 99365, date(1999, 12, 31)),
        ("cyyddd", "124366", date(2024, 12, 31)),
        ("yyddd", 1, date(2000, 1, 1)),
    ],
)
def test_numbers_get_their_leading_zeros_back(form: str, value: object, wanted: date) -> None:
    assert day(value, form=form) == wanted


@pytest.mark.parametrize("packed", ["1261121c", "01261121c"[-8:], "1261121f"])
def test_packed_dates(packed: str) -> None:
    assert day(bytes.fromhex(packed), form="cyymmdd", packed=True) == DAY
    assert day(bytes.fromhex("0261121c"), form="yymmdd", packed=True) == DAY


def test_two_digit_years_turn_at_the_pivot() -> None:
    assert day("691231", form="yymmdd") == date(2069, 12, 31)
    assert day("700101", form="yymmdd") == date(1970, 1, 1)
    assert day("300101", form="yymmdd", pivot=30) == date(1930, 1, 1)
    assert day("290101", form="yymmdd", pivot=30) == date(2029, 1, 1)
    assert day("01.01.30", form="%d.%m.%y", pivot=30) == date(1930, 1, 1)
    assert day("01.01.69", form="%d.%m.%y", pivot=60) == date(1969, 1, 1)
    assert day("990101", form="yymmdd", pivot=100) == date(2099, 1, 1)


def test_a_date_of_the_driver_stays_in_any_form() -> None:
    assert day(DAY, form="cyyddd") == DAY
    found = day(datetime(2026, 11, 21, 23, 30, tzinfo=timezone.utc))
    assert found == DAY
    assert type(found) is date


@pytest.mark.parametrize("form", ["iso", "cyyddd", "yyyymmdd", "%d.%m.%Y"])
@pytest.mark.parametrize(
    "value", [None, "", "  ", 0, "0", "00000000", "0000-00-00", "0000-00-00 00:00:00", False,
              Decimal("0.0"), 0.0]
)
def test_nothing_zero_and_blanks_are_no_date(form: str, value: object) -> None:
    assert day(value, form=form) is None


@pytest.mark.parametrize(
    ("none", "value"),
    [
        (99999999, "99999999"),
        ("99999999", 99999999),
        (99999999, Decimal(99999999)),
        ("0001-01-01", date(1, 1, 1)),
        (date(9999, 12, 31), date(9999, 12, 31)),
        (date(9999, 12, 31), datetime(9999, 12, 31, 23, 59)),
    ],
)
def test_what_the_profile_calls_none_is_no_date(none: object, value: object) -> None:
    assert day(value, form="yyyymmdd", none=[none, "x"]) is None


def test_a_default_stands_in_for_no_date() -> None:
    assert day(0, form="cyyddd", default="2026-11-21") == DAY


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("iso", "hush"), ("iso", "2026-02-30"), ("iso", "20261121"), ("iso", "2026-W47-6"),
        ("yyyymmdd", "20261321"), ("yyyymmdd", "2026112"), ("yyyymmdd", "120261121"),
        ("yyyymmdd", -20261121), ("yyyymmdd", "２０２６１１２１"), ("yyyymmdd", 20261121.5),
        ("cyyddd", 126366), ("cyyddd", 126000), ("yyyyddd", "2026366"), ("yyddd", "26999"),
        ("%d.%m.%Y", "hush"), ("yymmdd", "260229"), ("yyyyddd", 9999366),
        ("iso", True), ("iso", []), ("iso", {}), ("iso", b"2026-11-21"), ("iso", float("nan")),
        ("yyyymmdd", 10**60),
    ],
)  # fmt: skip
def test_any_other_value_is_unreadable_and_not_shown(form: str, value: object) -> None:
    with pytest.raises(UnreadableAnswer, match=r"^p\.f ") as raised:
        day(value, form=form)
    assert str(value) not in "".join(traceback.format_exception(raised.value)) or value in ([], {})


@settings(max_examples=80)
@given(st.dates(date(1970, 1, 1), date(2069, 12, 31)))
def test_any_day_comes_back(found: date) -> None:
    of_year = (found - date(found.year, 1, 1) + timedelta(1)).days
    century = found.year // 100 - 19
    assert day(int(f"{century}{found:%y}{of_year:03}"), form="cyyddd") == found
    assert day(int(f"{century}{found:%y%m%d}"), form="cyymmdd") == found
    for pattern, form in (("%y%m%d", "yymmdd"), ("%d%m%y", "ddmmyy"), ("%y%j", "yyddd")):
        if int(found.strftime(pattern)):
            assert day(found.strftime(pattern), form=form) == found


@settings(max_examples=80)
@given(st.text(max_size=12), st.sampled_from(["iso", "cyyddd", "yymmdd", "%d.%m.%y"]))
def test_any_text_is_read_or_refused(value: str, form: str) -> None:
    try:
        found = day(value, form=form)
    except UnreadableAnswer:
        return
    assert found is None or isinstance(found, date)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"form": "julian"}, f"{WHERE}.f.form has 'julian', which is not known"),
        ({"form": "yyyymmd"}, "did you mean yyyymmdd?"),
        ({"form": "%H:%M"}, "form is '%H:%M', which gives no day"),
        ({"form": "%d.%m."}, "which gives no day"),
        ({"form": "%Y-%m-%d %"}, "which gives no day"),
        ({"form": 8}, f"{WHERE}.f.form is '8'"),
        ({"form": "cyyddd", "pivot": 50}, f"{WHERE}.f.pivot is for two-digit years, and cyyddd"),
        ({"form": "yymmdd", "pivot": 101}, "pivot is '101': write a whole number from 0 to 100"),
        ({"none": 99999999}, f"{WHERE}.f.none is '99999999': write a list"),
        ({"none": [["x"]]}, "none holds what is no text"),
        ({"default": "soon"}, f"{WHERE}.f.default is 'soon': write a date, as in 2026-11-21"),
        ({"decimals": 2}, f"{WHERE}.f.decimals belongs to as: number, and this is read as date"),
        ({"as": "text"}, f"{WHERE}.f.as is text, but this is a date: write date"),
    ],
)
def test_a_mistake_is_one_sentence(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ProfileError) as raised:
        mapper(Kind.DATE, {"from": "D", **options})
    assert sentence in str(raised.value)
