"""Measures how late the event loop is: the time that something else kept it busy."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry, Histogram

EVERY_S = 0.1
BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class LoopLag:
    """Looks again and again. `start` it, `close` it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lag = Histogram(
            "orderline_loop_lag_seconds", "How late the event loop is.",
            buckets=BUCKETS_S, registry=registry,
        )  # fmt: skip
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="loop lag")

    async def close(self) -> None:
        """End. May be called twice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due_s = clock() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self._lag.observe(max(0.0, clock() - due_s))
