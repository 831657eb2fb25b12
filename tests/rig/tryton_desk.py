"""A colleague at a Tryton client: what the tests ask Tryton themselves, past the product.

    desk = await stack.enter_async_context(at_desk(launch, "admin"))
    await desk.call("model.party.party.write", [2], {"name": "x"})

It shares no code with the product: JSON-RPC as Tryton's own clients speak it, one session.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import aiohttp

from tests.rig.tryton import Launch

COMPANY = 1


class Refused(Exception):
    """Tryton answered with an error of its own, or with a status that is none of success."""


class Desk:
    """One logged-in user."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url
        self._headers: dict[str, str] = {}

    async def log_in(self, user: str, password: str) -> None:
        number, token, *_ = await self._post("common.db.login", [user, {"password": password}])
        session = base64.b64encode(f"{user}:{number}:{token}".encode()).decode("ascii")
        self._headers = {"Authorization": f"Session {session}"}

    async def call(self, method: str, *parameters: Any, **context: Any) -> Any:
        """Call a method with a context. Raises Refused."""
        return await self._post(method, [*parameters, {"company": COMPANY, **context}])

    async def the_one(self, model: str, *domain: list[Any]) -> int:
        """Return the number of the only record of a search."""
        (found,) = await self.call(f"model.{model}.search", list(domain), 0, None, None)
        number: int = found
        return number

    async def _post(self, method: str, parameters: list[Any]) -> Any:
        question = {"id": 1, "method": method, "params": parameters}
        async with self._http.post(self._url, json=question, headers=self._headers) as answer:
            if answer.status != 200:
                raise Refused(f"{method}: HTTP status {answer.status}")
            found = await answer.json()
        if "error" in found:
            raise Refused(f"{method}: {found['error'][:2]}")
        return found["result"]


@asynccontextmanager
async def at_desk(launch: Launch, user: str) -> AsyncIterator[Desk]:
    """Log in as `admin`, who may change everything, or as the product's user, for a block."""
    password = launch.admin_password if user == "admin" else launch.password
    async with aiohttp.ClientSession() as http:
        desk = Desk(http, f"{launch.url}/{launch.database}/rpc/")
        await desk.log_in(user, password)
        yield desk


def tagged(day: date) -> dict[str, object]:
    """Return a date as Tryton's JSON has it."""
    return {"__class__": "date", "year": day.year, "month": day.month, "day": day.day}
