"""How many callers one machine carries: real SIP calls of SIPp, measured by talking callers.

    .venv/bin/python -m tests.rig.tools .venv/bin/python -m tests.benchmarks.load \
        [--levels 1 2 4 8 12 16 24 32] [--turns 20] [--soak MINUTES --callers 8]

The ramp: at each level a crowd of SIPp callers asks the same question over and over, and two
telephones of our own place scripted calls beside it; a turn's time is measured in their recordings
(`ear_to_ear.py` has the definition), the gaps between our RTP packets by the kernel's time stamps.
It ends at the level at which the p95 of a turn is twice that of one call alone, or at which a
turn is not answered or a call refused. The soak: a crowd whose calls end and begin anew, and
what grows meanwhile. Callers, Asterisk and Tryton share the machine's cores with Orderline.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asterisk_agi.testcall import stories
from asterisk_agi.testcall.errors import PhoneError
from asterisk_agi.testcall.report import Report
from asterisk_agi.testcall.script import AfterAnswer, Say
from tests.benchmarks.process_figures import CpuClock, Holdings, holdings
from tests.integration import calls
from tests.rig import sipp, voices
from tests.rig.debs import FetchError
from tests.rig.debs import say as progress
from tests.rig.lab import Lab

QUESTIONS = (
    "do you have item four five two one",
    "what is the status of my last order",
    "is item four five three zero in stock",
    "how much does item four five two one cost",
)
MEASURED = 2
"""Telephones of our own beside the crowd; one alone at the level of one call."""
SETTLE_S = 1.0
SPREAD_S = 0.7
"""Callers of a crowd begin so much apart."""
CROWD_CALL_S = 300.0
SOAK_CALL_S = 40.0
DOUBLE = 2.0
SAMPLES = 10
"""Rows of the growth table."""
SAMPLE_S = 1.0


@dataclass(frozen=True)
class Level:
    """What a level came to."""

    callers: int
    times_ms: Sequence[float]
    """Ear to ear, of the measured turns that were answered with a fact."""
    asked: int
    """Questions that were asked on measured calls."""
    hops_ms: Sequence[float]
    """All hops together, of every turn of every call, the crowd's too."""
    gaps_ms: Sequence[float]
    """Between two packets of ours at the caller's ear."""
    cores: Mapping[str, float]
    """Processor cores that each process kept busy."""
    memory_mb: float
    """Of the voice process, at its most."""

    @property
    def p95_ms(self) -> float:
        """The time within which 95 of 100 measured turns were answered."""
        return percentile(self.times_ms, 95)

    @property
    def whole(self) -> bool:
        """Tell whether at least nine questions of ten got a fact; the others were asked again."""
        return len(self.times_ms) >= 0.9 * self.asked


def percentile(values: Sequence[float], share: int) -> float:
    """Return a percentile, 1 to 99; of few values the highest."""
    if len(values) < 2:
        return values[0] if values else float("nan")
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


class Ramp:
    """Level after level on one lab."""

    def __init__(self, lab: Lab, folder: Path, turns: int) -> None:
        self._status = lab.status()
        self._pids: Mapping[str, Sequence[int]] = self._status["processes"]
        self._folder = folder
        self._turns = turns
        self._voices = voices.available()
        self._speech = folder / "crowd.ulaw"
        write_speech(self._speech)

    async def level(self, callers: int) -> Level:
        """Run one level, from an empty Asterisk to an empty one."""
        measured = min(MEASURED, callers)
        crowd = sipp.Crowd(self._status, self._folder / f"crowd-{callers}", self._speech)
        begun = time.time()
        try:
            if callers > measured:
                others = callers - measured
                crowd.begin(others, CROWD_CALL_S, SPREAD_S * others)
                await asyncio.sleep(SPREAD_S * others + 3)
            clocks = {name: CpuClock(pids) for name, pids in self._pids.items()}
            begin_s = time.monotonic()
            calling = asyncio.ensure_future(self._measured(measured))
            memory_mb = await self._watched(calling)
            lasted_s = time.monotonic() - begin_s
            cores = {name: clock.used_s() / lasted_s for name, clock in clocks.items()}
            reports = calling.result()
        finally:
            crowd.end()
        await asyncio.sleep(2)
        return Level(
            callers,
            [ms for report in reports for ms in report.measured.latencies_ms],
            sum(len(report.measured.turns) for report in reports),
            self._hops(begun),
            [1000 * gap for report in reports for gap in report.record.agent.gaps_s()],
            cores,
            memory_mb,
        )

    async def _watched(self, calling: asyncio.Future[list[Report]]) -> float:
        most_mb = 0.0
        while not calling.done():
            most_mb = max(most_mb, holdings(self._pids["voice"]).memory_mb)
            await asyncio.wait([calling], timeout=SAMPLE_S)
        return most_mb

    async def _measured(self, telephones: int) -> list[Report]:
        each = max(1, round(self._turns / telephones / len(QUESTIONS)))
        waiting = (self._one_after_another(place, each) for place in range(telephones))
        return [report for reports in await asyncio.gather(*waiting) for report in reports]

    async def _one_after_another(self, place: int, times: int) -> list[Report]:
        await asyncio.sleep(place * 1.7)
        reports = []
        for number in range(times):
            voice = self._voices[(place + number) % len(self._voices)]
            steps = [
                Say(voices.speak(voice, text), text, AfterAnswer(SETTLE_S)) for text in QUESTIONS
            ]
            try:
                reports.append(await calls.call(self._status, steps, folder=self._folder))
            except PhoneError as error:
                progress(f"a call failed: {error}")
        return reports

    def _hops(self, since_unix_s: float) -> list[float]:
        found: list[float] = []
        for path in calls.stories_folder(self._status).glob("*.jsonl"):
            if path.stat().st_mtime < since_unix_s:
                continue
            for event in stories.read(path).events:
                if event.get("event") == "hops":
                    found.append(sum(v for k, v in event.items() if k.endswith("_ms")))
        return found


