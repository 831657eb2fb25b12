"""What the callers of the benchmark ask: random items, now or by a date.

Pure but for the demo's catalogue: the same seed gives the same questions (dates count from today).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import yaml

ITEMS_FILE = Path(__file__).parents[2] / "etc" / "demo" / "items.yaml"
NOW = (
    "do you have item {}",
    "is item {} in stock",
    "how many of item {} do you have",
)
BY_DAY = ("do you have item {} by {}", "is item {} available on {}")
BY_DAY_SHARE = 0.3
"""So many of the questions name a day."""
AHEAD_MAX_DAYS = 28

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth"),
    *("seventeenth", "eighteenth", "nineteenth", "twentieth", "twenty first", "twenty second"),
    *("twenty third", "twenty fourth", "twenty fifth", "twenty sixth", "twenty seventh"),
    *("twenty eighth", "twenty ninth", "thirtieth", "thirty first"),
)


@dataclass(frozen=True)
class Question:
    """One turn of a caller, and what it is about."""

    text: str
    item: str
    on: date


def catalogue(path: Path = ITEMS_FILE) -> tuple[str, ...]:
    """Return the item numbers of the demo company."""
    families = yaml.safe_load(path.read_text(encoding="utf-8"))
    return tuple(item["number"] for items in families.values() for item in items)


def spelled(number: str) -> str:
    """Return an item number digit by digit."""
    return " ".join(DIGITS[int(digit)] for digit in number)


def spoken_day(on: date) -> str:
    """Return a day as `december third`."""
    return f"{MONTHS[on.month - 1]} {ORDINALS[on.day - 1]}"


def draw(count: int, seed: int, items: Sequence[str], today: date) -> tuple[Question, ...]:
    """Draw questions at random."""
    dice = random.Random(seed)
    return tuple(_question(dice, items, today) for _ in range(count))


def _question(dice: random.Random, items: Sequence[str], today: date) -> Question:
    item = dice.choice(items)
    if dice.random() >= BY_DAY_SHARE:
        return Question(dice.choice(NOW).format(spelled(item)), item, today)
    on = today + timedelta(days=dice.randint(2, AHEAD_MAX_DAYS))
    return Question(dice.choice(BY_DAY).format(spelled(item), spoken_day(on)), item, on)


def shared_out(
    questions: Sequence[Question], at_once: int, per_call: int
) -> list[tuple[Question, ...]]:
    """Share questions out to calls, as many as fill every round.

    at_once: calls that run at the same time. per_call: questions of a call, about.
    """
    calls = at_once * max(1, round(len(questions) / (per_call * at_once)))
    size, rest = divmod(len(questions), calls)
    shares, begin = [], 0
    for number in range(calls):
        end = begin + size + (number < rest)
        shares.append(tuple(questions[begin:end]))
        begin = end
    return shares
