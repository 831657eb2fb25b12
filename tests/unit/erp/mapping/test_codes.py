"""Code tables: what codes mean, by kind of document; a code that no table has fails nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from decimal import Decimal

import pytest

from erp.errors import UnreadableAnswer
from erp.mapping import Tables
from erp.mapping.codes import UNMAPPED_LOGGED_MAX
from erp.model import DeliveryState, OrderState
from erp.profiles.errors import ProfileError
from erp.shapes import Kind

from .rules import WHERE, mapped, mapper

CODES: Mapping[str, object] = {
    "order_status": {
        "by": "DOCKIND",
        "tables": {
            "O": {"N": "confirmed", "P": "processing", "S": "shipped", "X": "cancelled"},
            "Q": {"N": "quotation", "X": "cancelled"},
        },
        "examples": [
            {"given": {"STAT": "N", "DOCKIND": "Q"}, "gives": "quotation"},
            {"given": {"STAT": "N", "DOCKIND": "O"}, "gives": "confirmed"},
        ],
    },
    "delivery_status": {"table": {"A": "planned", "F": "shipped"}},
    "numbers": {"table": {10: "draft", 20: "confirmed", "true": "shipped", "": "quotation"}},
}
RULE = {"from": "STAT", "as": "code", "codes": "order_status"}


@pytest.fixture
def tables() -> Tables:
    return Tables.compile(CODES, {})


def state(tables: Tables, row: Mapping[str, object], codes: str = "order_status") -> object:
    return mapped(Kind.ORDER_STATE, {**RULE, "codes": codes}, row, tables=tables)


def test_a_letter_means_other_things_in_other_kinds_of_documents(tables: Tables) -> None:
    assert state(tables, {"STAT": "N", "DOCKIND": "O"}) is OrderState.CONFIRMED
    assert state(tables, {"STAT": " N ", "DOCKIND": "Q "}) is OrderState.QUOTATION


def test_a_table_without_kinds(tables: Tables) -> None:
    rule = {"from": "ST", "as": "code", "codes": "delivery_status"}
    found = mapped(Kind.DELIVERY_STATE, rule, {"ST": "F"}, tables=tables)
    assert found is DeliveryState.SHIPPED


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (10, "draft"), ("10", "draft"), (Decimal("10.0"), "draft"), (20.0, "confirmed"),
        (True, "shipped"), ("", "quotation"), (None, "quotation"),
    ],
)  # fmt: skip
def test_codes_that_are_numbers_or_nothing(tables: Tables, value: object, wanted: str) -> None:
    assert state(tables, {"STAT": value}, "numbers") is OrderState(wanted)


def test_codes_in_ebcdic(tables: Tables) -> None:
    row: dict[str, object] = {"STAT": b"\xd5", "DOCKIND": b"\xd8"}
    rule = {**RULE, "encoding": "cp037"}
    assert mapped(Kind.ORDER_STATE, rule, row, tables=tables) is OrderState.QUOTATION
    row = {"STAT": b"\xd5", "DOCKIND": "Q"}
    assert mapped(Kind.ORDER_STATE, rule, row, tables=tables) is OrderState.QUOTATION


@pytest.mark.parametrize("value", ["?", "n", None, "", False, True, 3, b"N", [], {}, float("nan"),
                                   10**4000, "x" * 5000])  # fmt: skip
def test_an_unmapped_code_fails_no_call(tables: Tables, value: object) -> None:
    assert state(tables, {"STAT": value, "DOCKIND": "O"}) is OrderState.UNREADABLE
    assert state(tables, {"STAT": "N", "DOCKIND": value}) is OrderState.UNREADABLE
    assert state(tables, {"STAT": "N"}) is OrderState.UNREADABLE
    rule = {"from": "STAT", "as": "code", "codes": "delivery_status"}
    found = mapped(Kind.DELIVERY_STATE, rule, {"STAT": value}, tables=tables)
    assert found is DeliveryState.UNREADABLE


def test_a_column_that_is_not_there_is_no_code(tables: Tables) -> None:
    with pytest.raises(UnreadableAnswer, match="not in the row"):
        state(tables, {"DOCKIND": "O"})


def test_an_unmapped_code_is_logged_once_for_its_table(
    tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    read = mapper(Kind.ORDER_STATE, RULE, tables=tables)
    other = mapper(Kind.ORDER_STATE, {**RULE, "codes": "numbers"}, tables=tables)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            read({"STAT": "Z\n€", "DOCKIND": "O"})
            read({"STAT": "Z\n€", "DOCKIND": "Q"})
            other({"STAT": "Z" * 1000})
            other({"STAT": b"\xe9"})
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        r"codes.order_status has no code 'Z\n\u20ac' of the kind 'O'",
        r"codes.order_status has no code 'Z\n\u20ac' of the kind 'Q'",
        f"codes.numbers has no code '{'Z' * 40}'",
        "codes.numbers has no code " + r""" "b'\\xe9'" """.strip(),
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_the_log_is_not_filled_with_codes(
    tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    read = mapper(Kind.ORDER_STATE, {**RULE, "codes": "numbers"}, tables=tables)
    with caplog.at_level(logging.WARNING):
        for code in range(1000, 1000 + 3 * UNMAPPED_LOGGED_MAX):
            read({"STAT": code})
    assert len(caplog.records) == UNMAPPED_LOGGED_MAX


def test_a_default_stands_in_for_a_blank_but_not_for_an_unmapped_code(tables: Tables) -> None:
    rule = {**RULE, "default": "draft"}
    for blank in (None, "", "  ", False):
        row = {"STAT": blank, "DOCKIND": "O"}
        assert mapped(Kind.ORDER_STATE, rule, row, tables=tables) is OrderState.DRAFT
    row = {"STAT": "?", "DOCKIND": "O"}
    assert mapped(Kind.ORDER_STATE, rule, row, tables=tables) is OrderState.UNREADABLE


def test_a_state_may_be_a_constant() -> None:
    found = mapped(Kind.DELIVERY_STATE, {"value": "packed"}, {})
    assert found is DeliveryState.PACKED
    with pytest.raises(ProfileError, match="has 'pakced', which is not known: did you mean packed"):
        mapped(Kind.DELIVERY_STATE, {"value": "pakced"}, {})


def test_the_examples_of_tables_are_run_and_log_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    codes: dict[str, object] = {
        "s": {
            "by": "K",
            "tables": {"O": {"N": "confirmed"}},
            "examples": [
                {"given": {"C": "N", "K": "O"}, "gives": "confirmed"},
                {"given": {"C": "?", "K": "O"}, "gives": "confirmed"},
                {"given": {"C": "?", "K": "O"}, "gives": "unreadable"},
            ],
        },
        "d": {"table": {"F": "delivered"}, "examples": [{"given": {"C": "F"}, "gives": "shipped"}]},
    }
    with caplog.at_level(logging.WARNING):
        results = Tables.compile(codes, {}, "x").examples()
    assert [(result.where, result.ok) for result in results] == [
        ("x.codes.s.examples.0", True),
        ("x.codes.s.examples.1", False),
        ("x.codes.s.examples.2", True),
        ("x.codes.d.examples.0", False),
    ]
    assert results[1].got is OrderState.UNREADABLE
    assert results[3].wanted is DeliveryState.SHIPPED
    assert results[3].got is DeliveryState.DELIVERED
    assert caplog.records == []


def test_the_examples_of_a_field_log_nothing_and_hide_nothing(
    tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    row = {"STAT": "?", "DOCKIND": "O"}
    rule = {**RULE, "examples": [{"given": row, "gives": "unreadable"}]}
    read = mapper(Kind.ORDER_STATE, rule, tables=tables)
    with caplog.at_level(logging.WARNING):
        assert [result.ok for result in read.examples()] == [True]
        assert caplog.records == []
        read(row)
    assert len(caplog.records) == 1


def test_a_code_is_proven_by_an_example_of_the_field_or_of_its_table(tables: Tables) -> None:
    assert mapper(Kind.ORDER_STATE, RULE, tables=tables).unproven == []
    plain = {**RULE, "codes": "numbers"}
    assert mapper(Kind.ORDER_STATE, plain, tables=tables).unproven == [f"{WHERE}.f"]
    sliced = {**RULE, "slice": [1, 1]}
    assert mapper(Kind.ORDER_STATE, sliced, tables=tables).unproven == [f"{WHERE}.f"]
    proven = {**plain, "examples": [{"given": {"STAT": 10}, "gives": "draft"}]}
    assert mapper(Kind.ORDER_STATE, proven, tables=tables).unproven == []


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("x", "codes.t is 'x': write a mapping of table, or by and tables"),
        ({}, "codes.t has no meanings: write table, or by and tables"),
        ({"by": "K"}, "codes.t has no meanings"),
        ({"table": {"A": "draft"}, "by": "K"}, "codes.t has table and by"),
        ({"tabel": {}}, "codes.t has 'tabel', which is not known: did you mean table?"),
        ({"table": {}}, "codes.t.table is '{}': write a mapping of codes and states"),
        ({"table": {"A": "drfat"}}, "codes.t.table.A has 'drfat', which is not known: did you mean"
         " draft?"),
        ({"table": {"A": 3}}, "codes.t.table.A has '3'"),
        ({"table": {True: "draft"}}, "has the code 'True' without quotes"),
        ({"table": {1.5: "draft"}}, "has the code '1.5' without quotes"),
        ({"table": {1: "draft", "1": "shipped"}}, "has the code '1' twice"),
        ({"by": "", "tables": {"O": {"A": "draft"}}}, "codes.t.by is ''"),
        ({"by": "K", "tables": ["O"]}, "codes.t.tables is \"['O']\": write a mapping of tables"),
        ({"by": "K", "tables": {"O": {"A": "no"}}}, "codes.t.tables.O.A has 'no'"),
        ({"table": {"A": "draft"}, "examples": [{"given": {"A": 1, "B": 2}, "gives": "draft"}]},
         "codes.t.examples.0.given must hold the code, and nothing else"),
        ({"by": "K", "tables": {"O": {"A": "draft"}},
          "examples": [{"given": {"K": 1}, "gives": "draft"}]},
         "codes.t.examples.0.given must hold the code and K"),
        ({"table": {"A": "draft"}, "examples": [{"given": {"A": 1}, "gives": "planned"}]},
         "codes.t.examples.0.gives has 'planned'"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(table: object, sentence: str) -> None:
    with pytest.raises(ProfileError) as raised:
        Tables.compile({"t": table}, {})
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("units", "sentence"),
    [
        ({"EA": 3}, "units.EA is '3': write a text"),
        ({False: "number"}, "units has the code 'False' without quotes"),
        (["EA"], "units is \"['EA']\": write a mapping of units"),
    ],
)
def test_a_mistake_in_the_units(units: Mapping[str, object], sentence: str) -> None:
    with pytest.raises(ProfileError) as raised:
        Tables.compile({}, units)
    assert sentence in str(raised.value)


def test_a_table_must_be_there_and_of_the_fields_kind(tables: Tables) -> None:
    with pytest.raises(ProfileError, match=r"f\.codes has 'order_state'.*mean order_status\?"):
        mapper(Kind.ORDER_STATE, {**RULE, "codes": "order_state"}, tables=tables)
    with pytest.raises(ProfileError, match=r"f\.codes is 'x', but the profile has no codes"):
        mapper(Kind.ORDER_STATE, {**RULE, "codes": "x"})
    with pytest.raises(ProfileError, match="'N' means confirmed, which is no delivery state"):
        mapper(Kind.DELIVERY_STATE, RULE, tables=tables)
