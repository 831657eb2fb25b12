"""Looks again and again whether what we depend on can be reached, also while nobody calls.

It only knocks at the door (a TCP connection): whether an answer is right is told by the questions
of calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from erp.monitoring.health import HealthBoard
from erp.store.errors import StoreError

_log = logging.getLogger(__name__)

EVERY_S = 5.0
KNOCK_S = 2.0
"""Longest time for a connection, seconds."""

Look = Callable[[], Awaitable[None]]
"""Looks into the store; raises StoreError."""

PORTS = {"https": 443, "http": 80, "postgresql": 5432, "mariadb": 3306, "mysql": 3306}


@dataclass(frozen=True)
class Door:
    """Where something listens."""

    host: str
    port: int


def door_of(url: str) -> Door | None:
    """Return where an address leads; None when that can't be told."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme.partition("+")[0])
    except ValueError:
        return None
    return Door(parts.hostname, port) if parts.hostname and port else None


async def knock(door: Door, patience_s: float = KNOCK_S) -> str:
    """Return why nobody opens; empty when somebody does."""
    opening = asyncio.ensure_future(asyncio.open_connection(door.host, door.port))
    await asyncio.wait([opening], timeout=patience_s)
    if not opening.done():
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        return "no answer"
    try:
        _, writer = opening.result()
    except OSError as error:
        return error.strerror or type(error).__name__
    writer.close()
    with contextlib.suppress(OSError):  # It has opened, which is all that counts.
        await writer.wait_closed()
    return ""


class Probes:
    """Knocks at some doors and tells the board, and looks into the store for metrics."""

    def __init__(
        self, board: HealthBoard, doors: Mapping[str, Door], looks: Iterable[Look] = ()
    ) -> None:
        self._board = board
        self._looks = tuple(looks)
        self._doors = dict(doors)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, every_s: float = EVERY_S) -> None:
        """Begin, in the background."""
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._knock(part, door, every_s), name=f"probe {part}")
            for part, door in self._doors.items()
        ]
        self._tasks += [
            loop.create_task(self._look(look, every_s), name="look into the store")
            for look in self._looks
        ]

    async def close(self) -> None:
        """End. May be called twice."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, look: Look, every_s: float) -> None:
        while True:
            try:
                await look()
                self._board.note("store", "", "look")
            except StoreError as error:
                _log.debug("the store can't be looked into: %s", error)
                self._board.note("store", "it can't be reached", "look")
            await asyncio.sleep(every_s)

    async def _knock(self, part: str, door: Door, every_s: float) -> None:
        while True:
            self._board.note(part, await knock(door), "knock")
            await asyncio.sleep(every_s)
