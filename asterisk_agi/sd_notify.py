"""Tell systemd how we are: ready, stopping, alive. Without systemd it does nothing.

The sign of life (`WATCHDOG=1`) comes from the event loop, and only while `well` says so: a
process that hangs or is ill is restarted by systemd. Sources: sd_notify(3),
sd_watchdog_enabled(3).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping

_log = logging.getLogger(__name__)

MICROSECONDS = 1_000_000
PINGS_PER_LIMIT = 3
"""Signs of life within WatchdogSec: one that is late does no harm."""


class Notifier:
    """The way to the service manager of this process."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Read where it listens: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID."""
        path = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._limit_s = _limit_s(environment) if path else None

    def ready(self) -> None:
        """Tell that calls can come (or are watched)."""
        self._send("READY=1")

    def stopping(self) -> None:
        """Tell that the process is about to end, as it was asked to."""
        self._send("STOPPING=1")

    @contextlib.asynccontextmanager
    async def alive(self, well: Callable[[], bool] = lambda: True) -> AsyncIterator[None]:
        """Give signs of life meanwhile, as long as well() is true."""
        if self._limit_s is None:
            yield
            return
        pinging = asyncio.get_running_loop().create_task(
            self._ping(self._limit_s / PINGS_PER_LIMIT, well), name="watchdog of systemd"
        )
        try:
            yield
        finally:
            pinging.cancel()
            await asyncio.gather(pinging, return_exceptions=True)

    async def _ping(self, every_s: float, well: Callable[[], bool]) -> None:
        while True:
            if well():
                self._send("WATCHDOG=1")
            await asyncio.sleep(every_s)

    def _send(self, state: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
                way.setblocking(False)
                way.sendto(state.encode("ascii"), self._address)
        except OSError as error:
            _log.warning("systemd was not told %s: %s", state, error)


def _limit_s(environment: Mapping[str, str]) -> float | None:
    """Return WatchdogSec in seconds; None when there is none, or it is another process's."""
    limit = environment.get("WATCHDOG_USEC", "")
    ours = environment.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
    return int(limit) / MICROSECONDS if ours and limit.isdecimal() and int(limit) else None
