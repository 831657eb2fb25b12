"""Whether two spellings are one telephone number.

An ERP holds numbers as people typed them; the telephone network delivers them as it likes. Both
are brought to their possible international forms, and two numbers are one when they share a form.
It does not check that a number exists: no numbering plan is kept here.

    "+1 212 555 0142"  "001 212 555 0142"  "(212) 555-0142"  "1 212 555 0142"  "tel:+12125550142"
    are one number for a company whose calling code is 1.

Source: ITU-T E.164 (digits, calling codes), E.123 (spellings).
"""

from __future__ import annotations

import re

MIN_DIGITS = 6
"""Fewer digits are an extension or a short code: they tell nothing about who is calling."""

MAX_DIGITS = 20
"""E.164 has at most 15; with an international prefix in front a number is still shorter."""

MIN_INTERNATIONAL_DIGITS = 8
"""A number without + or 00 counts as one with its calling code only from this length on."""

SEARCH_DIGITS = 7
"""How many of the last digits a search in the ERP uses: what every spelling has in common."""

_INTERNATIONAL_PREFIX = "00"
_NORTH_AMERICA = "1"
_NORTH_AMERICAN_PREFIX = "011"
_TRUNK_IN_BRACKETS = re.compile(r"\(\s*0\s*\)")
_SCHEME = re.compile(r"^\s*(?:tel|sip|sips):", re.IGNORECASE)
_AFTER_THE_NUMBER = re.compile(r"[A-Za-z;#@].*$", re.DOTALL)
"""An extension, a parameter, a host: not part of this number."""


def forms(number: str, calling_code: str) -> frozenset[str]:
    """Return the international forms (digits, no prefix) that a spelling can mean.

    number: any spelling; withheld, empty or too short gives the empty set.
    calling_code: digits of the company's own country, for national spellings.
    """
    plain = _first(_AFTER_THE_NUMBER.sub("", _SCHEME.sub("", number)).strip())
    plus = plain.startswith("+")
    digits = _digits(_TRUNK_IN_BRACKETS.sub("", plain))
    if not MIN_DIGITS <= len(digits) <= MAX_DIGITS:
        return frozenset()
    if plus:
        return frozenset({digits})
    return _forms_without_plus(digits, calling_code)


def same(one: str, other: str, calling_code: str) -> bool:
    """Tell whether two spellings are one number."""
    return bool(forms(one, calling_code) & forms(other, calling_code))


def search_digits(number: str, calling_code: str) -> str:
    """Return the last digits of a number, by which an ERP may be searched; empty when unusable.

    Never a digit of the calling code: a short number is often written without one.
    """
    own = {form.removeprefix(calling_code) for form in forms(number, calling_code)}
    return min(own, key=len, default="")[-SEARCH_DIGITS:]


def _first(text: str) -> str:
    """Return the first number of a text with slashes.

    `030/654321` is an area code and one number, `555-0101/0102` are two.
    """
    first, *others = text.split("/")
    international = text.startswith(("+", _INTERNATIONAL_PREFIX))
    whole = MIN_INTERNATIONAL_DIGITS if international else MIN_DIGITS
    for other in others:
        if len(_digits(first)) >= whole:
            break
        first += other
    return first


def _forms_without_plus(digits: str, calling_code: str) -> frozenset[str]:
    if calling_code == _NORTH_AMERICA and digits.startswith(_NORTH_AMERICAN_PREFIX):
        return frozenset({digits[len(_NORTH_AMERICAN_PREFIX) :]})
    if digits.startswith(_INTERNATIONAL_PREFIX):
        return frozenset({digits[len(_INTERNATIONAL_PREFIX) :]})
    if digits.startswith("0"):
        # Most countries drop the trunk zero behind the calling code; Italy keeps it.
        return frozenset({calling_code + digits[1:], calling_code + digits})
    if len(digits) < MIN_INTERNATIONAL_DIGITS:
        return frozenset({calling_code + digits})
    return frozenset({digits, calling_code + digits})


def _digits(text: str) -> str:
    return "".join(character for character in text if character in "0123456789")
