"""What attacks cost: one call under each of them, and another call beside it.

    python -m tests.rig.tools python -m tests.benchmarks.hostile [--seconds 6] [--per-s 50000]

Two callers talk at once; the attack is on the media port of one of them or on a listener. The table
has the turn of each (from the last word to the fact, none: no fact came), and the CPU time that
the voice process took a second. The forged flood needs root (raw sockets).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asterisk_agi.testcall.report import Report
from tests.integration import calls
from tests.integration.calls import DANA, MARCUS, said
from tests.integration.hostile import QUESTION, beats, fastagi, legs
from tests.rig import attacks
from tests.rig.lab import Lab

SEED = 20261121
TICKS_S = 1 / os.sysconf("SC_CLK_TCK")
BEGIN_S = 3.0
"""The attack begins so long after the calls."""


@dataclass(frozen=True)
class Row:
    """One attack and what came of it."""

    attack: str
    victim: Report
    other: Report
    cpu_share: float
    said: Any


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process has taken, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICKS_S


async def under(lab: Lab, name: str, attack: Callable[[], Any]) -> Row:
    """Make both calls and the attack."""
    pid = lab.pids("voice")[0]

    async def attacked() -> tuple[Any, float]:
        await asyncio.sleep(BEGIN_S)
        begin_s, before_s = asyncio.get_running_loop().time(), cpu_s(pid)
        told = await asyncio.to_thread(attack)
        return told, (cpu_s(pid) - before_s) / (asyncio.get_running_loop().time() - begin_s)

    async def other() -> Report:
        await asyncio.sleep(0.5)
        return await calls.call(lab.status(), [said(QUESTION)], MARCUS)

    victim, beside, (told, share) = await asyncio.gather(
        calls.call(lab.status(), [said(QUESTION)], DANA), other(), attacked()
    )
    return Row(name, victim, beside, share, told)


def attack_list(lab: Lab, seconds: float, per_s: int) -> dict[str, Callable[[], Any]]:
    """Return every attack by its name; a call's leg is looked up when it begins."""

    def flood(forge: bool) -> Callable[[], int]:
        def run() -> int:
            ours, asterisks = legs(lab)[0]
            return attacks.flood(ours, asterisks if forge else None, per_s, seconds)

        return run

    found: dict[str, Callable[[], Any]] = {
        "none": lambda: asyncio.run(asyncio.sleep(seconds)),
        "RTP flood, foreign address": flood(forge=False),
        "beats flood": lambda: attacks.flood(beats(lab), None, per_s, seconds),
        "5,000 connections": lambda: attacks.connects(fastagi(lab), 5000),
        "random sessions": lambda: attacks.random_sessions(fastagi(lab), seconds, SEED),
        "200 slow preludes": lambda: attacks.slow_preludes(fastagi(lab), 200, seconds),
        "random datagrams to the leg": lambda: attacks.random_datagrams(
            legs(lab)[0][0], seconds, SEED
        ),
    }
    if os.geteuid() == 0:
        found["RTP flood, forged as Asterisk's"] = flood(forge=True)
    return found


def line(row: Row) -> str:
    """Return one line of the table."""
    turns = [
        f"{report.measured.turns[0].latency_ms or 0:6.0f} ms {report.measured.turns[0].answer_kind}"
        for report in (row.victim, row.other)
    ]
    return f"{row.attack:34}{turns[0]:>18}{turns[1]:>18}{row.cpu_share:>8.0%}   {row.said}"


async def main(seconds: float, per_s: int) -> None:
    """Run every attack in a lab of its own, and print the table."""
    with tempfile.TemporaryDirectory(prefix="orderline-lab-") as folder:
        lab = Lab(Path(folder), end_with_parent=True)
        lab.start()
        try:
            print(f"{'attack':34}{'one turn':>18}{'other turn':>18}{'CPU':>8}   attack said")
            for name, attack in attack_list(lab, seconds, per_s).items():
                print(line(await under(lab, name, attack)), flush=True)
            lost = lab.log("bridge").count("no sign of life")
            print(f"healthy calls that the bridge ended: {lost}")
        finally:
            lab.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--per-s", type=int, default=50_000)
    given = parser.parse_args()
    asyncio.run(main(given.seconds, given.per_s))
