from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asterisk_agi.dialogue.numbers import fold_numbers, is_ordinal, join_digits

ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def below_hundred(value: int) -> str:
    if value < 10:
        return ONES[value]
    if value < 20:
        return TEENS[value - 10]
    return f"{TENS[value // 10]} {ONES[value % 10]}".removesuffix(" zero")


def by_digits(number: str) -> str:
    return " ".join(ONES[int(digit)] for digit in number)


def by_digits_with_oh(number: str) -> str:
    return by_digits(number).replace("zero", "oh")


def by_doubles(number: str) -> str:
    """Say two equal digits in a row as a double."""
    words: list[str] = []
    for digit in number:
        if words and words[-1] == ONES[int(digit)]:
            words[-1] = f"double {words[-1]}"
        else:
            words.append(ONES[int(digit)])
    return " ".join(words)


def by_pairs(number: str) -> str:
    """Say 4521 as forty five twenty one, 4005 as forty oh five, 4500 as forty five hundred."""
    first, second = number[:2], number[2:]
    start = f"oh {ONES[int(first)]}" if first[0] == "0" else below_hundred(int(first))
    if second == "00":
        return by_digits(number) if first[0] == "0" or first[1] == "0" else f"{start} hundred"
    end = f"oh {ONES[int(second)]}" if second[0] == "0" else below_hundred(int(second))
    return f"{start} {end}"


def as_cardinal(number: str) -> str:
    """Say 4521 as four thousand five hundred and twenty one."""
    value = int(number)
    if number.startswith("0"):
        return by_digits(number)
    words = f"{ONES[value // 1000]} thousand"
    if value // 100 % 10:
        words += f" {ONES[value // 100 % 10]} hundred"
    return f"{words} and {below_hundred(value % 100)}" if value % 100 else words


STYLES = (by_digits, by_digits_with_oh, by_doubles, by_pairs, as_cardinal)


@pytest.mark.parametrize("style", STYLES)
def test_every_number_of_four_digits_comes_back(style: object) -> None:
    assert callable(style)
    wrong = []
    for value in range(10_000):
        number = f"{value:04d}"
        folded = join_digits(fold_numbers(style(number)))
        if folded != number:
            wrong.append((number, style(number), folded))
    assert wrong == []


@pytest.mark.parametrize(
    ("said", "folded"),
    [
        ("item four five two one in stock", "item 4521 in stock"),
        ("four fifty two one", "4521"),
        ("triple four one", "4441"),
        ("item for five two one", "item 4521"),
        ("item four five to one", "item 4521"),
        ("i want to go for it", "i want to go for it"),
        ("december twenty first", "december 21st"),
        ("four five [unk] two one", "45 [unk] 21"),
        ("fifty of item four five two one", "50 of item 4521"),
        ("double", ""),
        ("", ""),
    ],
)
def test_what_people_say(said: str, folded: str) -> None:
    assert join_digits(fold_numbers(said)) == folded


def test_ordinals() -> None:
    assert is_ordinal("3rd")
    assert not is_ordinal("3")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*ONES, *TEENS, *TENS[2:], "double", "oh", "hundred", "and", "x"])))
@example(["double", "double"])
def test_never_raises_and_makes_no_words(words: list[str]) -> None:
    folded = join_digits(fold_numbers(" ".join(words)))
    assert "double" not in folded
