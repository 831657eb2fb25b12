"""How values are read: texts, numbers, flags and units, from whatever type comes in."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.errors import UnreadableAnswer
from erp.mapping import Tables
from erp.mapping.values import NUMBER_MAX_CHARACTERS, NUMBER_MAX_PLACES, TEXT_MAX_CHARACTERS
from erp.profiles.errors import ProfileError
from erp.shapes import Kind

from .rules import WHERE, mapped, mapper


def number(value: object, **options: object) -> object:
    return mapped(Kind.NUMBER, {"from": "N", **options}, {"N": value}, required=False)


def flag(value: object, **options: object) -> object:
    return mapped(Kind.FLAG, {"from": "F", **options}, {"F": value})


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (" a b \t", "a b"),
        ("padded\0\0 \xa0", "padded"),
        (None, ""),
        (False, ""),
        (12, "12"),
        (12.0, "12"),
        (0.1, "0.1"),
        (1e16, "10000000000000000"),
        (Decimal("12.00"), "12"),
        (Decimal("1E+2"), "100"),
        (Decimal("-0.50"), "-0.50"),
        (date(2026, 11, 21), "2026-11-21"),
        (datetime(2026, 11, 21, 7), "2026-11-21 07:00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_texts(value: object, wanted: str) -> None:
    assert mapped(Kind.TEXT, {"from": "T"}, {"T": value}) == wanted


@pytest.mark.parametrize("value", [True, [], {}, ["a"], {"a": 1}, b"", float("nan"), 10**39])
def test_what_is_no_text(value: object) -> None:
    with pytest.raises(UnreadableAnswer, match=r"^p\.f is "):
        mapped(Kind.TEXT, {"from": "T"}, {"T": value})


def test_the_longest_text() -> None:
    rule = {"from": "T"}
    assert mapped(Kind.TEXT, rule, {"T": "x" * TEXT_MAX_CHARACTERS})
    with pytest.raises(UnreadableAnswer, match=f"a text of over {TEXT_MAX_CHARACTERS} characters"):
        mapped(Kind.TEXT, rule, {"T": "x" * (TEXT_MAX_CHARACTERS + 1)})


@pytest.mark.parametrize(
    ("value", "options", "wanted"),
    [
        ("12.50", {}, "12.50"),
        (" 12.50- ", {}, "-12.50"),
        ("12.50 -", {}, "-12.50"),
        ("-12.5", {}, "-12.5"),
        ("+12.5", {}, "12.5"),
        ("12.5+", {}, "12.5"),
        (".5", {}, "0.5"),
        ("5.", {}, "5"),
        ("007", {}, "7"),
        (7, {}, "7"),
        (0.1, {}, "0.1"),
        (1e-07, {}, "0.0000001"),
        (Decimal("8.00"), {}, "8.00"),
        ("12,50", {"comma": True}, "12.50"),
        ("12,50-", {"comma": True}, "-12.50"),
        (Decimal("12.50"), {"comma": True}, "12.50"),
        (12345, {"decimals": 2}, "123.45"),
        ("0012345-", {"decimals": 2}, "-123.45"),
        (Decimal("12345.00"), {"decimals": 3}, "12.345"),
        (12345.0, {"decimals": 2}, "123.45"),
        ("5", {"decimals": 0}, "5"),
        ("5", {"negate": True}, "-5"),
        ("5-", {"negate": True}, "5"),
        ("5", {"factor": 0.5}, "2.5"),
        ("5", {"factor": "0.001"}, "0.005"),
        ("250", {"decimals": 2, "factor": 12, "negate": True}, "-30"),
        (b"\xf1\xf2\x60", {"encoding": "cp037"}, "-12"),
    ],
)
def test_numbers(value: object, options: dict[str, object], wanted: str) -> None:
    found = number(value, **options)
    assert found == Decimal(wanted)
    assert isinstance(found, Decimal)


@pytest.mark.parametrize("value", [None, "", "  ", False])
def test_a_missing_number(value: object) -> None:
    assert number(value) is None
    assert number(value, default=0) == 0
    assert number(value, decimals=2, default=1) == 1
    with pytest.raises(UnreadableAnswer, match=r"^p\.f is missing: it should be a number$"):
        mapped(Kind.NUMBER, {"from": "N"}, {"N": value})


@pytest.mark.parametrize(
    ("value", "options"),
    [
        ("hush", {}), ("1,5", {}), ("1.5", {"comma": True}), ("1.234,5", {"comma": True}),
        ("1,2,3", {"comma": True}), ("-5-", {}), ("--5", {}), ("1e5", {}), ("NaN", {}),
        ("Infinity", {}), ("1_000", {}), ("１２", {}), (".", {}), ("-", {}), ("1 2", {}),
        (float("nan"), {}), (float("inf"), {}), (Decimal("NaN"), {}), (Decimal("-Infinity"), {}),
        (Decimal("sNaN"), {}), (True, {}), ([], {}), ({}, {}), (b"12", {}), (date(2026, 1, 1), {}),
        ("1.5", {"decimals": 2}), (Decimal("1.5"), {"decimals": 2}), (1.5, {"decimals": 2}),
    ],
)  # fmt: skip
def test_what_is_no_number(value: object, options: dict[str, object]) -> None:
    with pytest.raises(UnreadableAnswer, match=r"^p\.f ") as raised:
        number(value, **options)
    assert "hush" not in str(raised.value)


def test_the_longest_numbers() -> None:
    widest = "9" * NUMBER_MAX_PLACES
    assert number(widest) == number(int(widest)) == number(Decimal(widest)) == Decimal(widest)
    assert number("0." + widest) == Decimal("0." + widest)
    assert number("0" * NUMBER_MAX_CHARACTERS) == 0
    assert number(1e-17) == Decimal("1e-17")
    assert number(-5e-324) == 0
    too_wide = widest + "0"
    for value in (too_wide, int(too_wide), Decimal(too_wide), "0.0" + widest, 1e300,
                  Decimal("1e999999"), Decimal("1e-999999")):  # fmt: skip
        with pytest.raises(UnreadableAnswer, match=f"over {NUMBER_MAX_PLACES} places"):
            number(value)
    with pytest.raises(UnreadableAnswer, match=f"over {NUMBER_MAX_CHARACTERS} characters"):
        number("0" * (NUMBER_MAX_CHARACTERS + 1))
    with pytest.raises(UnreadableAnswer, match="places"):
        number(widest, factor=10)


@settings(max_examples=100)
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12,
                   places=4))  # fmt: skip
def test_any_decimal_comes_back_in_every_spelling(value: Decimal) -> None:
    digits = f"{abs(value):f}"
    sign = "-" if value < 0 else ""
    assert number(value) == number(f"{value:f}") == number(digits + sign) == value
    assert number(digits.replace(".", ",") + sign, comma=True) == value
    assert number(digits.replace(".", "") + sign, decimals=4) == value


def test_packs_are_counted_in_pieces() -> None:
    rule = {"from": "Q", "times": "PACK"}
    assert mapped(Kind.NUMBER, rule, {"Q": "3", "PACK": 12}) == 36
    assert mapped(Kind.NUMBER, {**rule, "decimals": 1}, {"Q": 15, "PACK": Decimal("2.5")}) == (
        Decimal("3.75")
    )
    nested = {"from": "Q", "times": "item.pack"}
    assert mapped(Kind.NUMBER, nested, {"Q": 2, "item": {"pack": 6}}) == 12
    assert mapped(Kind.NUMBER, {**rule, "comma": True}, {"Q": "2", "PACK": "1,5"}) == 3
    assert mapped(Kind.NUMBER, rule, {"Q": None, "PACK": None}, required=False) is None


@pytest.mark.parametrize("pack", [None, "", "hush", True, b"1"])
def test_a_pack_that_cannot_be_read_is_no_guess(pack: object) -> None:
    with pytest.raises(UnreadableAnswer, match=r"^p\.f: PACK, by which it is multiplied, ") as seen:
        mapped(Kind.NUMBER, {"from": "Q", "times": "PACK"}, {"Q": 1, "PACK": pack})
    assert "hush" not in str(seen.value)
    with pytest.raises(UnreadableAnswer, match="is missing"):
        mapped(Kind.NUMBER, {"from": "Q", "times": "PACK"}, {"Q": 1})


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("Y", True), ("y", True), (" X ", True), ("1", True), (1, True), (Decimal(1), True),
        (True, True), ("N", False), ("n", False), ("", False), ("  ", False), (0, False),
        ("0", False), (None, False), (False, False), (0.0, False),
    ],
)  # fmt: skip
def test_flags(value: object, wanted: bool) -> None:
    assert flag(value) is wanted


def test_a_profile_says_its_own_yes_and_no() -> None:
    assert flag("J", yes=["J"]) is True
    assert flag("N", yes=["J"]) is False
    assert flag("X", no=["X"]) is False
    assert flag(0, yes=[0], no=[1]) is True
    assert flag("0", yes=["0"]) is True
    assert flag("", default=True) is True
    assert flag(None, default=True) is True
    assert flag("N", default=True) is False
    assert flag("", yes=[""], no=["X"]) is True
    with pytest.raises(UnreadableAnswer, match=r"^p\.f is neither yes nor no$"):
        flag("", no=["N"])


@pytest.mark.parametrize("value", ["hush", "?", 2, "true", [], b"Y"])
def test_what_is_neither_yes_nor_no(value: object) -> None:
    with pytest.raises(UnreadableAnswer, match=r"^p\.f is ") as raised:
        flag(value)
    assert "hush" not in str(raised.value)


def test_units_are_spoken_by_their_name_or_as_they_stand() -> None:
    units: dict[Any, object] = {"EA": "piece", 10: "box of ten"}
    tables = Tables.compile({}, units)

    def unit(value: object, **options: object) -> object:
        rule = {"from": "U", "as": "unit", **options}
        return mapped(Kind.TEXT, rule, {"U": value}, tables=tables)

    assert [unit("EA "), unit("KAR"), unit(10), unit(None), unit("")] == [
        "piece", "KAR", "box of ten", "", "",
    ]  # fmt: skip
    assert unit("", default="EA") == "piece"
    assert unit(None, default="metre") == "metre"
    assert mapped(Kind.TEXT, {"value": "EA", "as": "unit"}, {}, tables=tables) == "piece"
    with pytest.raises(UnreadableAnswer):
        unit(True)


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        (Kind.NUMBER, {"as": "text"}, "as is text, but this is a number: write number"),
        (Kind.TEXT, {"as": "number"}, "as is number, but this is a text: write text or unit"),
        (Kind.FLAG, {"as": "flags"}, "as has 'flags', which is not known: did you mean flag?"),
        (Kind.NUMBER, {"as": ["number"]}, "which is not known"),
        (Kind.NUMBER, {"comma": 1}, f"{WHERE}.f.comma is '1': write true or false"),
        (Kind.NUMBER, {"decimals": -1}, "decimals is '-1': write a whole number from 0"),
        (Kind.NUMBER, {"decimals": 2.5}, "decimals is '2.5'"),
        (Kind.NUMBER, {"factor": 0}, "factor is 0: write another number"),
        (Kind.NUMBER, {"factor": "x"}, "factor is 'x': write a number"),
        (Kind.NUMBER, {"factor": None}, "factor is 'None': write a number"),
        (Kind.NUMBER, {"times": 3}, "times is '3': write a name"),
        (Kind.NUMBER, {"default": "x"}, "default is 'x': write a number"),
        (Kind.NUMBER, {"form": "iso"}, "form belongs to as: date, and this is read as number"),
        (Kind.FLAG, {"yes": "Y"}, f"{WHERE}.f.yes is 'Y': write a list of raw values"),
        (Kind.FLAG, {"yes": [True]}, "yes has 'True': write it in quotes"),
        (Kind.FLAG, {"yes": ["A"], "no": ["a"]}, "no has 'a', as yes has: take one away"),
        (Kind.FLAG, {"default": "Y"}, "default is 'Y': write true or false"),
        (Kind.TEXT, {"default": None}, "default is 'None': write a text"),
        (Kind.ORDER_STATE, {}, "is an order state with no as: write as: code, or value"),
        (Kind.ORDER_STATE, {"as": "text"}, "as is text, but this is an order state: write code"),
        (Kind.ORDER_STATE, {"as": "code"}, f"{WHERE}.f.codes is missing"),
    ],
)
def test_a_mistake_is_one_sentence(
    kind: Kind, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ProfileError) as raised:
        mapper(kind, {"from": "A", **options})
    assert sentence in str(raised.value)
    assert str(raised.value).startswith(f"{WHERE}.f")
