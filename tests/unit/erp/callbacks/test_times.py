"""When a number may be called, by the clocks of all zones that it may be in."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.callbacks.hours import STEPS_MAX, Hours, first_permitted, in_all
from erp.callbacks.settings import CallbackSettings
from erp.callbacks.times import Schedule
from erp.opening import Opening, OpeningSettings

UTC = timezone.utc
NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
DANA, BERLIN_NUMBER = "+12125550101", "+4930123456"
OLD_MOBILE_OF_SEVERAL_ZONES = "+74951234567"


def schedule(**changes: object) -> Schedule:
    given_settings = CallbackSettings(
        enabled=True, allowed_regions=("US", "CA", "DE", "RU"), **changes  # type: ignore[arg-type]
    )
    return Schedule(given_settings, BERLIN)


def test_within_the_hours_it_is_as_soon_as_can_be() -> None:
    now = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # 10:00 in New York
    assert schedule(soonest_s=300.0).earliest(DANA, now) == now + timedelta(minutes=5)


def test_at_night_it_is_the_morning_of_the_customer_and_not_ours() -> None:
    now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)  # 10:00 in Berlin, 04:00 in New York
    at = schedule().earliest(DANA, now)
    assert at == datetime(2026, 11, 20, 8, 0, tzinfo=NEW_YORK)


def test_the_end_of_the_hours_is_not_in_them() -> None:
    now = datetime(2026, 11, 20, 20, 0, tzinfo=NEW_YORK)
    assert schedule(soonest_s=0.0).earliest(DANA, now) == datetime(
        2026, 11, 21, 8, 0, tzinfo=NEW_YORK
    )


def test_the_morning_after_the_clocks_change_is_still_eight() -> None:
    saturday_night = datetime(2026, 10, 31, 21, 0, tzinfo=NEW_YORK)  # clocks go back at 02:00
    at = schedule().earliest(DANA, saturday_night)
    assert at == datetime(2026, 11, 1, 8, 0, tzinfo=NEW_YORK)
    assert at is not None
    assert at - saturday_night.astimezone(UTC) == timedelta(hours=12)


def test_hours_that_begin_in_an_hour_that_is_left_out() -> None:
    hours = Hours.read("02:30-05:00")
    night = datetime(2026, 3, 29, 0, 0, tzinfo=BERLIN)  # 02:00 to 03:00 is left out
    at = hours.next(night, BERLIN)
    assert at == datetime(2026, 3, 29, 3, 30, tzinfo=BERLIN)


def test_several_zones_must_all_be_within_their_hours() -> None:
    hours = Hours.read("08:00-20:00")
    zones = [ZoneInfo("America/New_York"), ZoneInfo("America/Los_Angeles")]
    at = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)  # 08:00 in New York
    found = first_permitted(in_all(hours, zones), at, at + timedelta(days=3))
    assert found == datetime(2026, 11, 20, 16, 0, tzinfo=UTC)  # 08:00 in Los Angeles


def test_zones_that_never_agree_give_no_time() -> None:
    hours = Hours.read("08:00-10:00")
    zones = [ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")]
    at = datetime(2026, 11, 20, tzinfo=UTC)
    assert first_permitted(in_all(hours, zones), at, at + timedelta(days=14)) is None


def test_rules_that_move_for_ever_are_given_up() -> None:
    calls = []

    def later(at: datetime) -> datetime:
        calls.append(at)
        return at + timedelta(microseconds=1)

    at = datetime(2026, 11, 20, tzinfo=UTC)
    assert first_permitted([later], at, at + timedelta(days=1)) is None
    assert len(calls) == STEPS_MAX


def test_an_unknown_zone_takes_the_companys() -> None:
    # Ships' satellite telephones: a valid number of no country.
    made = schedule()
    night = datetime(2026, 11, 20, 3, 0, tzinfo=BERLIN)
    assert made.permitted("+870773111632", night) == datetime(2026, 11, 20, 8, 0, tzinfo=BERLIN)


def test_opening_hours_of_the_company_count_as_well() -> None:
    office = Opening(OpeningSettings(zone="America/New_York", monday=("09:30-12:00",)))
    made = Schedule(CallbackSettings(enabled=True), NEW_YORK, office.next_open)
    friday = datetime(2026, 11, 20, 10, 0, tzinfo=NEW_YORK)
    assert made.earliest(DANA, friday) == datetime(2026, 11, 23, 9, 30, tzinfo=NEW_YORK)


def test_beyond_the_horizon_nothing_is_promised() -> None:
    office = Opening(OpeningSettings(zone="UTC", monday=("09:00-12:00",)))
    made = Schedule(CallbackSettings(enabled=True, horizon_days=1), NEW_YORK, office.next_open)
    assert made.earliest(DANA, datetime(2026, 11, 20, 10, 0, tzinfo=UTC)) is None


def test_when_call_backs_are_off_nothing_is_promised() -> None:
    made = Schedule(CallbackSettings(), NEW_YORK)
    now = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    assert made.earliest(DANA, now) is None
    assert made.plan(DANA, now) is None


def test_a_plan_is_told_in_the_customers_own_zone() -> None:
    night = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
    plan = schedule().plan("030 123456", night)
    assert plan is None, "a US number has no such form"
    plan = schedule(default_region="DE").plan("030 123456", night)
    assert plan is not None
    assert (plan.number, plan.at.hour, plan.at.tzinfo) == (BERLIN_NUMBER, 8, BERLIN)


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
ZONES = st.sampled_from(
    ["America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Tokyo"]
)


@given(MOMENTS, ZONES, st.integers(0, 22), st.integers(1, 24))
@settings(max_examples=150, deadline=None)
def test_the_next_moment_is_permitted_not_before_and_within_a_day(
    at: datetime, name: str, begin: int, length: int
) -> None:
    end = min(24, begin + length)
    zone = ZoneInfo(name)
    found = Hours(begin * 60, end * 60).next(at, zone)
    local = found.astimezone(zone)
    assert found >= at
    # An hour that is left out is replaced by the one after it.
    assert begin * 60 <= local.hour * 60 + local.minute < max(end, begin + 2) * 60
    assert found - at <= timedelta(hours=25)


@pytest.mark.parametrize(
    "text", ["", "8-20", "08:00", "20:00-08:00", "08:00-08:00", "08:00-24:30", "0٨:00-20:00"]
)
def test_what_is_no_span_is_refused_with_the_mend(text: str) -> None:
    with pytest.raises(ValueError, match=r"^hours is .*: write a span of one day"):
        CallbackSettings(hours=text)


def test_a_day_may_be_permitted_as_a_whole() -> None:
    assert Hours.read("00:00-24:00").next(
        datetime.combine(date(2026, 1, 1), datetime.max.time(), tzinfo=UTC), BERLIN
    )
