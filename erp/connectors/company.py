"""What a system is asked once, at the start, and what it says of the company itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from erp.connectors.engine import Value

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Company:
    """The company that our user works for."""

    zone: tzinfo | None = None
    """None: this machine's own."""
    currency: str = ""
    learned: Mapping[str, Value] = field(default_factory=dict)

    def today(self, now: datetime) -> date:
        """Return the company's own date. now: aware."""
        return now.astimezone(self.zone).date()


def company_of(
    system: str, learned: Mapping[str, Value], parameters: Mapping[str, str], time_zone: str
) -> Company:
    """Make a company of what was learned. time_zone: of the configuration; it comes first."""
    name = time_zone or str(learned.get("time_zone") or "")
    zone = known_zone(name)
    if name and zone is None:
        _log.warning("%s: no such time zone here: %s; using this machine's", system,
                     ascii(name[:40]))
        name = ""
    currency = str(learned.get("currency") or parameters.get("currency", ""))
    # An adapter reads times in the same zone as `today`.
    return Company(zone, currency, {**learned, "time_zone": name})


def known_zone(name: str) -> tzinfo | None:
    """Return a time zone by its name; None when the name is empty or not known here."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
