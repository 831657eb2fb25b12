"""Books a call-back: kept durably first, then its task in the business system.

What was not kept in time is withdrawn behind the caller's back, for the caller was promised
nothing. A task that the business system does not take now is left to `tasks`, in the bridge.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from erp.callbacks.book import Callback, CallbackBook, State
from erp.callbacks.model import CallbackError, CallbackReceipt, CallbackRequest
from erp.callbacks.numbers import NumberRefused
from erp.callbacks.task_list import PendingTask, Task, TaskList
from erp.callbacks.tasks import write_task
from erp.callbacks.times import Schedule
from erp.callbacks.wording import agreed_task
from erp.deadline import Deadline
from erp.errors import ErpError
from erp.port import ErpDoor
from erp.store.errors import StoreError
from erp.store.store import Store

_log = logging.getLogger(__name__)

GRACE_S = 30.0
"""So long after the deadline the bridge leaves a task to us, seconds."""

CLOSE_S = 5.0
"""Longest time for what is still being kept or withdrawn at the end, seconds."""


class Booker:
    """What `Callbacks` describes. One for all calls of a process; `close` it.

    now: the time of the wall, aware. notice: told the key of a new call-back, so that bridges
    look at once; it must return at once.
    """

    def __init__(
        self,
        store: Store,
        door: ErpDoor,
        schedule: Schedule,
        now: Callable[[], datetime],
        notice: Callable[[str], None] | None = None,
    ) -> None:
        self._book = CallbackBook(store)
        self._list = TaskList(store)
        self._door = door
        self._schedule = schedule
        self._now = now
        self._notice = notice
        self._work: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Wait for what is under way, CLOSE_S at most. May be called twice."""
        work = tuple(self._work)
        if work:
            _, late = await asyncio.wait(work, timeout=CLOSE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def book(self, request: CallbackRequest, deadline: Deadline) -> CallbackReceipt:
        """Keep it, then write its task to the ERP. Booking the same key again changes nothing.

        Raises CallbackError when it could not be kept; then nothing will be dialled.
        """
        self._demand_callable(request)
        loop = asyncio.get_running_loop()
        left_s = deadline.remaining_s(loop.time())
        task = agreed_task(request, self._now() + timedelta(seconds=left_s + GRACE_S))
        row = await self._keep(request, task, left_s)
        if row.state is State.CANCELLED:
            raise CallbackError(f"the call-back {request.key} was cancelled")
        if self._notice is not None:
            self._notice(row.key)
        system, record = await self._write(row, task, deadline)
        return CallbackReceipt(row.key, row.at, system, record)

    def _demand_callable(self, request: CallbackRequest) -> None:
        try:
            number = self._schedule.number(request.number)
        except NumberRefused as error:
            raise CallbackError(str(error)) from error
        if number != request.number:
            raise CallbackError("the number is not written as E.164: use the planned one")

    async def _keep(self, request: CallbackRequest, task: Task, left_s: float) -> Callback:
        keeping: asyncio.Task[Callback] = self._start(
            self._book.add(request, task, self._now()), "keep a call-back"
        )
        # The caller said yes: a hang-up in this very moment cancels us, but not the keeping.
        await asyncio.wait([keeping], timeout=left_s)
        if not keeping.done():
            self._start(self._withdraw(keeping, request.key), "withdraw a call-back")
            raise CallbackError("the store did not keep the call-back in time")
        try:
            row = keeping.result()
            if row.state is State.JOINED:
                # Told is the time at which the number will be called, whichever call agreed it.
                other = await self._book.get(row.joined)
                row = row if other is None else replace(row, at=other.at)
            return row
        except StoreError as error:
            raise CallbackError(f"the store did not keep the call-back: {error}") from error

    async def _withdraw(self, keeping: asyncio.Task[Callback], key: str) -> None:
        await asyncio.wait([keeping])
        try:
            if keeping.exception() is None:
                await self._book.cancel(key, "kept too late: nothing was promised", self._now())
        except StoreError as error:
            _log.error("the call-back %s was not promised, but may be dialled: %s", key, error)

    async def _write(self, row: Callback, task: Task, deadline: Deadline) -> tuple[str, str]:
        """Return system and record of the task; both empty when it is still to be written."""
        pending = PendingTask(
            task.key, row.key, row.session, row.number, row.account,
            task.title, task.body, task.due, task.after, 0,
        )  # fmt: skip
        writing = self._start(self._write_once(pending, deadline), "write a call-back's task")
        left_s = deadline.remaining_s(asyncio.get_running_loop().time())
        await asyncio.wait([writing], timeout=left_s)
        return writing.result() if writing.done() else ("", "")

    async def _write_once(self, task: PendingTask, deadline: Deadline) -> tuple[str, str]:
        try:
            there = await self._list.get(task.key)
            if there != ("", ""):
                return there
            async with self._door.for_call(f"callback-{task.key}") as port:
                receipt = await write_task(port, task, deadline)
            found = receipt.source.system, receipt.record
            await self._list.written(task.key, *found)
        except (ErpError, StoreError) as error:
            _log.warning("the task of call-back %s is written later: %s", task.key, error)
            return "", ""
        return found

    def _start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._work.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            level = logging.WARNING if isinstance(error, StoreError) else logging.ERROR
            _log.log(level, "%s: %s", task.get_name(), error)
