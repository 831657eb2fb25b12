"""Sends for one publisher: takes what the queue has, sends chains side by side, notes the fates.

It only ever awaits: what is slow is the other side, never the process. What it does must be safe
to do twice, for a process may die between sending and noting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from ami_bridge.publishers.errors import PublishError, Unreachable
from ami_bridge.publishers.plan import Chain, plan
from ami_bridge.publishers.policy import Again, Dead, Hold, RetrySettings, Verdict, judge
from ami_bridge.publishers.port import Message, Publisher
from ami_bridge.publishers.queue import Fate, Queue
from erp.store.errors import StoreError

_log = logging.getLogger(__name__)

POLL_S = 0.5
"""Seconds between two looks into the outbox: other processes write to it, and a database file
raises no event."""

TIDY_S = 30.0
STORE_RETRY_S = (0.5, 10.0)
"""Shortest and longest pause when the store is not there, seconds."""


class Watcher(Protocol):
    """Who is told what becomes of events: metrics and health."""

    def delivered(self, publisher: str, result: str) -> None:
        """Count an attempt. result: done, again or dead."""

    def ill(self, publisher: str, why: str) -> None:
        """Take note that nothing gets there now."""

    def well(self, publisher: str) -> None:
        """Take note that an event got there."""


class Worker:
    """Sends the events of the outbox by one publisher, until it is cancelled."""

    def __init__(
        self,
        publisher: Publisher,
        queue: Queue,
        retry: RetrySettings,
        parallel: int,
        *,
        watcher: Watcher,
        may_send: Callable[[], bool],
    ) -> None:
        """Prepare it. may_send: tells whether this process still is the one that sends."""
        self._publisher = publisher
        self._queue = queue
        self._retry = retry
        self._parallel = parallel
        self._watcher = watcher
        self._may_send = may_send
        self._ready: deque[Chain] = deque()
        self._active: dict[asyncio.Task[None], str] = {}
        self._outage = 0
        self._paused_until_s = 0.0
        self._tidied_s = 0.0

    async def run(self) -> None:
        """Send. It comes back from every trouble of the store by itself."""
        await self._retrying()(self._work)

    def _retrying(self) -> AsyncRetrying:
        return AsyncRetrying(
            retry=retry_if_exception_type(StoreError),
            wait=wait_random_exponential(*STORE_RETRY_S),
            before_sleep=self._note,
        )

    def _note(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        _log.warning("%s: the store: %s; trying again", self._publisher.name, error)

    async def _work(self) -> None:
        try:
            await self._queue.open()
            while True:
                await self._fill()
                self._start_chains()
                await self._rest()
        finally:
            await self._break_off()

    async def _fill(self) -> None:
        """Load when nothing is left to start and somebody is there to send to."""
        if self._ready or self._held_back_s() > 0 or len(self._active) >= self._parallel:
            return
        if time.monotonic() - self._tidied_s > TIDY_S:
            await self._queue.tidy()
            self._tidied_s = time.monotonic()
        if not await self._queue.news(POLL_S / 2):
            return
        found = plan(await self._queue.load(), frozenset(self._active.values()))
        if found.held:
            await self._queue.hold(found.held)
        self._ready.extend(found.chains)

    def _start_chains(self) -> None:
        loop = asyncio.get_running_loop()
        while self._ready and len(self._active) < self._parallel and self._held_back_s() <= 0:
            chain = self._ready.popleft()
            task = loop.create_task(self._send(chain), name=f"send by {self._publisher.name}")
            self._active[task] = chain[0].session

    async def _rest(self) -> None:
        """Wait until a chain is sent, or for the next look."""
        pause_s = max(POLL_S, self._held_back_s())
        if not self._active:
            await asyncio.sleep(pause_s)
            return
        done, _ = await asyncio.wait(
            self._active, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            del self._active[task]
            task.result()

    async def _break_off(self) -> None:
        tasks = tuple(self._active)
        self._active.clear()
        self._ready.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _held_back_s(self) -> float:
        return self._paused_until_s - time.monotonic()

    # One chain...

    async def _send(self, chain: Chain) -> None:
        fates: list[tuple[Message, Fate]] = []
        try:
            for message in chain:
                if not self._may_send() or self._held_back_s() > 0:
                    break
                verdict = await self._attempt(message)
                if isinstance(verdict, Hold):
                    break
                fates.append((message, verdict))
                if isinstance(verdict, Again):
                    break  # what comes later of this call waits behind it
        finally:
            if fates:
                await self._note_fates(fates)

    async def _note_fates(self, fates: list[tuple[Message, Fate]]) -> None:
        """Note them also when we are ended meanwhile: what was sent need not be sent again."""
        noting = asyncio.ensure_future(self._queue.record(fates))
        try:
            await asyncio.shield(noting)
        except asyncio.CancelledError:
            await asyncio.wait([noting])
            raise

    async def _attempt(self, message: Message) -> Verdict | None:
        if not self._publisher.wants(message.type):
            return None
        try:
            await self._publisher.publish(message)
        except PublishError as error:
            if isinstance(error, Unreachable):
                self._outage += 1
            verdict = judge(self._retry, message, error, self._outage, time.time())
            self._tell(message, verdict)
            return verdict
        self._outage = 0
        self._watcher.delivered(self._publisher.name, "done")
        self._watcher.well(self._publisher.name)
        return None

    def _tell(self, message: Message, verdict: Verdict) -> None:
        name = self._publisher.name
        if isinstance(verdict, Hold):
            self._pause(verdict)
        elif isinstance(verdict, Dead):
            _log.error("%s: %s is a dead letter: %s", name, message.id, verdict.why)
            self._watcher.delivered(name, "dead")
        else:
            _log.warning(
                "%s: %s was not taken: %s; again in %.0f s",
                *(name, message.id, verdict.why, verdict.after_s),
            )
            self._watcher.delivered(name, "again")

    def _pause(self, verdict: Hold) -> None:
        """Leave the other side alone. Chains that failed side by side are one outage."""
        self._watcher.ill(self._publisher.name, verdict.why)
        if self._held_back_s() > 0:
            self._outage -= 1
            return
        _log.warning(
            "%s: %s; nothing is sent for %.1f s", self._publisher.name, verdict.why, verdict.after_s
        )
        self._ready.clear()
        self._paused_until_s = time.monotonic() + verdict.after_s
