"""Where a value comes from: paths, joins, slices, constants; what is absent and what is empty."""

from __future__ import annotations

from decimal import Decimal

import pytest

from erp.errors import UnreadableAnswer
from erp.profiles.errors import ProfileError
from erp.shapes import Kind

from .rules import WHERE, mapped, mapper

ROW = {
    "A": " Brass ",
    "B": None,
    "C": "  ",
    "D": "valve",
    "n": 7,
    "partner": {"name": "Miller", "tags": [{"sku": "X"}], "none": None},
    "partner.name": "a column with a dot",
    "party.": {"name": "Tryton's relation"},
    "many2one": [5, "Odoo's pair"],
    "unset": False,
    "empty": None,
}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("A", "Brass"),
        ("B", ""),
        ("partner.name", "Miller"),
        ("partner.tags.0.sku", "X"),
        ("partner.tags.1.sku", ""),
        ("partner.nothing.more", ""),
        ("partner.none.more", ""),
        ("many2one.1", "Odoo's pair"),
        ("unset.1", ""),
        ("empty.name", ""),
        (["party.", "name"], "Tryton's relation"),
        (["partner.name"], "a column with a dot"),
        (["partner", "tags", 0, "sku"], "X"),
    ],
)
def test_a_path_leads_into_the_row(path: object, wanted: str) -> None:
    assert mapped(Kind.TEXT, {"from": path}, ROW) == wanted


@pytest.mark.parametrize("path", ["A.name", "n.x", "partner.tags.sku"])
def test_a_path_into_what_is_no_row_is_unreadable(path: str) -> None:
    with pytest.raises(UnreadableAnswer, match=r"p\.f is not there") as raised:
        mapped(Kind.TEXT, {"from": path}, ROW)
    assert "Brass" not in str(raised.value)


def test_a_name_that_the_row_does_not_have_is_no_empty_text() -> None:
    with pytest.raises(UnreadableAnswer, match=r"p\.f is a text, but its place is not in the row"):
        mapped(Kind.TEXT, {"from": "AA"}, ROW)
    with pytest.raises(UnreadableAnswer, match="not in the row"):
        mapped(Kind.TEXT, {"join": ["A", "AA"]}, ROW)
    assert mapped(Kind.TEXT, {"from": "AA", "default": "-"}, ROW) == "-"
    assert mapped(Kind.TEXT, {"from": "AA"}, ROW, required=False) == ""


def test_a_name_split_over_three_fields_is_joined_without_the_empty_ones() -> None:
    assert mapped(Kind.TEXT, {"join": ["A", "B", "C", "D"]}, ROW) == "Brass valve"
    assert mapped(Kind.TEXT, {"join": ["A", "D", "n"], "with": "/"}, ROW) == "Brass/valve/7"
    assert mapped(Kind.TEXT, {"join": ["B", "C"]}, ROW) == ""
    assert mapped(Kind.TEXT, {"join": ["B"], "default": "none"}, ROW) == "none"
    assert mapped(Kind.TEXT, {"join": ["partner.name", "A"]}, ROW) == "Miller Brass"


def test_bytes_are_decoded_before_they_are_joined() -> None:
    row = {"A": "Größe".encode("cp1252"), "B": b"M"}
    assert mapped(Kind.TEXT, {"join": ["A", "B"], "encoding": "cp1252"}, row) == "Größe M"


def test_a_date_split_over_three_columns() -> None:
    rule = {"join": ["Y", "M", "D"], "with": "-", "as": "date", "form": "%Y-%m-%d"}
    assert str(mapped(Kind.DATE, rule, {"Y": 2026, "M": 2, "D": 8})) == "2026-02-08"


