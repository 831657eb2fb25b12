"""Values of Tryton's JSON-RPC: its tagged types, and rows that are read by name and type.

Tryton writes a date as `{"__class__": "date", "year": 2026, "month": 5, "day": 4}` and a decimal
as `{"__class__": "Decimal", "decimal": "8.00"}`; a relation `party` that was asked for as
`party.name` comes back as the key `party.`. Plain JSON floats become `Decimal` by their text.

Source: trytond 8.2, protocols/jsonrpc.py, model/modelsql.py (read).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import ClassVar

from dialplan.reasons import Reason

SHOWN_CHARACTERS = 40
"""How much of a raw value an error or a log shows."""


class UnreadableAnswer(ValueError):
    """An answer that is not what Tryton gives; the text says what, without its content.

    It becomes `erp.errors.BadAnswer` at the seam (`tryton_rpc.py`).
    """

    reason: ClassVar[Reason] = Reason.BACKEND_BAD_ANSWER


def decode(body: bytes) -> object:
    """Read a JSON body. Raises UnreadableAnswer when it is none, or a tagged value is wrong."""
    try:
        decoded: object = json.loads(body, object_hook=_untagged, parse_float=Decimal)
    except UnreadableAnswer:
        raise
    except (ValueError, RecursionError) as error:
        raise UnreadableAnswer(f"{len(body)} bytes that are not JSON") from error
    return decoded


def _untagged(found: dict[str, object]) -> object:
    tag = found.get("__class__")
    if not isinstance(tag, str) or tag not in _TAGGED:
        return found
    try:
        return _TAGGED[tag](found)
    except (KeyError, TypeError, ValueError, OverflowError, InvalidOperation) as error:
        raise UnreadableAnswer(f"a {tag} that cannot be read") from error


def _decimal(found: Mapping[str, object]) -> Decimal:
    text = found["decimal"]
    if not isinstance(text, str):
        raise TypeError("a decimal is text")
    return Decimal(text)


def _date(found: Mapping[str, object]) -> date:
    return date(*(_part(found, name) for name in ("year", "month", "day")))


def _datetime(found: Mapping[str, object]) -> datetime:
    names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    year, month, day, hour, minute, second, microsecond = (_part(found, name) for name in names)
    return datetime(year, month, day, hour, minute, second, microsecond)


def _part(found: Mapping[str, object], name: str) -> int:
    value = found[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} is no whole number")
    return value


_TAGGED: dict[str, Callable[[Mapping[str, object]], object]] = {
    "Decimal": _decimal,
    "date": _date,
    "datetime": _datetime,
}


class Row:
    """One record as Tryton gave it. Every reader raises UnreadableAnswer on a wrong type."""

    def __init__(self, values: object) -> None:
        if not isinstance(values, dict):
            raise UnreadableAnswer("a record that is not an object")
        self._values: dict[str, object] = values

    def identifier(self, name: str = "id") -> int:
        """Return a record's number."""
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(name, "number")
        return value

    def text(self, name: str) -> str:
        """Return a text; what is unset is empty."""
        value = self._values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._wrong(name, "text")
        return value

    def amount(self, name: str) -> Decimal:
        """Return an amount; what is unset is zero."""
        value = self._values.get(name)
        if value is None:
            return Decimal(0)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise self._wrong(name, "amount")
        amount = Decimal(value)
        if not amount.is_finite():
            raise self._wrong(name, "finite amount")
        return amount

    def day(self, name: str) -> date | None:
        """Return a calendar date, or None when it is unset."""
        value = self._values.get(name)
        if isinstance(value, datetime):
            return value.date()
        if value is None or isinstance(value, date):
            return value
        raise self._wrong(name, "date")

    def row(self, name: str) -> Row:
        """Return the record that a relation points at; an unset one reads as empty."""
        value = self._values.get(f"{name}.")
        return Row({} if value is None else value)

    def rows(self, name: str) -> tuple[Row, ...]:
        """Return the records of a relation to many."""
        return rows(self._values.get(f"{name}.") or [])

    def has(self, name: str) -> bool:
        """Tell whether a value is there and set."""
        return self._values.get(name) is not None

    def _wrong(self, name: str, wanted: str) -> UnreadableAnswer:
        return UnreadableAnswer(f"{name} is no {wanted}")


def rows(answer: object) -> tuple[Row, ...]:
    """Read an answer that is a list of records."""
    if not isinstance(answer, list):
        raise UnreadableAnswer("an answer that is not a list of records")
    return tuple(Row(values) for values in answer)


def shown(raw: str) -> str:
    """Return a raw value as a log may show it: short, on one line."""
    return ascii(raw[:SHOWN_CHARACTERS])
