"""Profiles are checked as a whole: each mistake is one sentence that names its place."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from erp.connector import LockStrength, RollbackKind
from erp.profiles import ProfileError, load, source
from erp.profiles.profile import ROWS_MAX
from erp.systems import ADAPTERS
from tests.unit.erp.tiny_engine import FIND_ITEM, HEAD, content, profile

ORDERS = """
typical_ms: {order_status: 5}
operations:
  order_status:
    order:
      sql: orders :order_number :account
      fields:
        record_id: {from: ID}
        number: {from: NO}
        ordered_on: {from: DAY, as: date, form: cyyddd}
        state: {from: ST, as: code, codes: st}
    lines:
      sql: lines :order.record_id
      limit: 50
      fields:
        item_number: {from: CODE}
        item_name: {from: NAME}
        quantity: {from: QTY}
        unit: {value: piece}
codes:
  st: {table: {S: shipped}, examples: [{given: {ST: S}, gives: shipped}]}
"""


def put(values: dict[str, Any], place: str, value: object) -> None:
    """Set a value deep in a profile; a value of ... takes it away."""
    *above, last = place.split(".")
    for key in above:
        values = values.setdefault(key, {}) if isinstance(values, dict) else values[int(key)]
    if value is ...:
        del values[last]
    else:
        values[last] = value


def test_a_profile_is_what_its_file_says(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(HEAD + FIND_ITEM, "utf-8")
    found = load(path)
    assert (found.name, found.version, found.engine, found.path) == ("tiny", 2, "sql", path)
    assert (found.lock, found.rollback) == (LockStrength.STRICT, RollbackKind.TRANSACTION)
    assert found.typical_ms == {"find_item": 5.0}
    assert (found.hedge, found.hedge_after_ms, found.tls) == (frozenset(), 200.0, None)
    (plan,) = found.operations["find_item"]
    assert (plan.name, plan.limit, plan.first, plan.single) == ("item", ROWS_MAX, False, True)
    assert plan.mapper({"ID": 7, "CODE": "AB", "NAME": " Bolt "}) == {
        "record_id": "7", "number": "AB", "name": "Bolt", "unit": "piece",
    }
    assert found.label == f"tiny v2 ({found.digest[:12]})"


def test_a_part_may_name_the_first_record_of_an_earlier_one() -> None:
    order, lines = profile(content(ORDERS)).operations["order_status"]
    assert order.needs == frozenset()
    assert lines.needs == {"order"}
    assert lines.limit == 50


def test_parts_within_another_have_no_request() -> None:
    values = content(ORDERS)
    lines = values["operations"]["order_status"]["lines"]
    del lines["sql"]
    lines |= {"within": "order", "rows": "data.lines"}
    found = profile(values).operations["order_status"][1]
    assert (found.prepared, found.within, found.rows) == (None, "order", ("data", "lines"))
    lines["rows"] = ["party.", "name"]
    assert profile(values).operations["order_status"][1].rows == ("party.", "name")


def test_learned_names_and_parameters_may_be_named() -> None:
    values = content()
    values["parameters"] = {"company": {"about": "its number", "default": "1"}}
    values["learn"] = [{"sql": "co :company", "fields": {"zone": {"from": "Z"}}}]
    values["operations"]["find_item"]["item"]["sql"] = "items :company :zone :today :warehouses"
    found = profile(values)
    assert found.learn[0].mapper({"Z": "a"}) == {"zone": "a"}
    assert found.parameters["company"].default == "1"


def test_the_one_currency_need_not_stand_in_each_part() -> None:
    price = {"price": {"price": {"sql": "p", "fields": {"amount": {"from": "A"}}}}}
    values = content() | {"operations": price, "typical_ms": {"price": 1}}
    with pytest.raises(ProfileError, match="currency"):
        profile(values)
    values["learn"] = [{"sql": "co", "fields": {"currency": {"from": "C"}}}]
    (plan,) = profile(values).operations["price"]
    assert plan.mapper({"A": 1})["currency"] == ""


def test_shared_pieces_may_stand_under_a_key_of_their_own() -> None:
    assert profile(content() | {"x-fields": {"any": "thing"}}).name == "tiny"


CODE = {"from": "X"}


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        ("profile", ..., "profile is missing: write a text"),
        ("profile", "a/b", "profile is 'a/b': write letters, digits, - and ."),
        ("version", "2", "version is '2': write a whole number, 1 or more"),
        ("version", 3, "changes must begin with version 3: write {version: 3, on: DATE"),
        ("changes", ..., "changes must begin with version 2"),
        ("changes.0.on", "today", "changes.0.on is 'today': write a date, as in 2026-11-21"),
        ("changes.0.who", "me", "changes.0.who is not known: known are on, version, what"),
        ("changes.1.version", 2, "changes has version 2 after 2: newest first"),
        ("engine", "ftp", "engine is 'ftp': write sql"),
        ("lock", "tight", "lock is 'tight': write strict, weak or none"),
        ("rollback", ..., "rollback is missing: write a word"),
        ("sql.bad", 1, "sql.bad is not known"),
        ("http", {}, "http is not known: known are"),
        ("tls", 1.2, "tls is 1.2: write a text"),
        ("tls", "1.1", "tls is '1.1': write \"1.2\", or leave it out for TLS 1.3"),
        ("hedge_after_ms", 0, "hedge_after_ms is 0: write a number above 0"),
        ("hedge", ["price"], "hedge has 'price': it is none of `operations`"),
        ("typical_ms", ..., "typical_ms.find_item is missing: write a number"),
        ("typical_ms.price", 5, "typical_ms.price is not known: known are find_item"),
        ("parameters", {"company": {}}, "parameters.company.about is missing: write a text"),
        ("parameters", {"today": {"about": "x"}}, "parameters.today is a name that is taken"),
        ("parameters", {"a": {"about": "x", "default": 1}}, "parameters.a.default is 1: put it in"),
        ("secrets", {"a": {"about": "x", "default": "y"}}, "secrets.a.default is not known"),
        ("adapter", "sap", f"adapter is 'sap': known are {', '.join(sorted(ADAPTERS))}"),
        ("learn", [{"sql": "co"}], "learn.0.fields is missing: say what is learned"),
        ("learn", [{"sql": "co", "fields": {"account": CODE}}], "learn.0.fields.account is a name"),
        ("learn", [{"sql": "co :x", "fields": {"a": CODE}}], "learn.0 names 'x': it may name to"),
        ("operations", ..., "operations is missing"),
        ("operations.find_items", {}, "operations.find_items is not known: known are"),
        ("operations.find_item.items", {}, "operations.find_item.items is not known: known are it"),
        ("operations.find_item.item", ..., "operations.find_item.item is missing"),
        ("operations.find_item.item.sql", ..., "operations.find_item.item.sql is missing"),
        ("operations.find_item.item.sql", "a :account",
         "operations.find_item.item names 'account': it may name item_number, today, warehouses"),
        ("operations.find_item.item.limit", 0, "operations.find_item.item.limit is 0: write"),
        ("operations.find_item.item.limit", 100_001, "operations.find_item.item.limit is 100001"),
        ("operations.find_item.item.first", "yes", "operations.find_item.item.first is 'yes': "),
        ("operations.find_item.item.within", "x", "operations.find_item.item.within is 'x': write"),
        ("operations.find_item.item.refine", "x", "operations.find_item.item.refine is 'x': name"),
        ("operations.find_item.item.fields.nam", CODE, "operations.find_item.item.fields.nam"),
        ("operations.find_item.item.fields.name", ..., "operations.find_item.item.fields"),
        ("requests", {"a": {}}, "requests.a.sql is missing"),
        (7, 8, "the key 7 is no text"),
    ],
)
def test_a_mistake_is_one_sentence(place: str | int, value: object, sentence: str) -> None:
    values: dict[Any, Any] = content()
    if isinstance(place, int):
        values[place] = value
    else:
        put(values, place, value)
    with pytest.raises(ProfileError) as caught:
        profile(values)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_later_part_cannot_be_named_nor_read_within() -> None:
    values = content(ORDERS)
    order = values["operations"]["order_status"]["order"]
    order["sql"] = "orders :lines.unit"
    with pytest.raises(ProfileError, match=r"order_status\.order names 'lines\.unit'"):
        profile(values)
    values = content(ORDERS)
    values["operations"]["order_status"]["lines"]["within"] = "order"
    with pytest.raises(ProfileError, match="lines has `within` and `sql`: take one away"):
        profile(values)


def test_who_looks_for_a_telephone_number_must_say_where_it_stands() -> None:
    fields = {name: {"from": "X"} for name in ("record_id", "account", "name")}
    values = content() | {
        "operations": {"customers_by_phone": {"customer": {"sql": "c", "fields": fields}}},
        "typical_ms": {"customers_by_phone": 5},
    }
    with pytest.raises(ProfileError, match=r"customer\.fields\.phone is missing"):
        profile(values)


def test_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(HEAD, "utf-8")
    with pytest.raises(ProfileError, match=rf"profile {path}: operations is missing"):
        load(path)


def test_an_example_that_fails_is_told_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(HEAD + ORDERS.replace("{ST: S}, gives: shipped", "{ST: S}, gives: draft"))
    with caplog.at_level(logging.WARNING, "erp.profiles.load"):
        checks = load(path).checks()
    assert [result.ok for result in checks.results] == [False]
    assert not checks.ok
    assert "1 of its examples fail" in caplog.text
    # The date's own rule has no example.
    assert any("ordered_on" in place for place in checks.unproven)


@pytest.mark.parametrize("name", sorted(source.packaged()))
def test_every_packaged_profile_is_named_as_its_file(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert source.read(name).content["profile"] == name
