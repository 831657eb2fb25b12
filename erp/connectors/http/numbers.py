"""Numbers of an answer as exact decimals, within bounds that no real amount leaves."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from erp.errors import UnreadableAnswer

DIGITS_MAX = 64
"""Most characters of a number, and the largest power of ten: `1e999999999` is a few bytes on the
wire, and would be gigabytes when it is written out."""


def exact(found: object) -> Decimal:
    """Return a number, or a text that is one, as a decimal. Raises ValueError or TypeError."""
    if isinstance(found, bool) or not isinstance(found, int | str | Decimal):
        raise TypeError("no number")
    if isinstance(found, str) and len(found) > DIGITS_MAX:
        raise ValueError("a number that is too long")
    number = Decimal(found)
    if not number.is_finite() or abs(number.adjusted()) > DIGITS_MAX:
        raise ValueError("a number out of all bounds")
    return number


def json_float(text: str) -> Decimal:
    """Return a JSON number with a point or exponent. Raises UnreadableAnswer. For `json.loads`."""
    try:
        return exact(text)
    except (ValueError, InvalidOperation):
        raise UnreadableAnswer("a number out of all bounds") from None


def no_constant(name: str) -> object:
    """Refuse NaN and Infinity, which are no JSON. For `json.loads`."""
    raise UnreadableAnswer(f"{name}, which is no number")
