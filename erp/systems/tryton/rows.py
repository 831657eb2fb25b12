"""Raw rows of Tryton read by name and type. Pure.

A relation `party` that was asked for as `party.name` comes back as the key `party.`, one record
or a list of them; what is unset is null. Source: trytond 8.2, model/modelsql.py (read).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from erp.connectors.engine import RawRow
from erp.errors import UnreadableAnswer


def number(row: RawRow, name: str = "id") -> int:
    """Return a record's number. Raises UnreadableAnswer when there is none."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnreadableAnswer(f"{name} is no number")
    return value


def text(row: RawRow, name: str) -> str:
    """Return a text; what is unset is empty. Raises UnreadableAnswer on another type."""
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UnreadableAnswer(f"{name} is no text")
    return value


def amount(row: RawRow, name: str) -> Decimal:
    """Return an amount; what is unset is zero. Raises UnreadableAnswer on another type."""
    value = row.get(name)
    if value is None:
        return Decimal(0)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise UnreadableAnswer(f"{name} is no amount")
    return Decimal(value)


def day(row: RawRow, name: str) -> date | None:
    """Return a calendar date, None when it is unset. Raises UnreadableAnswer on another type."""
    value = row.get(name)
    if isinstance(value, datetime):
        return value.date()
    if value is None or isinstance(value, date):
        return value
    raise UnreadableAnswer(f"{name} is no date")


def record(row: RawRow, name: str) -> RawRow:
    """Return the record that a relation points at; an unset one is empty."""
    value = row.get(f"{name}.")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableAnswer(f"{name} is no record")
    return value


def records(row: RawRow, name: str) -> Sequence[RawRow]:
    """Return the records of a relation to many."""
    value = row.get(f"{name}.")
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise UnreadableAnswer(f"{name} is no list of records")
    return value
