"""The hops of one request, noted in its trace: name, connection, TLS, server.

aiohttp tells when a name is resolved, a connection made or reused, and a request sent; it does
not tell the TCP handshake from the TLS handshake. For that the TLS context makes its objects of
a class of ours (`SSLContext.sslobject_class`, a documented hook), which note when their handshake
begins and ends; the request that it happens for is found through a context variable, which the
event loop carries into its callbacks. What is left of making the connection is TCP.

Source: aiohttp "Tracing Reference"; Python's ssl module.
"""

from __future__ import annotations

import ssl
import time
from contextvars import ContextVar
from types import SimpleNamespace

import aiohttp

from erp.trace import Hop, Trace


class Marks:
    """When the hops of one request began, and how long the finished ones took.

    writes: whether it is to be noted that a write has left; it leaves when it has a connection.
    """

    def __init__(self, trace: Trace | None, writes: bool = False) -> None:
        self._trace = trace
        self._writes = writes
        self._begun_s: dict[Hop, float] = {}
        self._inner_s = 0.0
        self.reused = False
        """True when the request went over a connection that had been used before."""

    def begin(self, hop: Hop) -> None:
        """Note that a hop begins."""
        self._begun_s[hop] = time.perf_counter()
        if hop is Hop.SERVER and self._writes and self._trace is not None:
            self._trace.sent = True

    def end(self, hop: Hop) -> None:
        """Note that a hop ends; what has not begun is ignored."""
        begun_s = self._begun_s.pop(hop, None)
        if begun_s is None:
            return
        took_s = time.perf_counter() - begun_s
        if hop is Hop.CONNECT:
            took_s = max(0.0, took_s - self._inner_s)
            self._inner_s = 0.0
        elif hop in (Hop.RESOLVE, Hop.TLS):
            self._inner_s += took_s
        if self._trace is not None:
            self._trace.add(hop, took_s)

    def finish(self) -> None:
        """End what has not ended: the request is over, well or not."""
        for hop in (Hop.QUEUE, Hop.RESOLVE, Hop.TLS, Hop.CONNECT, Hop.SERVER):
            self.end(hop)
        self._trace = None


CURRENT: ContextVar[Marks | None] = ContextVar("marks", default=None)
"""The marks of the request that is being sent in this context."""


class TimedSSLObject(ssl.SSLObject):
    """Notes how long its handshake takes."""

    marks: Marks | None = None

    def do_handshake(self) -> None:
        """Take the next step of the handshake; it is called until it does not want more."""
        if self.marks is None:
            self.marks = CURRENT.get()
            if self.marks is not None:
                self.marks.begin(Hop.TLS)
        super().do_handshake()
        if self.marks is not None:
            self.marks.end(Hop.TLS)


def tracing() -> aiohttp.TraceConfig:
    """Return what tells aiohttp to note its hops in the marks of each request."""
    config = aiohttp.TraceConfig()
    config.on_connection_queued_start.append(_queued)
    config.on_connection_queued_end.append(_unqueued)
    config.on_connection_create_start.append(_connecting)
    config.on_dns_resolvehost_start.append(_resolving)
    config.on_dns_resolvehost_end.append(_resolved)
    config.on_connection_create_end.append(_connected)
    config.on_connection_reuseconn.append(_reused)
    return config


def _marks(context: SimpleNamespace) -> Marks:
    marks: Marks = context.trace_request_ctx
    return marks


async def _queued(_: object, context: SimpleNamespace, __: object) -> None:
    _marks(context).begin(Hop.QUEUE)


async def _unqueued(_: object, context: SimpleNamespace, __: object) -> None:
    _marks(context).end(Hop.QUEUE)


async def _connecting(_: object, context: SimpleNamespace, __: object) -> None:
    _marks(context).begin(Hop.CONNECT)


async def _resolving(_: object, context: SimpleNamespace, __: object) -> None:
    _marks(context).begin(Hop.RESOLVE)


async def _resolved(_: object, context: SimpleNamespace, __: object) -> None:
    _marks(context).end(Hop.RESOLVE)


async def _connected(_: object, context: SimpleNamespace, __: object) -> None:
    _marks(context).end(Hop.CONNECT)
    _marks(context).begin(Hop.SERVER)


async def _reused(_: object, context: SimpleNamespace, __: object) -> None:
    _marks(context).reused = True
    _marks(context).begin(Hop.SERVER)
