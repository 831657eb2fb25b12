"""Holds every task of the gateway, so that none is lost and all have ended when it closes."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Coroutine
from typing import Any, TypeVar

from erp.errors import ErpError

_log = logging.getLogger(__name__)

R = TypeVar("R")


class Tasks:
    """The tasks that are under way."""

    def __init__(self) -> None:
        self._held: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._held)

    def start(self, work: Coroutine[Any, Any, R], name: str) -> asyncio.Task[R]:
        """Start a named task and hold it until it ends."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._held.add(task)
        task.add_done_callback(self._ended)
        return task

    async def ended(self, within_s: float) -> None:
        """Wait for what is under way, and cancel what does not end in time."""
        if self._held:
            await asyncio.wait(self._held, timeout=within_s)
        await self.end(within_s)

    async def end(self, within_s: float) -> None:
        """Cancel what is under way and wait for its end; say what does not end in time."""
        for task in self._held:
            task.cancel()
        if not self._held:
            return
        _, stubborn = await asyncio.wait(self._held, timeout=within_s)
        for task in stubborn:
            _log.error("%s does not end when cancelled: a mistake in it", task.get_name())

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._held.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, ErpError):
            # The text of such an error may hold what a caller said: its place is enough.
            place = traceback.extract_tb(error.__traceback__)[-1]
            _log.error(
                "%s failed by %s at %s:%s: a mistake in the program",
                task.get_name(), type(error).__name__, place.filename, place.lineno,
            )  # fmt: skip
