"""Templates: what values become, and what they can't do to a request."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from erp.connectors.engine import Value
from erp.connectors.http.failure import Failure
from erp.connectors.http.request import compile_request, json_text
from erp.connectors.http.template import compile_text, compile_tree, fill, header_value

DAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("template", "value", "result"),
    [
        ("{v}", Decimal("1.50"), Decimal("1.50")),
        ("{v}", None, None),
        ("{v}", DAY, DAY),
        ("{v:int}", "007", 7),
        ("{v:int}", Decimal("5.0"), 5),
        ("{v:int}", None, None),
        ("{v:number}", " 1.50 ", Decimal("1.50")),
        ("{v:number}", 3, 3),
        ("{v:number}", Decimal(0), Decimal(0)),
        ("{v:text}", Decimal("1E+3"), "1000"),
        ("{v:text}", True, "true"),
        ("{v:text}", DAY, "2026-11-21"),
        ("{v:date}", "2026-11-21", DAY),
        ("{v:date}", DAY, DAY),
        ("{v:ints}", "3, 4,", [3, 4]),
        ("{v:ints}", "", []),
        ("{v:texts}", " a , b", ["a", "b"]),
        ("<{v}>", None, "<>"),
        ("<{v:ints}>", "3, 4", "<3,4>"),
        ("{{{v}}}", "x", "{x}"),
        ("no slot", "x", "no slot"),
        ("", "x", ""),
    ],
)
def test_what_a_slot_becomes(template: str, value: Value, result: object) -> None:
    found = compile_text(template, "t").value({"v": value})
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{v:int}", "1.5"),
        ("{v:int}", Decimal("1.5")),
        ("{v:int}", True),
        ("{v:int}", "9" * 30),
        ("{v:int}", "²"),
        ("{v:number}", "1,5"),
        ("{v:number}", "NaN"),
        ("{v:number}", "1e99999999"),
        ("{v:text}", Decimal("1e99999999")),
        ("{v:number}", DAY),
        ("{v:date}", "21.11.2026"),
        ("{v:ints}", "1,x"),
    ],
)
def test_a_value_that_does_not_fit_is_not_shown(template: str, value: Value) -> None:
    with pytest.raises(Failure, match="v does not fit") as told:
        compile_text(template, "t").value({"v": value})
    assert str(value) not in told.value.detail
    assert told.value.__cause__ is None


def test_a_name_without_a_value_is_a_failure() -> None:
    with pytest.raises(Failure, match="v has no value"):
        compile_text("{v}", "t").value({})


def test_half_a_character_is_not_sent() -> None:
    with pytest.raises(Failure, match="v is no text of Unicode"):
        compile_text("/{v}", "t").path({"v": "\ud800"})


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@profile(max_examples=100, deadline=None)
def test_a_value_stays_in_its_segment_of_a_path(value: str) -> None:
    path = compile_text("/a/{v}/b", "t")
    if value in (".", ".."):
        return
    found = path.path({"v": value})
    assert found.count("/") == 3
    assert not set(found) & set("?# \r\n")
    assert unquote(found[3:-2]) == value


@given(st.dictionaries(st.text(), st.lists(st.text() | st.integers() | st.booleans() | st.none())))
@profile(max_examples=100, deadline=None)
def test_json_is_json(tree: dict[str, list[object]]) -> None:
    assert json.loads(json_text(tree)) == tree


def test_json_keeps_every_digit() -> None:
    tree = {"a": Decimal("0.10"), "b": Decimal("12345678901234567890.123"), "c": DAY, "d": 0.5}
    assert json_text(tree) == (
        '{"a":0.10,"b":12345678901234567890.123,"c":"2026-11-21","d":0.5}'
    )


@given(st.text(max_size=20))
@profile(max_examples=100, deadline=None)
def test_any_template_is_read_or_refused(text: str) -> None:
    try:
        compiled = compile_tree({"a": [text]}, "t")
    except ValueError as error:
        assert str(error).startswith("t.a.0")
        return
    if "{" not in text and "}" not in text:
        assert fill(compiled, {}, None) == {"a": [text]}


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", "a\x7f"])
def test_control_characters_are_in_no_header(value: str) -> None:
    with pytest.raises(Failure, match="in the header X"):
        header_value(value, "X")


def test_a_request_shows_no_values() -> None:
    request = compile_request({"path": "/{v}", "query": {"q": "{v}"}, "body": "{v}"}, "r")
    assert "private" not in repr(request.fill({"v": "private"}, None))
