"""Spellings of telephone numbers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.phone_numbers import forms, same, search_digits

ONE = "+12125550142"


@pytest.mark.parametrize(
    "spelling",
    [
        "+1 212 555 0142", "0012125550142", "001 212 555 0142", "011 1 212 555 0142",
        "12125550142", "2125550142", "(212) 555-0142", "212.555.0142", "tel:+12125550142",
        "+1 (212) 555-0142 ext. 14", "+1 212 555 0142 x14", "sip:+12125550142@pbx.example.com",
        "+12125550142;phone-context=x", " +12125550142 ",
    ],
)
def test_spellings_of_one_number(spelling: str) -> None:
    assert same(spelling, ONE, "1")
    assert same(ONE, spelling, "1")


@pytest.mark.parametrize(
    "other",
    [
        "+12125550143", "+2125550142", "+442125550142", "5550142", "", "anonymous", "100",
        "+1 212 555 014", "+1212555014200000000000",
    ],
)
def test_other_numbers(other: str) -> None:
    assert not same(other, ONE, "1")


@pytest.mark.parametrize(
    "spelling", ["+49 (0)30 23125 042", "030 23125042", "0049 30 23125042", "+493023125042"]
)
def test_a_trunk_zero_is_dropped_behind_the_calling_code(spelling: str) -> None:
    assert same(spelling, "+493023125042", "49")


def test_an_italian_number_keeps_its_zero() -> None:
    assert same("06 123 4567", "+39 06 123 4567", "39")


def test_a_national_number_is_read_in_the_companys_own_country() -> None:
    assert same("030 23125042", "+493023125042", "49")
    assert not same("030 23125042", "+493023125042", "44")


@pytest.mark.parametrize("withheld", ["", "anonymous", "restricted", "unknown", "*67", "12345"])
def test_a_withheld_or_short_number_means_nothing(withheld: str) -> None:
    assert forms(withheld, "1") == frozenset()
    assert search_digits(withheld, "1") == ""


def test_every_spelling_has_the_digits_by_which_it_is_searched() -> None:
    for spelling in ("(212) 555-0142", "0012125550142", "+1 212 555 0142"):
        assert search_digits(spelling, "1") == "5550142"


@settings(max_examples=50)
@given(st.text(max_size=40))
def test_any_text_is_taken(text: str) -> None:
    assert all(form.isascii() and form.isdigit() for form in forms(text, "1"))


@settings(max_examples=50)
@given(st.from_regex(r"[2-9][0-9]{9}", fullmatch=True), st.sampled_from(["", " ", "-", "."]))
def test_a_national_number_is_its_international_one(number: str, gap: str) -> None:
    national = gap.join((number[:3], number[3:6], number[6:]))
    assert same(national, "+1" + number, "1")


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("654321", "65-43-21"),
        ("+49654321", "65 43 21"),
        ("012345", "0 12345"),
        ("+4930654321", "030/654321"),
        ("49 1234 56", "+49 (0)1234 56"),
    ],
)
def test_a_search_misses_no_spelling(number: str, written: str) -> None:
    assert same(number, written, "49")
    digits = "".join(filter(str.isdigit, written))
    assert search_digits(number, "49") in digits


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("030/654321", "+4930654321"),
        ("06221/12 34-56", "+496221123456"),
        ("+49 6221/123456", "+496221123456"),
        ("0049 30/654321", "+4930654321"),
        ("030 / 65 / 43 21", "+4930654321"),
        ("030 654321/22", "+4930654321"),
        ("+49 30 654321/654322", "+4930654321"),
    ],
)
def test_a_slash_is_behind_an_area_code_or_before_a_second_number(
    written: str, wanted: str
) -> None:
    assert same(written, wanted, "49")
