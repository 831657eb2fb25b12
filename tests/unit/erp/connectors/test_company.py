"""The company's time zone: one for `today` and for an adapter, and always one that is known."""

from __future__ import annotations

import logging

import pytest

from erp.connectors.company import company_of


@pytest.mark.parametrize(
    ("told", "configured", "wanted"),
    [
        ("Europe/Berlin", "", "Europe/Berlin"),
        ("Europe/Berlin", "America/New_York", "America/New_York"),
        (None, "America/New_York", "America/New_York"),
        (None, "", ""),
        ("Moon/Tycho", "", ""),
    ],
)
def test_an_adapter_gets_the_zone_of_today(
    told: str | None, configured: str, wanted: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        company = company_of("erp", {"time_zone": told}, {}, configured)
    assert company.learned["time_zone"] == wanted
    assert str(company.zone or "") == wanted
    assert ("Moon/Tycho" in caplog.text) is (told == "Moon/Tycho")
