"""What the human is told, and that the caller is connected whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.audio import PcmChunk
from asterisk_agi.dialogue.machine import DialogueSettings, start
from asterisk_agi.dialogue.questions import Question, Subject
from asterisk_agi.dialogue.state import Caller
from asterisk_agi.dialogue.summary import summarise
from asterisk_agi.errors import SpeechError
from asterisk_agi.heartbeat import Heartbeat, HeartbeatSettings
from asterisk_agi.media.leg import MediaSettings
from asterisk_agi.people import PeopleSettings
from asterisk_agi.protocol import Prelude
from asterisk_agi.server import AgiSession
from asterisk_agi.whisper import (
    UNKNOWN,
    WORDS_MAX,
    Whisperer,
    WhisperParts,
    sentence,
)
from dialplan.reasons import Reason
from erp.model import Customer
from tests.unit.asterisk_agi.fake_pbx import FakeAgiSession, FakePbx
from tests.unit.asterisk_agi.test_inquiry import source
from tests.unit.asterisk_agi.test_mouth import FakeVoice
from tests.unit.asterisk_agi.test_reception import NoManager

STORY = (
    "Caller: Dana Whitfield of Harbor Machine Works (account C001)."
    " Why: who is calling must be checked first. Open: account balance."
    " Told: balance 1250 USD."
)


def test_the_story_is_one_short_sentence_without_account_and_amounts() -> None:
    assert sentence(STORY) == (
        "Dana Whitfield of Harbor Machine Works. Asked for account balance."
        " Who is calling must be checked first."
    )


def test_it_reads_what_the_dialogue_writes() -> None:
    dana = Customer("1", "C001", "Harbor Machine Works Inc.", "Dana Whitfield", source("c"))
    state = replace(
        start(DialogueSettings()),
        caller=Caller(matches=(dana,), chosen=dana),
        open=Question(Subject.BALANCE),
        told=("balance 1250 USD",),
    )
    told = sentence(summarise(state, Reason.NOT_VERIFIED))
    assert told.startswith("Dana Whitfield of Harbor Machine Works Inc.. Asked for account")
    assert "1250" not in told


@pytest.mark.parametrize(
    ("summary", "told"),
    [
        ("", UNKNOWN),
        ("something else", UNKNOWN),
        (
            "Caller: number is not in the system. Why: caller pressed 0. Heard last: hello.",
            "number is not in the system. Caller pressed 0.",
        ),
        (
            "Caller: <prosody rate='x'>Eve</prosody> [[h@lo]]\x01. Why: caller pressed 0.",
            "Eve h@lo. Caller pressed 0.",
        ),
    ],
)
def test_other_stories(summary: str, told: str) -> None:
    assert sentence(summary) == told


@settings(max_examples=50)
@given(st.text(max_size=600), st.text(max_size=200))
def test_no_name_makes_it_long_or_commands_the_synthesizer(name: str, asked: str) -> None:
    told = sentence(f"Caller: {name}. Why: caller pressed 0. Open: {asked}.")
    assert len(told.split()) <= WORDS_MAX
    assert not set(told) & set("<>[]{}|\\^~`\x01\n")


class Voice(FakeVoice):
    """A tenth of a second for each sentence; may fail."""

    fails = False

    async def speak(self, sentence: str) -> PcmChunk:
        if self.fails:
            raise SpeechError("no worker")
        await super().speak(sentence)
        return PcmChunk(b"\x11\x22" * 800)


class Human(FakeAgiSession):
    """The human's channel."""

    def __init__(self, pbx: FakePbx, *args: str, context: str = "orderline-whisper") -> None:
        super().__init__(pbx, script="whisper")
        told = {f"agi_arg_{number}": arg for number, arg in enumerate(args, 1)}
        self.prelude = Prelude({**self.prelude.variables, "agi_context": context, **told})
        self.inherited = {"${ORDERLINE_SESSION}": "call", "${ORDERLINE_SUMMARY}": STORY}

    async def get_full_variable(self, expression: str) -> str | None:
        return self.inherited.get(expression)


