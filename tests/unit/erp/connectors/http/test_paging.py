"""Paging: each kind, where it ends, and that it can't be led astray."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from aiohttp import web

from erp.connectors.http.paging import PAGES_MAX
from erp.errors import BadAnswer
from erp.secrets import Secret
from tests.unit.erp.connectors.http.peer import engine, peer, read

ROWS = [{"n": number} for number in range(7)]


def part(paging: Mapping[str, object], **more: object) -> dict[str, object]:
    return {"request": {"path": "/items", "query": {"a": "b"}}, "paging": paging, **more}


async def by_offset(request: web.Request) -> web.StreamResponse:
    """Serves ROWS by $skip and $top, or page and $top."""
    size = int(request.query["$top"])
    assert request.query["a"] == "b"
    skip = int(request.query.get("$skip", 0)) + (int(request.query.get("page", 1)) - 1) * size
    return web.json_response(ROWS[skip : skip + size])


OFFSET = {"kind": "offset", "offset": "$skip", "size": {"name": "$top", "value": 3}}


@pytest.mark.parametrize(
    ("paging", "more", "count", "pages"),
    [
        (OFFSET, {}, 7, 3),
        ({**OFFSET, "offset": "page", "counts": "pages", "from": 1}, {}, 7, 3),
        ({**OFFSET, "size": {"name": "$top", "value": 7}}, {}, 7, 2),
        (OFFSET, {"limit": 5}, 6, 2),
        (OFFSET, {"first": True}, 3, 1),
    ],
)
async def test_pages_by_their_offset(
    paging: dict[str, object], more: dict[str, object], count: int, pages: int
) -> None:
    async with peer(by_offset) as there, engine(there.url) as made:
        assert await read(made, part(paging, **more)) == ROWS[:count]
        assert len(there.reads) == pages


async def test_offsets_in_the_body() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        assert asked["domain"] == []
        return web.json_response(ROWS[asked["offset"] :][: asked["limit"]])

    paging = {
        "kind": "offset", "offset": "offset", "size": {"name": "limit", "value": 4}, "in": "body",
    }
    request = {"method": "POST", "path": "/items", "body": {"domain": []}}
    async with peer(handle) as there, engine(there.url) as made:
        assert await read(made, {"request": request, "paging": paging}) == ROWS


@pytest.mark.parametrize("link", ["/items?page=2&x=%20 é", "{url}/items?page=2", "?page=2"])
async def test_pages_by_a_link_in_the_body(link: str) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        assert request.query["key"] == "s3cret-pass"
        if "page" in request.query:
            assert request.query["page"] == "2"
            return web.json_response({"rows": ROWS[3:], "@odata.nextLink": None})
        named = link.replace("{url}", there.url)
        return web.json_response({"rows": ROWS[:3], "@odata.nextLink": named})

    section = {"auth": {"kind": "api_key", "query": "key"}}
    async with peer(handle) as there, engine(there.url, section) as made:
        paging = {"kind": "next", "at": ["@odata.nextLink"]}
        assert await read(made, part(paging, rows="rows")) == ROWS


async def test_pages_by_a_token() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        begin = int(request.query.get("cursor", "0").strip("c&"))
        follows = f"c&{begin + 3}" if begin < 6 else ""
        assert request.query["a"] == "b"
        return web.json_response({"rows": ROWS[begin : begin + 3], "meta": {"next": follows}})

    async with peer(handle) as there, engine(there.url) as made:
        paging = {"kind": "next", "at": "meta.next", "send": "cursor"}
        assert await read(made, part(paging, rows="rows")) == ROWS


@pytest.mark.parametrize(
    "header",
    [
        '</items?page=2>; rel="next"',
        '</items?page=9>; rel="prev", </items?page=2>; title="a, b"; rel="last next"',
        "<items?page=2>;rel=next",
    ],
)
async def test_pages_by_a_link_header(header: str) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.query.get("page") == "2":
            return web.json_response(ROWS[3:], headers={"Link": '</items>; rel="prev"'})
        return web.json_response(ROWS[:3], headers={"Link": header})

    async with peer(handle) as there, engine(there.url) as made:
        assert await read(made, part({"kind": "link"})) == ROWS


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ("http://evil.example/items", "a next page at another host"),
        ("//evil.example/items", "a next page at another host"),
        ("https://127.0.0.1/items", "a next page at another host"),
        ("http://[evil/", "whose address cannot be read"),
        ("http://127.0.0.1:99999/", "whose address cannot be read"),
        ("/items\r\nX-Evil: 1", "cannot be read"),
        ("/" + "x" * 9000, "cannot be read"),
        ({"a": 1}, "no next page at next"),
    ],
)
async def test_our_login_does_not_follow_a_link_elsewhere(link: object, sentence: str) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response({"rows": ROWS, "next": link})

    async with peer(handle) as there, engine(
        there.url, {"auth": {"kind": "api_key"}}, password=Secret("k")
    ) as made:
        with pytest.raises(BadAnswer, match=sentence):
            await read(made, part({"kind": "next", "at": "next"}, rows="rows"))
        assert len(there.reads) == 1


async def test_a_link_with_a_login_of_its_own_is_refused() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response({"rows": ROWS, "next": f"//user:pass@{request.host}/items"})

    async with peer(handle) as there, engine(
        there.url, {"auth": {"kind": "api_key"}}, password=Secret("k")
    ) as made:
        with pytest.raises(BadAnswer, match="a next page whose address cannot be read"):
            await read(made, part({"kind": "next", "at": "next"}, rows="rows"))
        assert len(there.reads) == 1


async def test_pages_without_an_end_are_an_error() -> None:
    async def handle(_: web.Request) -> web.StreamResponse:
        return web.json_response({"rows": [], "next": "/items"})

    async with peer(handle) as there, engine(there.url) as made:
        with pytest.raises(BadAnswer, match=f"over {PAGES_MAX} pages"):
            await read(made, part({"kind": "next", "at": "next"}, rows="rows"))
        assert len(there.reads) == PAGES_MAX
