"""From the death of the voice process in mid-call to the human at the caller's ear.

    .venv/bin/python -m tests.rig.tools .venv/bin/python -m tests.benchmarks.rescue \
        [--asterisk 22] [--runs 5] [--at-once 1]

Each run places calls at once, makes the fault while the greeting is spoken, and looks in each
caller's own recording for the human's first tone. The human of the lab answers at once, so a time
is that of detection, rescue, dialplan, queue and media together. The lab's queue has one member
and tries again each second, so of several calls at once some wait whole seconds longer there.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from asterisk_agi.testcall.errors import PhoneError
from asterisk_agi.testcall.phone import Phone
from tests.integration.calls import account
from tests.integration.rescue import GREETING_S, PATIENCE_S, heard_tone
from tests.rig import asterisk
from tests.rig.debs import say as progress
from tests.rig.lab import Lab

FAULTS = {"kill -9": signal.SIGKILL, "kill -STOP": signal.SIGSTOP}
STAGGER_S = 0.2
"""Calls at once begin so much apart."""
AIM_S = 2.0
"""For 95 of 100 calls."""


class Caller:
    """One call of a run."""

    def __init__(self, lab: Lab) -> None:
        self._phone = Phone(account(lab.status()))

    async def begin(self, after_s: float) -> None:
        """Call, and return when the agent speaks."""
        await asyncio.sleep(after_s)
        await self._phone.place(asterisk.AGENT)
        await self._phone.began(PATIENCE_S)

    async def rescued_s(self) -> float | None:
        """Return the time from now to the human's tone; None when it never comes."""
        now_s = self._phone.now_s()
        try:
            tone_s = await heard_tone(self._phone, now_s, PATIENCE_S)
            return None if tone_s is None else tone_s - now_s
        finally:
            await self._phone.close()


async def run(lab: Lab, number: int, at_once: int) -> list[float | None]:
    """Make one fault during so many calls; return what each caller waited."""
    callers = [Caller(lab) for _ in range(at_once)]
    await asyncio.gather(*(caller.begin(n * STAGGER_S) for n, caller in enumerate(callers)))
    await asyncio.sleep(GREETING_S)
    pid = lab.pids("voice")[0]
    os.kill(pid, number)
    try:
        return await asyncio.gather(*(caller.rescued_s() for caller in callers))
    finally:
        if number == signal.SIGSTOP:
            os.kill(pid, signal.SIGKILL)
        while pid in lab.pids("voice") or not lab.pids("voice"):
            await asyncio.sleep(0.1)
        lab.wait()


def row(name: str, waited: Sequence[float | None]) -> str:
    """Return one line of the table."""
    times = sorted(time for time in waited if time is not None)
    lost = len(waited) - len(times)
    if not times:
        return f"{name:12}{len(waited):7}{lost:6}"
    p95 = times[min(len(times) - 1, round(0.95 * len(times)))]
    figures = (statistics.median(times), p95, times[-1])
    return f"{name:12}{len(waited):7}{lost:6}" + "".join(f"{1000 * s:9.0f}" for s in figures)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 1 when a caller was lost or the aim was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.rescue")
    parser.add_argument("--asterisk", default="auto", choices=["auto", "22", "16"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="orderline-lab-") as folder:
        lab = Lab(Path(folder), options.asterisk, (), end_with_parent=True)
        lab.start()
        try:
            return measure(lab, options.runs, options.at_once)
        finally:
            lab.stop()


def measure(lab: Lab, runs: int, at_once: int) -> int:
    """Print the table; return the exit code."""
    version = lab.status()["asterisk"]["version"]
    print(f"Asterisk {version}, {at_once} at once: fault to the human's tone, milliseconds")
    print(f"{'fault':12}{'calls':>7}{'lost':>6}{'median':>9}{'p95':>9}{'max':>9}", flush=True)
    well = True
    for name, number in FAULTS.items():
        waited: list[float | None] = []
        for _ in range(runs):
            try:
                waited += asyncio.run(run(lab, number, at_once))
            except PhoneError as error:
                progress(f"a run was left out: {error}")
        print(row(name, waited), flush=True)
        well = well and bool(waited) and all(s is not None and s <= AIM_S for s in waited)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
