"""Calls that come to a human, whole: what they take of the process, what is told, who is back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asterisk_agi import call as module
from asterisk_agi.call_events import CallEvents
from asterisk_agi.conversation import CallSettings
from asterisk_agi.people import PeopleSettings, Way
from asterisk_agi.protocol import Reply
from asterisk_agi.reception import Reception, ReceptionSettings
from asterisk_agi.recording import Recordings, RecordingSettings
from asterisk_agi.speech.vad import VadSettings, VoiceActivity
from asterisk_agi.story import StorySettings
from erp.events.model import Ended, Escalated, Identified, Started
from tests.unit.asterisk_agi.fake_pbx import FakeAgiSession, FakePbx
from tests.unit.asterisk_agi.test_call_events import Sink
from tests.unit.asterisk_agi.test_reception import PROFILE, Rig, ShortVoice, result

QUEUE = PeopleSettings(Way.QUEUE, queue="support", whisper=False)
PATIENCE_S = 5.0


class Caller(FakeAgiSession):
    """A caller whom a human may take: `human` waits for the end of the queue."""

    human: asyncio.Future[str] | None = None
    queued = 0

    async def exec(self, app: str, args: str, timeout_s: float | None = None) -> Any:
        if app == "Dial":
            return await super().exec(app, args, timeout_s)
        self.queued += 1
        self.human = asyncio.get_running_loop().create_future()
        ended = await self.human
        return Reply(200, ended, None, None, f"result={ended}", ())

    async def get_full_variable(self, expression: str) -> str | None:
        if expression == "${QUEUESTATUS}":
            return "TIMEOUT"
        return await super().get_full_variable(expression)

    def take(self) -> None:
        """A human answers and has the caller."""
        uniqueid = self.prelude.uniqueid
        self.pbx.subscribers[uniqueid]({"Event": "BridgeEnter", "Uniqueid": uniqueid})

    def end_queue(self, ended: str) -> None:
        assert self.human is not None
        self.human.set_result(ended)


class House(Rig):
    """A reception whose callers are put through by a queue."""

    def __init__(self, folder: Path, pbx: FakePbx) -> None:
        super().__init__(folder, pbx)
        self.sink = Sink()
        self.voice = ShortVoice()
        self.open()

    def open(self, calls_max: int = 1, **changes: Any) -> None:
        """Begin anew with other parts."""
        told = {"events": lambda session: CallEvents(self.sink, session), "people": QUEUE}
        self.parts = replace(self.parts, synthesizer=self.voice, **{**told, **changes})
        settings = ReceptionSettings(calls_max=calls_max, drain_s=PATIENCE_S)
        stories = StorySettings(self.folder)
        self.reception = Reception(settings, {"default": PROFILE}, stories, self.parts)

    async def until_queued(self, caller: Caller, times: int = 1) -> None:
        async def wait() -> None:
            while caller.queued < times:
                await asyncio.sleep(0.001)

        await asyncio.wait_for(wait(), PATIENCE_S)

    async def until_said(self, text: str) -> None:
        async def wait() -> None:
            while not any(text in said for said in self.voice.made):
                await asyncio.sleep(0.001)

        await asyncio.wait_for(wait(), PATIENCE_S)

    async def put_through(self, caller: Caller) -> asyncio.Task[None]:
        serving = self.start(caller)
        await self.until_dialled(caller)
        self.pbx.press(caller.prelude.uniqueid, "0")
        await self.until_queued(caller)
        return serving


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with FakePbx() as pbx:
        yield House(tmp_path / "stories", pbx)


async def until(true: Any) -> None:
    async def wait() -> None:
        while not true():
            await asyncio.sleep(0.001)

    await asyncio.wait_for(wait(), PATIENCE_S)


async def test_a_caller_with_a_human_takes_nobodys_place(house: House) -> None:
    caller = Caller(house.pbx)
    serving = await house.put_through(caller)
    assert house.reception.calls == 1, "the caller may come back"
    caller.take()
    await until(lambda: house.reception.calls == 0)
    other = Caller(house.pbx, "2.2")
    second = house.start(other)
    await house.until_dialled(other)
    other.hang_up()
    caller.end_queue("-1")
    await asyncio.wait_for(asyncio.gather(serving, second), PATIENCE_S)
    assert result(other) == ("completed", "caller-hung-up")
    assert result(caller) == ("completed", "transferred")


async def test_a_caller_with_a_human_holds_no_megabytes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one who has left: the network is freed with the conversation, not by the collector."""
    made: list[VoiceActivity] = []

    def make(settings: VadSettings) -> VoiceActivity:
        made.append(VoiceActivity(settings))
        return made[-1]

    monkeypatch.setattr(module, "VoiceActivity", make)
    caller = Caller(house.pbx)
    serving = await house.put_through(caller)
    assert [voice._network for voice in made] == [None]
    caller.take()
    caller.end_queue("-1")
    await asyncio.wait_for(serving, PATIENCE_S)


