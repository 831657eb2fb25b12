"""Judges what was heard on either side: word errors, and whether an answer told the right thing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from rapidfuzz.distance import Levenshtein

from asterisk_agi.testcall.transcribe import UNKNOWN

ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
UNITS = ("piece", "pieces", "pack", "packs", "meter", "meters")
_VALUES = {word: number for number, word in enumerate(ONES)} | {
    word: 10 * number for number, word in enumerate(TENS, start=2)
}


def grammar() -> tuple[str, ...]:
    """Return the phrases that the first sentence of an availability answer is made of.

    Any number below a thousand can be heard: Vosk makes a bigram model of the phrases, so parts
    of them mix. Nothing in it prefers the right answer.
    """
    numbers = [f"{tens} {one}" for tens in TENS for one in ONES[1:10]] + [*ONES, *TENS]
    hundreds = [f"{one} hundred" for one in ONES[1:10]]
    joined = [f"{hundred} and {word}" for hundred in hundreds for word in (*ONES, *TENS)]
    units = [f"{unit} {verb} available of item" for unit in UNITS for verb in ("is", "are")]
    return (*numbers, *hundreds, *joined, *units, "only", "none is available of item")


def word_errors(said: str, heard: str) -> tuple[int, int]:
    """Return (errors, words): the edits that turn what was heard into what was said."""
    wanted, got = words(said), [word for word in words(heard) if word != UNKNOWN]
    return Levenshtein.distance(wanted, got), len(wanted)


def words(text: str) -> list[str]:
    """Return the words of a sentence, lower case, without marks."""
    return re.findall(r"\[unk\]|[a-z']+", text.lower())


def quantity_told(heard: str) -> Decimal | None:
    """Return the quantity that an answer begins with; None when it names none."""
    before, found, _ = heard.partition(" available")
    if not found:
        return None
    told = words(before)
    if "none" in told:
        return Decimal(0)
    numbers = [word for word in told if word in _VALUES or word == "hundred"]
    return Decimal(_value(numbers)) if numbers else None


def _value(numbers: Sequence[str]) -> int:
    value = 0
    for word in numbers:
        value = max(value, 1) * 100 if word == "hundred" else value + _VALUES[word]
    return value


def item_told(heard: str) -> str:
    """Return the digits that an answer names as the item's number, at most four."""
    _, _, after = heard.partition("item ")
    digits = ""
    for word in words(after):
        if word not in ONES[:10]:
            break
        digits += str(_VALUES[word])
    return digits[:4]


def tells(heard: str, item: str, quantity: Decimal) -> bool:
    """Tell whether an answer names this item and this quantity."""
    return quantity_told(heard) == quantity and item_told(heard) == item
