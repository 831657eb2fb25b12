"""Whatever happens to the voice process, the bridge, AMI or Asterisk: who calls is not lost."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from itertools import product
from pathlib import Path

import pytest
import yaml

from asterisk_agi.testcall.phone import Phone
from asterisk_agi.testcall.script import AfterAnswer, Wait, play
from tests.integration import people
from tests.integration.ami_probe import AmiProbe, Message, ami_probe
from tests.integration.calls import account, said
from tests.integration.conftest import _new_lab
from tests.integration.rescue import (
    FAULTS,
    PATIENCE_S,
    Rescue,
    followed,
    heard_tone,
    replaced,
    rescued,
)
from tests.rig import asterisk
from tests.rig.lab import Lab

pytestmark = [pytest.mark.live, pytest.mark.at_once, pytest.mark.timeout(180)]

LONG_ENOUGH_S = 2.5
"""A bridge that took a healthy call for dead would have acted by then."""

STOPPED_MAX_S = 5.0
"""An idle machine takes 1.5 s."""

SEED = 6
VERSIONS = ("auto", "16")
ASKS = said("do you have item four five two one")
ANSWERED = Wait(0.0, AfterAnswer())


def sample() -> list[tuple[str, str]]:
    """Every fault on one of the two versions; with ORDERLINE_FULL on both."""
    if os.environ.get("ORDERLINE_FULL"):
        return sorted(product(VERSIONS, FAULTS))
    chance = random.Random(SEED)
    return sorted((chance.choice(VERSIONS), fault) for fault in FAULTS)


@pytest.fixture(scope="module")
def labs() -> Iterator[Callable[[str], Lab]]:
    """Give a function that returns the lab of a version; on 16 two bridges run."""
    with ExitStack() as stack:
        made: dict[str, Lab] = {}

        def lab(version: str) -> Lab:
            if version not in made:
                bridges = 2 if version == "16" else 1
                settings = {"ami": {"refused_retry_s": 0.5}}
                made[version] = _new_lab(
                    stack, version, (), settings, faulty=True, bridges=bridges
                )
                made[version].start()
            return made[version]

        yield lab


@pytest.fixture
def lab(labs: Callable[[str], Lab]) -> Lab:
    """Give the lab with the newer Asterisk and one bridge."""
    return labs("auto")


@pytest.fixture
def ami(lab: Lab) -> Iterator[AmiProbe]:
    with ami_probe(lab.status()["ami"]) as probe:
        yield probe


def human_was_told(ami: AmiProbe) -> Message:
    return ami.event(lambda event: event.get("UserEvent") == "LabHuman")


def console(lab: Lab, command: str) -> str:
    argv = [*lab.status()["asterisk"]["remote"], "-rx", command]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout


async def until(lab: Lab, text: str, mark: int = 0, name: str = "bridge") -> None:
    """Wait until a process's log says something after a mark."""
    for _ in range(200):
        if text in lab.log(name)[mark:]:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"{name} never said {text!r}:\n{lab.log(name)[mark:]}")


async def no_channel_left(lab: Lab) -> None:
    for _ in range(100):
        if console(lab, "core show channels count").startswith("0 active channels"):
            return
        await asyncio.sleep(0.05)
    pytest.fail(console(lab, "core show channels"))


@asynccontextmanager
async def talking(lab: Lab) -> AsyncIterator[Phone]:
    """A caller who hears the greeting."""
    phone = Phone(account(lab.status()))
    await phone.place(asterisk.AGENT)
    try:
        await phone.began(PATIENCE_S)
        yield phone
    finally:
        await phone.close()


# The voice process...


async def fail(lab: Lab, fault: str, *, answered: bool = False) -> Rescue:
    """Make a fault during a call."""
    pid = lab.pids("voice")[0]

    async def make() -> None:
        os.kill(pid, FAULTS[fault])

    try:
        made = await rescued(lab.status(), make, steps=[ASKS, ANSWERED] if answered else [])
    finally:
        await replaced(lab, pid)
    assert made.tone_s is not None, lab.log("bridge") + lab.log("voice")
    version = lab.status()["asterisk"]["version"]
    print(f"Asterisk {version}, {fault}: the human after {made.tone_s:.2f} s")
    return made


@pytest.mark.parametrize(("version", "fault"), sample())
async def test_a_voice_process_that_fails_loses_no_caller(
    labs: Callable[[str], Lab], version: str, fault: str
) -> None:
    lab = labs(version)
    with ami_probe(lab.status()["ami"]) as ami:
        if version == "16":
            await until(lab, "logged in", name="bridge2")
        made = await fail(lab, fault)
        assert made.tone_s is not None
        assert made.tone_s < PATIENCE_S
        told = human_was_told(ami)
        assert (told["Result"], told["Reason"]) == ("unavailable", "voice-lost")
        assert told["Session"]
        await no_channel_left(lab)
        # Nobody was put through twice, also by two bridges.
        ami.ask("Ping")
        again = [event for event in ami.kept if event.get("UserEvent") == "LabHuman"]
    assert not again