async def test_a_drain_does_not_wait_for_a_talk_with_a_human(house: House) -> None:
    caller = Caller(house.pbx)
    serving = await house.put_through(caller)
    draining = asyncio.ensure_future(house.reception.drain())
    await asyncio.sleep(0.05)
    assert not draining.done(), "nobody has the caller yet"
    caller.take()
    await asyncio.wait_for(draining, 1)
    assert house.pbx.set["__ORDERLINE_RESULT"] == "completed", "or they would be queued again"
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    ended = house.sink.events[-1]
    assert isinstance(ended, Ended)
    assert (ended.result, ended.reason) == ("completed", "transferred")


async def test_a_talk_that_is_not_noted_on_the_channel_holds_the_drain(house: House) -> None:
    caller = Caller(house.pbx)
    serving = await house.put_through(caller)
    house.pbx.connected = False
    caller.take()
    await asyncio.sleep(0.05)
    assert house.reception.calls == 1
    caller.end_queue("-1")
    await asyncio.wait_for(serving, PATIENCE_S)


async def test_whom_nobody_takes_hears_why_and_keeps_what_was_known(house: House) -> None:
    caller = Caller(house.pbx)
    serving = await house.put_through(caller)
    greetings = len([said for said in house.voice.made if "assistant of Acme" in said])
    caller.dialled = None
    caller.end_queue("0")
    await house.until_dialled(caller)
    await house.until_said("I'm sorry, nobody answered.")
    await house.until_said("Shall I try again?")
    again = [said for said in house.voice.made if "assistant of Acme" in said]
    assert len(again) == greetings, "the caller is not greeted a second time"
    house.pbx.press("1.1", "1")
    await house.until_queued(caller, 2)
    caller.take()
    caller.end_queue("-1")
    await asyncio.wait_for(serving, PATIENCE_S)
    assert result(caller) == ("completed", "transferred")
    assert "Anna Berg" in caller.variables["ORDERLINE_SUMMARY"]
    told = [event for event in house.sink.events if isinstance(event, Escalated)]
    assert [event.way for event in told] == ["queue", "queue"], "each try is told"


async def test_who_comes_back_goes_on_with_the_rest_of_the_longest_call(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COME_BACK_S", 0.3)
    house.open(call=CallSettings(longest_call_s=2, leg_s=1.0))
    caller = Caller(house.pbx)
    serving = house.start(caller)
    await house.until_dialled(caller)
    await asyncio.sleep(1.4)
    house.pbx.press("1.1", "0")
    await house.until_queued(caller)
    caller.dialled = None
    caller.end_queue("0")
    await house.until_dialled(caller)
    begin_s = asyncio.get_running_loop().time()
    await house.until_said("our time for this call is up")
    assert asyncio.get_running_loop().time() - begin_s < 1.8, "the time began anew"
    await house.until_queued(caller, 2)
    caller.end_queue("-1")
    caller.take()
    await asyncio.wait_for(serving, PATIENCE_S)


async def test_a_caller_is_told_that_the_line_may_be_quiet(house: House) -> None:
    house.open(people=replace(QUEUE, whisper=True))
    caller = Caller(house.pbx)
    serving = await house.put_through(caller)
    assert house.voice.made[-1].startswith("It may be quiet")
    caller.take()
    caller.end_queue("-1")
    await asyncio.wait_for(serving, PATIENCE_S)


async def test_a_call_is_told_from_its_start_to_its_end(house: House) -> None:
    house.open(people=PeopleSettings())
    caller = Caller(house.pbx)
    serving = house.start(caller)
    await house.until_dialled(caller)
    await house.until_said("How can I help you?")
    house.pbx.press("1.1", "0")
    await asyncio.wait_for(serving, PATIENCE_S)
    kinds = [type(event) for event in house.sink.events]
    assert kinds[0] is Started
    assert kinds[-2:] == [Escalated, Ended]
    assert Identified in kinds
    ids, _ = house.sink.told[0]
    assert (ids.uniqueid, ids.sip_call_id, ids.profile) == ("1.1", "call-id-1", "default")


async def test_the_consent_comes_before_all_else(house: House, tmp_path: Path) -> None:
    recordings = Recordings(RecordingSettings(enabled=True, folder=tmp_path / "kept"))
    await recordings.start()
    house.open(recordings=recordings)
    caller = Caller(house.pbx)
    serving = house.start(caller)
    await house.until_dialled(caller)
    await house.until_said("How can I help you?")
    assert house.voice.made[0].startswith("This call is recorded.")
    house.pbx.press("1.1", "9")
    await house.until_said("All right, this call is not recorded.")
    caller.hang_up()
    await asyncio.wait_for(serving, PATIENCE_S)
    assert not list((tmp_path / "kept").rglob("*.wav"))
    await recordings.close()
