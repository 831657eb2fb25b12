"""A small AMI server in process: it logs in, answers, sends events, and can be made to fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from ami_bridge.connection import AmiConnection, AmiSettings
from erp.secrets import Secret

WITHIN_S = 5.0
"""Longest wait for what must come, seconds."""

SETTINGS = AmiSettings(
    user="orderline",
    secret=Secret("s3cret"),
    action_s=WITHIN_S,
    ping_s=30.0,
    retry_first_s=0.01,
    retry_max_s=0.02,
    refused_retry_s=0.05,
)

Action = dict[str, str]
Answer = Callable[[Action], bytes]


def message(**headers: str) -> bytes:
    return b"".join(f"{k}: {v}\r\n".encode() for k, v in headers.items()) + b"\r\n"


def success(action: Action, **headers: str) -> bytes:
    return message(Response="Success", ActionID=action["ActionID"], **headers)


def error(action: Action, text: str) -> bytes:
    return message(Response="Error", ActionID=action["ActionID"], Message=text)


def channel_list(action: Action, channels: list[dict[str, str]]) -> bytes:
    """CoreShowChannels as Asterisk 16 to 22 answer it."""
    number = action["ActionID"]
    rows = [message(Event="CoreShowChannel", ActionID=number, **row) for row in channels]
    return b"".join(
        [
            success(action, EventList="start", Message="Channels will follow"),
            *rows,
            message(
                Event="CoreShowChannelsComplete",
                ActionID=number,
                EventList="Complete",
                ListItems=str(len(rows)),
            ),
        ]
    )


RIGHTS = dict.fromkeys(("CoreShowChannels", "Getvar", "Hangup"), "(Priv: call,reporting,all)")
"""What ListCommands names, among others, for a user with the rights of the README."""


class FakeAmi:
    """The server; tests set what it answers."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {
            "CoreShowChannels": self._channels,
            "ListCommands": lambda action: success(action, **RIGHTS),
        }
        self.channels: list[dict[str, str]] = []
        self.actions: list[Action] = []
        self.logins = 0
        self.port = 0
        self._got = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    # The server's life...

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop to listen and cut every connection."""
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Cut every connection, and go on to listen."""
        for writer in self._writers:
            writer.transport.abort()

    def send(self, data: bytes) -> None:
        """Send bytes to everyone."""
        for writer in self._writers:
            writer.write(data)

    async def received(self, name: str, count: int = 1) -> Action:
        """Wait for an action, the count-th of its name."""
        async with self._got:
            await asyncio.wait_for(
                self._got.wait_for(lambda: len(self._named(name)) >= count), WITHIN_S
            )
        return self._named(name)[count - 1]

    def _named(self, name: str) -> list[Action]:
        return [action for action in self.actions if action["Action"] == name]

    # One connection...

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        writer.write(b"Asterisk Call Manager/9.0.0\r\n")
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    await self._serve(await reader.readuntil(b"\r\n\r\n"), writer)
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def _serve(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        lines = data.decode().strip().split("\r\n")
        action = {name: value for name, _, value in (line.partition(": ") for line in lines)}
        async with self._got:
            self.actions.append(action)
            self._got.notify_all()
        writer.write(self.answers.get(action["Action"], self._default)(action))

    def _default(self, action: Action) -> bytes:
        if action["Action"] == "Login":
            self.logins += 1
            if action["Secret"] != "s3cret":
                return error(action, "Authentication failed")
        return success(action)

    def _channels(self, action: Action) -> bytes:
        return channel_list(action, self.channels)


@asynccontextmanager
async def fake_ami() -> AsyncIterator[FakeAmi]:
    ami = FakeAmi()
    await ami.start()
    try:
        yield ami
    finally:
        await ami.stop()


@asynccontextmanager
async def connected(ami: FakeAmi, **changes: object) -> AsyncIterator[AmiConnection]:
    """A connection that is logged in; changes: fields of its settings."""
    settings = replace(SETTINGS, port=ami.port, **changes)  # type: ignore[arg-type]
    connection = AmiConnection(settings)
    await connection.start()
    try:
        await connection.wait_connected(WITHIN_S)
        yield connection
    finally:
        await connection.close()
