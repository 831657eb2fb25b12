"""The hops of one query: where its time went, from the queue to the mapping.

Times are milliseconds. A hop that happens twice (two requests of one query) is there twice; hops
of requests that run side by side overlap, so their sum may exceed the whole.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum


class Hop(str, Enum):
    """One stretch of a query's way, in the order in which they come."""

    QUEUE = "queue"
    """Waiting for one of the system's connections."""
    RESOLVE = "resolve"
    """Name resolution."""
    CONNECT = "connect"
    """The TCP handshake."""
    TLS = "tls"
    """The TLS handshake."""
    AUTH = "auth"
    """Logging in, or fetching a token."""
    SERVER = "server"
    """From the first byte of the question to the last byte of the answer."""
    PARSE = "parse"
    """Bytes to raw values."""
    MAP = "map"
    """Raw values to the typed result."""


@dataclass(frozen=True)
class Span:
    """How long one hop took."""

    hop: Hop
    ms: float


@dataclass
class Trace:
    """The hops of one query at one system."""

    system: str
    operation: str
    spans: list[Span] = field(default_factory=list)
    sent: bool = False
    """True from the moment on when a write may take effect; the engine says so before it does."""

    def add(self, hop: Hop, seconds: float) -> None:
        """Note a hop that took so many seconds."""
        self.spans.append(Span(hop, seconds * 1000))

    @contextmanager
    def span(self, hop: Hop) -> Iterator[None]:
        """Note how long a block takes, also when it fails."""
        begin_s = time.perf_counter()
        try:
            yield
        finally:
            self.add(hop, time.perf_counter() - begin_s)
