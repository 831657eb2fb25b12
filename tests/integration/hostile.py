"""Calls while something attacks: who may be attacked, and what the call felt."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from asterisk_agi.testcall.report import Report
from tests.integration import calls
from tests.integration.ami_probe import ami_probe
from tests.integration.calls import said
from tests.rig.attacks import Target
from tests.rig.lab import Lab

QUESTION = "is item four five two one in stock"
ATTACK_AFTER_S = 2.0
"""The attack begins so long after the call: in the middle of the greeting."""

LOG_LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR) \S+ [A-Za-z0-9_.]+: "
    r"|    \| |orderline( bridge)?: ready"
)
"""What a line of our logs begins with; anything else was forged, or is no log line of ours."""


@dataclass(frozen=True)
class Felt:
    """A call during an attack."""

    report: Report
    attack: Any
    """What the attack returned."""

    @property
    def answered(self) -> bool:
        return self.report.measured.turns[0].answer_kind == "fact"

    @property
    def latency_ms(self) -> float:
        """From the caller's last word to the fact; endless without one."""
        latency_ms = self.report.measured.turns[0].latency_ms
        return float("inf") if latency_ms is None else latency_ms


async def call_during(lab: Lab, attack: Callable[[], Any]) -> Felt:
    """Ask a question while an attack runs in a thread; return what came of both."""

    async def attacked() -> Any:
        await asyncio.sleep(ATTACK_AFTER_S)
        return await asyncio.to_thread(attack)

    report, attack_said = await asyncio.gather(
        calls.call(lab.status(), [said(QUESTION)]), attacked()
    )
    return Felt(report, attack_said)


def configuration(lab: Lab) -> dict[str, Any]:
    """Return the configuration that the lab's voice process runs with."""
    read: dict[str, Any] = yaml.safe_load((lab.folder / "orderline.yaml").read_text())
    return read


def fastagi(lab: Lab) -> Target:
    """Return where the lab's voice process listens for calls."""
    section = configuration(lab)["fastagi"]
    return Target(section["host"], section["port"])


def beats(lab: Lab) -> Target:
    """Return where the lab's bridge listens for beats."""
    section = configuration(lab)["bridge"]
    return Target(section["host"], section["port"])


def legs(lab: Lab) -> list[tuple[Target, Target]]:
    """Return the media legs of the calls in progress: our address, and Asterisk's."""
    found = []
    with ami_probe(lab.status()["ami"]) as ami:
        ami.ask("CoreShowChannels")
        while (row := ami.event(lambda _: True)).get("Event") != "CoreShowChannelsComplete":
            name = re.match(r"UnicastRTP/([0-9.]+):(\d+)-", row.get("Channel", ""))
            if name is not None:
                peer = [
                    ami.ask("Getvar", Channel=row["Channel"], Variable=f"UNICASTRTP_LOCAL_{part}")
                    for part in ("ADDRESS", "PORT")
                ]
                ours = Target(name.group(1), int(name.group(2)))
                found.append((ours, Target(peer[0]["Value"], int(peer[1]["Value"]))))
    return found


async def leg_in_progress(lab: Lab) -> tuple[Target, Target]:
    """Return the one media leg of the lab, once it is there."""
    for _ in range(100):
        found = await asyncio.to_thread(legs, lab)
        if found:
            return found[0]
        await asyncio.sleep(0.05)
    raise AssertionError("no media leg came up")




def forged_lines(log: str) -> list[str]:
    """Return the lines of a log that are none of ours."""
    return [line for line in log.splitlines() if line and not LOG_LINE.match(line)]
