"""Writes the tasks of call-backs to the business system, now or later, each once.

The gateway looks the key of a task up before it writes it, so that a try after one whose outcome
is unknown makes no second one. A task that cannot be written stays and is tried again, for ever
and ever more seldom.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from erp.callbacks.task_list import PendingTask, TaskList
from erp.deadline import Deadline
from erp.errors import ErpError
from erp.events.model import CallIds, Committed, Sink
from erp.model import Customer, WriteReceipt
from erp.port import ErpDoor, ErpPort
from erp.store.errors import StoreError
from erp.writes import CreateTask

_log = logging.getLogger(__name__)

WRITE_S = 20.0
"""Longest time for one task, seconds: a look-up, the write, and perhaps a look-up again."""

LEASE_S = 120.0
"""Nobody else tries a task for so long after one has begun to, seconds."""

PAUSE_FIRST_S, PAUSE_MAX_S = 30.0, 3600.0
"""Pause after a failure, seconds: it doubles each time."""

TASKS_AT_ONCE = 20
LOOK_S = 60.0
"""Looked at least so often, seconds, for what another process has left."""


async def write_task(port: ErpPort, task: PendingTask, deadline: Deadline) -> WriteReceipt:
    """Write a task. Raises ErpError; it may be tried again."""
    customer = await _customer(port, task.account, deadline) if task.account else None
    wish = CreateTask(task.key, task.title, task.body, task.due, customer, task.number)
    return await port.create_task(wish, deadline)


async def _customer(port: ErpPort, account: str, deadline: Deadline) -> Customer | None:
    try:
        found = await port.customer_by_account(account, deadline)
    except ErpError as error:
        _log.info("the task is written without its customer: %s", error)
        return None
    return found if isinstance(found, Customer) else None


def pause_s(attempts: int) -> float:
    """Return the pause after so many failures, seconds."""
    return float(min(PAUSE_MAX_S, PAUSE_FIRST_S * 2 ** min(attempts, 10)))


class TaskWriter:
    """Writes what is pending. `start` it, `close` it; several processes may each have one.

    now: the time of the wall, aware.
    """

    def __init__(
        self, tasks: TaskList, door: ErpDoor, sink: Sink, now: Callable[[], datetime]
    ) -> None:
        self._tasks = tasks
        self._door = door
        self._sink = sink
        self._now = now
        self._news = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin, in the background."""
        loop = asyncio.get_running_loop()
        self._runner = loop.create_task(self._run(), name="tasks of call-backs")

    async def close(self) -> None:
        """Stop; what is pending stays. May be called twice."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.cancel()
            await asyncio.gather(runner, return_exceptions=True)

    def wake(self) -> None:
        """Look again: there is a new task."""
        self._news.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._news.clear()
            try:
                await self.write_due()
                wait_s = await self._wait_s()
            except StoreError as error:
                _log.warning("tasks of call-backs wait for the store: %s", error)
                wait_s = LOOK_S
            waiting = loop.create_task(self._news.wait(), name="a new task")
            try:
                await asyncio.wait([waiting], timeout=wait_s)
            finally:
                waiting.cancel()

    async def _wait_s(self) -> float:
        after = await self._tasks.next_after()
        if after is None:
            return LOOK_S
        return min(LOOK_S, max(0.05, (after - self._now()).total_seconds()))

    async def write_due(self) -> None:
        """Try once each task that may be tried now. Raises StoreError."""
        for task in await self._tasks.due(self._now(), TASKS_AT_ONCE):
            if await self._tasks.lease(task, self._now() + timedelta(seconds=LEASE_S)):
                await self._write(task)

    async def _write(self, task: PendingTask) -> None:
        deadline = Deadline.after(asyncio.get_running_loop().time(), WRITE_S)
        try:
            async with self._door.for_call(f"callback-{task.key}") as port:
                receipt = await write_task(port, task, deadline)
        except ErpError as error:
            _log.warning("the task of call-back %s is tried again: %s", task.callback, error)
            pause = timedelta(seconds=pause_s(task.attempts))
            await self._tasks.put_off(task.key, self._now() + pause)
            return
        await self._tasks.written(task.key, receipt.source.system, receipt.record)
        written = Committed(task.key, "create_task", receipt.source.system, receipt.record)
        self._sink.tell(CallIds(task.session), written)
