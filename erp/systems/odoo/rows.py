"""Raw rows of Odoo read by name and type; what is unset is false, whatever its type. Pure.

Source: Odoo 19, odoo/orm/fields_temporal.py (datetimes are UTC, as `2026-11-21 14:00:00`) and
addons/web/models/models.py (web_read: a relation is a record with an id, or false).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from erp.connectors.engine import RawRow
from erp.errors import UnreadableAnswer
from erp.systems.adapter import RefineContext


@dataclass(frozen=True)
class Clock:
    """Reads times as dates of the company."""

    zone: ZoneInfo | None
    """None: this machine's own."""

    @classmethod
    def of(cls, context: RefineContext) -> Clock:
        """Return the clock of the company, whose zone is known here."""
        name = context.values.get("time_zone")
        return cls(ZoneInfo(name) if isinstance(name, str) and name else None)

    def day(self, row: RawRow, name: str) -> str:
        """Return the company's date at a time, ISO; empty when it is unset.

        Raises UnreadableAnswer when it is no time.
        """
        value = text(row, name)
        if not value:
            return ""
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            # Not `from` the error: that one holds the value.
            raise UnreadableAnswer(f"{name} is no time") from None
        try:
            moment = moment.replace(tzinfo=timezone.utc).astimezone(self.zone)
        except OverflowError:
            # The last or the first day of all: what people enter for "some day".
            return moment.date().isoformat()
        return moment.date().isoformat()


def text(row: RawRow, name: str) -> str:
    """Return a text; what is unset is empty. Raises UnreadableAnswer on another type."""
    value = row.get(name)
    if value is None or value is False:
        return ""
    if not isinstance(value, str):
        raise UnreadableAnswer(f"{name} is no text")
    return value


def amount(row: RawRow, name: str) -> Decimal:
    """Return an amount; what is unset is zero. Raises UnreadableAnswer on another type."""
    value = row.get(name)
    if value is None or value is False:
        return Decimal(0)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise UnreadableAnswer(f"{name} is no amount")
    return Decimal(value)


def record(row: RawRow, name: str) -> RawRow:
    """Return the record that a relation points at; an unset one is empty."""
    value = row.get(name)
    if value is None or value is False:
        return {}
    if not isinstance(value, dict):
        raise UnreadableAnswer(f"{name} is no record")
    return value


def records(row: RawRow, name: str) -> Sequence[RawRow]:
    """Return the records of a relation to many."""
    value = row.get(name)
    if value is None or value is False:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise UnreadableAnswer(f"{name} is no list of records")
    return value