class Office:
    def __init__(self, pbx: FakePbx) -> None:
        self.pbx = pbx
        self.voice = Voice()
        self.heartbeat = Heartbeat(HeartbeatSettings(), "127.0.0.1:4573", NoManager())
        self.others: list[AgiSession] = []
        self.whisperer = Whisperer(
            WhisperParts(
                pbx, self.voice, self.heartbeat, MediaSettings(), people=PeopleSettings(), leg_s=0.5
            )
        )

    async def serve(self, human: FakeAgiSession) -> None:
        async def other(session: AgiSession) -> None:
            self.others.append(session)

        handle = self.whisperer.beside(other)
        await asyncio.wait_for(handle(cast(AgiSession, human)), 5)
        assert self.heartbeat.calls == ()
        assert self.pbx.subscribers == {}
        assert self.pbx.dials == {} or all(dial.done() for dial in self.pbx.dials.values())

    async def dialled(self, human: FakeAgiSession) -> None:
        while human.dialled is None:
            await asyncio.sleep(0.01)


async def test_the_human_hears_it_and_the_caller_is_connected() -> None:
    with FakePbx() as pbx:
        office, human = Office(pbx), Human(pbx)
        await office.serve(human)
        assert office.voice.made == [sentence(STORY)]
        assert human.dialled is not None
        assert "GOSUB_RESULT" not in human.variables
        assert not office.others


@pytest.mark.parametrize(("key", "result"), [("1", None), ("2", "CONTINUE")])
async def test_a_key_takes_or_declines(key: str, result: str | None) -> None:
    with FakePbx() as pbx:
        office, human = Office(pbx), Human(pbx, "accept")
        serving = asyncio.create_task(office.serve(human))
        await office.dialled(human)
        pbx.press("1.1", "5")  # means nothing
        pbx.press("1.1", key)
        await serving
        assert human.variables.get("GOSUB_RESULT") == result


async def test_no_key_in_time_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asterisk_agi.whisper.KEY_S", 0.1)
    with FakePbx() as pbx:
        office, human = Office(pbx), Human(pbx, "accept")
        await office.serve(human)
        assert human.variables["GOSUB_RESULT"] == "CONGESTION"


async def test_a_sentence_that_is_too_long_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asterisk_agi.whisper.LONGEST_S", 0.02)
    with FakePbx() as pbx:
        human = Human(pbx)
        await Office(pbx).serve(human)
        assert human.dialled is not None


async def test_a_human_who_hangs_up_ends_it() -> None:
    with FakePbx() as pbx:
        office, human = Office(pbx), Human(pbx, "accept")
        serving = asyncio.create_task(office.serve(human))
        await office.dialled(human)
        human.hang_up()
        await serving


@pytest.mark.parametrize("fault", ["speech", "ami", "context", "not our call", "our own"])
async def test_whatever_fails_the_caller_is_connected_at_once(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakePbx() as pbx:
        office, human = Office(pbx), Human(pbx)
        if fault == "speech":
            office.voice.fails = True
        elif fault == "ami":
            pbx.connected = False
        elif fault == "context":
            human = Human(pbx, context="from-trunk")
        elif fault == "not our call":
            human.inherited = {}
        else:
            monkeypatch.setattr("asterisk_agi.whisper.sentence", broken)
        await office.serve(human)
        assert human.dialled is None
        assert "GOSUB_RESULT" not in human.variables


def broken(summary: str) -> str:
    raise ZeroDivisionError


async def test_all_others_are_callers() -> None:
    with FakePbx() as pbx:
        office, caller = Office(pbx), FakeAgiSession(pbx)
        await office.serve(caller)
        assert office.others == [cast(AgiSession, caller)]


async def test_one_above_the_limit_hears_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asterisk_agi.whisper.WHISPERS_MAX", 0)
    with FakePbx() as pbx:
        human = Human(pbx)
        await Office(pbx).serve(human)
        assert human.dialled is None
