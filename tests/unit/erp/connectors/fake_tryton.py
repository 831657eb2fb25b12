"""A Tryton that says what a test tells it to say, on 127.0.0.1, in this process."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from erp.connectors.tryton_settings import TrytonSettings
from erp.secrets import Secret

PASSWORD = "open sesame"
COMPANY = 7
LOCATIONS: list[dict[str, Any]] = [
    {"id": 1, "name": "North", "type": "warehouse", "parent": None},
    {"id": 2, "name": "shelf", "type": "storage", "parent": 1},
    {"id": 3, "name": "South", "type": "warehouse", "parent": None},
    {"id": 4, "name": "shelf", "type": "storage", "parent": 3},
    {"id": 9, "name": "customers", "type": "customer", "parent": None},
]

Answer = Callable[..., Any]


class Status(Exception):
    """An answer that is not 200."""

    def __init__(self, status: int, body: bytes = b"<html>") -> None:
        self.status = status
        self.body = body


class RpcError(Exception):
    """An error of Tryton's own: HTTP 200 with an error array."""


class RawBody(Exception):
    """A body as it is, with headers that a test wants."""

    def __init__(self, body: bytes, **headers: str) -> None:
        self.body = body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Hang(Exception):
    """No answer at all, until the client goes."""


class FakeTryton:
    """Answers by method name; counts what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {
            "model.res.user.get_preferences": lambda *_: {"company": COMPANY},
            "model.company.company.search_read": lambda *_: [{"id": COMPANY, "timezone": None}],
            "model.stock.location.search_read": lambda *_: LOCATIONS,
            "model.ir.date.today": lambda *_: tagged(2026, 5, 4),
        }
        self.asked: Counter[str] = Counter()
        self.parameters: dict[str, list[Any]] = {}
        self.sessions = {"token-0"}
        self.url = ""

    def settings(self, **changes: Any) -> TrytonSettings:
        values: dict[str, Any] = {
            "url": self.url,
            "database": "demo",
            "user": "orderline",
            "password": Secret(PASSWORD),
        }
        return TrytonSettings(**{**values, **changes})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        question = json.loads(await request.read())
        method, parameters = question["method"], question["params"]
        self.asked[method] += 1
        self.parameters[method] = parameters
        try:
            if method == "common.db.login":
                result = self._log_in(*parameters)
            else:
                self._check_session(request.headers.get("Authorization", ""))
                result = self.answers[method](*parameters)
        except Hang:
            await asyncio.Event().wait()
        except Status as status:
            return web.Response(status=status.status, body=status.body)
        except RpcError as error:
            return self._json({"id": 1, "error": error.args[0]})
        except RawBody as raw:
            return web.Response(body=raw.body, headers=raw.headers)
        return self._json({"id": 1, "result": result})

    def _log_in(self, user: str, parameters: dict[str, str]) -> list[Any]:
        if "common.db.login" in self.answers:
            self.answers["common.db.login"]()
        if (user, parameters["password"]) != ("orderline", PASSWORD):
            raise Status(401)
        token = f"token-{self.asked['common.db.login']}"
        self.sessions.add(token)
        return [2, token, None]

    def _check_session(self, header: str) -> None:
        session = base64.b64decode(header.partition("Session ")[2]).decode()
        if session.rpartition(":")[2] not in self.sessions:
            raise Status(401, b"")

    def _json(self, answer: object) -> web.Response:
        body = json.dumps(answer).encode()
        if len(body) <= 1400:
            return web.Response(body=body, content_type="application/json")
        return web.Response(
            body=gzip.compress(body),
            headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
        )


@asynccontextmanager
async def serving(fake: FakeTryton) -> AsyncIterator[FakeTryton]:
    """Serve the fake on a free port for a block."""
    application = web.Application()
    application.router.add_post("/demo/rpc/", fake.handle)
    server = TestServer(application, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    fake.url = f"http://127.0.0.1:{server.port}"
    try:
        yield fake
    finally:
        await server.close()


def tagged(year: int, month: int, day: int) -> dict[str, Any]:
    return {"__class__": "date", "year": year, "month": month, "day": day}
