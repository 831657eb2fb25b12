"""The timers of one call, by name: setting one again replaces it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Timers:
    """Named timers on the event loop's clock."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def set(self, name: str, seconds: float, then: Callable[[], None]) -> None:
        """Call `then` once in so many seconds (0 or less: at once), unless it is cancelled."""
        self.cancel(name)
        self._handles[name] = self._loop.call_later(max(0.0, seconds), then)

    def cancel(self, name: str) -> None:
        """Stop a timer; nothing happens when it is not set."""
        handle = self._handles.pop(name, None)
        if handle is not None:
            handle.cancel()

    def close(self) -> None:
        """Stop them all."""
        for name in tuple(self._handles):
            self.cancel(name)
