"""One fault during calls in progress, and what became of callers, channels and ports.

A fault of the voice process must bring every caller to the human; a fault of the bridge or of an
AMI link must disturb nobody, and a caller who then presses 0 reaches the human all the same.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import statistics
import subprocess
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from asterisk_agi.testcall.phone import Phone
from tests.integration.calls import account
from tests.integration.rescue import FAULTS, GREETING_S, PATIENCE_S, heard_tone, replaced
from tests.rig import asterisk
from tests.rig.lab import Lab

CALLS = 4
STAGGER_S = 0.15
"""Calls at once begin so much apart."""
HEALTHY_S = 1.5
"""A fault that must disturb nobody gets so long to do it."""
LOOK_S = 0.1
GONE_S = 5.0
"""So long after the last caller's BYE channels may still be there."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong."""

    name: str
    make: Callable[[Lab], Awaitable[None]]
    harmless: bool = False
    """True: the calls go on, and a 0 brings the human."""


@dataclass(frozen=True)
class Round:
    """What one fault did to the calls in progress."""

    fault: Fault
    waited_s: Sequence[float | None]
    """Of each caller: from the fault, or from the 0, to the human's tone; None: it never came."""
    disturbed: int = 0
    """Callers who lost the agent by a harmless fault."""
    stuck: int = 0
    """Channels that were left."""
    leaked: int = 0
    """Ports of Asterisk that were left open."""

    @property
    def lost(self) -> int:
        """Callers who reached nobody."""
        return sum(waited is None for waited in self.waited_s) + self.disturbed


@dataclass
class Chaos:
    """Rounds on one lab."""

    lab: Lab
    rounds: list[Round] = field(default_factory=list)

    async def round(self, fault: Fault) -> Round:
        """Place the calls, make the fault, wait for the humans, count what is left."""
        ports = _udp_ports(self.lab.pids("asterisk"))
        voice = self.lab.pids("voice")[0]
        phones = [Phone(account(self.lab.status())) for _ in range(CALLS)]
        try:
            await asyncio.gather(*(_talk(phone, n) for n, phone in enumerate(phones)))
            await asyncio.sleep(GREETING_S)
            await fault.make(self.lab)
            disturbed = await _disturbed(phones) if fault.harmless else 0
            waited = await asyncio.gather(*(_human(phone, fault.harmless) for phone in phones))
        finally:
            for phone in phones:
                await phone.close()
        stuck = await self._channels_left()
        leaked = len(_udp_ports(self.lab.pids("asterisk")) - ports)
        if not fault.harmless:
            await replaced(self.lab, voice)
        await asyncio.to_thread(self.lab.wait)
        made = Round(fault, waited, disturbed, stuck, leaked)
        self.rounds.append(made)
        return made

    async def _channels_left(self) -> int:
        remote = self.lab.status()["asterisk"]["remote"]
        left = 0
        for _ in range(round(GONE_S / LOOK_S)):
            left = int((await _console(remote, "core show channels count")).split()[0])
            if left == 0:
                break
            await asyncio.sleep(LOOK_S)
        return left

    def table(self) -> str:
        """Return a line for each kind of fault, and the sum."""
        names = dict.fromkeys(made.fault.name for made in self.rounds)
        lines = [
            f"{'fault':22}{'rounds':>7}{'calls':>7}{'median s':>10}{'p95 s':>8}{'max s':>8}"
            f"{'lost':>6}{'stuck':>7}{'leaked':>8}"
        ]
        for name in names:
            lines.append(_line(name, [made for made in self.rounds if made.fault.name == name]))
        return "\n".join([*lines, _line("all", self.rounds)])


