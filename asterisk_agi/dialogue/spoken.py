"""How numbers, amounts and dates are written so that a synthesizer reads them well.

Pure text. English only; espeak-ng reads `1250` as "one thousand two hundred and fifty".
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from erp.model import Money, Quantity

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
_CURRENCIES = {
    "USD": (("dollar", "dollars"), ("cent", "cents")),
    "EUR": (("euro", "euros"), ("cent", "cents")),
    "GBP": (("pound", "pounds"), ("penny", "pence")),
}
"""Currencies that are said by name: whole and hundredth, each for one and for more."""
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


def money(value: Money) -> str:
    """Return `12 dollars and 50 cents`, `37.8 cents`, `1 pound`, or `12.5 C H F`."""
    names = _CURRENCIES.get(value.currency.upper())
    if names is None:
        return f"{amount(value.amount)} {spelled(value.currency)}"
    if value.amount < 0:
        return f"minus {money(Money(-value.amount, value.currency))}"
    whole = value.amount // 1
    hundredths = (value.amount - whole) * 100
    parts = []
    if whole or not hundredths:
        parts.append(_counted(whole, names[0]))
    if hundredths:
        parts.append(_counted(hundredths, names[1]))
    return " and ".join(parts)


def _counted(value: Decimal, names: tuple[str, str]) -> str:
    return f"{amount(value)} {names[0] if value == 1 else names[1]}"


def age(seconds: float) -> str:
    """Return how long ago: `less than a minute ago`, `20 minutes ago`, `3 days ago`."""
    for size, name, until in _AGES:
        count = int(seconds // size)
        if count >= 1 and seconds < until:
            return f"{count} {name if count == 1 else name + 's'} ago"
    return "less than a minute ago"


_AGES = ((60, "minute", 3600.0), (3600, "hour", 48 * 3600.0), (86400, "day", float("inf")))


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
