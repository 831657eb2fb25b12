"""The voice process dies or stands still in mid-call: the caller hears the human."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager

import pytest

from asterisk_agi.testcall.phone import Phone
from tests.integration.ami_probe import AmiProbe, ami_probe
from tests.integration.calls import account
from tests.integration.conftest import MakeLab
from tests.integration.rescue import PATIENCE_S, heard_tone, rescued
from tests.rig import asterisk
from tests.rig.lab import Lab

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

LONG_ENOUGH_S = 3.0
"""A bridge that took a healthy call for dead would have acted by then."""


@pytest.fixture(params=["auto", "16"])
def lab(request: pytest.FixtureRequest, make_lab: MakeLab) -> Lab:
    lab = make_lab(request.param)
    lab.start()
    return lab


@pytest.fixture
def ami(lab: Lab) -> Iterator[AmiProbe]:
    with ami_probe(lab.status()["ami"]) as probe:
        yield probe


def human_was_told(ami: AmiProbe) -> str:
    event = ami.event(lambda event: event.get("UserEvent") == "LabHuman")
    return event["Result"]


def console(lab: Lab, command: str) -> str:
    argv = [*lab.status()["asterisk"]["remote"], "-rx", command]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout


@asynccontextmanager
async def stopped(pid: int) -> AsyncIterator[None]:
    """Stop a process, and kill it afterwards."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)


async def until(lab: Lab, text: str, times: int = 1) -> None:
    """Wait until the bridge's log says something so often."""
    for _ in range(200):
        if lab.log("bridge").count(text) >= times:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"the bridge never said {text!r}:\n{lab.log('bridge')}")


async def no_channel_left(lab: Lab) -> None:
    for _ in range(100):
        if console(lab, "core show channels count").startswith("0 active channels"):
            return
        await asyncio.sleep(0.05)
    pytest.fail(console(lab, "core show channels"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["kill", "stop"])
async def test_a_voice_process_that_dies_or_stands_still_loses_no_caller(
    lab: Lab, ami: AmiProbe, number: signal.Signals
) -> None:
    pid = lab.pids("voice")[0]

    async def fault() -> None:
        os.kill(pid, number)

    with ExitStack() as stack:
        if number is signal.SIGSTOP:
            stack.callback(os.kill, pid, signal.SIGKILL)
        made = await rescued(lab.status(), fault)
    assert made.tone_s is not None, lab.log("bridge")
    version = lab.status()["asterisk"]["version"]
    print(f"Asterisk {version}, {number.name}: the human after {made.tone_s:.2f} s")
    assert made.tone_s < PATIENCE_S
    assert human_was_told(ami) == "unavailable"
    await no_channel_left(lab)


async def test_a_process_that_was_stopped_before_the_call_came_is_noticed(
    lab: Lab, ami: AmiProbe
) -> None:
    phone = Phone(account(lab.status()))
    async with stopped(lab.pids("voice")[0]):
        begin_s = time.monotonic()
        await phone.place(asterisk.AGENT)
        print(f"the human answers after {time.monotonic() - begin_s:.2f} s")
        assert await heard_tone(phone, 0.0, PATIENCE_S) is not None
        await phone.close()
    assert human_was_told(ami) == "", "the result is unset: the voice process never had the call"


async def test_a_bridge_that_is_killed_finds_the_call_in_progress(lab: Lab, ami: AmiProbe) -> None:
    voice = lab.pids("voice")[0]
    phone = Phone(account(lab.status()))
    await phone.place(asterisk.AGENT)
    try:
        await phone.began(PATIENCE_S)
        await asyncio.to_thread(lab.kill, "bridge")
        await until(lab, "logged in", 2)
        await asyncio.sleep(LONG_ENOUGH_S)
        assert not phone.over.is_set()
        assert "no sign of life" not in lab.log("bridge")
        fault_s = phone.now_s()
        os.kill(voice, signal.SIGKILL)
        assert await heard_tone(phone, fault_s, PATIENCE_S) is not None, lab.log("bridge")
    finally:
        await phone.close()
    assert human_was_told(ami) == "unavailable"


async def test_a_lost_ami_link_ends_no_healthy_call(make_lab: MakeLab) -> None:
    """On one Asterisk: 16 does not close a session that its console kicks."""
    lab = make_lab()
    lab.start()
    phone = Phone(account(lab.status()))
    await phone.place(asterisk.AGENT)
    try:
        await phone.began(PATIENCE_S)
        fault_s = phone.now_s()
        for session in orderline_sessions(lab):
            console(lab, f"manager kick session {session}")
        await until(lab, "logged in", 2)
        assert await heard_tone(phone, fault_s, LONG_ENOUGH_S) is None
        assert not phone.over.is_set()
    finally:
        await phone.close()
    assert "no sign of life" not in lab.log("bridge")
    await no_channel_left(lab)


def orderline_sessions(lab: Lab) -> list[str]:
    """File numbers of the AMI sessions of voice process and bridge."""
    lines = console(lab, "manager show connected").splitlines()
    found = [re.match(r"\s*orderline\s+\S+\s+\d+\s+\d+\s+(\d+)", line) for line in lines]
    sessions = [match.group(1) for match in found if match]
    assert len(sessions) == 2, lines
    return sessions
