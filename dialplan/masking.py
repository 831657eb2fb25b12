"""Personal data as it may stand in a log."""

from __future__ import annotations

VISIBLE_DIGITS = 2
"""How many digits at the end of a telephone number a log shows."""


def masked_number(number: str) -> str:
    """Return a telephone number of which a log may show: its length and last two digits."""
    digits = [character for character in number if character.isdigit()]
    if len(digits) <= VISIBLE_DIGITS:
        return "*" * len(digits) or "(none)"
    return "*" * (len(digits) - VISIBLE_DIGITS) + "".join(digits[-VISIBLE_DIGITS:])
