"""Asterisk's end of a FastAGI connection, for tests: prelude out, commands in, replies out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from asterisk_agi.server import FastAgiServer, FastAgiSettings, Handler

PRELUDE = (
    b"agi_network: yes\nagi_network_script: default\nagi_channel: PJSIP/line-1\n"
    b"agi_uniqueid: %s\nagi_callerid: 15551234\n\n"
)
WITHIN_S = 5.0
"""Longest wait for what must come, seconds: a test that needs it has failed."""

SETTINGS = FastAgiSettings(port=0, prelude_s=30.0, command_s=WITHIN_S)


class FakeAsterisk:
    """One connection to a FastAGI server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, server: FastAgiServer) -> FakeAsterisk:
        return cls(*await asyncio.open_connection("127.0.0.1", server.port))

    @classmethod
    async def call(cls, server: FastAgiServer, uniqueid: bytes = b"17.1") -> FakeAsterisk:
        asterisk = await cls.connect(server)
        asterisk.send(PRELUDE % uniqueid)
        return asterisk

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def command(self) -> str:
        """Return the next command."""
        line = await asyncio.wait_for(self.reader.readline(), WITHIN_S)
        return line.decode().rstrip("\n")

    async def answer(self, reply: bytes) -> str:
        """Take the next command and reply to it."""
        command = await self.command()
        self.send(reply + b"\n")
        return command

    async def closed(self) -> bytes:
        """Wait until the server closes; return what it had still sent."""
        try:
            return await asyncio.wait_for(self.reader.read(), WITHIN_S)
        except ConnectionResetError:
            return b""
        finally:
            await self.reset()

    async def hang_up(self) -> None:
        """Close our end, as Asterisk does."""
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    async def reset(self) -> None:
        """Close our end by a reset, whatever was not sent."""
        self.writer.transport.abort()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def serving(handle: Handler, **changes: float) -> AsyncIterator[FastAgiServer]:
    """A server on a free port; changes: fields of its settings."""
    server = FastAgiServer(replace(SETTINGS, **changes), handle)  # type: ignore[arg-type]
    await server.start()
    try:
        yield server
    finally:
        await server.close()
