"""Sends events as webhooks: an HTTP POST of one CloudEvent each, signed.

Redirects are not followed: a signed event goes to the address that the configuration names, or
nowhere. TLS is always verified; plain http is for this machine only. Of an answer only the status
counts.

Source: Standard Webhooks; CloudEvents 1.0 "HTTP protocol binding", structured mode; RFC 9110
(Retry-After, 10.2.3).
"""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from ami_bridge.publishers import tls
from ami_bridge.publishers.errors import PublishError, Refused, TryAgain, Unreachable
from ami_bridge.publishers.policy import RetrySettings
from ami_bridge.publishers.port import Message
from ami_bridge.publishers.signing import read_key, signed_headers
from erp.limits import demand_above_zero
from erp.secrets import Secret
from erp.tls import is_loopback

ANSWER_MAX_BYTES = 64 * 1024
"""So much of an answer is read, so that the connection can be used again; it is thrown away."""

HEADER_MAX_BYTES = 8190
DATE_MAX_CHARS = 64
"""A date of HTTP has 29."""

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
NEVER = frozenset({400, 413, 415, 422})
"""The receiver understood the request and does not want this event; it won't tomorrow."""
LATER = frozenset({429, 503})
"""The receiver takes nothing now."""


@dataclass(frozen=True)
class EndpointSettings:
    """One receiver of webhooks."""

    url: str
    """Its address: https, or http on this machine."""
    secret: Secret
    """Its signing secret, `whsec_...`."""
    previous_secret: Secret | None = None
    """The secret before, while it is being changed: both sign."""
    events: tuple[str, ...] = ()
    """Types to send, such as orderline.call.ended; empty: all."""
    ca_file: Path | None = None
    """PEM file of the authority that its certificate is checked against; none: the system's."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url is {self.url!r}: write https://HOST/PATH")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError(f"url is {self.url!r}: events hold personal data, so write https")
        if parts.username or parts.password:
            raise ValueError("url holds a login: receivers check the signature instead")
        for name in ("secret", "previous_secret"):
            secret: Secret | None = vars(self)[name]
            try:
                if secret is not None:
                    read_key(secret.reveal())
            except ValueError as error:
                raise ValueError(f"{name} {error}") from error


@dataclass(frozen=True)
class WebhookSettings:
    """Webhooks: where events of calls are posted, signed after Standard Webhooks."""

    endpoints: Mapping[str, EndpointSettings] = field(default_factory=dict)
    """Receivers by name, each with url, secret (by reference), and if wanted previous_secret,
    events (a list of types) and ca_file; none: no webhooks."""
    timeout_s: float = 10.0
    """Longest time for one webhook, seconds."""
    connect_s: float = 3.0
    """Longest time for its connection, seconds."""
    parallel: int = 8
    """Calls whose events are sent side by side to one receiver."""
    retry: RetrySettings = field(default_factory=RetrySettings)
    """Sending again."""

    def __post_init__(self) -> None:
        demand_above_zero(self, "timeout_s", "connect_s", "parallel")


class Webhook:
    """Posts events to one receiver."""

    def __init__(self, name: str, endpoint: EndpointSettings, settings: WebhookSettings) -> None:
        """Prepare it, on a running event loop. Raises ValueError: ca_file can't be used."""
        self.name = f"webhook:{name}"
        self._endpoint = endpoint
        secrets = (endpoint.secret, endpoint.previous_secret)
        self._keys = [read_key(secret.reveal()) for secret in secrets if secret is not None]
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=tls.context(endpoint.ca_file, "ca_file"), limit=settings.parallel
            ),
            timeout=aiohttp.ClientTimeout(
                total=settings.timeout_s, sock_connect=settings.connect_s
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            max_line_size=HEADER_MAX_BYTES,
            max_field_size=HEADER_MAX_BYTES,
        )

    def wants(self, kind: str) -> bool:
        """Tell whether the receiver wants events of a type."""
        return not self._endpoint.events or kind in self._endpoint.events

    async def publish(self, message: Message) -> None:
        """Post one event. Raises PublishError."""
        headers = signed_headers(self._keys, message.id, int(time.time()), message.body)
        headers["content-type"] = CONTENT_TYPE
        async with self._asked("POST", data=message.body, headers=headers) as answer:
            await _read_some(answer)
            _judge(answer.status, answer.headers.get("Retry-After"))

    async def reach(self) -> str:
        """Ask for the head of the receiver's page. Raises PublishError.

        Any status will do: many receivers take nothing but a signed POST.
        """
        async with self._asked("HEAD") as answer:
            return f"there is a web server, which answers HEAD with {answer.status}"

    @asynccontextmanager
    async def _asked(self, method: str, **sent: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with self._session.request(
                method, self._endpoint.url, allow_redirects=False, **sent
            ) as answer:
                yield answer
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(f"no connection: {_why(error)}") from error
        except asyncio.TimeoutError as error:
            raise TryAgain("no answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise TryAgain(f"the connection broke: {_why(error)}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


async def _read_some(answer: aiohttp.ClientResponse) -> None:
    seen = 0
    async for chunk in answer.content.iter_chunked(4096):
        seen += len(chunk)
        if seen > ANSWER_MAX_BYTES:
            answer.close()  # what it says does not matter, and its length is no fault of the event
            return


def _judge(status: int, retry_after: str | None) -> None:
    if 200 <= status < 300:
        return
    why = f"answered {status}"
    if status in NEVER:
        raise Refused(why)
    kind: type[PublishError] = Unreachable if status in LATER else TryAgain
    raise kind(why, read_retry_after(retry_after, time.time()))


def read_retry_after(text: str | None, now_s: float) -> float | None:
    """Return the seconds that a Retry-After header asks for; None without one that makes sense.

    now_s: the Unix clock, for headers that give a date.
    """
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = email.utils.parsedate_to_datetime(text[:DATE_MAX_CHARS])
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc)
    return max(0.0, (at - datetime.fromtimestamp(now_s, timezone.utc)).total_seconds())


def _why(error: BaseException) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
