"""The systems as they were configured at one time: what a call keeps until it ends.

Profiles are switched without touching calls in progress: a new generation is made beside the old
one, with connections, breakers, queues and a cache of its own. The old one is closed when the last
call that holds it has ended.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from typing import Any

from erp.connector import Connector
from erp.deadline import Deadline
from erp.errors import BackendDown, BackendSlow, ErpError
from erp.gateway.answers import Answers
from erp.gateway.cache import AnswerCache
from erp.gateway.lane import KEEPER, Lane, Observe
from erp.gateway.outage import Health, untold
from erp.gateway.routes import plans
from erp.gateway.tasks import Tasks
from erp.gateway.writing import Writing
from erp.queries import Query
from erp.settings import GatewaySettings

_log = logging.getLogger(__name__)

REOPEN_FIRST_S = 1.0
REOPEN_LONGEST_S = 30.0
"""Seconds between the attempts to open a system, doubled each time."""

REOPEN_S = 10.0
"""Longest that one such attempt may take, in seconds."""

REFRESH_S = 5.0
"""Longest that reading a kept answer again may take, in seconds."""

REFRESHES_MAX = 4
"""Most kept answers that are read again at once; callers come first."""

STOP_S = 5.0
"""Longest wait for tasks that are cancelled, in seconds."""


class Generation:
    """Connectors by their systems' names, and what keeps them going.

    Raises ValueError when the settings do not fit them: one sentence that names the key.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        connectors: Mapping[str, Connector],
        observe: Observe,
        clock: Callable[[], float],
        health: Health = untold,
    ) -> None:
        self._clock = clock
        self.tasks = Tasks()
        self.lanes = {
            name: Lane(
                name,
                connector,
                settings,
                observe=observe,
                tasks=self.tasks,
                clock=clock,
                health=health,
            )
            for name, connector in connectors.items()
        }
        self.plans = plans(settings, {name: lane.capabilities for name, lane in self.lanes.items()})
        last_good = (name for name, steps in settings.fallback.items() if "cache" in steps)
        self.cache = AnswerCache(settings.cache_s, last_good, clock)
        self.answers = Answers(self.plans, self.lanes, self.cache, clock)
        self.writing = Writing(self.plans, self.lanes, self.tasks, clock)
        self.calls = 0
        self._refreshing: set[tuple[str, ...]] = set()

    @property
    def about(self) -> str:
        """Systems and their profiles, for a log line."""
        lanes = self.lanes.values()
        return ", ".join(f"{lane.name} ({lane.capabilities.profile})" for lane in lanes)

    def take_over(self, former: Generation) -> None:
        """Tell of the systems' outages from now on, instead of the former generation."""
        for name, lane in self.lanes.items():
            if name in former.lanes:
                lane.take_over(former.lanes[name])

    async def open(self, deadline: Deadline) -> None:
        """Open all systems side by side, and keep them from now on. Failures are only logged."""
        await asyncio.gather(*(lane.open(deadline) for lane in self.lanes.values()))
        for name, lane in self.lanes.items():
            self.tasks.start(self._keep(lane), f"{name}: keeper")

    async def close(self) -> None:
        """End all that is under way and close all systems."""
        await self.tasks.end(STOP_S)
        await asyncio.gather(*(lane.close() for lane in self.lanes.values()))

    def refresh(self, query: Query[Any]) -> None:
        """Read a kept answer again, beside the calls, unless much of that is under way."""
        lane = self.lanes[self.plans[query.operation].system]
        key = query.identity()
        if key in self._refreshing or len(self._refreshing) >= REFRESHES_MAX:
            return
        if lane.breaker.closed and not lane.queue.waiting:
            self._refreshing.add(key)
            task = self.tasks.start(self._refresh(query), f"refresh: {query.operation}")
            task.add_done_callback(lambda _: self._refreshing.discard(key))

    async def _refresh(self, query: Query[Any]) -> None:
        deadline = Deadline.after(self._clock(), REFRESH_S)
        try:
            await self.answers.refresh(query, KEEPER, deadline)
        except ErpError as error:
            _log.debug("not read again: %s", error)

    async def _keep(self, lane: Lane) -> None:
        """Tend an open system, open one that is not."""
        pause_s = REOPEN_FIRST_S
        error: ErpError | None = None
        while True:
            if lane.opened:
                await asyncio.sleep(lane.capabilities.tend_every_s)
                error, before = await lane.tend(), error
                _tell(error, before)
            else:
                await asyncio.sleep(pause_s * random.uniform(0.8, 1.0))
                pause_s = min(2 * pause_s, REOPEN_LONGEST_S)
                await lane.open(Deadline.after(self._clock(), REOPEN_S))


def _tell(error: ErpError | None, before: ErpError | None) -> None:
    """Log once what needs a person; that a system is silent is for its breaker to say."""
    if error is None or isinstance(error, (BackendDown, BackendSlow)):
        return
    if before is None or before.detail != error.detail:
        _log.warning("%s; its sessions and connections are not renewed", error)
