"""Work that ends by a deadline, whatever it waits for.

`asyncio.wait_for` can lose a cancellation before Python 3.12, and waits without an end for work
that is slow to give up; here such work is held, and awaited when the connector is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TypeVar

from erp.deadline import Deadline

T = TypeVar("T")

GRACE_S = 0.02
"""So long, in seconds, a caller whose deadline has passed waits for the work to give up."""


class Bounded:
    """Runs pieces of work by their deadlines. Belongs to one event loop."""

    def __init__(self) -> None:
        self._late: set[asyncio.Task[object]] = set()

    async def run(self, name: str, work: Coroutine[object, object, T], deadline: Deadline) -> T:
        """Do a piece of work in a task of this name. Raises asyncio.TimeoutError."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(work, name=name)
        try:
            await asyncio.wait((task,), timeout=deadline.remaining_s(loop.time()))
            if task.done():
                return task.result()
            raise asyncio.TimeoutError
        finally:
            if not task.done():
                await self._give_up(task)
            elif not task.cancelled():
                task.exception()  # it failed just when we were cancelled: nobody else asks for it

    async def close(self) -> None:
        """Wait until all that was given up has ended."""
        while self._late:
            await asyncio.wait(tuple(self._late))

    async def _give_up(self, task: asyncio.Task[T]) -> None:
        self._late.add(task)
        task.add_done_callback(self._ended)
        task.cancel()
        await asyncio.wait((task,), timeout=GRACE_S)

    def _ended(self, task: asyncio.Task[T]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            # It ended with a result or an error that came too late; nobody else asks for it.
            task.exception()


async def together(tasks: Sequence[asyncio.Task[T]]) -> list[T]:
    """Wait for all; when one fails, or we are cancelled, the others are taken back first."""
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
