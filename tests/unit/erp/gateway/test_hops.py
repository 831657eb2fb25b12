from __future__ import annotations

import pytest

from erp.gateway import hop_map
from erp.gateway.hops import percentile
from erp.trace import Hop, Trace


def trace(operation: str, system: str, **ms: float) -> Trace:
    made = Trace(system, operation)
    for hop, value in ms.items():
        made.add(Hop(hop), value / 1000)
    return made


def test_rows_by_operation_system_and_hop_in_their_order() -> None:
    traces = [trace("ping", "b", server=float(n), queue=0.0) for n in range(1, 101)]
    traces += [trace("find_item", "a", map=2.0, connect=1.0)]
    rows = hop_map(traces)
    assert [(row.operation, row.system, row.hop) for row in rows] == [
        ("find_item", "a", Hop.CONNECT),
        ("find_item", "a", Hop.MAP),
        ("ping", "b", Hop.QUEUE),
        ("ping", "b", Hop.SERVER),
    ]
    assert (rows[3].n, rows[3].p50_ms, rows[3].p95_ms) == (100, 50.0, 95.0)


def test_a_hop_that_happens_twice_counts_once_with_its_sum() -> None:
    twice = Trace("a", "ping")
    twice.add(Hop.SERVER, 0.004)
    twice.add(Hop.SERVER, 0.006)
    (row,) = hop_map([twice])
    assert row.n == 1
    assert row.p50_ms == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("part", "wanted"), [(0.0, 1.0), (0.25, 1.0), (0.5, 2.0), (0.51, 3.0), (0.95, 4.0), (1.0, 4.0)]
)
def test_percentile_is_one_of_the_values(part: float, wanted: float) -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], part) == wanted


def test_nothing_gives_nothing() -> None:
    assert hop_map([]) == []
