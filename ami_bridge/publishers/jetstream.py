"""Sends events to NATS JetStream, and counts one as sent when its stream has confirmed it.

The id of the event is the message id, by which the stream drops what it has already. The client's
own way of coming back is off: it would keep messages that we have given up and send them later, in
an order of its own. The worker's next try connects anew.

Source: NATS documentation, "JetStream: publishing, message deduplication"; nats-py 2.16;
CloudEvents "NATS protocol binding" 1.0.2, structured mode.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import BadSubjectError, MaxPayloadError
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from ami_bridge.publishers import tls
from ami_bridge.publishers.errors import Refused, Unreachable
from ami_bridge.publishers.nats_settings import NatsSettings
from ami_bridge.publishers.port import Message

_log = logging.getLogger(__name__)

TOO_LARGE = 10054
"""JetStream's error code for a message over the stream's max_msg_size."""

CONTENT_TYPE = "application/cloudevents+json"
TRY_AGAIN_S = 0.1
"""Seconds between the two attempts at a server; then the worker waits, and says so."""


class JetStream:
    """Publishes events to one stream."""

    name = "nats"

    def __init__(self, settings: NatsSettings) -> None:
        """Prepare it; it connects at the first event. Raises ValueError: ca_file can't be used."""
        self._settings = settings
        self._options = _options(settings)
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None
        self._connecting = asyncio.Lock()

    def wants(self, kind: str) -> bool:
        """Tell that every event is wanted."""
        return True

    async def publish(self, message: Message) -> None:
        """Publish one event and wait for the stream's word. Raises PublishError."""
        stream = await self._connected()
        headers = {"Nats-Msg-Id": message.id, "content-type": CONTENT_TYPE}
        settings = self._settings
        try:
            await stream.publish(
                settings.subject(message.type),
                message.body,
                timeout=settings.ack_s,
                stream=settings.stream,
                headers=headers,
            )
        except (MaxPayloadError, BadSubjectError) as error:
            raise Refused(str(error)) from error
        except APIError as error:
            kind = Refused if error.err_code == TOO_LARGE else Unreachable
            raise kind(f"JetStream: {error.description}") from error
        except NoStreamResponseError as error:
            raise Unreachable("no stream takes our subject") from error
        except (NatsError, OSError, asyncio.TimeoutError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error

    async def reach(self) -> str:
        """Log in and look for the stream; makes none. Raises PublishError."""
        with _as_unreachable():
            client = await nats.connect(**self._options)
            try:
                there = await self._has_stream(client.jetstream(timeout=self._settings.ack_s))
            finally:
                await client.close()
        name = self._settings.stream
        return f"the stream {name} is there" if there else f"the first event makes {name}"

    async def close(self) -> None:
        """Close the connection."""
        client, self._client, self._stream = self._client, None, None
        if client is not None:
            with contextlib.suppress(NatsError, OSError):  # It is gone either way.
                await client.close()

    async def _connected(self) -> JetStreamContext:
        async with self._connecting:
            client = self._client
            if self._stream is None or client is None or not client.is_connected:
                await self.close()
                self._stream = await self._connect()
            return self._stream

    async def _connect(self) -> JetStreamContext:
        try:
            with _as_unreachable():
                client = self._client = await nats.connect(**self._options)
                stream = client.jetstream(timeout=self._settings.ack_s)
                await self._demand_stream(stream)
        except Unreachable:
            await self.close()
            raise
        return stream

    async def _has_stream(self, stream: JetStreamContext) -> bool:
        """Tell whether the stream is there. Raises Unreachable when it is not, and must be."""
        settings = self._settings
        try:
            await stream.stream_info(settings.stream)
        except NotFoundError as error:
            if not settings.create:
                why = f"there is no stream {settings.stream}: make it, or set nats.create"
                raise Unreachable(why) from error
            return False
        return True

    async def _demand_stream(self, stream: JetStreamContext) -> None:
        settings = self._settings
        if await self._has_stream(stream):
            return
        await stream.add_stream(
            StreamConfig(
                name=settings.stream,
                subjects=[settings.subject("orderline.>")],
                max_age=settings.keep_s,
                duplicate_window=settings.duplicates_s,
            )
        )
        _log.info("nats: made the stream %s", settings.stream)


@contextlib.contextmanager
def _as_unreachable() -> Iterator[None]:
    try:
        yield
    except (NatsError, OSError, asyncio.TimeoutError) as error:
        raise Unreachable(f"no connection: {error or type(error).__name__}") from error


def _options(settings: NatsSettings) -> dict[str, Any]:
    given: dict[str, Any] = {
        "servers": list(settings.servers),
        "name": "orderline bridge",
        "allow_reconnect": False,
        "connect_timeout": settings.connect_s,
        # Or its first connection is tried sixty times, two seconds apart, before it says so.
        "max_reconnect_attempts": 1,
        "reconnect_time_wait": TRY_AGAIN_S,
        "error_cb": _note,
        "token": settings.token.reveal() if settings.token else None,
        "user_credentials": str(settings.credentials_file) if settings.credentials_file else None,
    }
    if settings.user:
        given["user"] = settings.user
        given["password"] = settings.password.reveal() if settings.password else ""
    if any(server.startswith("tls:") for server in settings.servers):
        given["tls"] = tls.context(settings.ca_file, "nats.ca_file")
    return {key: value for key, value in given.items() if value is not None}


async def _note(error: Exception) -> None:
    _log.debug("nats: %s", error)
