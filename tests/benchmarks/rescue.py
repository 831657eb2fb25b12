"""From a fault of the voice process in mid-call to the human at the caller's ear.

    .venv/bin/python -m tests.rig.tools .venv/bin/python -m tests.benchmarks.rescue \
        [--asterisk 22] [--runs 5] [--at-once 1] [--fault "kill -9" ...]

Each run places calls at once, makes the fault while the greeting is spoken, and looks in each
caller's own recording for the human's first tone. The human of the lab answers at once, so a time
is that of detection, rescue, dialplan, queue and media together. Of several callers each is rung a
human of their own (tests/rig/conf/queues.conf).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from asterisk_agi.testcall.errors import PhoneError
from asterisk_agi.testcall.phone import Phone
from tests.integration.calls import account
from tests.integration.rescue import (
    FAULTS,
    GREETING_S,
    PATIENCE_S,
    first_tone_s,
    heard_tone,
    replaced,
)
from tests.rig import asterisk
from tests.rig.debs import say as progress
from tests.rig.lab import Lab

STAGGER_S = 0.2
"""Calls at once begin so much apart."""
AIM_S = 2.0
"""For 95 of 100 calls."""


class Caller:
    """One call of a run."""

    def __init__(self, lab: Lab) -> None:
        self._phone = Phone(account(lab.status()))

    async def begin(self, after_s: float) -> None:
        """Call, and return when the agent speaks. Raises PhoneError."""
        await asyncio.sleep(after_s)
        await self._phone.place(asterisk.AGENT)
        await self._phone.began(PATIENCE_S)

    def with_human(self) -> bool:
        """Tell whether a human has answered already."""
        return first_tone_s(self._phone.record().agent.pcm, 0.0) is not None

    async def rescued_s(self) -> float | None:
        """Return the time from now to the human's tone; None when it never comes."""
        now_s = self._phone.now_s()
        tone_s = await heard_tone(self._phone, now_s, PATIENCE_S)
        return None if tone_s is None else tone_s - now_s

    async def end(self) -> None:
        """Hang up."""
        await self._phone.close()


async def run(lab: Lab, number: int, at_once: int) -> list[float | None]:
    """Make one fault during so many calls; return what each caller waited. Raises PhoneError."""
    callers = [Caller(lab) for _ in range(at_once)]
    pid = lab.pids("voice")[0]
    try:
        await asyncio.gather(*(caller.begin(n * STAGGER_S) for n, caller in enumerate(callers)))
        await asyncio.sleep(GREETING_S)
        if any(caller.with_human() for caller in callers):
            raise PhoneError("a caller was with the human before the fault: too much load")
        os.kill(pid, number)
        return await asyncio.gather(*(caller.rescued_s() for caller in callers))
    finally:
        await asyncio.gather(*(caller.end() for caller in callers), return_exceptions=True)
        await replaced(lab, pid)


def percentile_95(times: Sequence[float]) -> float:
    """Return the value that 95 of 100 do not exceed. times: sorted, at least one."""
    return times[-(-95 * len(times) // 100) - 1]


def row(name: str, waited: Sequence[float | None]) -> str:
    """Return one line of the table."""
    times = sorted(time for time in waited if time is not None)
    lost = len(waited) - len(times)
    if not times:
        return f"{name:14}{len(waited):7}{lost:6}"
    figures = (statistics.median(times), percentile_95(times), times[-1])
    return f"{name:14}{len(waited):7}{lost:6}" + "".join(f"{1000 * s:9.0f}" for s in figures)


def well(waited: Sequence[float | None]) -> bool:
    """Tell whether nobody was lost, and 95 of 100 were in time."""
    times = sorted(time for time in waited if time is not None)
    return bool(times) and len(times) == len(waited) and percentile_95(times) <= AIM_S


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 1 when a caller was lost or the aim was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.rescue")
    parser.add_argument("--asterisk", default="auto", choices=["auto", "22", "16"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--fault", action="append", choices=list(FAULTS))
    options = parser.parse_args(arguments)
    faults = options.fault or list(FAULTS)
    with tempfile.TemporaryDirectory(prefix="orderline-lab-") as folder:
        lab = Lab(Path(folder), options.asterisk, (), end_with_parent=True, faulty=True)
        lab.start()
        try:
            return measure(lab, faults, options.runs, options.at_once)
        finally:
            lab.stop()


def measure(lab: Lab, faults: Sequence[str], runs: int, at_once: int) -> int:
    """Print the table; return the exit code."""
    version = lab.status()["asterisk"]["version"]
    print(f"Asterisk {version}, {at_once} at once: fault to the human's tone, milliseconds")
    print(f"{'fault':14}{'calls':>7}{'lost':>6}{'median':>9}{'p95':>9}{'max':>9}", flush=True)
    all_well = True
    for name in faults:
        waited: list[float | None] = []
        for _ in range(runs):
            try:
                waited += asyncio.run(run(lab, FAULTS[name], at_once))
            except PhoneError as error:
                progress(f"a run was left out: {error}")
        print(row(name, waited), flush=True)
        all_well = all_well and well(waited)
    return 0 if all_well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
