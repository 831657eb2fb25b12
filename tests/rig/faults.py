"""A TCP proxy that stands before a real server, and fails as networks and servers do, on demand.

    async with FaultProxy(server_port) as proxy:   # on 127.0.0.1, passes everything
        await proxy.set(Refuse())                  # from now on, also for who is connected
        await proxy.set(Pass())

It knows no protocol. A fault is a value; setting one counts for connections that are open as well.
What a silent line held back is passed on when the line is well again, as TCP would repeat it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from tests.rig.ports import LOOPBACK, free_ports

CHUNK_BYTES = 64 * 1024
TRICKLE_S = 0.05
"""Seconds between the bytes of a slow answer."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: the peer gets a reset instead of an end in good order."""


@dataclass(frozen=True)
class Pass:
    """Pass everything on. edit: changes each piece of an answer, if given."""

    edit: Callable[[bytes], bytes] | None = None


@dataclass(frozen=True)
class Refuse:
    """Nobody listens; who is connected is reset."""


@dataclass(frozen=True)
class Unanswered:
    """The queue of connections is full: nobody answers a SYN; who is connected is reset."""


@dataclass(frozen=True)
class Silent:
    """Connections are accepted, and nothing passes any more."""


@dataclass(frozen=True)
class Trickle:
    """Answers come byte by byte."""


@dataclass(frozen=True)
class CutOff:
    """Each connection ends after so many bytes of an answer: by a reset, or in good order."""

    after_bytes: int
    reset: bool = True


@dataclass(frozen=True)
class Canned:
    """Whatever is asked, these bytes are the answer, and then the connection ends.

    answer: called for each question.
    """

    answer: Callable[[], bytes]


Fault = Pass | Refuse | Unanswered | Silent | Trickle | CutOff | Canned