def write_speech(path: Path) -> None:
    """Write what each caller of a crowd says: a question, and time to listen."""
    parts: list[Any] = [4.0]
    available = voices.available()
    for number, text in enumerate(QUESTIONS):
        parts += [voices.speak(available[number % len(available)], text), 7.0]
    sipp.write_speech(path, parts)


HEAD = (
    f"{'calls':>5} {'turns':>9} {'p50 ms':>7} {'p95 ms':>7} {'hops p95':>8} {'gap p99':>8} "
    f"{'voice':>6} {'asterisk':>8} {'erp':>5} {'core/call':>9} {'MB':>6} {'MB/call':>7}"
)


def row(level: Level, idle_mb: float) -> str:
    """Return one line of the table; the cores are those that each process kept busy."""
    answered = f"{len(level.times_ms)}/{level.asked}"
    return (
        f"{level.callers:5} {answered:>9} {percentile(level.times_ms, 50):7.0f} "
        f"{level.p95_ms:7.0f} {percentile(level.hops_ms, 95):8.0f} "
        f"{percentile(level.gaps_ms, 99):8.1f} {level.cores['voice']:6.2f} "
        f"{level.cores['asterisk']:8.2f} {level.cores['erp']:5.2f} "
        f"{level.cores['voice'] / level.callers:9.3f} {level.memory_mb:6.0f} "
        f"{(level.memory_mb - idle_mb) / level.callers:7.1f}"
    )


async def ramp(lab: Lab, folder: Path, levels: Sequence[int], turns: int) -> None:
    """Print the table, and where it breaks."""
    idle_mb = holdings(lab.pids("voice")).memory_mb
    climbing = Ramp(lab, folder, turns)
    print(f"the voice process holds {idle_mb:.0f} MB when idle\n{HEAD}", flush=True)
    first: Level | None = None
    last_good = 0
    for callers in levels:
        level = await climbing.level(callers)
        first = first or level
        print(row(level, idle_mb), flush=True)
        why = broken(level, first)
        if why:
            cores = os.cpu_count() or 1
            print(
                f"it breaks at {callers} calls: {why}; {last_good} talking calls are carried, "
                f"{last_good / cores:g} a core of this machine, which carries the callers too"
            )
            return
        last_good = callers
    print(f"{last_good} calls, the highest level, are carried")


def broken(level: Level, first: Level) -> str:
    """Say why a level is too much; empty when it is not."""
    if level.p95_ms > DOUBLE * first.p95_ms:
        return f"the p95 of a turn is {level.p95_ms / first.p95_ms:.1f} times that of one call"
    if not level.whole:
        return f"{level.asked - len(level.times_ms)} of {level.asked} turns got no fact"
    return ""


# The soak...


def channels(status: Mapping[str, Any]) -> int:
    """Return how many channels Asterisk has."""
    argv = [*status["asterisk"]["remote"], "-rx", "core show channels count"]
    told = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout
    return int(told.split()[0])


async def soak(lab: Lab, folder: Path, minutes: float, callers: int) -> None:
    """Print how what is held grows while calls come and go, and what is left after them."""
    status = lab.status()
    speech = folder / "crowd.ulaw"
    write_speech(speech)
    crowd = sipp.Crowd(status, folder / "soak", speech)
    print(f"{'minute':>8} {'voice MB':>9} {'bridge MB':>9} {'files':>6} {'threads':>7} "
          f"{'channels':>8} {'calls':>6}")  # fmt: skip

    def show(at_min: str) -> Holdings:
        now = holdings(status["processes"]["voice"])
        bridge = holdings(status["processes"]["bridge"])
        done = len(list(calls.stories_folder(status).glob("*.jsonl")))
        print(f"{at_min:>8} {now.memory_mb:9.1f} {bridge.memory_mb:9.1f} "
              f"{now.files + bridge.files:6} {now.threads + bridge.threads:7} "
              f"{channels(status):8} {done:6}", flush=True)  # fmt: skip
        return now

    show("before")
    crowd.begin(callers, SOAK_CALL_S, SPREAD_S * callers)
    try:
        for sample in range(1, SAMPLES + 1):
            await asyncio.sleep(60 * minutes / SAMPLES)
            show(f"{minutes * sample / SAMPLES:.1f}")
    finally:
        crowd.end()
    await asyncio.sleep(5)
    show("after")
    if crowd.errors:
        print(f"SIPp: {len(crowd.errors.splitlines())} lines of unexpected messages")


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load")
    parser.add_argument("--asterisk", default="auto", choices=["auto", "22", "16"])
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 2, 4, 8, 12, 16, 24, 32])
    parser.add_argument("--turns", type=int, default=20, help="measured turns a level")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="instead of the ramp")
    parser.add_argument("--callers", type=int, default=8, help="of the soak")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="orderline-lab-") as name:
        settings = {"reception": {"calls_max": 200}}
        lab = Lab(Path(name), options.asterisk, (), end_with_parent=True, voice_settings=settings)
        try:
            lab.start()
            folder = Path(name) / "load"
            folder.mkdir()
            if options.soak:
                asyncio.run(soak(lab, folder, options.soak, options.callers))
            else:
                asyncio.run(ramp(lab, folder, options.levels, options.turns))
        except FetchError as error:
            print(f"load: {error}", file=sys.stderr)
            return 1
        finally:
            lab.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
