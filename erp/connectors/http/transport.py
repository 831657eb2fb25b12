"""The way to one system: its connections, and one request at a time over them.

It knows nothing of profiles, logins or rows. Redirects are not followed, cookies are not kept,
and the deadline is the only limit of time. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from erp.connectors.http.answer import Answer, read_body
from erp.connectors.http.failure import Failure, Means, too_late
from erp.connectors.http.faults import failure_of
from erp.connectors.http.hops import CURRENT, Marks, TimedSSLObject, tracing
from erp.connectors.http.request import Outgoing, query_text
from erp.deadline import Deadline
from erp.errors import UnreadableAnswer
from erp.secrets import Secret
from erp.trace import Trace

KEEP_ALIVE_S = 90.0
"""Idle connections are kept this long, in seconds: longer than a caller thinks between turns."""

TRIES_MAX = 4
"""How often a request is sent when each time the server had just closed the idle connection."""

REQUESTS_PER_QUERY = 2
"""Parts of one query that are asked side by side."""

SPARE_CONNECTIONS = 2
"""For a login and for keeping warm, beside the queries."""


@dataclass(frozen=True)
class Grant:
    """What makes a request ours: headers and fields of the query, and until when."""

    headers: Mapping[str, Secret] = field(default_factory=dict)
    query: Mapping[str, Secret] = field(default_factory=dict)
    expires_at_s: float | None = None
    """Seconds of the loop's clock; None: unknown."""
    lifetime_s: float = 0.0


class _Stale(Exception):
    """The server had closed an idle connection just when we used it."""


class Transport:
    """The connections to one system."""

    def __init__(
        self,
        url: str,
        connections: int,
        answer_max_bytes: int,
        context: Callable[[], Awaitable[SSLContext | None]],
    ) -> None:
        self._url = url.rstrip("/")
        self._limit = connections * REQUESTS_PER_QUERY + SPARE_CONNECTIONS
        self._answer_max_bytes = answer_max_bytes
        self._context = context
        self._http: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make ready to connect. May be called twice. Raises Failure."""
        if self._http is not None:
            return
        context = await self._context()
        if context is not None:
            context.sslobject_class = TimedSSLObject
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._limit, keepalive_timeout=KEEP_ALIVE_S, ssl=context or True
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[tracing()],
                auto_decompress=False,
            )

    async def close(self) -> None:
        """Close every connection. May be called twice."""
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    async def send(
        self, outgoing: Outgoing, grant: Grant, deadline: Deadline, trace: Trace | None
    ) -> Answer:
        """Send a request and return its answer, whatever its status. Raises Failure.

        A read that met a connection which the server had just closed is sent again at once; a
        write never is, for nobody knows what became of it. Raises UnreadableAnswer over the cap.
        """
        for _ in range(TRIES_MAX):
            marks = Marks(trace, outgoing.writes)
            token = CURRENT.set(marks)
            try:
                return await self._send(outgoing, grant, deadline, marks)
            except _Stale:
                continue
            finally:
                CURRENT.reset(token)
                marks.finish()
        raise Failure(Means.DOWN, "cannot be reached: it closes every connection")

    async def _send(
        self, outgoing: Outgoing, grant: Grant, deadline: Deadline, marks: Marks
    ) -> Answer:
        if self._http is None:
            raise Failure(Means.DOWN, "is not open")
        left_s = deadline.remaining_s(asyncio.get_running_loop().time())
        if left_s <= 0:
            raise too_late()
        data, content_type = outgoing.data()
        headers = _headers(outgoing, grant, content_type)
        asked = self._asked(outgoing)
        answered = False
        try:
            async with self._http.request(
                outgoing.method,
                URL(_with_login(asked, grant), encoded=True),
                data=data,
                headers=headers,
                allow_redirects=False,
                # aiohttp would round longer times up to whole seconds.
                timeout=aiohttp.ClientTimeout(total=left_s, ceil_threshold=math.inf),
                trace_request_ctx=marks,
            ) as response:
                answered = True
                body = await self._body(response)
                return Answer(response.status, response.headers, body, _cookies(response), asked)
        except (aiohttp.ClientResponseError, aiohttp.InvalidURL) as error:
            # Without `from`: their texts hold the whole URL, and a key may be in it.
            raise failure_of(error) from None
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            stale = marks.reused and not answered and isinstance(error, _CLOSED)
            if stale and not outgoing.writes:
                raise _Stale from error
            raise failure_of(error) from error

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        """Read the body; of an error that can't be read its status says enough."""
        try:
            return await read_body(response, self._answer_max_bytes)
        except UnreadableAnswer:
            if response.status < 300:
                raise
            return b""

    def _asked(self, outgoing: Outgoing) -> str:
        if outgoing.url:
            return outgoing.url
        path = self._url + outgoing.path
        return f"{path}?{query_text(outgoing.query)}" if outgoing.query else path


_CLOSED = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


def _headers(outgoing: Outgoing, grant: Grant, content_type: str) -> CIMultiDict[str]:
    """Return the headers to send; what comes later takes the place of what came before."""
    headers = CIMultiDict({"Accept": "application/json", "User-Agent": "orderline"})
    if content_type:
        headers["Content-Type"] = content_type
    headers.update(outgoing.headers)
    headers["Accept-Encoding"] = "gzip, deflate"
    headers.update({name: secret.reveal() for name, secret in grant.headers.items()})
    return headers


def _cookies(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name: morsel.coded_value for name, morsel in response.cookies.items()}


def _with_login(url: str, grant: Grant) -> str:
    if not grant.query:
        return url
    parts = urlsplit(url)
    kept = [pair for pair in parse_qsl(parts.query, True) if pair[0] not in grant.query]
    kept += [(name, secret.reveal()) for name, secret in grant.query.items()]
    return urlunsplit(parts._replace(query=query_text(tuple(kept))))
