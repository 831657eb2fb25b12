"""A caller above the limit hears one sentence and goes to the human, whatever fails."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

from asterisk_agi.announcement import LINES_BUSY, Announcer
from asterisk_agi.audio import PcmChunk
from asterisk_agi.errors import SpeechError
from asterisk_agi.heartbeat import Heartbeat, HeartbeatSettings
from asterisk_agi.media.leg import MediaSettings
from asterisk_agi.server import AgiSession
from asterisk_agi.short_leg import SpeakerParts
from dialplan.reasons import Reason
from tests.unit.asterisk_agi.fake_pbx import FakeAgiSession, FakePbx
from tests.unit.asterisk_agi.test_mouth import FakeVoice
from tests.unit.asterisk_agi.test_reception import NoManager, Rig, result


class Voice(FakeVoice):
    """Fifty milliseconds for each sentence; may fail."""

    fails = False
    seconds = 0.05

    async def speak(self, sentence: str) -> PcmChunk:
        if self.fails:
            raise SpeechError("no worker")
        await super().speak(sentence)
        return PcmChunk(b"\x11\x22" * round(self.seconds * 8000))


class Hall:
    """An announcer with fakes around it."""

    def __init__(self, pbx: FakePbx, most: int = 2, seconds: float = 0.05) -> None:
        self.voice = Voice()
        self.voice.seconds = seconds
        self.heartbeat = Heartbeat(HeartbeatSettings(), "127.0.0.1:4573", NoManager())
        parts = SpeakerParts(pbx, self.voice, self.heartbeat, MediaSettings(), leg_s=0.5)
        self.announcer = Announcer(parts, most)

    async def announce(self, session: FakeAgiSession) -> Reason:
        return await asyncio.wait_for(self.announcer.announce(cast(AgiSession, session)), 5)


def speech_packets(pbx: FakePbx) -> int:
    """Count what Asterisk's end of the leg got that is no silence."""
    pbx.ear.setblocking(False)
    found = 0
    while True:
        try:
            datagram = pbx.ear.recv(2000)
        except BlockingIOError:
            return found
        found += set(datagram[12:]) != {0xFF}


async def test_the_sentence_is_played_to_its_end_and_the_leg_ended() -> None:
    with FakePbx() as pbx:
        hall, session = Hall(pbx, seconds=0.2), FakeAgiSession(pbx)
        assert await hall.announce(session) is Reason.CALL_LIMIT
        assert session.answered
        assert speech_packets(pbx) == 10
        assert pbx.dials == {}
        assert pbx.subscribers == {}
        assert hall.heartbeat.calls == ()


async def test_the_leg_is_named_in_the_beats_so_that_the_bridge_leaves_it_alone() -> None:
    with FakePbx() as pbx:
        hall, session = Hall(pbx, seconds=0.2), FakeAgiSession(pbx)
        announcing = asyncio.ensure_future(hall.announce(session))
        while session.dialled is None:
            await asyncio.sleep(0.001)
        assert hall.heartbeat.calls == ("1.1",)
        await announcing


async def test_above_the_second_limit_nothing_is_answered() -> None:
    with FakePbx() as pbx:
        hall = Hall(pbx, most=1, seconds=0.2)
        first, second = FakeAgiSession(pbx, "1.1"), FakeAgiSession(pbx, "2.2")
        announcing = asyncio.ensure_future(hall.announce(first))
        while first.dialled is None:
            await asyncio.sleep(0.001)
        assert hall.announcer.waiting == 1
        assert await hall.announce(second) is Reason.CALL_LIMIT
        assert not second.answered
        await announcing
        assert hall.announcer.waiting == 0


async def test_a_caller_who_hangs_up_meanwhile_is_not_put_through() -> None:
    with FakePbx() as pbx:
        hall, session = Hall(pbx, seconds=3.0), FakeAgiSession(pbx)
        announcing = asyncio.ensure_future(hall.announce(session))
        while session.dialled is None:
            await asyncio.sleep(0.001)
        session.hang_up()
        assert await announcing is Reason.CALLER_HUNG_UP
        assert hall.announcer.waiting == 0


async def test_whatever_fails_the_caller_goes_to_the_human_without_it() -> None:
    with FakePbx() as pbx:
        hall = Hall(pbx)
        hall.voice.fails = True
        assert await hall.announce(FakeAgiSession(pbx)) is Reason.CALL_LIMIT
        pbx.connected = False
        session = FakeAgiSession(pbx)
        assert await hall.announce(session) is Reason.CALL_LIMIT
        assert not session.answered
        assert hall.announcer.waiting == 0


async def test_those_who_hear_it_take_no_place_of_a_call(tmp_path: Path) -> None:
    """Else a crowd of refused callers would keep the next one out after a call has ended."""
    with FakePbx() as pbx:
        rig = Rig(tmp_path, pbx, calls_max=1)
        voice = cast(FakeVoice, rig.parts.synthesizer)
        first, second, third = (FakeAgiSession(pbx, f"{n}.{n}") for n in (1, 2, 3))
        serving = rig.start(first)
        await rig.until_dialled(first)
        refused = rig.start(second)
        await rig.until_dialled(second)
        first.hang_up()
        await asyncio.wait_for(serving, 5)
        taken = rig.start(third)
        await rig.until_dialled(third)
        assert rig.recognizer.open == 1
        await asyncio.wait_for(refused, 5)
        assert result(second) == ("unavailable", "call-limit")
        assert voice.made.count(LINES_BUSY) == 1
        third.hang_up()
        await asyncio.wait_for(taken, 5)
        assert result(third) == ("completed", "caller-hung-up")
