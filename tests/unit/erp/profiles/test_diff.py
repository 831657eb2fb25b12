"""What a change of a profile alters, told to a person."""

from __future__ import annotations

from typing import Any

from erp.profiles.diff import diff
from tests.unit.erp.tiny_engine import content, profile

WITH_CODES = """
typical_ms: {order_history: 5, ping: 1}
operations:
  ping: {ping: {sql: ping, fields: {}}}
  order_history:
    orders:
      sql: |
        orders
        :customer_id
        :limit
      fields:
        record_id: {from: ID}
        number: {from: NO}
        ordered_on: {from: DAY, as: date}
        state: {from: ST, as: code, codes: st}
codes:
  st:
    by: KIND
    tables: {O: {S: shipped, N: confirmed}, Q: {N: quotation}}
units: {EA: piece}
"""


def changed(**values: object) -> dict[str, Any]:
    """The next version of WITH_CODES, some of its top changed."""
    found = content(WITH_CODES) | {"version": 3}
    found["changes"].insert(0, {**found["changes"][0], "version": 3, "what": "new columns"})
    return found | values


def lines(new: dict[str, Any]) -> list[str]:
    return diff(profile(content(WITH_CODES)), profile(new))


HEAD = ["version: was 2, is 3", "change 3 (2026-11-21): new columns"]


def test_the_same_is_no_difference() -> None:
    assert lines(content(WITH_CODES)) == []


def test_only_the_version() -> None:
    assert lines(changed()) == HEAD


def test_codes_are_told_by_their_table() -> None:
    new = changed()
    new["codes"]["st"]["tables"] = {
        "O": {"S": "cancelled", "X": "cancelled"}, "Q": {"N": "quotation"}, "R": {"N": "draft"},
    }
    new["codes"]["st"]["by"] = "DOC"
    assert lines(new) == [
        *HEAD,
        "codes.st.O: S was shipped, is cancelled",
        "codes.st.O: N was confirmed, is unknown",
        "codes.st.O: X is new, is cancelled",
        "codes.st.R: N is new, is draft",
        "codes.st.by: was KIND, is DOC",
    ]


def test_a_request_is_told_line_by_line_and_fields_one_by_one() -> None:
    new = changed()
    orders = new["operations"]["order_history"]["orders"]
    orders["sql"] = "orders2\n:customer_id\n:limit\n"
    orders["fields"]["number"] = {"join": ["NO", "SUFFIX"]}
    orders["fields"]["ordered_on"] = {"from": "DAY", "as": "date", "form": "cyyddd"}
    orders["limit"] = 20
    assert lines(new) == [
        *HEAD,
        "operations.order_history.orders: the request changes",
        "  - orders",
        "  + orders2",
        "    :customer_id",
        "operations.order_history.orders.fields.number.from: removed, was NO",
        "operations.order_history.orders.fields.number.join: added, is [NO, SUFFIX]",
        "operations.order_history.orders.fields.ordered_on.form: added, is cyyddd",
        "operations.order_history.orders.limit: added, is 20",
    ]


def test_settings_operations_and_requests() -> None:
    new = changed(
        lock="weak", hedge=["order_history"], typical_ms={"order_history": 9},
        requests={"map": {"sql": "map"}}, learn=[{"sql": "co", "fields": {"a": {"from": "A"}}}],
        units={"EA": "piece", "CS": "case"},
    )
    del new["operations"]["ping"]
    assert lines(new) == [
        *HEAD,
        "lock: was strict, is weak",
        "typical_ms.order_history: was 5, is 9",
        "typical_ms.ping: removed, was 1",
        "units.CS: added, is case",
        "hedge: added, is [order_history]",
        "learn.0: added",
        "operations.ping: removed",
        "requests.map: added",
    ]


def test_a_request_in_a_tree_is_told_as_yaml() -> None:
    old, new = content(WITH_CODES), changed()
    for values, place in ((old, "A"), (new, "B")):
        values["operations"]["ping"]["ping"]["headers"] = {"X": place}
    assert diff(profile(old), profile(new)) == [
        *HEAD,
        "operations.ping.ping: the request changes",
        "    headers:",
        "  -   X: A",
        "  +   X: B",
        "    sql: ping",
    ]


def test_a_change_without_a_new_version_is_warned_of() -> None:
    new = content(WITH_CODES) | {"lock": "none"}
    assert lines(new) == [
        "warning: the content changed, but the version did not rise", "lock: was strict, is none",
    ]
    assert diff(profile(changed()), profile(content(WITH_CODES)))[:2] == [
        "version: was 3, is 2", "warning: the content changed, but the version fell",
    ]


def test_a_number_a_text_and_a_flag_are_told_apart() -> None:
    old, new = content(WITH_CODES), changed()
    old["x-own"] = {"a": 1, "b": 1, "c": 1}
    new["x-own"] = {"a": "1", "b": True, "c": 1}
    assert diff(profile(old), profile(new)) == [
        *HEAD, "x-own.a: was 1, is '1'", "x-own.b: was 1, is true",
    ]