async def test_the_human_gets_what_was_learned_before_the_voice_process_was_killed(
    lab: Lab, ami: AmiProbe
) -> None:
    await fail(lab, "kill -9", answered=True)
    summary = human_was_told(ami)["Summary"]
    assert "Dana Whitfield of Harbor Machine Works" in summary
    assert "Told:" in summary
    assert "4521" in summary


async def test_a_process_that_was_stopped_before_the_call_came_is_noticed(
    lab: Lab, ami: AmiProbe
) -> None:
    pid = lab.pids("voice")[0]
    os.kill(pid, signal.SIGSTOP)
    phone = Phone(account(lab.status()))
    try:
        await asyncio.sleep(1.2)
        begin_s = time.monotonic()
        await phone.place(asterisk.AGENT)
        print(f"the human answers after {time.monotonic() - begin_s:.2f} s")
        assert await heard_tone(phone, 0.0, PATIENCE_S) is not None
    finally:
        await phone.close()
        await replaced(lab, pid)
    told = human_was_told(ami)
    assert told["Result"] == "", "it is unset: the voice process never had the call"
    assert told["Reason"] == "voice-lost"


@pytest.mark.parametrize("when", ["before", "meanwhile"])
@pytest.mark.parametrize("version", VERSIONS if os.environ.get("ORDERLINE_FULL") else ["16"])
async def test_a_whisper_that_stands_still_holds_neither_human_nor_caller(
    labs: Callable[[str], Lab], version: str, when: str
) -> None:
    lab = labs(version)
    people.use(lab, way="queue", queue="lab-desk")
    pid = lab.pids("voice")[0]
    async with people.desk_phone(lab) as human, people.caller_for_human(lab) as phone:
        await human.ringing(PATIENCE_S)
        if when == "before":
            os.kill(pid, signal.SIGSTOP)
            # Longer than bridge.stale_s, shorter than the queue rings.
            await asyncio.sleep(1.3)
        human.answer()
        fault_s = phone.now_s()
        if when == "meanwhile":
            await asyncio.sleep(1.5)
            fault_s = phone.now_s()
            os.kill(pid, signal.SIGSTOP)
        heard_s = await heard_tone(phone, fault_s, PATIENCE_S)
        await human.ended(PATIENCE_S)
    await replaced(lab, pid)
    assert heard_s is not None, lab.log("bridge")
    print(f"Asterisk {version}: another human after {heard_s - fault_s:.2f} s")
    assert heard_s - fault_s < STOPPED_MAX_S
    await no_channel_left(lab)
    people.use(lab)


async def test_who_talked_with_a_human_is_not_queued_again(lab: Lab, ami: AmiProbe) -> None:
    """The voice process is dead by the answer, and no whisper marks the caller as served."""
    people.use(lab, way="ring", ring=["PJSIP/desk"], whisper=False, timeout_s=15)
    pid = lab.pids("voice")[0]
    async with people.desk_phone(lab) as human, people.caller_for_human(lab) as phone:
        await human.ringing(PATIENCE_S)
        os.kill(pid, signal.SIGKILL)
        human.answer()
        await asyncio.sleep(1.0)
        await human.hang_up()
        await asyncio.wait_for(phone.over.wait(), PATIENCE_S)
        assert phone.ended_by_far_side
    ami.ask("Ping")
    assert not [event for event in ami.kept if event.get("UserEvent") == "LabHuman"]
    await replaced(lab, pid)
    people.use(lab)


async def test_a_voice_process_that_is_asked_to_end_lets_its_calls_finish(
    lab: Lab, ami: AmiProbe
) -> None:
    pid = lab.pids("voice")[0]
    async with talking(lab) as phone:
        os.kill(pid, signal.SIGTERM)
        await until(lab, "1 calls in progress may finish", name="voice")
        late = Phone(account(lab.status()))
        await late.place(asterisk.AGENT)
        assert await heard_tone(late, 0.0, 2.0) is not None
        await late.close()
        told = human_was_told(ami)
        assert (told["Result"], told["Reason"]) == ("unavailable", "draining")
        heard_before = len(phone.record().agent.pcm)
        await play(phone, [ASKS, ANSWERED])
        assert not phone.over.is_set()
        assert len(phone.record().agent.pcm) > heard_before
    await followed(lab, pid)
    await no_channel_left(lab)


# The bridge...


