"""The FastAGI server: one asyncio shell around one pure AGI core for each connection.

What comes in from the network is no more than a claim: a port scan, half a prelude, an endless
line or a flood of connections is closed by itself and disturbs no other session. What a call
does is the handler's business. Source: res_agi.c `launch_netscript`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, cast

from asterisk_agi.agi_session import AgiSession
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
    """Most connections at once, calls and strangers together; one more is closed at once."""

    def __post_init__(self) -> None:
        demand_port(self)
        demand_above_zero(self, "prelude_s", "command_s", "connections_max")


class FastAgiServer:
    """Accepts sessions and runs the handler for each, in a task of its own."""

    def __init__(self, settings: FastAgiSettings, handle: Handler) -> None:
        self.settings = settings
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
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
        """Begin to listen. Raises OSError when the address is taken or not ours."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), self.settings.host, self.settings.port
        )
        _log.info("FastAGI listens on %s:%s", self.settings.host, self.port)

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

    def opened(self, connection: _Connection) -> bool:
        """Count a connection; False when there are too many."""
        if len(self._connections) >= self.settings.connections_max:
            return False
        self._connections.add(connection)
        self._all_lost.clear()
        return True

    def lost(self, connection: _Connection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)
        if not self._connections:
            self._all_lost.set()

    def begin(self, session: AgiSession, connection: _Connection) -> None:
        """Start the handler of a session."""
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
        self._peer = ""

    # What asyncio calls...

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._peer = _address(transport.get_extra_info("peername"))
        if not self._server.opened(self):
            _log.warning("%s: closed: too many connections", self._peer)
            self.drop()
            return
        loop = asyncio.get_running_loop()
        self._prelude_timer = loop.call_later(
            self._server.settings.prelude_s, self._stranger, "no prelude in time"
        )

    def data_received(self, data: bytes) -> None:
        self._core.receive_data(data)
        self._pump()

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
        _log.warning("%s: agi-%s: closed: %s", self._peer, self._session.id, error)
        self._session.peer_failed(error)
        # What follows is our own closing, which is no hangup of the caller's.
        self._session = None
        self.drop()

    def _stranger(self, why: str) -> None:
        """Close what never became a session. Normal traffic: any port scan does it."""
        if self._prelude_timer is not None:
            _log.debug("%s: closed: %s", self._peer, why)
        self._cancel_timer()
        self.drop()

    def _cancel_timer(self) -> None:
        if self._prelude_timer is not None:
            self._prelude_timer.cancel()
            self._prelude_timer = None

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

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
