"""Raw values as plain text and as numbers, whatever type the system delivered them in.

False is what some systems (Odoo) deliver for an unset text or date: except in a flag it is a
missing value, as null is. No text of an error holds the value itself.
"""

from __future__ import annotations

import re
import string
from datetime import date, datetime
from decimal import Context, Decimal
from uuid import UUID

from erp.errors import UnreadableAnswer

TEXT_MAX_CHARACTERS = 4_000
"""Longest text of a field. Names and numbers are short; a longer text is not what was meant."""

NUMBER_MAX_CHARACTERS = 64
"""Longest number that is delivered as text."""

NUMBER_MAX_PLACES = 38
"""Most places of a number before the point, and after it: those of the widest SQL decimals."""

BLANKS = string.whitespace + "\0\xa0"
"""What goes from around a text; fixed-width files are also padded with NUL."""

EXACT = Context(prec=2 * NUMBER_MAX_PLACES)
_NUMBER = re.compile(r"([+-]?)\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*([+-]?)", re.ASCII)
_FINEST = Decimal(1).scaleb(-NUMBER_MAX_PLACES)
_WHOLE_LIMIT = 10**NUMBER_MAX_PLACES


def plain_text(value: object, label: str) -> str:
    """Return a raw value as text without blanks around it; what is missing is empty.

    A whole number has no point and no leading zeros; a date is ISO; true is `true`.
    Raises UnreadableAnswer for bytes, lists and rows, and for a text over TEXT_MAX_CHARACTERS.
    """
    if isinstance(value, str):
        if len(value) > TEXT_MAX_CHARACTERS:
            raise UnreadableAnswer(f"{label} is a text of over {TEXT_MAX_CHARACTERS} characters")
        return value.strip(BLANKS)
    if value is None or value is False:
        return ""
    if isinstance(value, bytes | bytearray):
        raise UnreadableAnswer(f"{label} is bytes: the profile says no `encoding` for it")
    return _typed_text(value, label)


def _typed_text(value: object, label: str) -> str:
    if value is True:
        return "true"
    if isinstance(value, int):
        return str(_short_enough(value, label))
    if isinstance(value, float | Decimal):
        return number_text(finite(value, label))
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise UnreadableAnswer(f"{label} is no text")


def number_text(number: Decimal) -> str:
    """Return a number without exponent; without a point when it is whole."""
    if number == number.to_integral_value():
        return str(int(number))
    return f"{number:f}"


def finite(value: float | Decimal, label: str) -> Decimal:
    """Return a number as a Decimal, a float by its shortest text.

    Raises UnreadableAnswer when it is infinite, none, or has over NUMBER_MAX_PLACES places; a
    float is rounded to so many.
    """
    if isinstance(value, int):
        return Decimal(_short_enough(value, label))
    number = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not number.is_finite():
        raise UnreadableAnswer(f"{label} is no finite number")
    if number:
        exponent = number.as_tuple().exponent
        assert isinstance(exponent, int)  # it is finite
        if number.adjusted() < NUMBER_MAX_PLACES and exponent >= -NUMBER_MAX_PLACES:
            return number
        if number.adjusted() >= NUMBER_MAX_PLACES or not isinstance(value, float):
            raise _too_long(label)
        # The noise of a sum of floats that should be 0.
        return EXACT.quantize(number, _FINEST)
    return number


def _short_enough(value: int, label: str) -> int:
    if not -_WHOLE_LIMIT < value < _WHOLE_LIMIT:
        raise _too_long(label)
    return value


def _too_long(label: str) -> UnreadableAnswer:
    return UnreadableAnswer(f"{label} is a number of over {NUMBER_MAX_PLACES} places")


def number(value: object, label: str, *, comma: bool = False) -> Decimal | None:
    """Return a raw value as a number; None when it is missing or blank.

    comma: the point of texts is a comma. Raises UnreadableAnswer when it is no number.
    """
    if isinstance(value, str):
        return _number_of_text(value.strip(BLANKS), label, comma)
    if value is None or value is False:
        return None
    if value is not True and isinstance(value, int | float | Decimal):
        return finite(value, label)
    if isinstance(value, bytes | bytearray):
        raise UnreadableAnswer(f"{label} is bytes: the profile says no `encoding` or `packed`")
    raise UnreadableAnswer(f"{label} is no number")


def _number_of_text(text: str, label: str, comma: bool) -> Decimal | None:
    if not text:
        return None
    if len(text) > NUMBER_MAX_CHARACTERS:
        raise UnreadableAnswer(f"{label} is a number of over {NUMBER_MAX_CHARACTERS} characters")
    if comma:
        text = "?" if "." in text else text.replace(",", ".", 1)
    found = _NUMBER.fullmatch(text)
    if found is None or (found[1] and found[3]):
        point = "a comma" if comma else "a point"
        raise UnreadableAnswer(f"{label} is no number (digits, perhaps with {point} and a sign)")
    sign = "-" if "-" in (found[1], found[3]) else ""
    return finite(Decimal(sign + found[2]), label)
