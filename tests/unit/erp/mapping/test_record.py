"""Whole records: each field of the part is there; examples are run; mistakes name their place."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.errors import UnreadableAnswer
from erp.mapping import ExampleResult, Tables, compile_record
from erp.model import OrderState
from erp.profiles.errors import ProfileError
from erp.shapes import SHAPES, Field, Kind, Part

from .rules import NO_TABLES, WHERE, mapped, mapper

TABLES = Tables.compile(
    {"s": {"by": "KIND", "tables": {"O": {"N": "confirmed"}}}}, {"CS": "case", "EA": "piece"}
)
ORDER = SHAPES["order_status"][0]
FIELDS: Mapping[str, object] = {
    "record_id": {"from": "ID"},
    "number": {"from": "ORDNO"},
    "ordered_on": {
        "from": "ORDDT",
        "as": "date",
        "form": "cyyddd",
        "examples": [
            {"given": {"ORDDT": 126325}, "gives": date(2026, 11, 21)},
            {"given": {"ORDDT": 0}, "gives": None},
            {"given": {"ORDDT": 126001}, "gives": "2026-01-02"},
            {"given": {"ORDDT": "hush"}, "gives": "2026-01-02"},
        ],
    },
    "state": {"from": "STAT", "as": "code", "codes": "s"},
}
ROW = {"ID": 7, "ORDNO": "SO-7 ", "ORDDT": 126325, "STAT": "N", "KIND": "O"}


def test_every_field_of_the_part_is_in_the_record() -> None:
    assert compile_record(FIELDS, ORDER, TABLES, WHERE)(ROW) == {
        "record_id": "7",
        "number": "SO-7",
        "ordered_on": date(2026, 11, 21),
        "state": OrderState.CONFIRMED,
        "delivery_on": None,
    }


def test_optional_fields_that_are_left_out_are_empty() -> None:
    part = Part("p", tuple(Field(kind.name, kind, required=False) for kind in Kind))
    read = compile_record({}, part, NO_TABLES, WHERE)
    assert read({}) == {
        "TEXT": "", "NUMBER": None, "DATE": None, "FLAG": False,
        "ORDER_STATE": None, "DELIVERY_STATE": None,
    }  # fmt: skip
    assert read.names == frozenset()
    assert compile_record({}, Part("ping", ()), NO_TABLES, WHERE)({"x": 1}) == {}


def test_the_mapper_says_which_fields_the_profile_fills() -> None:
    assert compile_record(FIELDS, ORDER, TABLES, WHERE).names == set(FIELDS)


def test_examples_are_run() -> None:
    results = compile_record(FIELDS, ORDER, TABLES, WHERE).examples()
    assert [result.ok for result in results] == [True, True, False, False]
    assert results[2] == ExampleResult(
        f"{WHERE}.ordered_on.examples.2",
        {"ORDDT": 126001},
        date(2026, 1, 2),
        date(2026, 1, 1),
        ok=False,
    )
    assert results[3].got == "unreadable: order.ordered_on is no date of the form cyyddd"


@pytest.mark.parametrize(
    ("kind", "rule", "given", "gives", "ok"),
    [
        (Kind.NUMBER, {"decimals": 2}, 12345, 123.45, True),
        (Kind.NUMBER, {"decimals": 2}, 12345, "123.45", True),
        (Kind.NUMBER, {"decimals": 2}, 12300, 123, True),
        (Kind.NUMBER, {"decimals": 2}, 12300, 12300, False),
        (Kind.NUMBER, {"packed": True}, {"hex": "01 23 4D"}, -1234, True),
        (Kind.TEXT, {"encoding": "cp037"}, {"hex": "c1c2"}, "AB", True),
        (Kind.TEXT, {"encoding": "cp037"}, b"\xc1", "A", True),
        (Kind.TEXT, {"slice": [1, 2]}, "1234", 12, True),
        (Kind.TEXT, {}, None, None, True),
        (Kind.TEXT, {}, None, "", True),
        (Kind.FLAG, {"yes": ["J"]}, "J", True, True),
        (Kind.FLAG, {"yes": ["J"]}, None, None, True),
        (Kind.DATE, {"form": "yymmdd"}, "", None, True),
        (Kind.ORDER_STATE, {"as": "code", "codes": "s"}, "N", "unreadable", True),
    ],
)
def test_an_example_is_written_as_its_kind(
    kind: Kind, rule: dict[str, object], given: object, gives: object, ok: bool
) -> None:
    written = {"from": "V", **rule, "examples": [{"given": {"V": given}, "gives": gives}]}
    (result,) = mapper(kind, written, tables=TABLES).examples()
    assert result.ok is ok, result


def test_an_example_may_hold_rows_within_rows() -> None:
    given = {"lines": [{"sku": {"hex": "c1"}}], "x": 1}
    rule = {"from": "lines.0.sku", "encoding": "cp037",
            "examples": [{"given": given, "gives": "A"}]}  # fmt: skip
    (result,) = mapper(Kind.TEXT, rule).examples()
    assert result.ok
    assert result.given == given


@pytest.mark.parametrize(
    ("examples", "sentence"),
    [
        ({}, f"{WHERE}.f.examples is '{{}}': write a list of examples"),
        ([], "write a list of examples"),
        (["x"], f"{WHERE}.f.examples.0 is 'x': write a mapping of given and gives"),
        ([{"given": {"A": 1}}], "examples.0 is not whole: write given and gives"),
        ([{"gives": 1}], "examples.0 is not whole"),
        ([{"given": {"A": 1}, "give": 1}], "examples.0 has 'give', which is not known: did you"),
        ([{"given": 1, "gives": 1}], "examples.0.given is '1'"),
        ([{"given": {"A": 1}, "gives": "x"}], "examples.0.gives is 'x': write a number"),
        ([{"given": {"A": 1}, "gives": None}], "examples.0.gives is null, but this is a number"),
        ([{"given": {"A": {"hex": "0g"}}, "gives": 1}], "examples.0.given.A.hex is '0g'"),
    ],
)
def test_a_mistake_in_an_example(examples: object, sentence: str) -> None:
    with pytest.raises(ProfileError) as raised:
        mapper(Kind.NUMBER, {"from": "A", "examples": examples})
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "rule", "unproven"),
    [
        (Kind.TEXT, {"from": "A"}, False),
        (Kind.TEXT, {"from": "A.b"}, False),
        (Kind.TEXT, {"from": "A", "as": "text"}, False),
        (Kind.NUMBER, {"from": "A", "as": "number"}, False),
        (Kind.TEXT, {"value": "A"}, False),
        (Kind.TEXT, {"join": ["A", "B"]}, True),
        (Kind.TEXT, {"from": "A", "as": "unit"}, True),
        (Kind.TEXT, {"from": "A", "default": "x"}, True),
        (Kind.NUMBER, {"from": "A", "decimals": 2}, True),
        (Kind.DATE, {"from": "A", "form": "iso"}, True),
        (Kind.TEXT, {"join": ["A"], "examples": [{"given": {"A": 1}, "gives": 1}]}, False),
    ],
)
def test_a_rule_that_is_more_than_a_plain_from_needs_an_example(
    kind: Kind, rule: object, unproven: bool
) -> None:
    assert mapper(kind, rule).unproven == ([f"{WHERE}.f"] if unproven else [])


def test_a_field_that_the_part_does_not_have() -> None:
    with pytest.raises(ProfileError) as raised:
        compile_record({**FIELDS, "nubmer": {"from": "A"}}, ORDER, TABLES, WHERE)
    assert str(raised.value) == f"{WHERE}.nubmer is no field of order: did you mean number?"
    with pytest.raises(ProfileError, match="zzz is no field of order: its fields are record_id, n"):
        compile_record({**FIELDS, "zzz": {"from": "A"}}, ORDER, TABLES, WHERE)
    with pytest.raises(ProfileError, match="x is no field of ping: it has none"):
        compile_record({"x": {"from": "A"}}, Part("ping", ()), TABLES, WHERE)


def test_a_field_that_the_part_needs() -> None:
    fields = {name: rule for name, rule in FIELDS.items() if name != "state"}
    with pytest.raises(ProfileError, match=r"fields\.state is missing, and order needs it: write"):
        compile_record(fields, ORDER, TABLES, WHERE)
    with pytest.raises(ProfileError, match=rf"^{WHERE} is '\[\]': write a mapping of fields"):
        compile_record([], ORDER, TABLES, WHERE)  # type: ignore[arg-type]


def test_an_unreadable_value_names_its_field_and_not_itself() -> None:
    read = compile_record(FIELDS, ORDER, TABLES, WHERE)
    with pytest.raises(UnreadableAnswer) as raised:
        read({**ROW, "ORDDT": "hush"})
    assert str(raised.value) == "order.ordered_on is no date of the form cyyddd"


def test_a_record_of_seven_fields_takes_microseconds() -> None:
    part = Part("p", (*ORDER.fields[:4], Field("name"), Field("unit"), Field("q", Kind.NUMBER)))
    fields = {
        **FIELDS,
        "name": {"join": ["A", "B", "C"]},
        "unit": {"from": "U", "as": "unit"},
        "q": {"from": "Q", "decimals": 2, "times": "PACK"},
    }
    row = {**ROW, "A": "BRASS ", "B": "", "C": "VALVE", "U": "CS", "Q": "1250-", "PACK": 12}
    read = compile_record(fields, part, TABLES, WHERE)
    assert read(row)["q"] == Decimal(-150)
    best_s = min(_seconds(read, row) for _ in range(20))
    assert best_s / 200 < 100e-6  # about 15 microseconds when nothing else runs


def _seconds(read: object, row: object) -> float:
    assert callable(read)
    begun_s = time.perf_counter()
    for _ in range(200):
        read(row)
    return time.perf_counter() - begun_s


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=9)
    | st.binary(max_size=9) | st.dates() | st.datetimes() | st.uuids() | st.timedeltas(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=3,
)  # fmt: skip
RULES: tuple[tuple[Kind, Mapping[str, object], type], ...] = (
    (Kind.TEXT, {"from": "V"}, str),
    (Kind.TEXT, {"from": "V", "as": "unit"}, str),
    (Kind.TEXT, {"from": "V.0"}, str),
    (Kind.TEXT, {"join": ["V", "W"]}, str),
    (Kind.TEXT, {"from": "V", "slice": [2, 3], "encoding": "cp1047"}, str),
    (Kind.TEXT, {"from": "V", "encoding": {"was": "latin-1", "is": "utf-8"}}, str),
    (Kind.TEXT, {"from": "V", "packed": True}, str),
    (Kind.NUMBER, {"from": "V", "default": 0}, Decimal),
    (Kind.NUMBER, {"from": "V", "default": 0, "decimals": 2, "times": "W"}, Decimal),
    (Kind.DATE, {"from": "V", "default": "2026-01-01"}, date),
    (Kind.DATE, {"from": "V", "form": "cyyddd", "default": "2026-01-01"}, date),
    (Kind.DATE, {"from": "V", "form": "%d.%m.%y", "default": "2026-01-01"}, date),
    (Kind.FLAG, {"from": "V"}, bool),
    (Kind.ORDER_STATE, {"from": "V", "as": "code", "codes": "s"}, OrderState),
)
MAPPERS = [(mapper(kind, rule, tables=TABLES.silent()), made) for kind, rule, made in RULES]


@settings(max_examples=150)
@given(ANYTHING, ANYTHING)
def test_whatever_comes_is_read_or_refused(value: object, other: object) -> None:
    for read, made in MAPPERS:
        try:
            found = read({"V": value, "W": other, "KIND": other})["f"]
        except UnreadableAnswer as error:
            assert str(error).startswith("p.f"), error
            assert made is not OrderState, "a code fails no call"
        else:
            assert isinstance(found, made)


def test_a_rule_of_the_documentation() -> None:
    assert mapped(Kind.TEXT, {"join": ["DESC1", "DESC2"]}, {"DESC1": "WIRE", "DESC2": "3 MM"}) == (
        "WIRE 3 MM"
    )
