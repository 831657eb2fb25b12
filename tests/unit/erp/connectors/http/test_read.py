"""Requests and rows: what goes on the wire, and what is made of the answer."""

from __future__ import annotations

import asyncio
import threading
from datetime import date, datetime
from decimal import Decimal

import pytest
from aiohttp import web

from erp.connectors.engine import Value
from erp.connectors.http.answer import LOOP_MAX_BYTES
from erp.connectors.http.engine import ROWS_MAX
from erp.connectors.http.tags import Tags
from erp.deadline import Deadline
from erp.errors import BackendRefused, BadAnswer, ErpError
from erp.trace import Hop
from tests.unit.erp.connectors.http.peer import (
    attempt,
    engine,
    hops,
    json_handler,
    peer,
    read,
    soon,
)

GET = {"path": "/items"}
TAGS = {
    "key": "__class__",
    "known": {
        "Decimal": {"number": "decimal"},
        "date": {"date": ["year", "month", "day"]},
        "datetime": {
            "datetime": ["year", "month", "day", "hour", "minute", "second", "microsecond"]
        },
    },
}


async def test_a_request_is_filled_with_its_values() -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "path": request.raw_path,
                "company": request.headers["X-Company"],
                "all": request.headers["X-All"],
                "body": await request.text(),
            }
        )

    async with peer(handle) as there, engine(
        there.url, {"headers": {"X-All": "{company}/{user}"}}, {"company": "7"}
    ) as made:
        rows = await read(
            made,
            {
                "request": {
                    "method": "POST",
                    "path": "/{company}/items/{item_number}",
                    "query": {"f": ["a", "{item_number}"], "on": "{on}", "no": "{none}"},
                    "headers": {"X-Company": "{company}"},
                    "body": {
                        "id": "{item_id:int}",
                        "n": "{quantity}",
                        "on": "{on}",
                        "to": "{on} 00:00:00",
                        "all": "{list:ints}",
                        "no": "{none}",
                        "brace": "{{}}",
                    },
                }
            },
            {
                "company": "7",
                "item_number": "WB/100 é",
                "on": date(2026, 11, 21),
                "item_id": " 12 ",
                "quantity": Decimal("0.10"),
                "list": "3, 4",
                "none": None,
            },
        )
    assert rows == [
        {
            "path": "/7/items/WB%2F100%20%C3%A9?f=a&f=WB%2F100%20%C3%A9&on=2026-11-21",
            "company": "7",
            "all": "7/clerk",
            "body": '{"id":12,"n":0.10,"on":"2026-11-21","to":"2026-11-21 00:00:00",'
            '"all":[3,4],"no":null,"brace":"{}"}',
        }
    ]


async def test_a_form_is_sent_as_a_form() -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"type": request.content_type, **await request.post()})

    async with peer(handle) as there, engine(there.url) as made:
        form = {"a": "x & y", "no": "{none}"}
        part = {"request": {"method": "POST", "path": "/form", "form": form}}
        rows = await read(made, part, {"none": None})
    assert rows == [{"type": "application/x-www-form-urlencoded", "a": "x & y"}]


@pytest.mark.parametrize(
    ("answer", "place", "rows"),
    [
        ([{"a": 1}, {"a": 2}], "", [{"a": 1}, {"a": 2}]),
        ({"a": 1}, "", [{"a": 1}]),
        ({"result": None}, "result", []),
        ({"result": None}, "result.lines", []),
        ({"data": [{"rows": [{"a": 1}]}]}, "data.0.rows", [{"a": 1}]),
        ({"@odata.value": [{"a": 1}]}, ["@odata.value"], [{"a": 1}]),
        ({"result": 5}, "result", [{"value": 5}]),
        ({"result": [[1, 2]]}, "result", [{"value": [1, 2]}]),
        (7, "", [{"value": 7}]),
    ],
)
async def test_rows_are_at_their_place(answer: object, place: object, rows: object) -> None:
    async with peer(json_handler(answer)) as there, engine(there.url) as made:
        assert await read(made, {"request": GET, "rows": place}) == rows


async def test_a_place_that_is_not_there_is_a_bad_answer() -> None:
    async with peer(json_handler({"other": []})) as there, engine(there.url) as made:
        with pytest.raises(BadAnswer, match=r"find_item: answered with .* without result\.0$"):
            await read(made, {"request": GET, "rows": "result.0"})


