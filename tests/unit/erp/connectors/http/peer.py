"""Servers of the tests' own on 127.0.0.1, and an engine that asks them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp import web

from erp.connector import Attempt
from erp.connectors.engine import RawRow, Value
from erp.connectors.http import HttpEngine, prepare
from erp.deadline import Deadline
from erp.secrets import Secret
from erp.settings import SystemSettings
from erp.trace import Hop, Trace

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SYSTEM = "shop"
USER = "clerk"
PASSWORD = "s3cret-pass"


@dataclass
class Peer:
    """A web server that answers everything with one handler."""

    url: str
    asked: list[web.Request] = field(default_factory=list)
    ports: set[int] = field(default_factory=set)
    """The client's ports: one for each connection."""

    @property
    def reads(self) -> list[web.Request]:
        """What was asked, but for the warming."""
        return [request for request in self.asked if request.raw_path != "/"]


@asynccontextmanager
async def peer(
    handler: Handler, context: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[Peer]:
    """Serve on a free port."""
    found = Peer("")

    async def handle(base: web.BaseRequest) -> web.StreamResponse:
        request = cast(web.Request, base)
        found.asked.append(request)
        if request.transport is not None:
            found.ports.add(request.transport.get_extra_info("peername")[1])
        if request.raw_path == "/":
            return web.Response()
        return await handler(request)

    runner = web.ServerRunner(web.Server(handle, **options))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    # A test's TLS names are those of its certificate.
    found.url = f"https://localhost:{port}" if context else f"http://127.0.0.1:{port}"
    try:
        yield found
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_peer(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Serve bytes on a free port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


def settings(url: str, **more: Any) -> SystemSettings:
    """Return settings of a system there."""
    chosen = {"user": USER, "password": Secret(PASSWORD), "connections": 2, **more}
    return SystemSettings(profile="shop", url=url, **chosen)


@asynccontextmanager
async def engine(
    url: str,
    section: Mapping[str, object] | None = None,
    parameters: Mapping[str, str] | None = None,
    tls: str | None = None,
    opened: bool = True,
    **more: Any,
) -> AsyncIterator[HttpEngine]:
    """Return an engine, opened, and close it."""
    made = HttpEngine(SYSTEM, settings(url, **more), section or {}, tls, parameters or {})
    try:
        if opened:
            await made.open(soon())
        yield made
    finally:
        await made.close()


def soon(budget_s: float = 5.0) -> Deadline:
    """Return a deadline from now on."""
    return Deadline.after(asyncio.get_running_loop().time(), budget_s)


def attempt(budget_s: float = 5.0) -> Attempt:
    """Return an attempt with a trace of its own."""
    return Attempt(soon(budget_s), Trace(SYSTEM, "find_item"))


async def read(
    made: HttpEngine,
    part: Mapping[str, object],
    values: Mapping[str, Value] | None = None,
    of: Attempt | None = None,
) -> Sequence[RawRow]:
    """Ask once."""
    return await made.read(prepare(part, "part"), values or {}, of or attempt())


def hops(of: Attempt) -> list[Hop]:
    """Return the hops of an attempt, in their order."""
    return [span.hop for span in of.trace.spans]


def json_handler(value: object, status: int = 200, **headers: str) -> Handler:
    """Return a handler that always answers this."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response(value, status=status, headers=headers)

    return handle
