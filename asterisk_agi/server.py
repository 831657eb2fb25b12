"""The FastAGI server: one asyncio shell around one pure AGI core for each connection.

What comes in from the network is no more than a claim: a port scan, half a prelude, an endless
line or a flood of connections is closed by itself and disturbs no other session. What a call
does is the handler's business. Source: res_agi.c `launch_netscript`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from asterisk_agi.agi_session import AgiSession
from asterisk_agi.door import LOOPBACK, AllowList, Strangers, TlsLayer, server_context
from asterisk_agi.errors import AgiPeerError, CallError
from asterisk_agi.protocol import (
    NEED_DATA,
    Ended,
    Event,
    HangupRead,
    PreludeRead,
    ProgressRead,
    ReplyRead,
    Session,
)
from erp.limits import demand_above_zero, demand_port

__all__ = ["AgiSession", "FastAgiServer", "FastAgiSettings", "Handler"]

_log = logging.getLogger(__name__)

ACCEPTED_AT_ONCE = 16
"""Connections taken before other work of the event loop has its turn."""
QUEUE = 1024
"""Connections that the kernel holds for us. In a flood a longer queue lets Asterisk's through,
where a short one has it try again a second later. net.core.somaxconn caps it (4096 on Linux)."""

CANCEL_AGAIN_S = 1.0
"""Pause before a handler that did not end is cancelled again, seconds."""

Handler = Callable[[AgiSession], Awaitable[None]]
"""What a call does. When it returns the connection is closed and the dialplan goes on."""


@dataclass(frozen=True)
class FastAgiSettings:
    """Where calls come in, and how long a peer may take."""

    host: str = "127.0.0.1"
    """Address to listen on. FastAGI has no login: choose one that only the PBX reaches."""
    port: int = 4573
    """TCP port; 4573 is Asterisk's default for agi://. 0 takes a free one."""
    prelude_s: float = 5.0
    """Longest time from the connection to the end of the prelude, seconds."""
    command_s: float = 5.0
    """Longest time from a command to its reply, seconds; long commands give their own."""
    connections_max: int = 256
    """Most connections at once. One more takes the place of the oldest that has not sent its
    prelude yet; when all are calls it is closed at once."""
    allow: tuple[str, ...] = LOOPBACK
    """IP addresses and networks that may connect: the PBX hosts; an empty list: everybody."""
    tls_certificate: Path | None = None
    """PEM file; with it only TLS 1.2 and later is spoken, so only `orderline.agi` gets in."""
    tls_key: Path | None = None
    """PEM file of its key, without a password."""

    def __post_init__(self) -> None:
        demand_port(self)
        demand_above_zero(self, "prelude_s", "command_s", "connections_max")
        AllowList(self.allow)
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together: write both, or neither")

    def tls(self) -> ssl.SSLContext | None:
        """Return the TLS settings; None: plain. Raises ValueError when a file can't be used."""
        if self.tls_certificate is None or self.tls_key is None:
            return None
        return server_context(self.tls_certificate, self.tls_key)


class FastAgiServer:
    """Accepts sessions and runs the handler for each, in a task of its own."""

    def __init__(self, settings: FastAgiSettings, handle: Handler) -> None:
        self.settings = settings
        self._handle = handle
        self._allow = AllowList(settings.allow)
        self._tls: ssl.SSLContext | None = None
        self.strangers = Strangers(_log, time.monotonic)
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._without_prelude: dict[_Connection, None] = {}
        self._all_lost = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], _Connection] = {}

    @property
    def port(self) -> int:
        """TCP port that is listened on; 0 before `start`."""
        if self._server is None or not self._server.sockets:
            return 0
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def sessions(self) -> int:
        """How many calls are being handled."""
        return len(self._tasks)

    @property
    def connections(self) -> int:
        """How many connections are open, with or without a prelude yet."""
        return len(self._connections)

    async def start(self) -> None:
        """Begin to listen.

        Raises OSError when the address is taken or not ours, ValueError: no such certificate.
        """
        self._tls = self.settings.tls()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self),
            self.settings.host,
            self.settings.port,
            backlog=ACCEPTED_AT_ONCE,
        )
        for listening in self._server.sockets:
            _lengthen_queue(listening.fileno())
        kind = "FastAGI over TLS" if self._tls is not None else "FastAGI"
        _log.info("%s listens on %s:%s", kind, self.settings.host, self.port)

    async def close(self, grace_s: float = 0.0) -> None:
        """Take no new call, wait grace_s seconds for those in progress, then cancel them.

        No task and no connection is left when it returns. May be called twice.
        """
        if self._server is not None:
            self._server.close()
        if self._tasks and grace_s > 0:
            await asyncio.wait(self._tasks, timeout=grace_s)
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            # Again and again: before Python 3.12 asyncio.wait_for, anywhere in a handler, may
            # swallow a cancellation.
            await asyncio.wait(self._tasks, timeout=CANCEL_AGAIN_S)
            await asyncio.sleep(0)
        for connection in list(self._connections):
            connection.drop()
        if self._connections:
            await self._all_lost.wait()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    # What a connection reports...

    def opened(self, connection: _Connection, peer: str) -> str:
        """Count a connection; return why it must be closed, '' when it may stay."""
        if not self._allow.allows(peer):
            return "not in fastagi.allow"
        if len(self._connections) >= self.settings.connections_max and not self._evict():
            return "too many connections"
        self._connections.add(connection)
        self._without_prelude[connection] = None
        self._all_lost.clear()
        return ""

    def _evict(self) -> bool:
        """Close the oldest connection without a prelude; False: there is none.

        Asterisk sends its prelude at once: whoever dribbles bytes loses his place to a call.
        """
        oldest = next(iter(self._without_prelude), None)
        if oldest is None:
            return False
        self.strangers.refused("its place was needed, it sent no prelude", oldest.peer)
        self.lost(oldest)
        oldest.abort()
        return True

    def tls_layer(self) -> TlsLayer | None:
        """Return the TLS layer of a new connection; None: plain."""
        return TlsLayer(self._tls) if self._tls is not None else None

    def lost(self, connection: _Connection) -> None:
        """Forget a connection. May be called twice."""
        self._connections.discard(connection)
        self._without_prelude.pop(connection, None)
        if not self._connections:
            self._all_lost.set()

    def begin(self, session: AgiSession, connection: _Connection) -> None:
        """Start the handler of a session."""
        self._without_prelude.pop(connection, None)
        # Handlers are coroutine functions; only an Awaitable is promised, a task needs more.
        work = cast(Coroutine[Any, Any, None], self._handle(session))
        task = asyncio.get_running_loop().create_task(work, name=f"agi-{session.id}")
        self._tasks[task] = connection
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        connection = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _report(task.get_name(), error)
        connection.drop()


