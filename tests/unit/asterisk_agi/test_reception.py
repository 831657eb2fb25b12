"""A call from its AGI session to the result variables: whatever happens, they tell the truth."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest

from asterisk_agi.audio import PcmChunk
from asterisk_agi.call import Parts, Profile
from asterisk_agi.conversation import CallSettings
from asterisk_agi.dialogue.machine import DialogueSettings
from asterisk_agi.dialogue.understanding import Understander
from asterisk_agi.errors import AgiPeerError, SpeechError
from asterisk_agi.heartbeat import Heartbeat, HeartbeatSettings
from asterisk_agi.media.leg import MediaSettings
from asterisk_agi.reception import Reception, ReceptionSettings
from asterisk_agi.server import AgiSession
from asterisk_agi.speech.endpointing import EndpointSettings
from asterisk_agi.speech.port import Transcript
from asterisk_agi.speech.vad import VadSettings
from asterisk_agi.story import StorySettings
from tests.unit.asterisk_agi.fake_pbx import FakeAgiSession, FakePbx
from tests.unit.asterisk_agi.test_inquiry import TODAY, FakeErp
from tests.unit.asterisk_agi.test_mouth import FakeVoice

SETTINGS = DialogueSettings(company="Acme")
PROFILE = Profile(SETTINGS, Understander(SETTINGS))
NOTHING = Transcript("", (), final=True)


class DeafRecognizer:
    """A recogniser that hears nothing, and counts what is open."""

    name = "deaf"

    def __init__(self) -> None:
        self.open = 0
        self.fails = False

    def session(self) -> DeafRecognizer:
        self.open += 1
        return self

    def unknown_words(self, phrases: tuple[str, ...]) -> tuple[str, ...]:
        return ()

    def listen_for(self, phrases: tuple[str, ...] | None) -> bool:
        if self.fails:
            raise SpeechError("the engine is gone")
        return True

    def accept(self, chunk: PcmChunk) -> None:
        assert chunk.data

    def partial(self) -> Transcript:
        return NOTHING

    async def peek(self) -> Transcript:
        return NOTHING

    async def finish(self) -> Transcript:
        return NOTHING

    async def close(self) -> None:
        self.open -= 1

    @property
    def dropped_s(self) -> float:
        return 0.0

    @property
    def progress(self) -> tuple[int, bool]:
        return 0, False


class NoManager:
    """Beats go nowhere: `Heartbeat.start` is never called."""

    connected = False

    async def action(self, name: str, **headers: str) -> list[dict[str, str]]:
        raise AssertionError(name)


class ShortVoice(FakeVoice):
    """A tenth of a second for each sentence, so that calls are short."""

    async def speak(self, sentence: str) -> PcmChunk:
        await super().speak(sentence)
        return PcmChunk(bytes(1600))


class Rig:
    def __init__(self, folder: Path, pbx: FakePbx, calls_max: int = 5) -> None:
        self.folder = folder
        self.pbx = pbx
        self.erp = FakeErp()
        self.recognizer = DeafRecognizer()
        self.parts = Parts(
            pbx=pbx,
            recognizer=self.recognizer,
            synthesizer=ShortVoice(),
            erp=self.erp,
            heartbeat=Heartbeat(HeartbeatSettings(), "127.0.0.1:4573", NoManager()),
            media=MediaSettings(gap_ms=0),
            vad=VadSettings(),
            endpointing=EndpointSettings(),
            call=CallSettings(leg_s=1.0),
            today=lambda: TODAY,
        )
        self.reception = Reception(
            ReceptionSettings(calls_max=calls_max, drain_s=0.05),
            {"default": PROFILE},
            StorySettings(folder),
            self.parts,
        )

    def start(self, session: FakeAgiSession) -> asyncio.Task[None]:
        served = self.reception.handle(cast(AgiSession, session))
        return asyncio.get_running_loop().create_task(served)

    async def serve(self, session: FakeAgiSession) -> None:
        await asyncio.wait_for(self.start(session), 5)

    async def until_dialled(self, session: FakeAgiSession) -> None:
        async def wait() -> None:
            while session.dialled is None:
                await asyncio.sleep(0.001)

        await asyncio.wait_for(wait(), 2)

    @property
    def story(self) -> list[dict[str, Any]]:
        (path,) = self.folder.iterdir()
        return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with FakePbx() as pbx:
        yield Rig(tmp_path, pbx)


def result(session: FakeAgiSession) -> tuple[str, str]:
    return session.variables["ORDERLINE_RESULT"], session.variables["ORDERLINE_REASON"]


async def test_a_call_is_answered_and_handed_over_with_its_story(rig: Rig) -> None:
    session = FakeAgiSession(rig.pbx)
    serving = rig.start(session)
    await rig.until_dialled(session)
    assert session.variables["ORDERLINE_RESULT"] == "unavailable"
    await asyncio.sleep(0.3)
    assert rig.erp.inside == 1
    rig.pbx.press("1.1", "0")
    await asyncio.wait_for(serving, 5)
    assert session.answered
    assert rig.erp.entered == [session.variables["ORDERLINE_SESSION"]]
    assert rig.erp.inside == 0
    assert result(session) == ("transfer", "key-zero")
    assert "Anna Berg" in session.variables["ORDERLINE_SUMMARY"]
    assert rig.story[0]["event"] == "started"
    assert rig.story[0]["sip_call_id"] == "call-id-1"
    assert rig.story[0]["session"] == session.variables["ORDERLINE_SESSION"]
    assert rig.story[-1]["event"] == "ended"
    assert rig.story[-1]["reason"] == "key-zero"


async def test_a_call_is_named_in_the_beats_as_soon_as_it_is_taken(rig: Rig) -> None:
    session = FakeAgiSession(rig.pbx, script="no-such-profile")
    named: list[tuple[str, ...]] = []

    async def note(name: str, value: str) -> None:
        named.append(rig.parts.heartbeat.calls)

    session.set_variable = note  # type: ignore[method-assign]
    await rig.serve(session)
    assert set(named) == {("1.1",)}
    assert rig.parts.heartbeat.calls == ()


async def test_what_was_learned_is_on_the_channel_while_the_call_goes_on(rig: Rig) -> None:
    session = FakeAgiSession(rig.pbx)
    serving = rig.start(session)
    await rig.until_dialled(session)

    async def learned() -> None:
        while "Anna Berg" not in rig.pbx.set.get("__ORDERLINE_SUMMARY", ""):
            await asyncio.sleep(0.001)

    await asyncio.wait_for(learned(), 5)
    assert session.variables["ORDERLINE_SUMMARY"] == ""
    session.hang_up()
    await asyncio.wait_for(serving, 5)


async def test_a_call_is_named_in_the_beats_from_before_its_leg_until_the_hand_off(
    rig: Rig,
) -> None:
    session = FakeAgiSession(rig.pbx)
    serving = rig.start(session)
    await rig.until_dialled(session)
    assert rig.parts.heartbeat.calls == ("1.1",)
    rig.pbx.connected = False
    rig.pbx.press("1.1", "0")

    async def named_no_more() -> None:
        while rig.parts.heartbeat.calls:
            await asyncio.sleep(0.001)

    # We can't end the leg ourselves: without beats the bridge does.
    await asyncio.wait_for(named_no_more(), 5)
    assert not serving.done()
    session.hang_up()
    await asyncio.wait_for(serving, 5)


async def test_without_ami_nothing_is_answered_or_dialled(rig: Rig) -> None:
    rig.pbx.connected = False
    session = FakeAgiSession(rig.pbx)
    await rig.serve(session)
    assert result(session) == ("unavailable", "ami-down")
    assert not session.answered
    assert session.dialled is None


async def test_an_unknown_profile_is_unavailable(rig: Rig) -> None:
    session = FakeAgiSession(rig.pbx, script="nobody")
    await rig.serve(session)
    assert result(session) == ("unavailable", "unknown-profile")


async def test_an_address_without_a_profile_is_the_default_one(rig: Rig) -> None:
    session = FakeAgiSession(rig.pbx, script="")
    serving = rig.start(session)
    await rig.until_dialled(session)
    session.hang_up()
    await asyncio.wait_for(serving, 5)
    assert result(session) == ("completed", "caller-hung-up")


async def test_over_the_limit_a_call_goes_to_its_human_and_no_other_is_touched(
    tmp_path: Path,
) -> None:
    with FakePbx() as pbx:
        rig = Rig(tmp_path, pbx, calls_max=1)
        first, second = FakeAgiSession(pbx, "1.1"), FakeAgiSession(pbx, "2.2")
        serving = rig.start(first)
        await rig.until_dialled(first)
        await rig.serve(second)
        assert result(second) == ("unavailable", "call-limit")
        assert not serving.done()
        first.hang_up()
        await asyncio.wait_for(serving, 5)


async def test_a_process_that_stops_takes_no_call_and_hands_over_those_in_progress(
    rig: Rig,
) -> None:
    first, second = FakeAgiSession(rig.pbx, "1.1"), FakeAgiSession(rig.pbx, "2.2")
    serving = rig.start(first)
    await rig.until_dialled(first)
    await asyncio.sleep(0.05)
    draining = asyncio.ensure_future(rig.reception.drain())
    await asyncio.sleep(0)
    await rig.serve(second)
    assert result(second) == ("unavailable", "draining")
    await asyncio.wait_for(draining, 5)
    await serving
    assert result(first) == ("unavailable", "draining")


async def test_an_engine_that_fails_brings_the_caller_to_a_human(rig: Rig) -> None:
    rig.recognizer.fails = True
    session = FakeAgiSession(rig.pbx)
    await rig.serve(session)
    assert result(session) == ("unavailable", "speech-failed")
    assert rig.erp.inside == 0
    assert rig.pbx.dials == {}


async def test_a_broken_agi_session_leaves_no_caller_on_a_silent_leg_and_nothing_behind(
    rig: Rig,
) -> None:
    session = FakeAgiSession(rig.pbx)
    before = asyncio.all_tasks()
    serving = rig.start(session)
    await rig.until_dialled(session)
    await asyncio.sleep(0.05)
    session.break_off(AgiPeerError("nonsense"))
    await asyncio.wait_for(serving, 5)
    assert result(session) == ("unavailable", "protocol-error")
    assert (len(rig.erp.entered), rig.erp.inside) == (1, 0)
    assert rig.pbx.dials == {}
    assert rig.pbx.subscribers == {}
    assert asyncio.all_tasks() == before


async def test_a_fault_of_ours_brings_the_caller_to_a_human(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> date:
        raise ZeroDivisionError

    rig.parts = Parts(**{**vars(rig.parts), "today": broken})
    rig.reception = Reception(
        ReceptionSettings(), {"default": PROFILE}, StorySettings(rig.folder), rig.parts
    )
    session = FakeAgiSession(rig.pbx)
    await rig.serve(session)
    assert result(session) == ("unavailable", "internal-error")
    assert (len(rig.erp.entered), rig.erp.inside) == (1, 0)
    assert rig.pbx.dials == {}, "the caller would sit on a silent leg"
    assert "fault of ours" in caplog.text


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


@pytest.mark.timeout(120)
async def test_a_thousand_callers_who_hang_up_at_any_moment_leave_nothing_behind(
    rig: Rig,
) -> None:
    moments = random.Random(4521)
    await _one_caller(rig, moments)
    gc.collect()
    tasks, files = asyncio.all_tasks(), open_files()
    for _ in range(1000):
        await _one_caller(rig, moments)
    gc.collect()
    assert asyncio.all_tasks() == tasks
    assert open_files() == files
    assert (rig.recognizer.open, rig.reception.calls, rig.erp.inside) == (0, 0, 0)
    assert rig.pbx.subscribers == {}


async def _one_caller(rig: Rig, moments: random.Random) -> None:
    session = FakeAgiSession(rig.pbx)
    serving = rig.start(session)
    await asyncio.sleep(moments.choice((0, 0, 0.001, 0.003, 0.01, 0.05)))
    session.hang_up()
    await asyncio.wait_for(serving, 5)
    rig.pbx.dials.clear()
    assert result(session) == ("completed", "caller-hung-up")
