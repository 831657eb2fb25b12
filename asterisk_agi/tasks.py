"""The tasks of one call: named, held, and awaited at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

CANCEL_AGAIN_S = 0.5
"""Pause before a task that did not end is cancelled again, seconds."""


class Tasks:
    """Holds tasks; the first one that fails is reported, all are gone after `close()`."""

    def __init__(self, on_failure: Callable[[BaseException], None]) -> None:
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run a coroutine as a task of this call."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(error)

    async def close(self) -> None:
        """Cancel what still runs, and wait until it is gone."""
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            # Again and again: before Python 3.12 asyncio.wait_for, in an engine or connector, may
            # swallow a cancellation; a mouth would then wait for its next sentence for ever.
            await asyncio.wait(self._tasks, timeout=CANCEL_AGAIN_S)
