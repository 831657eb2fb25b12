"""What an answer means: the profile's table, and everybody's statuses."""

from __future__ import annotations

import pytest

from erp.connectors.http.answer import Answer, Content, Decoder
from erp.connectors.http.errors import (
    MATCHED_CHARACTERS,
    RETRY_AFTER_MAX_S,
    compile_errors,
    retry_after_s,
)
from erp.connectors.http.failure import Failure, Means
from erp.errors import BackendBusy, BackendDown, BackendRefused, BackendSlow, BadAnswer
from erp.trace import Trace
from tests.unit.erp.connectors.http.peer import engine, json_handler, peer, read

OLD = "Sat, 01 Jan 2000 00:00"
PART = {"request": {"path": "/items"}}
RULES = [
    {"status": [502, 503], "means": "down", "say": "is starting"},
    {"where": "error.0", "equals": "UserError", "means": "refused", "say": "no", "text": "error.1"},
    {"where": "error.0", "equals": ["Late", "Slow"], "means": "slow"},
    {"where": "error.0", "matches": "^Busy", "means": "busy"},
    {"where": "error", "means": "bad", "say": "answers with its error", "text": "error.0"},
    {"status": 404, "where": "name", "matches": "MissingError$", "means": "not_found"},
    {"where": "flag", "equals": 1, "means": "bad"},
]


def failure(
    status: int, body: bytes = b"{}", rules: object = RULES, renews: bool = False, **headers: str
) -> Failure | None:
    answer = Answer(status, {k.replace("_", "-"): v for k, v in headers.items()}, body)
    content = Content(answer, Decoder("utf-8", None), Trace("shop", "find_item"))
    return compile_errors(rules, "http.errors", renews).failure(answer, content)


@pytest.mark.parametrize(
    ("status", "body", "means", "detail"),
    [
        (503, b"<html>", Means.DOWN, "is starting"),
        (200, b'{"error": ["UserError", "No.\\nMore"]}', Means.REFUSED, "no: 'No.'"),
        (200, b'{"error": ["UserError", ["x"]]}', Means.REFUSED, "no"),
        (200, b'{"error": ["Slow"]}', Means.SLOW, "gave up because of the time"),
        (400, b'{"error": ["Busy now"]}', Means.BUSY, "asks us to come back later"),
        (200, b'{"error": ["x\\u00e9y"]}', Means.BAD, "answers with its error: 'x\\xe9y'"),
        (404, b'{"name": "odoo.MissingError"}', Means.NOT_FOUND, "has no such record"),
        (404, b'{"name": "Other"}', Means.REFUSED, "has no such address"),
    ],
)
def test_the_first_entry_that_matches_counts(
    status: int, body: bytes, means: Means, detail: str
) -> None:
    found = failure(status, body)
    assert found is not None
    assert found.means is means
    assert found.detail.startswith(detail)


@pytest.mark.parametrize(
    "body",
    [b'{"error": null}', b'{"error": []}', b'{"error": false}', b'{"flag": true}', b"[]", b"<h>"],
)
def test_what_is_no_error(body: bytes) -> None:
    assert failure(200, body) is None


def test_a_regular_expression_sees_only_the_beginning() -> None:
    rules = [{"where": "a", "matches": "end$", "means": "bad"}]
    assert failure(200, b'{"a": "the end"}', rules) is not None
    assert failure(200, b'{"a": "' + b"x" * MATCHED_CHARACTERS + b'end"}', rules) is None


def test_long_words_of_the_system_are_shortened() -> None:
    found = failure(200, b'{"error": ["' + b"x" * 5000 + b'"]}')
    assert found is not None
    assert len(found.detail) < 120


@pytest.mark.parametrize(
    ("status", "renews", "means"),
    [
        (204, True, None),
        (301, True, Means.REFUSED),
        (401, True, Means.EXPIRED),
        (401, False, Means.REFUSED),
        (403, True, Means.REFUSED),
        (404, True, Means.REFUSED),
        (405, True, Means.REFUSED),
        (408, True, Means.DOWN),
        (422, True, Means.BAD),
        (429, True, Means.BUSY),
        (500, True, Means.BAD),
        (502, True, Means.DOWN),
        (503, True, Means.DOWN),
        (504, True, Means.DOWN),
        (522, True, Means.DOWN),
    ],
)
def test_everybodys_statuses(status: int, renews: bool, means: Means | None) -> None:
    found = failure(status, rules=None, renews=renews)
    assert (found.means if found else None) is means


def test_a_503_that_asks_for_patience_is_busy() -> None:
    found = failure(503, rules=None, Retry_After="7")
    assert found is not None
    assert (found.means, found.retry_after_s) == (Means.BUSY, 7)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3),
        ({"Retry-After": "9999999999999999999"}, RETRY_AFTER_MAX_S),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "²"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
        # The server's clock is years behind: only its own two times are compared.
        ({"Retry-After": f"{OLD}:09 GMT", "Date": f"{OLD}:04 GMT"}, 5),
        ({"Retry-After": f"{OLD}:00 GMT", "Date": f"{OLD}:04 GMT"}, 0),
        ({"Retry-After": f"{OLD}:05 -0000", "Date": f"{OLD}:04 GMT"}, 1),
        ({"Retry-After": f"{OLD}:00 GMT"}, None),
    ],
)
def test_patience_is_reckoned_by_the_answers_own_clock(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_s(headers) == seconds


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (429, {}, BackendBusy),
        (503, {}, BackendDown),
        (200, {"error": ["Late"]}, BackendSlow),
        (200, {"error": ["UserError"]}, BackendRefused),
        (500, {}, BadAnswer),
        (302, {}, BackendRefused),
    ],
)
async def test_a_failure_becomes_an_error_of_the_port(
    status: int, answer: object, kind: type[Exception]
) -> None:
    headers = {"Retry-After": "2", "Location": "/items"} if status != 503 else {}
    async with peer(json_handler(answer, status, **headers)) as there, engine(
        there.url, {"errors": RULES}
    ) as made:
        with pytest.raises(kind) as told:
            await read(made, PART)
        assert len(there.reads) == 1
    assert str(told.value).startswith("shop: find_item: ")
    if isinstance(told.value, BackendBusy):
        assert told.value.retry_after_s == 2


async def test_not_found_is_no_rows() -> None:
    missing = json_handler({"name": "MissingError"}, 404)
    async with peer(missing) as there, engine(there.url, {"errors": RULES}) as made:
        assert await read(made, PART) == []
