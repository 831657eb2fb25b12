"""The one way in which anything is written: looked up before, and again when nobody knows.

    look up by key -- found ----------------------------------------> receipt (existed)
         | absent
       write -------- answered -------------------------------------> receipt
         |    `------ failed before anything had left --------------> its error
         | failed, or was refused, after it may have left
    look up again --- found ----------------------------------------> receipt (existed)
         `----------- absent, or no answer -------------------------> WriteUnknown, or the refusal

A write is sent once: it is never hedged, shared, cached or tried again here. Absent after a failure
is no proof, for the system may still be at it. A refusal is looked up too, for another process may
have been first with this key. Writes with one key take turns within a process; between processes
the system's unique key decides.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from erp.deadline import Deadline
from erp.errors import BackendBusy, BackendRefused, BackendSlow, ErpError, WriteUnknown
from erp.gateway.lane import Lane
from erp.gateway.routes import Plan
from erp.gateway.tasks import Tasks
from erp.model import NotFound, WriteReceipt
from erp.writes import Write

_log = logging.getLogger(__name__)

WRITE_SHARE = 0.6
"""Part of what is left until the deadline that the write itself gets: the rest is for looking up
what became of it."""

NOT_DONE = (BackendRefused, BackendBusy)
"""Errors that are an answer: the system did not do it."""


@dataclass
class _Turn:
    """Who has the turn of one key, and how many want it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wanted: int = 0


class Writing:
    """Writes of one generation. Belongs to one event loop."""

    def __init__(
        self,
        plans: Mapping[str, Plan],
        lanes: Mapping[str, Lane],
        tasks: Tasks,
        clock: Callable[[], float],
    ) -> None:
        self._plans = plans
        self._lanes = lanes
        self._tasks = tasks
        self._clock = clock
        self._turns: dict[str, _Turn] = {}

    async def do(self, write: Write, call: str, deadline: Deadline) -> WriteReceipt:
        """Write it, unless it is there. call: whose turn it is in the queue. Raises ErpError.

        It goes on when the caller is cancelled: what was begun comes to an end, and is logged.
        """
        lane = self._lanes[self._plans[write.operation].system]
        work = self._written(lane, write, call, deadline)
        return await asyncio.shield(self._tasks.start(work, f"{lane.name}: {write.operation}"))

    async def _written(
        self, lane: Lane, write: Write, call: str, deadline: Deadline
    ) -> WriteReceipt:
        about = f"system={lane.name} operation={write.operation} key={write.key}"
        try:
            async with self._turn(lane, write, deadline):
                receipt = await _once(lane, write, call, deadline, self._clock)
        except ErpError as error:
            kind = type(error).__name__
            _log.warning("write %s result=%s: %s", about, kind, error.detail)
            raise
        how = "existed" if receipt.existed else "committed"
        _log.info("write %s record=%s result=%s", about, receipt.record, how)
        return receipt

    @asynccontextmanager
    async def _turn(self, lane: Lane, write: Write, deadline: Deadline) -> AsyncIterator[None]:
        """Wait for those who write the same key. Raises BackendSlow."""
        turn = self._turns.setdefault(write.key, _Turn())
        turn.wanted += 1
        try:
            await self._enter(turn.lock, lane, write, deadline)
            try:
                yield
            finally:
                turn.lock.release()
        finally:
            turn.wanted -= 1
            if not turn.wanted:
                del self._turns[write.key]

    async def _enter(
        self, lock: asyncio.Lock, lane: Lane, write: Write, deadline: Deadline
    ) -> None:
        if not lock.locked():
            await lock.acquire()
            return
        waiting = self._tasks.start(lock.acquire(), f"{lane.name}: turn of a key")
        await asyncio.wait({waiting}, timeout=deadline.remaining_s(self._clock()))
        if not waiting.done():
            waiting.cancel()
            detail = "no time was left: the same is being written"
            raise BackendSlow(lane.name, write.operation, detail)


async def _once(
    lane: Lane, write: Write, call: str, deadline: Deadline, clock: Callable[[], float]
) -> WriteReceipt:
    found = await lane.ask(write.look_up(), call, deadline)
    if not isinstance(found, NotFound):
        return found
    now_s = clock()
    share = deadline.sooner(now_s, deadline.remaining_s(now_s) * WRITE_SHARE)
    try:
        return await lane.ask(write, call, share)
    except ErpError as error:
        if not error.sent:
            raise
        return await _found_again(lane, write, call, deadline, error)


async def _found_again(
    lane: Lane, write: Write, call: str, deadline: Deadline, failed: ErpError
) -> WriteReceipt:
    """Return what became of a write that failed on its way. Raises WriteUnknown, or the refusal."""
    try:
        found = await lane.ask(write.look_up(), call, deadline)
    except ErpError as error:
        why = error.detail
    else:
        if not isinstance(found, NotFound):
            return found
        why = "not there yet"
    if isinstance(failed, NOT_DONE):
        raise failed
    detail = f"{failed.detail}; looked up: {why}"
    raise WriteUnknown(lane.name, write.operation, detail) from failed