async def test_a_bridge_that_is_killed_finds_the_call_in_progress(lab: Lab, ami: AmiProbe) -> None:
    voice = lab.pids("voice")[0]
    async with talking(lab) as phone:
        mark = len(lab.log("bridge"))
        await asyncio.to_thread(lab.kill, "bridge")
        await until(lab, "logged in", mark)
        await asyncio.sleep(LONG_ENOUGH_S)
        assert not phone.over.is_set()
        assert "no sign of life" not in lab.log("bridge")[mark:]
        fault_s = phone.now_s()
        os.kill(voice, signal.SIGKILL)
        assert await heard_tone(phone, fault_s, PATIENCE_S) is not None, lab.log("bridge")
    assert human_was_told(ami)["Reason"] == "voice-lost"
    await replaced(lab, voice)


# AMI...


async def test_a_lost_ami_link_ends_no_healthy_call(lab: Lab) -> None:
    """On the newer Asterisk: 16 does not close a session that its console kicks."""
    mark = len(lab.log("bridge"))
    async with talking(lab) as phone:
        fault_s = phone.now_s()
        for session in orderline_sessions(lab):
            console(lab, f"manager kick session {session}")
        await until(lab, "logged in", mark)
        assert await heard_tone(phone, fault_s, LONG_ENOUGH_S) is None
        assert not phone.over.is_set()
    assert "no sign of life" not in lab.log("bridge")[mark:]
    await no_channel_left(lab)


def orderline_sessions(lab: Lab) -> list[str]:
    """File numbers of the AMI sessions of voice process and bridge, the oldest first."""
    lines = console(lab, "manager show connected").splitlines()
    row = re.compile(r"\s*orderline\s+\S+\s+(\d+)\s+\d+\s+(\d+)")
    found = [row.match(line) for line in lines]
    sessions = [(int(match[1]), match[2]) for match in found if match]
    assert len(sessions) == 2, lines
    return [number for _, number in sorted(sessions)]


async def test_a_bridge_that_ami_refuses_says_so_and_heals(lab: Lab) -> None:
    secret = secret_file(lab)
    right = secret.read_text("utf-8")
    mark = len(lab.log("bridge"))
    async with talking(lab) as phone:
        try:
            secret.write_text("not-the-right-one", "utf-8")
            await asyncio.to_thread(lab.restart, "bridge")
            await until(lab, "login refused", mark)
        finally:
            secret.write_text(right, "utf-8")
        assert "not-the-right-one" not in lab.log("bridge")
        await play(phone, [ASKS, ANSWERED])
        assert not phone.over.is_set(), "calls go on"
    await asyncio.to_thread(lab.restart, "bridge")
    await until(lab, "logged in", mark)


def secret_file(lab: Lab) -> Path:
    section = yaml.safe_load((lab.folder / "orderline.yaml").read_text("utf-8"))["ami"]
    return Path(section["secret"].removeprefix("file:"))


async def test_a_hand_off_without_ami_is_ended_by_the_bridge(lab: Lab, ami: AmiProbe) -> None:
    """Asterisk learns another secret and ends the voice process's session, but not the bridge's."""
    file = lab.folder / "asterisk" / "etc" / "manager.conf"
    before = file.read_text("utf-8")
    secret = secret_file(lab).read_text("utf-8").strip()
    mark = len(lab.log("voice"))
    async with talking(lab) as phone:
        try:
            file.write_text(before.replace(secret, "another-secret"), "utf-8")
            console(lab, "manager reload")
            console(lab, f"manager kick session {voice_session(lab)}")
            await until(lab, "login refused", mark, "voice")
            fault_s = phone.now_s()
            await play(phone, [said("i want to speak to a person")])
            # The greeting, the question and the last words of the agent come before.
            heard_s = await heard_tone(phone, fault_s, 3 * PATIENCE_S)
            assert heard_s is not None, lab.log("bridge") + lab.log("voice")
        finally:
            file.write_text(before, "utf-8")
            console(lab, "manager reload")
    assert (human_was_told(ami)["Reason"]) == "caller-asked"
    await until(lab, "logged in", mark, "voice")


def voice_session(lab: Lab) -> str:
    return orderline_sessions(lab)[0]


# Asterisk...


async def test_after_a_restart_of_asterisk_new_calls_are_watched(lab: Lab) -> None:
    mark = len(lab.log("bridge"))
    voice_mark = len(lab.log("voice"))
    async with talking(lab):
        await asyncio.to_thread(lab.restart, "asterisk")
    await until(lab, "logged in", mark)
    await until(lab, "logged in", voice_mark, "voice")
    with ami_probe(lab.status()["ami"]) as ami:
        await fail(lab, "kill -9")
        assert human_was_told(ami)["Reason"] == "voice-lost"


def test_every_fault_is_drawn_and_the_sample_is_the_same_each_time() -> None:
    assert {fault for _, fault in sample()} == set(FAULTS)
    assert sample() == sample()
    assert len(sample()) == len(set(sample()))
