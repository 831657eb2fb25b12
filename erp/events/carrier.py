"""Carries events from the spools of this host into the outbox of the store.

Each process carries its own, and takes over what dead processes left behind. While the store is
away all of it stays in the spool. What is carried twice is kept once (`outbox.py`). When a dead
process had calls in progress, their end is told here: nobody else can.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone

from erp.events.model import CallIds, Health, Sink
from erp.events.outbox import Outbox
from erp.events.segments import Batch, SegmentReader
from erp.events.settings import EventSettings
from erp.events.spool import Spool, abandoned
from erp.store.errors import StoreError

_log = logging.getLogger(__name__)

LINES_MAX = 50
"""Events of one transaction: it holds up the other writers of the store, and must be short."""

GATHER_S = 0.5
"""Pause behind what was carried; what is told meanwhile goes together, seconds. With a transaction
for each event the carrier takes seven times as much of a core, all of it from the voice."""

ABANDONED_EVERY_S = 5.0
"""Seconds between two looks for the spools of dead processes."""

PRUNE_EVERY_S = 3600.0
"""Seconds between two rounds of removing what is too old."""

SILENT_H = 24.0
"""Hours after which a call of which nothing is heard is over: its host may be gone for good."""

CLOSE_S = 3.0
"""Seconds for the last events at the end; what is left is taken over by the next process."""

Delivered = Callable[[], Awaitable[int | None]]
"""Tells up to which number every publisher has delivered; none: there is no publisher."""


class Carrier:
    """The carrier of one process. `start` it, `close` it."""

    def __init__(
        self,
        spool: Spool,
        outbox: Outbox,
        settings: EventSettings,
        sink: Sink,
        delivered: Delivered | None = None,
    ) -> None:
        """delivered: for the process that prunes; none: this one does not."""
        self._spool = spool
        self._outbox = outbox
        self._settings = settings
        self._sink = sink
        self._delivered = delivered
        self._reader = SegmentReader(spool.folder, spool.name)
        self._wake = asyncio.Event()
        self._ending = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._away = False
        self._lost = 0
        self._opened = False

    async def start(self) -> None:
        """Begin to carry."""
        self._spool.on_line = self._wake.set
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._carry(), name="carry events"),
            loop.create_task(self._look_after(), name="carry what dead processes left"),
        ]
        for task in self._tasks:
            task.add_done_callback(_report)

    async def close(self) -> None:
        """Carry what is left, if the store takes it in time, and end. May be called twice."""
        self._ending.set()
        self._wake.set()
        if self._tasks:
            carry, look_after = self._tasks
            look_after.cancel()
            await asyncio.wait({carry}, timeout=CLOSE_S)
            carry.cancel()
            await asyncio.gather(carry, look_after, return_exceptions=True)
            self._tasks = []

    # Our own...

    async def _carry(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._carry_own()
            except (StoreError, OSError) as error:
                self._tell_away(error)
                if self._ending.is_set():
                    return
                await self._pause(self._settings.retry_s)
                continue
            self._tell_back()
            if self._ending.is_set():
                return
            await self._pause(self._settings.retry_s if self._spool.waiting else GATHER_S)
            if not self._spool.waiting:
                await self._wake.wait()

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until the end."""
        waiting = asyncio.ensure_future(self._ending.wait())
        try:
            await asyncio.wait({waiting}, timeout=seconds)
        finally:
            waiting.cancel()

    async def _carry_own(self) -> None:
        self._spool.flush()
        if not self._opened:
            # Opening a store takes a moment: now, and not in the middle of the first call.
            await self._outbox.last()
            self._opened = True
        while (batch := await asyncio.to_thread(self._reader.next, LINES_MAX)) is not None:
            await self._put(batch, self._spool.name)
            self._reader.done(batch)
            self._spool.carried(batch.size_bytes)

    async def _put(self, batch: Batch, process: str) -> None:
        if batch.events:
            await self._outbox.put(batch.events, process)

    def _tell_away(self, error: Exception) -> None:
        if not self._away:
            _log.error("the store takes no events, they wait in the spool: %s", error)
            self._away = True
            self._tell(Health("store", False, type(error).__name__))

    def _tell_back(self) -> None:
        if self._away:
            _log.info("the store takes events again")
            self._away = False
            self._tell(Health("store", True))
        if self._spool.lost > self._lost:
            self._tell(Health("events", False, f"{self._spool.lost} events were lost"))
            self._tell(Health("events", True))
            self._lost = self._spool.lost

    def _tell(self, event: Health) -> None:
        self._sink.tell(CallIds(""), event)

    # Others'...

    async def _look_after(self) -> None:
        clock = asyncio.get_running_loop().time
        prune_s = clock()
        while True:
            with contextlib.suppress(StoreError, OSError):  # The carrier of our own says so.
                await self._take_over()
                if clock() >= prune_s and self._delivered is not None:
                    await self._prune(self._delivered)
                    prune_s = clock() + PRUNE_EVERY_S
            await asyncio.sleep(ABANDONED_EVERY_S)

    async def _take_over(self) -> None:
        for name in abandoned(self._spool.folder):
            reader = SegmentReader(self._spool.folder, name, ended=True)
            while (batch := await asyncio.to_thread(reader.next, LINES_MAX)) is not None:
                await self._put(batch, name)
                reader.done(batch)
            ended = await self._outbox.end_calls(name)
            _log.warning("%s is dead: its events are kept, %d calls were lost", name, ended)

    async def _prune(self, delivered: Delivered) -> None:
        now = datetime.now(timezone.utc)
        settings = self._settings
        await self._outbox.end_silent_calls(now - timedelta(hours=SILENT_H))
        await self._outbox.prune(timedelta(days=settings.keep_days), await delivered(), now)
        await self._outbox.prune_calls(timedelta(days=settings.keep_calls_days), now)


def _report(task: asyncio.Task[None]) -> None:
    """Say that carrying ended by a fault of ours: all stays in the spool, for the next process."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("%s: a fault of ours", task.get_name(), exc_info=error)