async def test_numbers_are_exact() -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(text='{"a": 0.1, "b": 3, "c": 1.10}')

    async with peer(handle) as there, engine(there.url) as made:
        (row,) = await read(made, {"request": GET})
    assert row == {"a": Decimal("0.1"), "b": 3, "c": Decimal("1.10")}
    assert str(row["c"]) == "1.10"


async def test_tagged_values_are_read_and_written() -> None:
    async def handle(request: web.Request) -> web.Response:
        sent = await request.json()
        now = {"__class__": "datetime", "year": 2026, "month": 1, "day": 2, "hour": 3}
        rest = {"minute": 4, "second": 5, "microsecond": 6}
        other = {"__class__": "timedelta", "seconds": 1}
        return web.json_response({"sent": sent, "at": now | rest, "other": other})

    body = ["{on:tagged}", "{quantity:tagged}", "{t:tagged}"]
    part = {"request": {"method": "POST", "path": "/x", "body": body}}
    values: dict[str, Value] = {
        "on": date(2026, 11, 21), "quantity": Decimal("8.00"), "t": "as it is",
    }
    async with peer(handle) as there, engine(there.url, {"tags": TAGS}) as made:
        (row,) = await read(made, part, values)
        wire = await there.reads[0].json()
    assert wire == [
        {"__class__": "date", "year": 2026, "month": 11, "day": 21},
        {"__class__": "Decimal", "decimal": "8.00"},
        "as it is",
    ]
    assert row == {
        "sent": [date(2026, 11, 21), Decimal("8.00"), "as it is"],
        "at": datetime(2026, 1, 2, 3, 4, 5, 6),
        "other": {"__class__": "timedelta", "seconds": 1},
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"__class__": "Decimal", "decimal": "NaN"},
        {"__class__": "Decimal", "decimal": "1e999999999"},
        {"__class__": "Decimal", "decimal": None},
        {"__class__": "date", "year": 2026, "month": 13, "day": 1},
        {"__class__": "date", "year": "2026", "month": 1, "day": 1},
        {"__class__": "date"},
    ],
)
async def test_a_wrong_tagged_value_is_a_bad_answer(wrong: dict[str, object]) -> None:
    async with peer(json_handler([wrong])) as there, engine(there.url, {"tags": TAGS}) as made:
        with pytest.raises(BadAnswer, match=r"that cannot be read$"):
            await read(made, {"request": GET})


@pytest.mark.parametrize(
    ("path", "value"), [("/x/{v}", ""), ("/x/{v}", ".."), ("/x/{v}", None), ("/{v:int}", "12b")]
)
async def test_what_cannot_be_asked_is_not_sent(path: str, value: str | None) -> None:
    async with peer(json_handler([])) as there, engine(there.url) as made:
        with pytest.raises(BadAnswer, match="cannot be asked: v ") as told:
            await read(made, {"request": {"path": path}}, {"v": value})
        assert not there.reads
    assert "12b" not in str(told.value)


async def test_a_header_cannot_be_injected() -> None:
    async with peer(json_handler([])) as there, engine(there.url) as made:
        with pytest.raises(BadAnswer, match="control characters in the header X-A"):
            part = {"request": {"path": "/h", "headers": {"X-A": "{v}"}}}
            await read(made, part, {"v": "a\r\nX-Evil: 1"})
        assert not there.reads


async def test_tagged_without_tags_is_refused() -> None:
    async with peer(json_handler([])) as there, engine(there.url) as made:
        part = {"request": {"method": "POST", "path": "/x", "body": "{on:tagged}"}}
        with pytest.raises(BackendRefused, match="no tags"):
            await read(made, part, {"on": date(2026, 1, 1)})


