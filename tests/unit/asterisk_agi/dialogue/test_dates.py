from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.dialogue import dates, spoken
from asterisk_agi.dialogue.dates import fold_day
from asterisk_agi.dialogue.numbers import fold_numbers
from tests.unit.asterisk_agi.dialogue.builders import TODAY


def day_of(said: str, today: date = TODAY) -> date | None:
    return fold_day(fold_numbers(said), today).day


@pytest.mark.parametrize(
    ("said", "month_day"),
    [
        ("today", (11, 21)),
        ("right now", (11, 21)),
        ("tomorrow", (11, 22)),
        ("tomorrow morning", (11, 22)),
        ("the day after tomorrow", (11, 23)),
        ("by friday", (11, 27)),
        ("next friday", (11, 27)),
        ("this saturday", (11, 21)),
        ("saturday", (11, 28)),
        ("on monday next week", (11, 23)),
        ("on the third", (12, 3)),
        ("the twenty first", (11, 21)),
        ("the thirty first", (12, 31)),
        ("december third", (12, 3)),
        ("december the third", (12, 3)),
        ("the third of december", (12, 3)),
        ("december twenty one", (12, 21)),
        ("friday december fourth", (12, 4)),
        ("next friday december fourth", (12, 4)),
        ("friday the twenty seventh", (11, 27)),
        ("december third twenty twenty six", (12, 3)),
        ("in two weeks", (12, 5)),
        ("in a week", (11, 28)),
        ("in five days", (11, 26)),
        ("within ten days", (12, 1)),
        ("three days from now", (11, 24)),
        ("in a fortnight", (12, 5)),
        ("in one month", (12, 21)),
        ("end of the month", (11, 30)),
        ("by the end of november", (11, 30)),
        ("by the end of next week", (11, 27)),
        ("next week", (11, 23)),
        ("next month", (12, 1)),
        ("by december", (12, 1)),
        ("before friday", (11, 26)),
        ("before today", (11, 21)),
    ],
)
def test_a_day_as_people_say_it(said: str, month_day: tuple[int, int]) -> None:
    assert day_of(said) == date(2026, *month_day)


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("january second", date(2027, 1, 2)),
        ("in january", date(2027, 1, 1)),
        ("november third", date(2027, 11, 3)),
        ("december third twenty twenty seven", date(2027, 12, 3)),
        ("end of next year", date(2027, 12, 31)),
    ],
)
def test_a_day_that_is_over_is_next_years(said: str, day: date) -> None:
    assert day_of(said) == day


@pytest.mark.parametrize(
    "said",
    [
        "february thirtieth",
        "may i ask",
        "in nine hundred weeks",
        "yesterday",
        "item four five two one",
        "second",
        "",
    ],
)
def test_what_is_no_day(said: str) -> None:
    assert day_of(said) is None


def test_a_weekday_said_on_that_day_is_a_week_later() -> None:
    friday = date(2026, 11, 27)
    assert day_of("friday", friday) == friday + timedelta(days=7)
    assert day_of("this friday", friday) == friday


def test_next_friday_said_on_a_monday_is_not_this_weeks() -> None:
    monday = date(2026, 11, 23)
    assert day_of("friday", monday) == date(2026, 11, 27)
    assert day_of("next friday", monday) == date(2026, 12, 4)


def test_the_text_keeps_everything_but_the_day() -> None:
    found = fold_day("is item 4 5 2 1 in stock by december 3rd please", TODAY)
    assert found.text == "is item 4 5 2 1 in stock by d20261203 please"
    assert not found.open_ended


def test_a_number_after_a_date_is_the_items() -> None:
    assert fold_day("by december 3rd 4 5 2 1", TODAY).text == "by d20261203 4 5 2 1"
    assert fold_day("december 3rd 20 45", TODAY).text == "d20261203 20 45"


def test_a_month_may_follow_a_bare_day() -> None:
    assert fold_day("on the 3rd", TODAY).open_ended
    assert not fold_day("on the 3rd please", TODAY).open_ended


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 364), st.dates(date(2024, 1, 1), date(2032, 12, 31)))
def test_what_we_say_is_what_we_understand(ahead: int, today: date) -> None:
    day = today + timedelta(days=ahead)
    said = f"{spoken.MONTHS[day.month - 1]} {spoken.ordinal(day.day)}".lower()
    if (day.month, day.day) != (2, 29):
        assert fold_day(said, today).day == day


WORDS = (
    *("the", "31st", "30th", "of", "february", "december", "in", "2", "999", "weeks", "next"),
    *("this", "friday", "end", "month", "year", "before", "day", "after", "tomorrow", "20", "26"),
    *("a", "by", "now"),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=8), st.dates(date(2024, 1, 1), date(2032, 12, 31)))
def test_a_day_is_never_in_the_past_nor_far_away(words: list[str], today: date) -> None:
    found = fold_day(" ".join(words), today)
    if found.day is not None:
        assert today <= found.day <= today + timedelta(days=dates.AHEAD_MAX_DAYS)
        assert dates.token(found.day) in found.text
