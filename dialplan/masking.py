"""Personal data as it may stand in a log: each type of it has its own mask.

Whoever logs such a value wraps it: `_log.info("call from %s", Phone(number))`. However the log
formats it (`%s`, `%r`, an f-string), only the mask is seen; `.plain` is for everything else.
The types are no `str`: nothing can join one to a text by mistake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

VISIBLE_DIGITS = 2
"""How many digits at the end of a telephone number or an account a log shows."""

NUMBER_DIGITS = 5
"""So many digits in the name of a channel may be somebody's number; an extension has fewer."""

_NUMBER = re.compile(f"[0-9]{{{NUMBER_DIGITS},}}")


def masked_number(number: str) -> str:
    """Return a telephone number of which a log may show: its length and last two digits."""
    digits = [character for character in number if character.isdigit()]
    if len(digits) <= VISIBLE_DIGITS:
        return "*" * len(digits) or "(none)"
    return "*" * (len(digits) - VISIBLE_DIGITS) + "".join(digits[-VISIBLE_DIGITS:])


@dataclass(frozen=True, repr=False)
class Personal:
    """A value that no log may show as it is."""

    plain: str
    """The value itself."""
    kind: ClassVar[str] = "personal data"

    def masked(self) -> str:
        """Return what a log may show; here, nothing but that it is there."""
        return f"<{self.kind}>" if self.plain else "(none)"

    def __str__(self) -> str:
        return self.masked()

    def __repr__(self) -> str:
        return self.masked()

    def __format__(self, form: str) -> str:
        return format(self.masked(), form)


class Phone(Personal):
    """A telephone number: its length and last two digits are shown."""

    kind = "number"

    def masked(self) -> str:
        """Return stars and the last two digits."""
        return masked_number(self.plain)


class Channel(Personal):
    """A channel of Asterisk: its name may hold a number (`Local/NUMBER@...`, a trunk's).

    What tells it from other channels, behind the last dash, is shown as it is.
    """

    kind = "channel"

    def masked(self) -> str:
        """Return it with stars for each number of NUMBER_DIGITS digits or more."""
        head, dash, unique = self.plain.rpartition("-")
        if not dash:
            head, unique = unique, ""
        return _NUMBER.sub(lambda number: masked_number(number[0]), head) + dash + unique


class Account(Personal):
    """A customer's account: its length and last two characters are shown."""

    kind = "account"

    def masked(self) -> str:
        """Return stars and the last two characters."""
        hidden = len(self.plain) - VISIBLE_DIGITS
        if hidden <= 0:
            return "*" * len(self.plain) or "(none)"
        return "*" * hidden + "".join(c if c.isalnum() else "*" for c in self.plain[hidden:])


class PersonName(Personal):
    """A person's or a company's name: nothing of it is shown."""

    kind = "name"


class Speech(Personal):
    """What somebody said, or was told: the number of its words is shown."""

    kind = "speech"

    def masked(self) -> str:
        """Return how many words it has."""
        words = len(self.plain.split())
        return f"<{words} word{'' if words == 1 else 's'}>"


class Pin(Personal):
    """A PIN, a password, a one-time code: not even its length is shown."""

    kind = "pin"

    def masked(self) -> str:
        """Return the same for every value."""
        return "<pin>"