async def test_a_long_answer_is_decoded_off_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [{"n": number} for number in range(LOOP_MAX_BYTES // 8)]
    threads: list[threading.Thread] = []

    def untagged(_: Tags, found: dict[str, object]) -> object:
        threads.append(threading.current_thread())
        return found

    monkeypatch.setattr(Tags, "untagged", untagged)
    async with peer(json_handler(rows)) as there, engine(there.url, {"tags": TAGS}) as made:
        of = attempt()
        part = {"request": GET, "limit": len(rows)}
        assert await read(made, part, of=of) == rows
    assert hops(of).count(Hop.PARSE) == 1
    assert threads
    assert threading.main_thread() not in threads


async def test_a_long_answer_does_not_wait_for_a_name_server() -> None:
    loop = asyncio.get_running_loop()
    release = threading.Event()
    # getaddrinfo runs in the loop's own threads, and may sit there for a minute.
    waiting = [loop.run_in_executor(None, release.wait) for _ in range(64)]
    rows = [{"n": number} for number in range(LOOP_MAX_BYTES // 8)]
    try:
        async with peer(json_handler(rows)) as there, engine(there.url) as made:
            part = {"request": GET, "limit": len(rows)}
            assert await asyncio.wait_for(read(made, part), 5) == rows
    finally:
        release.set()
        await asyncio.gather(*waiting)


async def test_no_more_rows_are_made_than_show_that_there_are_too_many() -> None:
    async with peer(json_handler([0] * 10_000)) as there, engine(there.url) as made:
        assert len(await read(made, {"request": GET, "limit": 7})) == 8
        assert len(await read(made, {"request": GET})) == ROWS_MAX + 1
        # An adapter may look at more than the first.
        assert len(await read(made, {"request": GET, "first": True})) == ROWS_MAX + 1


@pytest.mark.parametrize(
    ("url", "plain"),
    [("http://192.0.2.1/x", True), ("https://192.0.2.1/x", False), ("http://127.0.0.1:1", False)],
)
async def test_plain_text_over_a_wire_is_logged(
    url: str, plain: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with engine(url, opened=False) as made:
        with pytest.raises(ErpError):
            await made.open(Deadline(0.0))
    assert ("plain text" in caplog.text) is plain


async def test_the_hops_of_a_cold_and_a_warm_read() -> None:
    async with peer(json_handler([])) as there, engine(there.url, opened=False) as made:
        local = there.url.replace("127.0.0.1", "localhost")
        async with engine(local, opened=False) as cold:
            await cold._transport.open()
            first = attempt()
            await read(cold, {"request": GET}, of=first)
            assert set(hops(first)) >= {Hop.RESOLVE, Hop.CONNECT, Hop.SERVER, Hop.PARSE}
            assert Hop.TLS not in hops(first)
        await made.open(soon())
        warm = attempt()
        await read(made, {"request": GET}, of=warm)
    assert hops(warm) == [Hop.SERVER, Hop.PARSE]


async def test_the_callers_turn_finds_warm_connections() -> None:
    async with peer(json_handler([])) as there, engine(there.url) as made:
        assert len(there.ports) == 2
        await read(made, {"request": GET})
        await made.tend(soon())
        assert len(there.ports) == 2


async def test_keep_warm_is_asked_with_our_login_and_its_errors_count() -> None:
    async def handle(request: web.Request) -> web.Response:
        good = request.headers.get("X-Key") == "s3cret-pass"
        return web.Response(text="up", status=200 if good else 403)

    section = {"auth": {"kind": "api_key", "header": "X-Key"}, "keep_warm": {"path": "/{c}/ok"}}
    async with peer(handle) as there, engine(there.url, section, {"c": "7"}):
        assert {request.path for request in there.asked} == {"/7/ok"}
    async with peer(json_handler({}, 503)) as there, engine(
        there.url, section, {"c": "7"}, opened=False
    ) as made:
        with pytest.raises(ConnectionError, match="open: cannot be reached: HTTP status 503"):
            await made.open(soon())


async def test_a_connection_that_the_server_closed_is_replaced_without_a_failure() -> None:
    """The server closes after each answer without saying so: an idle connection is dead."""

    async def handle(request: web.Request) -> web.Response:
        if request.transport is not None and request.raw_path == "/":
            request.transport.close()
        return web.json_response([{"a": 1}])

    async with peer(handle) as there, engine(there.url) as made:
        for _ in range(3):
            assert await read(made, {"request": {"method": "POST", "path": "/x"}}) == [{"a": 1}]
            for request in there.asked:
                if request.transport is not None:
                    request.transport.close()


async def test_read_before_open_and_after_close_is_an_error() -> None:
    async with peer(json_handler([])) as there, engine(there.url, opened=False) as made:
        with pytest.raises(ConnectionError, match="is not open"):
            await read(made, {"request": GET})
        await made.open(soon())
        await made.close()
        await made.close()
        with pytest.raises(ConnectionError, match="is not open"):
            await read(made, {"request": GET})
