"""How numbers, amounts and dates are written so that a synthesizer reads them well.

Pure text. English only; espeak-ng reads `1250` as "one thousand two hundred and fifty".
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from erp.model import Quantity

YEAR_IS_SAID_DAYS = 300
"""A date further away than this is said with its year."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_SYMBOLS = {
    "u": "unit",
    "ea": "unit",
    "pc": "piece",
    "pcs": "piece",
    "kg": "kilogram",
    "g": "gram",
    "m": "meter",
    "cm": "centimeter",
    "mm": "millimeter",
    "km": "kilometer",
    "l": "liter",
    "h": "hour",
    "d": "day",
    "t": "tonne",
}
_IRREGULAR = {"foot": "feet", "inch": "inches", "each": "each"}
_HISSING = ("s", "x", "z", "ch", "sh")


def spelled(number: str) -> str:
    """Return an item, account or order number so that it is read character by character."""
    return " ".join(character.upper() for character in number if character.isalnum())


def amount(value: Decimal) -> str:
    """Return an amount without trailing zeros: `70`, `2.5`."""
    return f"{value.normalize():f}"


def unit(name: str, value: Decimal) -> str:
    """Return the unit's name as it goes with this amount: `unit`, `units`."""
    single = _SYMBOLS.get(name.strip().lower(), name.strip().lower()) or "unit"
    if value == 1:
        return single
    if single in _IRREGULAR:
        return _IRREGULAR[single]
    if single.endswith("s") and not single.endswith("ss"):
        return single
    return single + ("es" if single.endswith(_HISSING) else "s")


def quantity(value: Quantity) -> str:
    """Return an amount with its unit: `1 unit`, `70 units`, `2.5 meters`."""
    return f"{amount(value.amount)} {unit(value.unit, value.amount)}"


def ordinal(number: int) -> str:
    """Return `1st`, `2nd`, `3rd`, `4th`, ..."""
    if 11 <= number % 100 <= 13:
        return f"{number}th"
    return str(number) + {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def day(value: date, today: date) -> str:
    """Return `Friday, November 27th`, with the year when it is far away."""
    text = f"{WEEKDAYS[value.weekday()]}, {MONTHS[value.month - 1]} {ordinal(value.day)}"
    if abs((value - today).days) > YEAR_IS_SAID_DAYS:
        text += f", {value.year}"
    return text


def by_day(value: date, today: date) -> str:
    """Return when an availability holds: `now`, or `by Friday, November 27th`."""
    return "now" if value <= today else f"by {day(value, today)}"
