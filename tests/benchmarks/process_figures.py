"""What processes of the lab use: processor time, memory, open files, threads. Source: proc(5)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class CpuClock:
    """Processor time of some processes, from now on."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._begin_s = self._total_s()

    def used_s(self) -> float:
        """Return the seconds of processor time since it was made."""
        return self._total_s() - self._begin_s

    def _total_s(self) -> float:
        return sum(map(_cpu_ticks, self._pids)) / TICKS_PER_S


def _cpu_ticks(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0
    fields = stat.read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@dataclass(frozen=True)
class Holdings:
    """What processes hold at one moment."""

    memory_mb: float
    """Resident, without what they share with files."""
    files: int
    threads: int


def holdings(pids: Iterable[int]) -> Holdings:
    """Return what these processes hold together; those that have ended count nothing."""
    alive = [Path(f"/proc/{pid}") for pid in pids]
    alive = [path for path in alive if path.exists()]
    return Holdings(
        sum(map(_own_bytes, alive)) / 1e6,
        sum(len(list((path / "fd").iterdir())) for path in alive),
        sum(len(list((path / "task").iterdir())) for path in alive),
    )


def _own_bytes(process: Path) -> int:
    _, resident, shared = map(int, (process / "statm").read_text().split()[:3])
    return (resident - shared) * PAGE_BYTES