class FaultProxy:
    """The proxy before one server on 127.0.0.1. Belongs to one event loop.

    port: where it listens; 0: on a free one. fault: how it begins, if not by passing everything on.
    """

    def __init__(self, server_port: int, port: int = 0, fault: Fault | None = None) -> None:
        self.server_port = server_port
        self.tls: ssl.SSLContext | None = None
        """Speaks TLS with its clients, and plainly with the server; counts after the next `cut`."""
        self.accepted = 0
        self.sent_bytes = 0
        """Sent to clients since the last `set`."""
        self.port = port or free_ports(1)[0]
        self._fault: Fault = fault or Pass()
        self._changed = asyncio.Event()
        self._links: dict[_Link, asyncio.Task[None]] = {}
        self._listener: asyncio.Server | None = None
        self._full: tuple[socket.socket, ...] = ()

    @property
    def open(self) -> int:
        """Connections that clients have now."""
        return len(self._links)

    @property
    def fault(self) -> Fault:
        """How it behaves now."""
        return self._fault

    async def __aenter__(self) -> FaultProxy:
        await self._listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._withdraw()

    async def set(self, fault: Fault) -> None:
        """Behave like this from now on."""
        self._fault, self.sent_bytes = fault, 0
        self._changed.set()
        self._changed = asyncio.Event()
        if isinstance(fault, Refuse | Unanswered):
            await self._withdraw()
        elif self._listener is None:
            self._release()
            await self._listen()
        if isinstance(fault, Unanswered):
            self._full = _full_queue(self.port)

    async def cut(self) -> None:
        """Reset every connection; new ones get the present `tls`."""
        await self._withdraw()
        await self.set(self._fault)

    async def until_open(self, most: int) -> None:
        """Wait until clients have no more than so many connections."""
        while len(self._links) > most:
            await asyncio.wait(self._links.values(), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)  # the link is taken off in a callback

    async def flowing(self) -> Fault:
        """Return the fault of now, as soon as it lets anything pass."""
        while isinstance(self._fault, Silent):
            await self._changed.wait()
        return self._fault

    async def trickled(self) -> bool:
        """Wait between two bytes of a slow answer; tell whether it is still to be slow."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), TRICKLE_S)
        return isinstance(self._fault, Trickle)

    # Listening

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(
            self._accept, LOOPBACK, self.port, ssl=self.tls
        )

    async def _withdraw(self) -> None:
        self._release()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        tasks = tuple(self._links.values())
        for link in self._links:
            link.reset()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _release(self) -> None:
        for each in self._full:
            each.close()
        self._full = ()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        link = _Link(self, reader, writer)
        task = asyncio.get_running_loop().create_task(link.run(), name=f"fault link {self.port}")
        self._links[link] = task
        task.add_done_callback(lambda _: self._links.pop(link))


class _Link:
    """One connection of a client, and ours to the server behind it."""

    def __init__(
        self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._answered_bytes = 0
        self._ended = False

    async def run(self) -> None:
        """Pass both ways until one side ends."""
        try:
            with contextlib.suppress(OSError):
                await self._joined()
        finally:
            self._writer.transport.abort()

    def reset(self) -> None:
        """Close at once, by a reset."""
        with contextlib.suppress(OSError):
            made = self._writer.get_extra_info("socket")
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._writer.transport.abort()

    async def _alone(self) -> None:
        """Answer the first question by what is canned; the server is not asked for a connection."""
        while await self._reader.read(CHUNK_BYTES):
            fault = self._proxy.fault
            if isinstance(fault, Canned) and not self._ended:
                await self._send(fault.answer())
            self._end()

    async def _joined(self) -> None:
        if isinstance(self._proxy.fault, Canned):
            await self._alone()
            return
        reader, writer = await asyncio.open_connection(LOOPBACK, self._proxy.server_port)
        ways = [
            asyncio.ensure_future(self._questions(writer)),
            asyncio.ensure_future(self._answers(reader)),
        ]
        try:
            ended, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.transport.abort()
        for way in ended:
            await way

    async def _questions(self, server: asyncio.StreamWriter) -> None:
        while chunk := await self._reader.read(CHUNK_BYTES):
            fault = await self._proxy.flowing()
            self._answered_bytes = 0
            if isinstance(fault, Canned) and not self._ended:
                await self._send(fault.answer())
                self._end()
            elif not self._ended:
                server.write(chunk)
                await server.drain()

    async def _answers(self, server: asyncio.StreamReader) -> None:
        while chunk := await server.read(CHUNK_BYTES):
            fault = await self._proxy.flowing()
            if self._ended or isinstance(fault, Canned):
                continue
            if isinstance(fault, CutOff):
                await self._send_until(chunk, fault)
            elif isinstance(fault, Trickle):
                await self._trickle(chunk)
            else:
                edit = fault.edit if isinstance(fault, Pass) else None
                await self._send(edit(chunk) if edit else chunk)

    async def _send_until(self, chunk: bytes, fault: CutOff) -> None:
        left = fault.after_bytes - self._answered_bytes
        await self._send(chunk[:left])
        if left > len(chunk):
            return
        if fault.reset:
            self.reset()
        else:
            self._end()

    async def _trickle(self, chunk: bytes) -> None:
        for place in range(len(chunk)):
            await self._send(chunk[place : place + 1])
            if not await self._proxy.trickled():
                await self._send(chunk[place + 1 :])
                return

    async def _send(self, data: bytes) -> None:
        for begin in range(0, len(data), CHUNK_BYTES):
            piece = data[begin : begin + CHUNK_BYTES]
            self._writer.write(piece)
            await self._writer.drain()
            self._answered_bytes += len(piece)
            self._proxy.sent_bytes += len(piece)

    def _end(self) -> None:
        """End our side in good order; what still comes is taken until the client ends, too."""
        if self._ended or self._writer.transport.is_closing():
            return
        self._ended = True
        if self._writer.can_write_eof():
            self._writer.write_eof()
        else:
            self._writer.close()


def _full_queue(port: int) -> tuple[socket.socket, ...]:
    """Return a listener whose queue has one place, and who has it: Linux drops further SYNs."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    listener.listen(0)
    first = socket.create_connection((LOOPBACK, port), timeout=1.0)
    first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    return first, listener
