"""Odoo's times as days of the company."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from erp.systems.odoo.rows import Clock

NEW_YORK = ZoneInfo("America/New_York")
AUCKLAND = ZoneInfo("Pacific/Auckland")


@pytest.mark.parametrize(
    ("zone", "time", "wanted"),
    [
        (NEW_YORK, "2026-11-21 03:00:00", "2026-11-20"),
        (AUCKLAND, "2026-11-21 12:00:00", "2026-11-22"),
        # No zone can move the ends of the calendar, by which people say "some day".
        (AUCKLAND, "9999-12-31 23:59:59", "9999-12-31"),
        (NEW_YORK, "0001-01-01 00:00:00", "0001-01-01"),
    ],
)
def test_a_time_is_a_day_of_the_company(zone: ZoneInfo, time: str, wanted: str) -> None:
    assert Clock(zone).day({"on": time}, "on") == wanted
