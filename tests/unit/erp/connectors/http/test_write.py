"""Writes over HTTP: sent once, and known to have left or not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from aiohttp import web

from erp.connector import Attempt
from erp.connectors.engine import Value, Written
from erp.connectors.http import HttpEngine, prepare, prepare_write
from erp.errors import BackendDown, BackendRefused, BackendSlow, BadAnswer, ErpError
from erp.profiles.errors import ProfileError
from tests.rig.ports import free_ports
from tests.unit.erp.connectors.http.peer import attempt, engine, json_handler, peer, raw_peer

FIND = {"request": {"path": "/tasks"}}
CREATE = {
    "request": {"method": "POST", "path": "/tasks", "body": {"note": "<p>{text:html}</p>"}},
    "rows": "ids",
}
VALUES: Mapping[str, Value] = {"text": "one & <b>two</b>\n\"three\" it's"}


async def write(made: HttpEngine, of: Attempt) -> Written:
    find, create = prepare(FIND, "find"), prepare_write(CREATE, "create")
    return await made.write(create, find, VALUES, of)


async def test_a_write_is_sent_and_its_answer_read() -> None:
    bodies = []

    async def handle(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.json_response({"ids": [7]})

    of = attempt()
    async with peer(handle) as there, engine(there.url) as made:
        written = await write(made, of)
    assert (written.rows, written.by_find, of.trace.sent) == ([{"value": 7}], False, True)
    shown = "one &amp; &lt;b&gt;two&lt;/b&gt;<br>&quot;three&quot; it&#x27;s"
    assert bodies == [{"note": f"<p>{shown}</p>"}]


@pytest.mark.parametrize(
    ("status", "kind"), [(403, BackendRefused), (500, BadAnswer), (503, BackendDown)]
)
async def test_an_error_after_it_left_says_so(status: int, kind: type[ErpError]) -> None:
    of = attempt()
    async with peer(json_handler({}, status)) as there, engine(there.url) as made:
        with pytest.raises(kind):
            await write(made, of)
        assert len(there.reads) == 1
    assert of.trace.sent


async def test_no_answer_in_time_says_that_it_left() -> None:
    async def handle(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.json_response({})

    of = attempt(0.2)
    async with peer(handle) as there, engine(there.url) as made:
        with pytest.raises(BackendSlow):
            await write(made, of)
    assert of.trace.sent


async def test_a_refused_connection_says_that_nothing_left() -> None:
    (port,) = free_ports(1)
    of = attempt()
    async with engine(f"http://127.0.0.1:{port}", opened=False) as made:
        await made._transport.open()
        with pytest.raises(BackendDown):
            await write(made, of)
    assert not of.trace.sent


async def test_a_connection_that_closes_on_a_write_is_not_tried_again() -> None:
    """A read would be sent anew: the server closed an idle connection, it may have been that."""
    asked: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if head.startswith(b"POST"):
                asked.append(head)
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
            await writer.drain()

    of = attempt()
    async with raw_peer(talk) as url, engine(url, connections=1) as made:
        with pytest.raises(BackendDown):
            await write(made, of)
    assert len(asked) == 1
    assert of.trace.sent


def test_a_write_is_no_get_and_has_no_pages() -> None:
    with pytest.raises(ProfileError, match=r"x\.request\.method is GET: write POST or PUT"):
        prepare_write(FIND, "x")
    with pytest.raises(ProfileError, match=r"x\.paging"):
        prepare_write({**CREATE, "paging": {}}, "x")
