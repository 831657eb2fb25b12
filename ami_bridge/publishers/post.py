"""The post office of a bridge: sends by all publishers while this bridge has the lease.

Of two bridges one sends; the other looks, once in a while, whether the lease has become free. A
bridge that cannot renew its lease in time stops sending before another may begin.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ami_bridge.publishers.lease import LEASE_S, Lease
from ami_bridge.publishers.policy import RetrySettings
from ami_bridge.publishers.port import Publisher
from ami_bridge.publishers.queue import Newest, Queue
from ami_bridge.publishers.worker import Watcher, Worker
from erp.store.errors import StoreError
from erp.store.store import Store

_log = logging.getLogger(__name__)

LEASE = "publishers"


@dataclass(frozen=True)
class Route:
    """A publisher, and how it is used."""

    publisher: Publisher
    retry: RetrySettings
    parallel: int


class PostOffice:
    """Sends what the outbox holds. `start` it, `close` it; the store is the caller's."""

    def __init__(
        self, store: Store, routes: Sequence[Route], watcher: Watcher, lease_s: float = LEASE_S
    ) -> None:
        self._store = store
        self._routes = tuple(routes)
        self._watcher = watcher
        self._lease = Lease(store, LEASE, lease_s)
        self._renew_s = lease_s / 4
        self._stand_back_s = lease_s * 2
        self._runner: asyncio.Task[None] | None = None
        self._workers: list[asyncio.Task[None]] = []

    @property
    def sends(self) -> bool:
        """True while this process is the one that sends."""
        return bool(self._workers) and self._lease.held

    def start(self) -> None:
        """Begin, in the background; nothing to do without publishers."""
        if self._runner is None and self._routes:
            loop = asyncio.get_running_loop()
            self._runner = loop.create_task(self._run(), name="post office")
            self._runner.add_done_callback(_report)

    async def close(self) -> None:
        """Stop sending and give the lease up. May be called twice."""
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
            self._runner = None
            await self._released()
        for route in self._routes:
            await route.publisher.close()

    async def _run(self) -> None:
        try:
            while True:
                if self._fault():
                    await self._stand_back()
                ours = await self._renewed()
                if ours and not self._workers:
                    _log.info("this bridge publishes now")
                    self._begin()
                elif not ours and not self._lease.held:
                    await self._end()
                await asyncio.sleep(self._renew_s)
        finally:
            await self._end()

    async def _renewed(self) -> bool:
        try:
            return await self._lease.renew()
        except StoreError as error:
            _log.warning("the lease to publish can't be renewed: %s", error)
            return False

    async def _released(self) -> None:
        try:
            await self._lease.release()
        except StoreError as error:
            _log.warning("the lease to publish runs out by itself: %s", error)

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        newest = Newest(self._store)
        for route in self._routes:
            name = route.publisher.name
            worker = Worker(
                route.publisher,
                Queue(self._store, name, newest),
                route.retry,
                route.parallel,
                watcher=self._watcher,
                may_send=lambda: self._lease.held,
            )
            self._workers.append(loop.create_task(worker.run(), name=f"publish by {name}"))

    async def _end(self) -> None:
        workers, self._workers = self._workers, []
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        if workers:
            _log.info("this bridge publishes no more")

    def _fault(self) -> bool:
        """Tell whether a worker has ended, which none does but by a fault of ours."""
        ended = [task for task in self._workers if task.done()]
        for task in ended:
            _log.error("%s: a fault of ours", task.get_name(), exc_info=task.exception())
        return bool(ended)

    async def _stand_back(self) -> None:
        """Let another bridge try for a while; then try again ourselves."""
        await self._end()
        await self._released()
        await asyncio.sleep(self._stand_back_s)


def _report(runner: asyncio.Task[None]) -> None:
    if not runner.cancelled() and (error := runner.exception()) is not None:
        _log.error("nothing is published any more: a fault of ours", exc_info=error)