def _line(name: str, rounds: Iterable[Round]) -> str:
    made = list(rounds)
    times = sorted(s for one in made for s in one.waited_s if s is not None)
    figures = f"{'-':>10}{'-':>8}{'-':>8}"
    if times:
        p95 = times[min(len(times) - 1, round(0.95 * len(times)))]
        figures = f"{statistics.median(times):10.2f}{p95:8.2f}{times[-1]:8.2f}"
    calls, lost, stuck, leaked = (
        sum(values)
        for values in (
            [len(one.waited_s) for one in made],
            [one.lost for one in made],
            [one.stuck for one in made],
            [one.leaked for one in made],
        )
    )
    return f"{name:22}{len(made):7}{calls:7}{figures}{lost:6}{stuck:7}{leaked:8}"


async def _talk(phone: Phone, place: int) -> None:
    await asyncio.sleep(place * STAGGER_S)
    await phone.place(asterisk.AGENT)
    await phone.began(PATIENCE_S)


async def _disturbed(phones: Sequence[Phone]) -> int:
    begins_s = [phone.now_s() for phone in phones]
    tones = await asyncio.gather(
        *(heard_tone(phone, at_s, HEALTHY_S) for phone, at_s in zip(phones, begins_s, strict=True))
    )
    return sum(
        tone is not None or phone.over.is_set() for tone, phone in zip(tones, phones, strict=True)
    )


async def _human(phone: Phone, by_key: bool) -> float | None:
    begin_s = phone.now_s()
    if by_key:
        await phone.press("0")
    tone_s = await heard_tone(phone, begin_s, PATIENCE_S)
    return None if tone_s is None else tone_s - begin_s


def _udp_ports(pids: Iterable[int]) -> set[int]:
    """Return the local UDP ports of processes. Source: proc(5), /proc/PID/net/udp."""
    found = set()
    for pid in pids:
        inodes = set(re.findall(r"socket:\[(\d+)\]", " ".join(_files(pid))))
        table = Path(f"/proc/{pid}/net/udp")
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            if fields[9] in inodes:
                found.add(int(fields[1].rpartition(":")[2], 16))
    return found


def _files(pid: int) -> list[str]:
    folder = Path(f"/proc/{pid}/fd")
    names = []
    for entry in list(folder.iterdir()) if folder.exists() else ():
        try:
            names.append(str(entry.readlink()))
        except FileNotFoundError:
            continue  # it was closed while we looked
    return names


# The faults...


def of_the_voice_process(name: str) -> Fault:
    """Return a fault of `rescue.FAULTS`."""

    async def make(lab: Lab) -> None:
        os.kill(lab.pids("voice")[0], FAULTS[name])

    return Fault(f"voice: {name}", make)


async def _kill_bridge(lab: Lab) -> None:
    os.kill(lab.pids("bridge")[0], signal.SIGKILL)


async def _stop_bridge(lab: Lab) -> None:
    pid = lab.pids("bridge")[0]
    os.kill(pid, signal.SIGSTOP)
    asyncio.get_running_loop().call_later(HEALTHY_S / 2, os.kill, pid, signal.SIGKILL)


async def _cut_ami(lab: Lab) -> None:
    """Cut every AMI connection of Orderline; each comes back by itself."""
    remote = lab.status()["asterisk"]["remote"]
    shown = await _console(remote, "manager show connected")
    for session in re.findall(r"^\s*orderline\s+\S+\s+\d+\s+\d+\s+(\d+)", shown, re.MULTILINE):
        await _console(remote, f"manager kick session {session}")


async def _console(remote: Sequence[str], command: str) -> str:
    done = await asyncio.to_thread(
        subprocess.run,
        [*remote, "-rx", command],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return str(done.stdout)


FAULTS_OF_ALL = (
    *(of_the_voice_process(name) for name in FAULTS),
    Fault("bridge: kill -9", _kill_bridge, harmless=True),
    Fault("bridge: kill -STOP", _stop_bridge, harmless=True),
    Fault("AMI cut", _cut_ami, harmless=True),
)


def sample(count: int, seed: int) -> list[Fault]:
    """Return so many faults in random order: each kind at least once, the rest by chance."""
    chance = random.Random(seed)
    drawn = [*FAULTS_OF_ALL, *chance.choices(FAULTS_OF_ALL, k=count)][:count]
    chance.shuffle(drawn)
    return drawn
