"""The hop map: where the time of the questions went, by operation and system.

Pure: it reckons with the traces that it is given. Medians and percentiles are of the questions in
which a hop happened; a hop that happens twice in one question counts with its sum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from erp.trace import Hop, Trace


@dataclass(frozen=True)
class HopRow:
    """How long one hop of one operation takes at one system. Times are milliseconds."""

    operation: str
    system: str
    hop: Hop
    n: int
    """Questions in which it happened."""
    p50_ms: float
    p95_ms: float


def hop_map(traces: Iterable[Trace]) -> list[HopRow]:
    """Return the rows by operation, system and hop, the hops in the order in which they come."""
    times_ms: dict[tuple[str, str, Hop], list[float]] = defaultdict(list)
    for trace in traces:
        for hop, ms in _sums(trace).items():
            times_ms[trace.operation, trace.system, hop].append(ms)
    order = {hop: place for place, hop in enumerate(Hop)}
    keys = sorted(times_ms, key=lambda key: (key[0], key[1], order[key[2]]))
    return [_row(key, sorted(times_ms[key])) for key in keys]


def percentile(ordered: Sequence[float], part: float) -> float:
    """Return the smallest value that at least this part (0 to 1) of the values do not exceed.

    ordered: smallest first, not empty.
    """
    return ordered[max(0, -int(-part * len(ordered) // 1) - 1)]


def _sums(trace: Trace) -> dict[Hop, float]:
    sums_ms: dict[Hop, float] = defaultdict(float)
    for span in trace.spans:
        sums_ms[span.hop] += span.ms
    return sums_ms


def _row(key: tuple[str, str, Hop], ordered_ms: list[float]) -> HopRow:
    operation, system, hop = key
    p50_ms, p95_ms = percentile(ordered_ms, 0.5), percentile(ordered_ms, 0.95)
    return HopRow(operation, system, hop, len(ordered_ms), p50_ms, p95_ms)
