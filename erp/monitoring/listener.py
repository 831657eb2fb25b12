"""A small HTTP server for /metrics and /health, which can't be used to tie the process up.

A connection lives for some seconds at most, whatever it does: a scrape takes milliseconds, and
who sends a header a byte at a time is cut off. There are few connections at once, and no bodies.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

_log = logging.getLogger(__name__)
_scrapes = logging.getLogger(f"{__name__}.scrapes")
_scrapes.setLevel(logging.WARNING)  # one line a scrape is of use to nobody


def _is_ours(record: logging.LogRecord) -> bool:
    """Keep faults of ours; a bad request is its sender's, and would fill the log."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not issubclass(kind, HttpProcessingError)


_faults = logging.getLogger(f"{__name__}.faults")
_faults.addFilter(_is_ours)

CONNECTION_S = 5.0
"""Longest life of a connection, seconds."""

CONNECTIONS_MAX = 16
"""Connections at once; one more is closed unread."""

HEADER_MAX_BYTES = 4096
HEADERS_MAX = 64

Report = Callable[[], tuple[bool, dict[str, Any]]]
"""Returns whether calls can be served, and the JSON object that says why."""


class MonitoringListener:
    """Serves one registry and one report. `start` it, `close` it."""

    def __init__(
        self, registry: CollectorRegistry, report: Report, connection_s: float = CONNECTION_S
    ) -> None:
        self._registry = registry
        self._report = report
        self._connection_s = connection_s
        self._web: web.Server | None = None
        self._server: asyncio.Server | None = None
        self.open: set[_Connection] = set()
        """Connections that are being served."""

    @property
    def port(self) -> int:
        """The port that it listens at; 0 before `start`."""
        sockets = self._server.sockets if self._server is not None else ()
        return int(sockets[0].getsockname()[1]) if sockets else 0

    async def start(self, host: str, port: int) -> bool:
        """Listen; returns whether that was possible. A call needs no metrics: it only is logged."""
        handler = self._web = web.Server(self._answer)
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: _Connection(handler, loop, self.open, self._connection_s), host, port
            )
        except OSError as error:
            _log.error("monitoring: %s:%s can't be had: %s", host, port, error.strerror)
            return False
        _log.info("monitoring: http://%s:%d/metrics and /health", host, self.port)
        return True

    async def close(self) -> None:
        """Stop listening and close the connections. May be called twice."""
        if self._server is not None:
            self._server.close()
        if self._web is not None:
            await self._web.shutdown(0)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            return _close(web.Response(status=405, text="GET only\n"))
        if request.path == "/metrics":
            return _close(_metrics(self._registry))
        if request.path == "/health":
            serving, report = self._report()
            text = json.dumps(report, indent=1) + "\n"
            return _close(web.json_response(text=text, status=200 if serving else 503))
        return _close(web.Response(status=404, text="/metrics and /health are here\n"))


def _metrics(registry: CollectorRegistry) -> web.Response:
    response = web.Response(body=generate_latest(registry))
    response.headers["Content-Type"] = CONTENT_TYPE_LATEST
    return response


def _close(response: web.Response) -> web.Response:
    response.force_close()
    return response


class _Connection(web.RequestHandler):
    """One connection, with an end."""

    __slots__ = ("_end", "_life_s", "_open")

    def __init__(
        self,
        server: web.Server,
        loop: asyncio.AbstractEventLoop,
        others: set[_Connection],
        life_s: float,
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            logger=_faults,
            access_log=_scrapes,
            max_line_size=HEADER_MAX_BYTES,
            max_field_size=HEADER_MAX_BYTES,
            max_headers=HEADERS_MAX,
        )
        self._open = others
        self._life_s = life_s
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it, or close it when there are too many."""
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport)
        if len(self._open) >= CONNECTIONS_MAX:
            transport.abort()
            return
        self._open.add(self)
        self._end = asyncio.get_running_loop().call_later(self._life_s, transport.abort)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        self._open.discard(self)
        if self._end is not None:
            self._end.cancel()
