"""The only door to the business systems: gives each call its port, and keeps the systems going.

    call ---> CallPort ---> flights ---> answers ---> lane ---> connector
              (cache)       (single      (routes,     (retries, fair queue,
                            flight)      fallback)    breaker, hedge)

It is an `erp.port.ErpDoor`. A generation holds everything from the port on; the gateway makes a
new one when the profiles in use change, and closes the old one when its last call ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from erp.connector import Connector
from erp.deadline import Deadline
from erp.gateway.generation import STOP_S, Generation
from erp.gateway.lane import Observe
from erp.gateway.outage import Health, untold
from erp.gateway.port import CallPort
from erp.gateway.tasks import Tasks
from erp.port import ErpPort
from erp.settings import GatewaySettings
from erp.trace import Trace

_log = logging.getLogger(__name__)

WATCH_S = 1.0
"""How often the profiles in use are compared, in seconds."""

OPEN_S = 10.0
"""Longest that opening a new generation may take before calls get it, in seconds."""


def _unchanged() -> object:
    return None


def unobserved(trace: Trace, total_ms: float, outcome: str) -> None:
    """Forget it."""


class Gateway:
    """`erp.port.ErpDoor` over all configured systems. Belongs to one event loop.

    make: builds the connectors of all systems from the profiles in use, by name; raises ValueError.
    fingerprint: says, by another value, that the profiles in use changed; may raise OSError. Both
    run in a thread, so they must not need the event loop. observe: see `erp.gateway.lane.Observe`;
    it must be quick and not raise. health: is told when a system goes down or up.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        make: Callable[[], Mapping[str, Connector]],
        fingerprint: Callable[[], object] = _unchanged,
        observe: Observe = unobserved,
        health: Health = untold,
    ) -> None:
        self._settings = settings
        self._make = make
        self._fingerprint = fingerprint
        self._observe = observe
        self._health = health
        self._tasks = Tasks()
        self._closing = Tasks()
        self._generations: set[Generation] = set()
        self._current: Generation | None = None
        self._mark: object = None

    async def open(self, deadline: Deadline) -> None:
        """Make the connectors and open all systems side by side, by the deadline.

        A system that can't be opened is logged and tried again later. Raises ValueError when the
        settings or a profile can't work.
        """
        self._mark = await asyncio.to_thread(self._fingerprint)
        self._current = await self._made()
        await self._current.open(deadline)
        self._tasks.start(self._watch(), "gateway: watch")

    async def close(self) -> None:
        """End all that is under way and close all systems. May be called twice."""
        await self._tasks.end(STOP_S)
        # A closing that is cancelled half way leaves connections open.
        await self._closing.ended(STOP_S)
        self._current = None
        await asyncio.gather(*(self._close(generation) for generation in self._generations))

    def for_call(self, session: str) -> AbstractAsyncContextManager[ErpPort]:
        """Give the port of one call, for as long as the block lasts. Only while open."""
        return self._for_call(session)

    @asynccontextmanager
    async def _for_call(self, session: str) -> AsyncIterator[ErpPort]:
        generation = self._current
        if generation is None:
            raise RuntimeError("the gateway is not open")
        generation.calls += 1
        try:
            yield CallPort(generation, session, asyncio.get_running_loop().time)
        finally:
            generation.calls -= 1
            self._retire(generation)

    # Generations...

    async def _watch(self) -> None:
        """Compare the profiles in use with those of the current generation, again and again."""
        told = ""
        while True:
            await asyncio.sleep(WATCH_S)
            try:
                await self._look()
            except (ValueError, OSError) as error:
                if told != str(error):
                    told = str(error)
                    _log.error("the systems stay as they are: %s", told)
            else:
                told = ""

    async def _look(self) -> None:
        mark = await asyncio.to_thread(self._fingerprint)
        if mark == self._mark:
            return
        # Before it may fail: what can't be made is not made again each second.
        self._mark = mark
        fresh = await self._made()
        if self._current is not None:
            fresh.take_over(self._current)
        await fresh.open(Deadline.after(asyncio.get_running_loop().time(), OPEN_S))
        old, self._current = self._current, fresh
        _log.info("new calls get %s", fresh.about)
        if old is not None:
            self._retire(old)

    async def _made(self) -> Generation:
        connectors = await asyncio.to_thread(self._make)
        clock = asyncio.get_running_loop().time
        generation = Generation(self._settings, connectors, self._observe, clock, self._health)
        self._generations.add(generation)
        return generation

    def _retire(self, generation: Generation) -> None:
        """Close a generation that no call holds and none will get, unless it is closed."""
        held = generation is self._current or generation.calls
        if generation in self._generations and not held:
            self._closing.start(self._close(generation), "gateway: close generation")

    async def _close(self, generation: Generation) -> None:
        await generation.close()
        self._generations.discard(generation)
