"""Opening hours: spans, holidays, and the days on which the clocks change."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.opening import Opening, OpeningSettings

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = OpeningSettings(
    zone="Europe/Berlin",
    monday=("09:00-12:30", "13:30-17:00"),
    tuesday=("09:00-17:00",),
    friday=("09:00-15:00",),
    sunday=("01:30-05:00",),
    holidays=("2026-11-24", "12-25"),
)


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-11-23 08:59", False),
        ("2026-11-23 09:00", True),
        ("2026-11-23 12:29:59", True),
        ("2026-11-23 12:30", False),
        ("2026-11-23 13:30", True),
        ("2026-11-24 10:00", False),  # a holiday of this year
        ("2027-11-23 10:00", True),  # the same weekday, another year
        ("2026-11-25 10:00", False),  # a day without hours
        ("2026-12-25 10:00", False),  # a holiday of every year
        ("2027-12-25 10:00", False),
    ],
)
def test_knows_when_it_is_open(when: str, is_open: bool) -> None:
    assert Opening(WEEK).open_at(berlin(when)) is is_open


def test_takes_moments_of_other_zones() -> None:
    assert Opening(WEEK).open_at(datetime(2026, 11, 23, 8, 0, tzinfo=timezone.utc))
    assert not Opening(WEEK).open_at(datetime(2026, 11, 23, 7, 59, tzinfo=timezone.utc))


@pytest.mark.parametrize(
    ("after", "opens"),
    [
        ("2026-11-23 10:00", "2026-11-23 10:00"),
        ("2026-11-23 12:30", "2026-11-23 13:30"),
        ("2026-11-23 17:00", "2026-11-27 09:00"),  # over a holiday and two days without hours
        ("2026-12-21 18:00", "2026-12-22 09:00"),
        ("2026-12-22 18:00", "2026-12-27 01:30"),  # Friday is Christmas
    ],
)
def test_finds_the_next_opening(after: str, opens: str) -> None:
    assert Opening(WEEK).next_open(berlin(after)) == berlin(opens)


def test_no_hours_are_always_open_but_for_holidays() -> None:
    always = Opening(OpeningSettings(zone="Europe/Berlin", holidays=("01-01",)))
    assert always.open_at(berlin("2026-11-22 03:00"))
    assert not always.open_at(berlin("2027-01-01 12:00"))
    assert always.next_open(berlin("2027-01-01 12:00")) == berlin("2027-01-02 00:00")


def test_never_open_again_is_told() -> None:
    every_day = tuple(f"{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 30))
    rest = ("01-30", "01-31", *(f"{m:02}-30" for m in range(3, 13)))
    last = tuple(f"{m:02}-31" for m in (3, 5, 7, 8, 10, 12))
    closed = Opening(OpeningSettings(holidays=(*every_day, *rest, *last)))
    assert closed.next_open(datetime(2026, 1, 1, tzinfo=timezone.utc)) is None


def test_an_hour_that_is_left_out_does_not_delay_the_opening() -> None:
    # 2027-03-28: at 02:00 the clocks go to 03:00.
    spring = Opening(OpeningSettings(zone="Europe/Berlin", sunday=("02:30-05:00",)))
    opens = spring.next_open(berlin("2027-03-28 01:00"))
    assert opens == datetime(2027, 3, 28, 1, 0, tzinfo=timezone.utc)
    assert (opens.hour, opens.minute) == (3, 0)
    short = Opening(OpeningSettings(zone="Europe/Berlin", sunday=("02:00-02:45",)))
    assert short.next_open(berlin("2027-03-28 01:00")) == berlin("2027-04-04 02:00")


def test_an_hour_that_comes_twice_counts_twice() -> None:
    # 2026-10-25: at 03:00 the clocks go back to 02:00.
    autumn = Opening(OpeningSettings(zone="Europe/Berlin", sunday=("02:15-02:45",)))
    assert autumn.open_at(berlin("2026-10-25 02:20", fold=0))
    assert autumn.open_at(berlin("2026-10-25 02:20", fold=1))
    between = berlin("2026-10-25 02:50", fold=0)
    assert not autumn.open_at(between)
    opens = autumn.next_open(between)
    assert opens is not None
    assert opens.astimezone(timezone.utc) == datetime(2026, 10, 25, 1, 15, tzinfo=timezone.utc)


def test_the_working_day_of_a_change_begins_at_nine_by_the_wall() -> None:
    daily = OpeningSettings(zone="America/New_York", sunday=("09:00-17:00",))
    for day, utc_hour in (("2026-03-08", 13), ("2026-11-01", 14)):
        opens = Opening(daily).next_open(datetime.fromisoformat(f"{day}T04:30:00+00:00"))
        assert opens is not None
        assert (opens.hour, opens.astimezone(timezone.utc).hour) == (9, utc_hour)


@settings(max_examples=60)
@given(st.integers(0, 2 * 365 * 24 * 60))
def test_the_next_opening_is_open_and_none_is_earlier(minutes: int) -> None:
    opening = Opening(WEEK)
    after = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=minutes)
    opens = opening.next_open(after)
    assert opens is not None and opens >= after and opening.open_at(opens)
    if opens > after:
        assert not opening.open_at(opens - timedelta(minutes=1))
        assert not opening.open_at(after)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"zone": "Mars/Base"}, "zone is 'Mars/Base'"),
        ({"zone": "../etc/passwd"}, "zone is"),
        ({"monday": ("9-17",)}, "monday has '9-17'"),
        ({"friday": ("17:00-09:00",)}, "friday has"),
        ({"friday": ("09:00-24:30",)}, "friday has"),
        ({"holidays": ("02-30",)}, "holidays has '02-30'"),
        ({"holidays": ("Easter",)}, "holidays has 'Easter'"),
    ],
)
def test_a_mistake_is_told_with_its_mend(wrong: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match="write") as told:
        OpeningSettings(**wrong)  # type: ignore[arg-type]
    assert words in str(told.value)