@pytest.mark.parametrize(
    ("piece", "wanted"),
    [([1, 6], "WB-100"), ([7, 4], "0012"), ([11, 5], "ab"), ([13, 5], ""), ([50, 2], "")],
)
def test_a_slice_of_fixed_width_text_and_bytes(piece: list[int], wanted: str) -> None:
    rule: dict[str, object] = {"from": "REC", "slice": piece}
    assert mapped(Kind.TEXT, rule, {"REC": "WB-1000012ab"}) == wanted
    in_bytes = {**rule, "encoding": "cp037"}
    assert mapped(Kind.TEXT, in_bytes, {"REC": "WB-1000012ab".encode("cp037")}) == wanted


def test_a_slice_is_cut_before_the_bytes_are_decoded() -> None:
    record = "é".encode() + b"\x00\x12\x3d"
    rule = {"from": "REC", "slice": [3, 3], "packed": True}
    assert mapped(Kind.NUMBER, rule, {"REC": record}) == Decimal(-123)


def test_a_slice_of_a_number_is_refused_and_of_null_is_null() -> None:
    rule = {"from": "REC", "slice": [1, 2]}
    with pytest.raises(UnreadableAnswer, match="can't be sliced"):
        mapped(Kind.TEXT, rule, {"REC": 1234})
    assert mapped(Kind.TEXT, rule, {"REC": None}) == ""


def test_a_constant() -> None:
    assert mapped(Kind.TEXT, {"value": "EUR"}, {}) == "EUR"
    assert mapped(Kind.TEXT, {"value": ""}, {}) == ""
    assert mapped(Kind.NUMBER, {"value": 0.1}, {}) == Decimal("0.1")
    assert mapped(Kind.FLAG, {"value": True}, {}) is True
    assert str(mapped(Kind.DATE, {"value": "2026-01-02"}, {})) == "2026-01-02"
    assert mapper(Kind.TEXT, {"value": "EUR"}).unproven == []


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({}, f"{WHERE}.f has no source: write one of from, join and value"),
        ({"from": "A", "join": ["B"]}, f"{WHERE}.f has from and join: write one of"),
        ("A", f"{WHERE}.f is 'A': write a mapping of from, join or value"),
        ({"from": ""}, f"{WHERE}.f.from is '': write a name"),
        ({"from": "a..b"}, "from is 'a..b'"),
        ({"from": 3}, "from is '3'"),
        ({"from": []}, "from is '[]'"),
        ({"from": ["a", None]}, "write a name, a path with dots"),
        ({"join": "A"}, f"{WHERE}.f.join is 'A': write a list of names"),
        ({"join": []}, "join is '[]'"),
        ({"join": ["A", ""]}, f"{WHERE}.f.join.1 is ''"),
        ({"join": ["A"], "with": 3}, f"{WHERE}.f.with is '3'"),
        ({"from": "A", "with": "-"}, "belongs to join"),
        ({"from": "A", "slice": [0, 3]}, f"{WHERE}.f.slice is '0': write a whole number from 1"),
        ({"from": "A", "slice": [1]}, "slice is no pair"),
        ({"from": "A", "slice": "1-3"}, "slice is '1-3'"),
        ({"from": "A", "slice": [True, 3]}, "slice is 'True'"),
        ({"join": ["A"], "slice": [1, 2]}, "write from for join"),
        ({"from": "A", "packed": "yes"}, "packed is 'yes': write true or false"),
        ({"from": "A", "packed": True, "encoding": "cp037"}, "does not go with packed"),
        ({"value": "A", "slice": [1, 2]}, f"{WHERE}.f.slice does not go with value"),
        ({"value": True}, f"{WHERE}.f.value is 'True': write a text, in quotes"),
        ({"value": None}, f"{WHERE}.f.value is 'None'"),
        ({"from": "A", "defualt": "x"}, f"{WHERE}.f has 'defualt', which is not known: did you"
         " mean default?"),
        ({"from": "A", True: "x"}, "has the key True without quotes"),
        ({"from": "A", 3: "x"}, "has the key '3'"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(rule: object, sentence: str) -> None:
    with pytest.raises(ProfileError) as raised:
        mapper(Kind.TEXT, rule)
    assert sentence in str(raised.value)
    assert str(raised.value).startswith(f"{WHERE}.f")
