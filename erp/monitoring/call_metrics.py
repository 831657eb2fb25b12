"""Metrics of calls, counted from the event stream: a listener of the process's sink.

No label holds a number, a name or a session.
Source: Prometheus documentation, "Metric and label naming", "Histograms and summaries".
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from erp.events.model import (
    CallEvent,
    CallIds,
    Committed,
    Ended,
    Escalated,
    Health,
    Query,
    Transferred,
    Turn,
)
from erp.monitoring.names import Names

TURN_BUCKETS_S = (0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""0.4, 0.7 and 2.0 s are the aims and the budget of a turn."""
HOP_BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
CALL_BUCKETS_S = (10, 30, 60, 120, 300, 600, 1800, 3600)
WAIT_BUCKETS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600)


class CallMetrics:
    """Counts what the events of calls tell."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._names = {label: Names() for label in ("system", "operation", "result", "part")}
        self._names["hop"] = Names(20)
        self._ends = _Ends(registry)
        self._talk = _Talk(registry)
        self._told = Counter(
            "orderline_events", "Events that this process told.", ["type"], registry=registry
        )
        self._failures = Counter(
            "orderline_part_failures", "How often a part began to fail.", ["part"],
            registry=registry,
        )  # fmt: skip

    def tell(self, ids: CallIds, event: CallEvent) -> None:
        """Count an event."""
        self._told.labels(event.type).inc()
        if isinstance(event, Turn):
            self._talk.turn(event, self._names)
        elif isinstance(event, Query):
            self._talk.query(event, self._names)
        elif isinstance(event, Committed):
            self._talk.commits.labels(self._names["operation"](event.operation)).inc()
        elif isinstance(event, Health):
            self._health(event)
        else:
            self._ends.take(event)

    def _health(self, event: Health) -> None:
        part = self._names["part"](event.part)
        if not event.well:
            self._failures.labels(part).inc()


class _Talk:
    """What happens while a caller talks."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.turns = Histogram(
            "orderline_turn_seconds",
            "From the end of the caller's speech to the first packet of the answer.",
            buckets=TURN_BUCKETS_S,
            registry=registry,
        )
        self.hops = Histogram(
            "orderline_turn_hop_seconds", "The same, each hop by itself.", ["hop"],
            buckets=HOP_BUCKETS_S, registry=registry,
        )  # fmt: skip
        labels = ["system", "operation"]
        self.queries = Counter(
            "orderline_queries", "Questions to business systems.", [*labels, "result"],
            registry=registry,
        )  # fmt: skip
        self.query_s = Histogram(
            "orderline_query_seconds", "Time of the answers.", labels,
            buckets=HOP_BUCKETS_S, registry=registry,
        )  # fmt: skip
        self.commits = Counter(
            "orderline_commits", "Writes that were done.", ["operation"], registry=registry
        )

    def turn(self, event: Turn, names: dict[str, Names]) -> None:
        """Count a turn; one that was not answered by speech has no hops."""
        if not event.hops:
            return
        hops = {name.removesuffix("_ms"): value / 1000 for name, value in event.hops.items()}
        whole_s = hops.pop("total", None)
        self.turns.observe(sum(hops.values()) if whole_s is None else whole_s)
        for name, seconds in hops.items():
            self.hops.labels(names["hop"](name)).observe(seconds)

    def query(self, event: Query, names: dict[str, Names]) -> None:
        """Count a question."""
        system, operation = names["system"](event.system), names["operation"](event.operation)
        self.queries.labels(system, operation, names["result"](event.result)).inc()
        self.query_s.labels(system, operation).observe(event.took_ms / 1000)


class _Ends:
    """How calls leave us. Reasons, results and dispositions are closed lists of ours."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter(
            "orderline_calls", "Calls that have ended.", ["result", "reason", "disposition"],
            registry=registry,
        )  # fmt: skip
        self._lasted = Histogram(
            "orderline_call_seconds", "Length of calls.", buckets=CALL_BUCKETS_S, registry=registry
        )
        self._escalations = Counter(
            "orderline_escalations", "Calls that went to a human.", ["reason", "by"],
            registry=registry,
        )  # fmt: skip
        self._rescues = Counter(
            "orderline_rescues", "Calls that the bridge took from a silent voice process.",
            registry=registry,
        )  # fmt: skip
        self._transfers = Counter(
            "orderline_transfers", "Calls that a human took.", ["way"], registry=registry
        )
        self._waited = Histogram(
            "orderline_transfer_wait_seconds", "From the escalation to the human's answer.",
            buckets=WAIT_BUCKETS_S, registry=registry,
        )  # fmt: skip

    def take(self, event: CallEvent) -> None:
        """Count an event, if it is of this kind."""
        if isinstance(event, Ended):
            self._calls.labels(event.result, event.reason, event.disposition).inc()
            self._lasted.observe(event.lasted_s)
        elif isinstance(event, Escalated):
            self._escalations.labels(event.reason, event.by).inc()
            if event.by == "bridge":
                self._rescues.inc()
        elif isinstance(event, Transferred):
            self._transfers.labels(event.way).inc()
            self._waited.observe(event.waited_s)
