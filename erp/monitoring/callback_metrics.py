"""Metrics of call-backs: how many stand where, and how late the oldest that is due is."""

from __future__ import annotations

from datetime import datetime, timezone

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import func, select

from erp.callbacks.book import IN_FLIGHT, State
from erp.store.store import Store
from erp.store.tables import callbacks

OPEN = (State.AGREED, *IN_FLIGHT)
"""States that a call-back leaves again."""


class CallbackMetrics:
    """Looks into the store when it is told to."""

    def __init__(self, registry: CollectorRegistry, store: Store) -> None:
        self._store = store
        self._count = Gauge(
            "orderline_callbacks", "Call-backs by where they stand.", ["state"], registry=registry
        )
        self._overdue = Gauge(
            "orderline_callback_overdue_seconds",
            "How long ago the oldest open call-back was due; permitted hours may explain some.",
            registry=registry,
        )
        for state in State:
            self._count.labels(state.value)

    async def look(self) -> None:
        """Count them. Raises StoreError."""
        counted = select(callbacks.c.state, func.count()).group_by(callbacks.c.state)
        open_ones = callbacks.c.state.in_([state.value for state in OPEN])
        oldest = select(func.min(callbacks.c.at)).where(open_ones)
        async with self._store.read() as connection:
            found = {row[0]: row[1] for row in await connection.execute(counted)}
            first = await connection.scalar(oldest)
        for state in State:
            self._count.labels(state.value).set(found.get(state.value, 0))
        late_s = (datetime.now(timezone.utc) - first).total_seconds() if first else 0.0
        self._overdue.set(max(0.0, late_s))
