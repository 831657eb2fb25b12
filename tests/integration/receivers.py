"""Who takes the events in tests: a receiver of webhooks, and a reader of a NATS stream."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import nats
from aiohttp import web
from nats.js.errors import NotFoundError
from standardwebhooks.webhooks import Webhook as Judge
from standardwebhooks.webhooks import WebhookVerificationError

from tests.rig.ports import LOOPBACK

PATIENCE_S = 15.0
LOOK_S = 0.05


@dataclass(frozen=True)
class Got:
    """One event as it arrived."""

    id: str
    type: str
    session: str
    sequence: str

    @classmethod
    def read(cls, body: bytes) -> Got:
        event: dict[str, Any] = json.loads(body)
        return cls(event["id"], event["type"], event.get("subject", ""), event.get("sequence", ""))


def of_call(events: list[Got], session: str) -> list[Got]:
    """Return the first arrival of each event of a call, in the order of arrival."""
    return list(dict.fromkeys(one for one in events if one.session == session))


def last_session(events: list[Got]) -> str:
    return [one.session for one in events if one.session][-1]


class Receiver:
    """An HTTP server that checks every signature by an independent library."""

    def __init__(self, secret: str, port: int) -> None:
        self._judge = Judge(secret)
        self._port = port
        self.got: list[Got] = []
        self.forged = 0
        self.refuse: Callable[[Got], int] = lambda _: 200
        """The status that an event is answered with."""

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            self._judge.verify(body, dict(request.headers))
        except (WebhookVerificationError, ValueError):
            self.forged += 1
            return web.Response(status=401)
        event = Got.read(body)
        assert request.headers["webhook-id"] == event.id
        assert request.content_type == "application/cloudevents+json"
        status = self.refuse(event)
        if status < 300:
            self.got.append(event)
        return web.Response(status=status)

    @contextlib.asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Listen for the length of a block."""
        application = web.Application()
        application.router.add_post("/events", self._take)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, self._port).start()
            yield
        finally:
            await runner.cleanup()


async def until(done: Callable[[], bool], what: str) -> None:
    """Wait until something of another process is so."""
    for _ in range(int(PATIENCE_S / LOOK_S)):
        if done():
            return
        await asyncio.sleep(LOOK_S)
    raise AssertionError(f"never: {what}")


async def stream_of(url: str, stream: str) -> list[Got]:
    """Return all that a stream holds, in its order."""
    client = await nats.connect(url)
    try:
        found: list[Got] = []
        reader = await client.jetstream().pull_subscribe("orderline.>", stream=stream)
        with contextlib.suppress(asyncio.TimeoutError):
            while True:
                for message in await reader.fetch(100, timeout=0.3):
                    await message.ack()
                    found.append(Got.read(message.data))
        return found
    except NotFoundError:  # the bridge makes it with the first event
        return []
    finally:
        await client.close()
