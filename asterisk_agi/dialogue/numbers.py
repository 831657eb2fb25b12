"""Folds numbers as people say them into digits: `double four five two`, `forty four fifty two`.

Spoken numbers become digits with text2num; this file adds what it does not know: `double`,
`oh`, and words that sound like digits inside a number. Which digits are an item number and
which are an amount is decided by the templates, not here. English only. Pure.
"""

from __future__ import annotations

import re

from text_to_num import alpha2digit

_ZERO = {"oh", "o", "nought", "naught", "nil"}
_TIMES = {"double": 2, "triple": 3, "treble": 3}
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SOUND_ALIKES = {"for": "4", "fore": "4", "to": "2", "too": "2", "won": "1", "ate": "8"}
_BEFORE_NUMBER = {"item", "number", "part", "product", "article", "order"}

_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)$")


def fold_numbers(text: str) -> str:
    """Return the text with numbers as digits: `item 4 5 2 1 by december 3rd`.

    text: lower case words. Digits that were said apart stay apart (`join_digits`), so that a
    date can be found among them first. Ordinals become `3rd`.
    """
    words = _undouble([_zero(word) for word in text.split()])
    return str(alpha2digit(" ".join(words), "en", threshold=0))


def _zero(word: str) -> str:
    return "zero" if word in _ZERO else word


def _undouble(words: list[str]) -> list[str]:
    """Return the words with `double four` as `four four`."""
    result: list[str] = []
    times = 1
    for word in words:
        if word in _TIMES:
            times = _TIMES[word]
            continue
        result.extend([word] * (times if word in _DIGITS else 1))
        times = 1
    return result


def join_digits(text: str) -> str:
    """Return folded text with neighbouring numbers as one: `4 5 21` is `4521`.

    A word that sounds like a digit counts as one between two numbers, or between the word
    "item" or "order" and a number: `item for 5 2 1` is `item 4521`.
    """
    words = _sound_alikes(text.split())
    result: list[str] = []
    for word in words:
        if word.isdigit() and result and result[-1].isdigit():
            result[-1] += word
        else:
            result.append(word)
    return " ".join(result)


def _sound_alikes(words: list[str]) -> list[str]:
    result: list[str] = []
    for index, word in enumerate(words):
        before = result[-1] if result else ""
        after = words[index + 1] if index + 1 < len(words) else ""
        inside = after.isdigit() and (before.isdigit() or before in _BEFORE_NUMBER)
        result.append(_SOUND_ALIKES.get(word, word) if inside else word)
    return result


def is_ordinal(word: str) -> bool:
    """Return True for `3rd`."""
    return _ORDINAL.fullmatch(word) is not None
