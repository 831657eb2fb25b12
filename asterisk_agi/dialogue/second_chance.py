"""Finds the template that a sentence missed by a small slip: `is item 4521 in stocks`.

A recogniser drops or bends small words. Numbers and days are masked and must stand where the
template has them: a slip is never forgiven in a digit. Intents that end the call, or say yes or
no, get no second chance, nor do questions for "it": `do you have item` is one that goes on. Pure.
"""

from __future__ import annotations

import re

from rapidfuzz import fuzz, process

from asterisk_agi.dialogue.spoken import MONTHS, WEEKDAYS
from asterisk_agi.dialogue.templates import Sentences

CUTOFF = 90.0
"""Similarity, 0 to 100, below which a sentence is another one. Tried on real slips: 85 is loose."""
SHORTEST = 12
"""Characters below which one slip makes another word of it: no second chance."""

_CLEAR = re.compile(
    r"(?P<rest>(?:how (?:many|much)(?: of)?|do you have|have you got(?: any of)?)"
    r" (?:(?:item|number|part|product) )*\d+)"
    r" (?:(?:do|can|will|have) you|are there|is there|can i) (?P<last>\S+)"
)
"""A question whose item is named, and the beginning of what can only end in "have" or "get"."""
_OF_DAYS = {
    *(name.lower() for name in (*MONTHS, *WEEKDAYS)),
    *("by", "on", "before", "until", "till", "from", "next", "this", "week", "weeks", "day"),
    *("days", "month", "months", "today", "tomorrow", "the", "end", "in"),
}
_LONG_VALUE = re.compile(r"\d\w")
"""More than one digit, or an ordinal: `12`, `3rd`, `d20261127`."""
_GROUPS = (
    "Availability",
    "AvailabilityOpen",
    "Price",
    "OrderStatus",
    "Order",
    "Tracking",
    "OrderTracking",
    "OrderHistory",
    "Repeat",
    "Human",
)
_SLOT = re.compile(r"\{(\w+)\}")
_VALUE = re.compile(r"\bd\d{8}\b|\b\d+\b")
_MARKS = {"item": "#", "amount": "#", "order": "#", "day": "@"}


class SecondChance:
    """The masked sentences of the templates, by the order of their slots."""

    def __init__(self, sentences: Sentences) -> None:
        self._by_shape: dict[str, list[str]] = {}
        for group in _GROUPS:
            for sample in sentences.samples(group):
                masked = _SLOT.sub(lambda slot: _MARKS[slot[1]], sample)
                self._by_shape.setdefault(_shape(masked), []).append(masked)

    def mended(self, text: str) -> str | None:
        """Return the nearest sentence of the templates with this text's values, or None.

        text: words with folded numbers and days.
        """
        values = _VALUE.findall(text)
        masked = _VALUE.sub(_mark, text)
        if len(masked) < SHORTEST:
            return None
        choices = self._by_shape.get(_shape(masked), [])
        best = process.extractOne(masked, choices, scorer=fuzz.ratio, score_cutoff=CUTOFF)
        if best is None:
            return None
        rest = iter(values)
        return re.sub(r"[#@]", lambda _: next(rest), best[0])


def clear_question(text: str) -> str | None:
    """Return a question without its end, when only the end's last word was misheard; or None.

    text: words with folded numbers and days. A day is never left out: the words before the last
    one leave no room for "by" or "on", and a last word that belongs to a day is not forgiven.
    """
    found = _CLEAR.fullmatch(text)
    if found is None or found["last"] in _OF_DAYS or _LONG_VALUE.search(found["last"]):
        return None
    return found["rest"]


def _mark(value: re.Match[str]) -> str:
    return "@" if value[0].startswith("d") else "#"


def _shape(masked: str) -> str:
    return "".join(character for character in masked if character in "#@")
