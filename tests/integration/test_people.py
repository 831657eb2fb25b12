"""Callers come to humans by each way, the human hears who it is first, and nobody is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from asterisk_agi.dialogue.desk import TransferFailure
from asterisk_agi.speech.models import locate
from asterisk_agi.testcall.loudness import SOUND_RMS, rms
from asterisk_agi.testcall.phone import Phone
from asterisk_agi.testcall.transcribe import SecondEar
from tests.integration.ami_probe import AmiProbe, ami_probe
from tests.integration.people import (
    PATIENCE_S,
    TIMEOUT_S,
    caller_for_human,
    desk_phone,
    heard_words,
    nothing_left,
    story_of,
    until_said,
    use,
)
from tests.integration.rescue import heard_tone
from tests.rig import asterisk, voices
from tests.rig.lab import Lab

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

RING = {"way": "ring", "ring": ["PJSIP/desk"]}
QUEUE = {"way": "queue", "queue": "lab-desk"}
FULL = bool(os.environ.get("ORDERLINE_FULL"))
VERSIONS = ["auto", "16"] if FULL else ["auto"]
FAILURES = {
    "rejects": TransferFailure.BUSY,
    "hangs up": TransferFailure.DECLINED,
    "is away": TransferFailure.UNANSWERED,
}
"""What the human does, and how the transfer fails then."""
SILENT_MAX_S = 8.0
"""The whisper is six seconds long at most, and needs a leg."""
STOPPED_S = 8.0
"""A voice process that has no call left ends within so many seconds."""
TOLD_QUIET_S = 1.5
"""The whisper is over when the human heard nothing for so long."""


@pytest.fixture(scope="module", params=VERSIONS)
def people_lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="orderline-lab-"))
        settings = {"people": {"timeout_s": TIMEOUT_S, **RING}}
        lab = Lab(Path(folder), request.param, end_with_parent=True, voice_settings=settings)
        stack.callback(lab.stop)
        lab.start()
        yield lab


@pytest.fixture
async def lab(people_lab: Lab) -> AsyncIterator[Lab]:
    yield people_lab
    await nothing_left(people_lab)


@pytest.fixture
def ami(lab: Lab) -> Iterator[AmiProbe]:
    with ami_probe(lab.status()["ami"]) as probe:
        yield probe


@pytest.fixture(scope="session")
def ear() -> SecondEar:
    return SecondEar(locate(None, os.environ))


async def tone(phone: Phone) -> None:
    assert await heard_tone(phone, 0.0, PATIENCE_S) is not None, "the human was never heard"


async def hears_first(lab: Lab, ear: SecondEar) -> None:
    async with desk_phone(lab) as human, caller_for_human(lab) as phone:
        await human.ringing(PATIENCE_S)
        await asyncio.sleep(1.0)
        human.answer()
        answered_s = phone.now_s()
        print("the tone of ringing:", _loud_s(phone.record().agent.pcm[-16000:]), "s of 1")
        assert await human.told(TOLD_QUIET_S, PATIENCE_S)
        whispered_s = human.now_s()
        words = "do you have item four five two one"
        await phone.say(voices.speak(voices.VOICES[0], words), words)
        await asyncio.sleep(0.5)
        heard = human.heard.pcm
        during_s = answered_s, answered_s + whispered_s - TOLD_QUIET_S
        begin, end = (2 * round(8000 * at_s) for at_s in during_s)
        mute = _mute_s(phone.record().agent.pcm[begin:end])
        print(f"the caller hears nothing for {mute:.1f} s while the human hears the story")
        assert mute < SILENT_MAX_S
        await human.hang_up()
        await asyncio.wait_for(phone.over.wait(), PATIENCE_S)
    cut = 2 * round(whispered_s * 8000)
    before, after = await heard_words(ear, heard[:cut]), await heard_words(ear, heard[cut:])
    assert "harbor" in before, (before, after)
    assert "item" not in before
    assert "item" in after, (before, after)
    story = await story_of(lab, phone)
    assert story.of("ended")[0]["reason"] == "transferred"


def _loud_s(pcm: bytes) -> float:
    """Return how much of a recording is sound."""
    frames = [pcm[begin : begin + 320] for begin in range(0, len(pcm), 320)]
    return round(sum(rms(frame) >= SOUND_RMS for frame in frames) * 0.02, 2)


def _mute_s(pcm: bytes) -> float:
    """Return the longest silence in a recording."""
    longest = run = 0
    for begin in range(0, len(pcm), 320):
        run = run + 1 if rms(pcm[begin : begin + 320]) < SOUND_RMS else 0
        longest = max(longest, run)
    return longest * 0.02


async def test_by_ring_the_human_hears_who_it_is_before_the_caller(
    lab: Lab, ear: SecondEar
) -> None:
    use(lab, **RING)
    await hears_first(lab, ear)


@pytest.mark.parametrize("does", FAILURES if FULL else ["rejects"])
async def test_a_caller_whom_nobody_takes_hears_why_and_is_served_on(lab: Lab, does: str) -> None:
    use(lab, **RING)
    failure = FAILURES[does]
    async with desk_phone(lab) as human, caller_for_human(lab) as phone:
        await human.ringing(PATIENCE_S)
        if does == "rejects":
            human.reject()
        elif does == "hangs up":
            human.answer()
            await asyncio.sleep(0.5)
            await human.hang_up()
        await until_said(lab, phone, failure)
        assert not phone.over.is_set()
        await phone.settled(1.0, PATIENCE_S)
        await phone.press("0")
        await asyncio.sleep(0.5)
    story = await story_of(lab, phone)
    assert story.of("transfer")[0]["failure"] == failure.value
    assert len([event for event in story.of("key") if event["key"] == "0"]) == 2


async def test_by_queue_the_human_hears_who_it_is_before_the_caller(
    lab: Lab, ear: SecondEar
) -> None:
    use(lab, **QUEUE)
    await hears_first(lab, ear)


async def test_a_queue_that_nobody_answers_gives_the_caller_back(lab: Lab) -> None:
    use(lab, **QUEUE)
    async with desk_phone(lab) as human, caller_for_human(lab) as phone:
        await human.ringing(PATIENCE_S)
        await until_said(lab, phone, TransferFailure.UNANSWERED)
        assert not phone.over.is_set()


@pytest.mark.parametrize("when", ["rings", "talks", "talks and stops"])
async def test_a_voice_process_that_dies_meanwhile_loses_nobody(
    lab: Lab, ami: AmiProbe, when: str
) -> None:
    """The talk goes on to its end, and the caller is not queued again; nor by a stop, which does
    not wait for the talk."""
    use(lab, **QUEUE)
    pid = lab.pids("voice")[0]
    async with desk_phone(lab) as human, caller_for_human(lab) as phone:
        await human.ringing(PATIENCE_S)
        if when == "rings":
            os.kill(pid, signal.SIGKILL)
        human.answer()
        await asyncio.sleep(1.0)
        if when == "talks":
            assert await human.told(TOLD_QUIET_S, PATIENCE_S)
            os.kill(pid, signal.SIGKILL)
        elif when == "talks and stops":
            await asyncio.sleep(TOLD_QUIET_S)
            assert await human.told(TOLD_QUIET_S, PATIENCE_S)
            os.kill(pid, signal.SIGTERM)
            await _gone(pid)
        await asyncio.sleep(1.5)
        speech = voices.speak(voices.VOICES[0], "hello this is the office")
        phone.ear.mark()
        await human.say(speech)
        assert phone.ear.began_s is not None, "the caller hears the human"
        await human.hang_up()
        await asyncio.wait_for(phone.over.wait(), PATIENCE_S)
        assert phone.ended_by_far_side
    joined = _events(ami, "QueueCallerJoin")
    assert not [event for event in joined if event["Queue"] == asterisk.HUMANS], "queued again"
    await asyncio.to_thread(lab.wait)


async def test_a_human_takes_or_declines_by_a_key(lab: Lab, ami: AmiProbe) -> None:
    """The first one declines, the second one does not, or does as well."""
    use(lab, way="attended", ring=["PJSIP/desk", "Local/who@lab-others/n"])
    for who in ("take", "decline"):
        ami.ask("DBPut", Family="lab", Key="who", Val=who)
        async with desk_phone(lab) as human, caller_for_human(lab) as phone:
            await human.ringing(PATIENCE_S)
            human.answer()
            await asyncio.sleep(1.5)
            await human.press("2")
            await human.ended(PATIENCE_S)
            if who == "take":
                await tone(phone)
                told = ami.event(lambda event: event.get("UserEvent") == "LabHuman")
                assert "Dana Whitfield" in told["Summary"]
                assert told["Session"]
            else:
                await until_said(lab, phone, TransferFailure.DECLINED)
                assert not phone.over.is_set()


async def test_without_the_whispers_host_the_caller_is_connected(lab: Lab) -> None:
    human = "Local/answer@lab-human/n"
    use(lab, way="ring", ring=[human], whisper_context=asterisk.WHISPER_GONE)
    async with caller_for_human(lab) as phone:
        await tone(phone)


@pytest.mark.parametrize("extension", ["700", "799"] if FULL else ["700"])
async def test_an_extension_of_the_dialplan(lab: Lab, extension: str) -> None:
    """799 is not there: the dialplan's own human."""
    use(lab, way="extension", extension=extension, context="lab-desk")
    async with caller_for_human(lab) as phone:
        await tone(phone)


async def _gone(pid: int) -> None:
    for _ in range(round(STOPPED_S / 0.1)):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the drain waits for a caller whom a human has")


def _events(ami: AmiProbe, name: str) -> list[dict[str, str]]:
    ami.ask("UserEvent", UserEvent="LabMark")
    found: list[dict[str, str]] = []

    def collect(event: dict[str, str]) -> bool:
        if event.get("Event") == name:
            found.append(event)
        return event.get("UserEvent") == "LabMark"

    ami.event(collect)
    return found
