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

from erp.secrets import Secret
from erp.settings import SystemSettings

PASSWORD = "open sesame"
COMPANY = 7
LOCATIONS: list[dict[str, Any]] = [
    {"id": 1, "name": "North", "type": "warehouse", "parent": None},
    {"id": 2, "name": "shelf", "type": "storage", "parent": 1},
    {"id": 3, "name": "South", "type": "warehouse", "parent": None},
    {"id": 4, "name": "shelf", "type": "storage", "parent": 3},
    {"id": 9, "name": "customers", "type": "customer", "parent": None},
]
OF_COMPANY = {"id": COMPANY, "timezone": None, "party": 70, "currency.": {"code": "USD", "id": 1}}

Answer = Callable[..., Any]


class Status(Exception):
    """An answer that is not 200."""

    def __init__(self, status: int) -> None:
        self.status = status


class RpcError(Exception):
    """An error of Tryton's own: HTTP 200 with an error array."""


class Hang(Exception):
    """No answer at all, until the client goes."""


def raising(error: Exception) -> Answer:
    def answer(*_: object) -> object:
        raise error

    return answer


class FakeTryton:
    """Answers by method name; counts what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {
            "model.res.user.get_preferences": lambda *_: {"company": COMPANY},
            "model.company.company.search_read": lambda *_: [OF_COMPANY],
            "model.stock.location.search_read": self.locations,
            "model.ir.date.today": lambda *_: tagged(2026, 5, 4),
        }
        self.places = LOCATIONS
        self.on_hand: dict[int, float] = {}
        self.asked: Counter[str] = Counter()
        self.parameters: dict[str, list[Any]] = {}
        self.sessions: set[str] = set()
        self.url = ""

    def settings(self, **changes: Any) -> SystemSettings:
        values: dict[str, Any] = {
            "profile": "tryton-8.2",
            "url": self.url,
            "user": "orderline",
            "password": Secret(PASSWORD),
            "parameters": {"database": "demo"},
        }
        return SystemSettings(**{**values, **changes})

    def locations(self, domain: list[Any], *_: object) -> list[dict[str, Any]]:
        """Answer with all locations, or with the warehouses and what lies there."""
        if not domain:
            return self.places
        return [
            {"id": place["id"], "quantity": self.on_hand[place["id"]]}
            for place in self.places
            if place["type"] == "warehouse"
        ]

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
            return web.Response(status=status.status, body=b"<html>")
        except RpcError as error:
            return self._json({"id": 1, "error": error.args[0]})
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
        user, number, token = base64.b64decode(header.partition("Session ")[2]).decode().split(":")
        if (user, number) != ("orderline", "2") or token not in self.sessions:
            raise Status(401)

    def _json(self, answer: object) -> web.Response:
        body = json.dumps(answer).encode()
        if len(body) <= 1400:
            return web.Response(body=body, content_type="application/json")
        return web.Response(
            body=gzip.compress(body, mtime=0),
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


def decimal(text: str) -> dict[str, Any]:
    return {"__class__": "Decimal", "decimal": text}
