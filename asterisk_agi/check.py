"""`orderline check`: tries every dependency of a configuration, one row each.

A check is a coroutine that returns what was found, or raises; its message is the mend. The
checks themselves know their parts by their ports only; `app.py` and `cli.py` join them.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass


class NotWell(Exception):
    """A dependency is not as it must be; the message is the mend."""


@dataclass(frozen=True)
class Check:
    """One thing to try."""

    what: str
    where: str
    attempt: Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class Row:
    """What came of it."""

    what: str
    where: str
    well: bool
    finding: str
    took_ms: float


async def run(checks: Iterable[Check]) -> list[Row]:
    """Try them in order; a failed one stops none of the others."""
    return [await _tried(check) for check in checks]


async def _tried(check: Check) -> Row:
    begin_s = time.perf_counter()
    try:
        finding, well = await check.attempt(), True
    except (NotWell, OSError, ValueError, RuntimeError, LookupError) as error:
        finding, well = str(error) or type(error).__name__, False
    return Row(check.what, check.where, well, finding, (time.perf_counter() - begin_s) * 1000)


def table(rows: list[Row]) -> str:
    """Return the rows as text, aligned, with a line at the end that sums them up."""
    cells = [("what", "where", "", "ms", "found, or the mend")]
    for row in rows:
        word = "ok" if row.well else "MEND"
        cells.append((row.what, row.where, word, f"{row.took_ms:.0f}", row.finding))
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    lines = [
        "  ".join([*map(str.ljust, line[:4], widths), line[4]])
        for line in cells
    ]
    ill = sum(not row.well for row in rows)
    lines.append(f"check: {len(rows) - ill} of {len(rows)} ok")
    return "\n".join(lines)
