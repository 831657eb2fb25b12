"""An event loop whose clock jumps to the next timer: hours pass in no time, and always alike.

What needs a real descriptor or thread does not work in it; `asyncio.to_thread` runs at once.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

R = TypeVar("R")


class _Jump(selectors.SelectSelector):
    now_s = 1000.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events:
            if timeout is None:
                raise RuntimeError("all wait for ever")
            self.now_s += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jump = _Jump()
        self.complaints: list[dict[str, Any]] = []
        super().__init__(self._jump)
        self.set_exception_handler(lambda _, context: self.complaints.append(context))

    def time(self) -> float:
        return self._jump.now_s

    def run_in_executor(  # type: ignore[override]
        self, executor: object, function: Callable[..., R], *arguments: Any
    ) -> asyncio.Future[R]:
        done: asyncio.Future[R] = self.create_future()
        try:
            done.set_result(function(*arguments))
        except (ValueError, OSError) as error:
            done.set_exception(error)
        return done


def run(main: Coroutine[Any, Any, R]) -> R:
    """Run to the end in a loop of its own; no task may be left, and nothing unheard."""
    loop = VirtualLoop()
    try:
        result = loop.run_until_complete(main)
        left = asyncio.all_tasks(loop)
        assert not left, left
        assert not loop.complaints, loop.complaints
        return result
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def now_s() -> float:
    return asyncio.get_running_loop().time()
