"""When a number may be called back. Pure: now is an argument.

It joins the permitted hours of the customer with the opening hours of the company.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from erp.callbacks.hours import Hours, NextOpen, first_permitted, in_all
from erp.callbacks.numbers import NumberRefused, callable_number, zones_of
from erp.callbacks.settings import CallbackSettings


@dataclass(frozen=True)
class Planned:
    """A number that may be called back, and when."""

    number: str = field(repr=False)
    """E.164."""
    at: datetime
    """The earliest permitted moment, aware, in the zone in which it is told to the caller."""


class Schedule:
    """The rules of one configuration.

    company: the company's zone, for numbers whose own is unknown. open_from: the company's
    opening hours: the first open moment at or after another; None: it is always open.
    """

    def __init__(
        self, settings: CallbackSettings, company: ZoneInfo, open_from: NextOpen | None = None
    ) -> None:
        self._settings = settings
        self._company = company
        self._hours = Hours.read(settings.hours)
        self._open_from = open_from

    def number(self, spelling: str) -> str:
        """Return a number as E.164, if it may be called back. Raises NumberRefused."""
        settings = self._settings
        return callable_number(spelling, settings.default_region, settings.regions)

    def earliest(self, number: str, now: datetime) -> datetime | None:
        """Return the first moment for which a call-back can be promised, aware, in UTC.

        number: any spelling. None: call-backs are off, this number is not called back, or no
        moment within the horizon is permitted.
        """
        if not self._settings.enabled:
            return None
        try:
            e164 = self.number(number)
        except NumberRefused:
            return None
        return self.permitted(e164, now + timedelta(seconds=self._settings.soonest_s))

    def plan(self, number: str, not_before: datetime) -> Planned | None:
        """Return when a number may be called at the earliest from a moment on; None: never.

        number: any spelling. not_before: aware; `soonest_s` is the business of who asks.
        """
        try:
            e164 = self.number(number)
        except NumberRefused:
            return None
        at = self.permitted(e164, not_before) if self._settings.enabled else None
        return None if at is None else Planned(e164, at.astimezone(self._told_in(e164)))

    def _told_in(self, e164: str) -> ZoneInfo:
        """Return the caller's own zone when it is sure, else the company's."""
        zones = zones_of(e164)
        return zones[0] if len(zones) == 1 else self._company

    def permitted(self, e164: str, at: datetime) -> datetime | None:
        """Return the first permitted moment at or after `at`; None: not within the horizon."""
        rules = in_all(self._hours, zones_of(e164) or (self._company,))
        if self._open_from is not None:
            rules.append(self._open_from)
        return first_permitted(rules, at, at + timedelta(days=self._settings.horizon_days))
