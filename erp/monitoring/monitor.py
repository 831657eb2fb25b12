"""The monitoring of one process: its registry, its health, its listener."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.gc_collector import GCCollector

from erp.events.model import CallEvent, CallIds
from erp.monitoring.call_metrics import CallMetrics
from erp.monitoring.health import HealthBoard
from erp.monitoring.listener import MonitoringListener
from erp.monitoring.loop_lag import LoopLag
from erp.monitoring.probes import Door, Look, Probes


class Monitor:
    """Everything that is to be seen of a process; a listener of its sink."""

    def __init__(self, process: str, essential: Collection[str]) -> None:
        """Prepare it. process: `voice` or `bridge`; essential: see `HealthBoard`."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._process = process
        self.registry = CollectorRegistry()
        self.board = HealthBoard(essential)
        self.registry.register(self.board)
        self._calls = CallMetrics(self.registry)
        self._lag = LoopLag(self.registry)
        self.listener = MonitoringListener(self.registry, self._report)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def tell(self, ids: CallIds, event: CallEvent) -> None:
        """Take an event of the process's sink."""
        self._calls.tell(ids, event)
        self.board.tell(ids, event)

    def gauge(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Add a metric that is asked for at each scrape."""
        Gauge(name, about, registry=self.registry).set_function(value)

    @contextlib.asynccontextmanager
    async def shown(
        self, host: str, port: int, doors: Mapping[str, Door], looks: Iterable[Look] = ()
    ) -> AsyncIterator[None]:
        """Show it for the length of a block.

        port: 0 for nowhere. doors: parts to knock at. looks: what sets metrics by the store.
        """
        if not port:
            yield
            return
        probes = Probes(self.board, doors, looks)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self.listener.close)
            stack.push_async_callback(probes.close)
            stack.push_async_callback(self._lag.close)
            await self.listener.start(host, port)
            probes.start()
            self._lag.start()
            yield

    def _report(self) -> tuple[bool, dict[str, Any]]:
        report = {"process": self._process, **self.board.report()}
        return bool(report["serving"]), report