def _lengthen_queue(descriptor: int) -> None:
    """Let the kernel hold more than asyncio takes at once: to asyncio both are one number."""
    with socket.socket(fileno=os.dup(descriptor)) as same:
        same.listen(QUEUE)


def _report(name: str, error: BaseException) -> None:
    if isinstance(error, CallError):
        _log.warning("%s ended: %s: %s", name, type(error).__name__, error)
    else:
        _log.error("%s: its handler failed", name, exc_info=error)


class _Connection(asyncio.Protocol):
    """One TCP connection: bytes to the core, its events to the session."""

    def __init__(self, server: FastAgiServer) -> None:
        self._server = server
        self._core = Session()
        self._session: AgiSession | None = None
        self._transport: asyncio.Transport | None = None
        self._prelude_timer: asyncio.TimerHandle | None = None
        self.peer = ""
        self._tls: TlsLayer | None = None

    # What asyncio calls...

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peername = transport.get_extra_info("peername")
        self.peer = _address(peername)
        refused = self._server.opened(self, str(peername[0]) if peername else "")
        if refused:
            self._server.strangers.refused(refused, self.peer)
            self.abort()
            return
        self._tls = self._server.tls_layer()
        loop = asyncio.get_running_loop()
        self._prelude_timer = loop.call_later(
            self._server.settings.prelude_s, self._stranger, "no prelude in time"
        )

    def data_received(self, data: bytes) -> None:
        plain = self._decrypted(data)
        if plain:
            self._core.receive_data(plain)
            self._pump()

    def _decrypted(self, data: bytes) -> bytes:
        if self._tls is None:
            return data
        fault, plain = "", b""
        try:
            plain = self._tls.receive_data(data)
        except ssl.SSLError as error:
            fault = f"no TLS as it must be: {error.reason}"
        self._send(self._tls.to_send())
        if fault:
            self._broken(AgiPeerError(fault))
        return plain

    def eof_received(self) -> None:
        self._core.receive_eof()
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:
        self._core.receive_eof()
        self._pump()
        self._cancel_timer()
        self._server.lost(self)

    # What the core says...

    def _pump(self) -> None:
        try:
            while (event := self._core.next_event()) is not NEED_DATA:
                self._take(event)
                if isinstance(event, Ended):
                    break
        except AgiPeerError as error:
            self._broken(error)

    def _take(self, event: Event) -> None:
        if isinstance(event, PreludeRead):
            self._begin(event)
        elif isinstance(event, Ended) and self._session is None:
            self._stranger("it closed before the end of the prelude")
        elif self._session is not None:
            _tell(self._session, event)

    def _begin(self, event: PreludeRead) -> None:
        self._cancel_timer()
        command_s = self._server.settings.command_s
        self._session = AgiSession(self._core, event.prelude, self._write, command_s)
        self._server.begin(self._session, self)

    def _broken(self, error: AgiPeerError) -> None:
        if self._session is None:
            self._stranger(str(error))
            return
        _log.warning("%s: agi-%s: closed: %s", self.peer, self._session.id, error)
        self._session.peer_failed(error)
        # What follows is our own closing, which is no hangup of the caller's.
        self._session = None
        self.drop()

    def _stranger(self, why: str) -> None:
        """Close what never became a session. Normal traffic: any port scan does it."""
        if self._prelude_timer is not None:
            _log.debug("%s: closed: %s", self.peer, why)
        self._cancel_timer()
        self.drop()

    def _cancel_timer(self) -> None:
        if self._prelude_timer is not None:
            self._prelude_timer.cancel()
            self._prelude_timer = None

    def _write(self, data: bytes) -> None:
        self._send(data if self._tls is None else self._tls.encrypt(data))

    def _send(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)

    def abort(self) -> None:
        """Close the connection at once: a queue of polite endings is what a flood would like."""
        self._cancel_timer()
        if self._transport is not None:
            self._transport.abort()

    def drop(self) -> None:
        """Close the connection; at once when the peer does not take what was written."""
        if self._transport is None:
            return
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()


def _tell(session: AgiSession, event: Event) -> None:
    if isinstance(event, ReplyRead):
        session.reply_read(event.reply)
    elif isinstance(event, HangupRead):
        session.hangup_read()
    elif isinstance(event, ProgressRead):
        _log.debug("%s < progress", session.id)
    elif isinstance(event, Ended):
        session.peer_closed()


def _address(peername: tuple[Any, ...] | None) -> str:
    return f"{peername[0]}:{peername[1]}" if peername else "(unknown)"
