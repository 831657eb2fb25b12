"""What the events of calls become in Prometheus."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

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
from erp.monitoring.call_metrics import CallMetrics
from erp.monitoring.names import NAMES_MAX, OTHER, Names

IDS = CallIds("s-1", uniqueid="1.1", profile="default")


class Seen:
    def __init__(self, *events: CallEvent) -> None:
        self.registry = CollectorRegistry()
        metrics = CallMetrics(self.registry)
        for event in events:
            metrics.tell(IDS, event)

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


def test_ends_are_counted_by_result_reason_and_disposition() -> None:
    seen = Seen(Ended("completed", "goodbye", "AIDONE", 42.0))
    labels = {"result": "completed", "reason": "goodbye", "disposition": "AIDONE"}
    assert seen("orderline_calls_total", **labels) == 1
    assert seen("orderline_call_seconds_sum") == 42
    assert seen("orderline_events_total", type="ended") == 1


def test_a_turn_is_the_sum_of_its_hops() -> None:
    seen = Seen(Turn(1, "stock", hops={"endpoint_ms": 300.0, "erp_ms": 100.0}))
    assert seen("orderline_turn_seconds_sum") == pytest.approx(0.4)
    assert seen("orderline_turn_hop_seconds_sum", hop="erp") == pytest.approx(0.1)


def test_a_turn_without_an_answer_is_no_time() -> None:
    assert Seen(Turn(1, "stock"))("orderline_turn_seconds_count") == 0


def test_queries_are_counted_and_timed() -> None:
    seen = Seen(Query(1, "tryton", "availability", "backend-down", 250.0))
    labels = {"system": "tryton", "operation": "availability"}
    assert seen("orderline_queries_total", **labels, result="backend-down") == 1
    assert seen("orderline_query_seconds_sum", **labels) == pytest.approx(0.25)


def test_a_rescue_is_an_escalation_by_the_bridge() -> None:
    seen = Seen(Escalated("key-zero"), Escalated("voice-lost", by="bridge"))
    assert seen("orderline_rescues_total") == 1
    assert seen("orderline_escalations_total", reason="key-zero", by="voice") == 1


def test_humans_and_writes() -> None:
    seen = Seen(Transferred("PJSIP/anna", 3.0), Committed("p", "create_task", "tryton", "7"))
    assert seen("orderline_transfers_total", way="label") == 1
    assert seen("orderline_transfer_wait_seconds_sum") == 3
    assert seen("orderline_commits_total", operation="create_task") == 1


def test_failures_of_parts_are_counted_once_each() -> None:
    seen = Seen(Health("ami", False, "gone"), Health("ami", True))
    assert seen("orderline_part_failures_total", part="ami") == 1


def test_the_values_of_a_label_are_few() -> None:
    names = Names()
    passed = {names(f"system {number}") for number in range(NAMES_MAX + 20)}
    assert len(passed) == NAMES_MAX + 1
    assert OTHER in passed
    assert names("system 1") == "system 1"


def test_a_flood_of_names_makes_no_flood_of_series() -> None:
    seen = Seen(*(Query(1, f"s{n}", f"o{n}", f"r{n}", 1.0) for n in range(500)))
    families = [one for one in seen.registry.collect() if one.name == "orderline_queries"]
    assert len(families[0].samples) <= 4 * NAMES_MAX
