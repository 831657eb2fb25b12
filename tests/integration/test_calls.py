"""Real calls: SIP and RTP in, a live Tryton behind, and what the caller hears looked at.

Each test is one thing that a caller does. The story of the call says what was said and asked;
the recording says what came back; AMI says who answered at the end.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from asterisk_agi.testcall.command import place
from asterisk_agi.testcall.record import CallRecord
from asterisk_agi.testcall.script import (
    AfterAnswer,
    AtOnce,
    HangUp,
    OverAnswer,
    Press,
    Step,
    Wait,
)
from asterisk_agi.testcall.stories import Story
from tests.integration.ami_probe import AmiProbe, ami_probe
from tests.integration.calls import (
    DANA,
    NOBODY,
    account,
    call_only,
    ended,
    said,
    stories_folder,
)
from tests.integration.conftest import MakeLab
from tests.rig import asterisk
from tests.rig.faults import Canned, FaultProxy
from tests.rig.lab import Lab

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

OFFICE = "+13125550160"
"""A shared office: contacts of two accounts have this number."""

HUNG_UP = ("completed", "caller-hung-up")
LEFT_US = {"at the human": ("transfer", "caller-asked"), "answer": ("completed", "answered")}
"""How a call ends whose caller hangs up at another moment than before the answer."""
HUMAN_TONE_HZ = 1000
TONE_SHARE = 0.6
"""Share of a half second's energy at the tone that makes it the human's and not speech."""

WITH_HUMAN = Wait(3.5, AfterAnswer(settle_s=0.8))
"""Stay on the line until the human has answered."""


@dataclass(frozen=True)
class Call:
    """What came of a call."""

    record: CallRecord
    story: Story

    @property
    def said(self) -> str:
        return " ".join(said.text for said in self.story.said)

    @property
    def outcome(self) -> tuple[str, str]:
        (end,) = self.story.of("ended")
        return end["result"], end["reason"]

    @property
    def operations(self) -> list[str]:
        return [query["operation"] for query in self.story.of("query")]


async def call(lab: Lab, *steps: Step, number: str = DANA, extension: str | None = None) -> Call:
    status = lab.status()
    record = await call_only(status, steps, number, extension)
    return Call(record, await the_story(status, record.call_id))


async def the_story(status: Mapping[str, Any], call_id: str) -> Story:
    story = await ended(status, call_id)
    assert story is not None, f"no story of the call in {stories_folder(status)}"
    return story


def hears_the_human(record: CallRecord) -> bool:
    """Tell whether the human's steady tone came to the caller's own ear."""
    pcm = np.frombuffer(record.agent.pcm, dtype="<i2").astype(float)
    half_second = 4000
    for begin in range(0, len(pcm) - half_second, half_second // 4):
        power = np.abs(np.fft.rfft(pcm[begin : begin + half_second])) ** 2
        at = HUMAN_TONE_HZ * half_second // 8000
        if power.sum() > 1e9 and power[at - 2 : at + 3].sum() > TONE_SHARE * power.sum():
            return True
    return False


@pytest.fixture
def ami(lab: Lab) -> Iterator[AmiProbe]:
    with ami_probe(lab.status()["ami"]) as probe:
        yield probe


def told_the_human(ami: AmiProbe) -> dict[str, str]:
    return ami.event(lambda event: event.get("UserEvent") == "LabHuman")


# The greeting, and each question...


async def test_a_known_caller_is_greeted_by_name_and_told_that_it_is_automated(lab: Lab) -> None:
    made = await call(lab, said("goodbye"))
    assert "Hello, Dana Whitfield." in made.said
    assert "automated assistant of Northgate Industrial Supply" in made.said
    assert made.outcome == ("completed", "goodbye")
    assert made.record.ended_by_far_side
    assert made.operations == ["customers_by_phone"]


async def test_an_unknown_caller_is_greeted_without_a_name(lab: Lab) -> None:
    made = await call(lab, said("goodbye"), number=NOBODY)
    assert "Hello, this is the automated assistant" in made.said


async def test_availability_is_what_can_be_promised_not_what_is_on_hand(lab: Lab) -> None:
    """100 are on hand, 90 are due out in five days."""
    made = await call(lab, said("is item four five two one in stock"), said("goodbye"))
    assert "10 pieces are available of item 4 5 2 1" in made.said
    assert made.operations == ["customers_by_phone", "find_item", "availability"]
    found, asked = made.story.of("query")[-2:]
    assert asked["live"] is True
    assert asked["record"] == found["record"] != ""


async def test_availability_by_a_date_and_a_follow_up(lab: Lab) -> None:
    made = await call(
        lab,
        said("do you have item four five two one by tomorrow"),
        said("and by next friday"),
        said("goodbye"),
    )
    assert f"by {date.today() + timedelta(days=1):%A}" in made.said
    assert "by Friday" in made.said
    assert made.operations.count("availability") == 2


async def test_an_item_that_does_not_exist_is_said_and_asked_again(lab: Lab) -> None:
    made = await call(lab, said("is item nine nine nine nine in stock"), said("goodbye"))
    assert "no item 9 9 9 9" in made.said
    assert "Which item number" in made.said


async def test_the_callers_own_last_order(lab: Lab) -> None:
    made = await call(lab, said("where is my order"), said("goodbye"))
    assert "Your last order, number" in made.said
    assert made.operations == ["customers_by_phone", "last_order"]


async def test_nobody_hears_of_an_order_without_an_account(lab: Lab) -> None:
    made = await call(lab, said("where is my order"), said("no"), said("goodbye"), number=NOBODY)
    assert "I can't find an account for your telephone number" in made.said
    assert "last_order" not in made.operations


async def test_of_several_contacts_the_caller_chooses_one(lab: Lab) -> None:
    made = await call(
        lab, said("where is my order"), Press("1"), said("goodbye"), number=OFFICE
    )
    assert "belongs to more than one contact" in made.said
    assert made.operations == ["customers_by_phone", "customers_by_phone", "last_order"]


async def test_help_and_repeat(lab: Lab) -> None:
    made = await call(lab, said("help"), said("can you repeat that"), said("goodbye"))
    assert made.said.count("You can ask whether an item is in stock") == 2


async def test_the_caller_stops_our_speech_and_is_heard(lab: Lab) -> None:
    made = await call(
        lab, said("is item four five two one in stock", OverAnswer(0.5)), said("goodbye")
    )
    assert len(made.story.of("barge_in")) >= 1
    cut = [said for said in made.story.of("said") if not said["whole"]]
    assert len(cut) == 1
    whole = "Hello, Dana Whitfield. This is the automated assistant of Northgate Industrial Supply."
    assert cut[0]["text"] in whole
    assert not cut[0]["text"].endswith("Supply.")
    assert "10 pieces are available" in made.said


async def test_two_misunderstandings_offer_the_keypad(lab: Lab) -> None:
    made = await call(
        lab,
        said("the purple elephant sings a lullaby to nine penguins"),
        said("several yellow bicycles dream about philosophy"),
        Press("4521#"),
        said("goodbye"),
    )
    assert "Please press the item number on your keypad" in made.said
    assert "10 pieces are available" in made.said


# The human...


async def test_zero_reaches_the_human_with_the_story(lab: Lab, ami: AmiProbe) -> None:
    made = await call(
        lab, said("is item four five two one in stock"), Press("0"), WITH_HUMAN
    )
    human = told_the_human(ami)
    assert made.outcome == ("transfer", "key-zero")
    assert (human["Result"], human["Reason"]) == ("transfer", "key-zero")
    assert "Dana Whitfield" in human["Summary"]
    assert "4521" in human["Summary"]
    assert human["Session"] == made.story.of("started")[0]["session"]
    assert hears_the_human(made.record)


async def test_zero_counts_while_the_greeting_is_spoken(lab: Lab, ami: AmiProbe) -> None:
    made = await call(lab, Press("0", OverAnswer(0.5)), WITH_HUMAN)
    assert told_the_human(ami)["Reason"] == "key-zero"
    assert hears_the_human(made.record)


async def test_a_wish_for_a_human_is_enough(lab: Lab, ami: AmiProbe) -> None:
    made = await call(lab, said("can i speak to a person"), WITH_HUMAN)
    assert told_the_human(ami)["Reason"] == "caller-asked"
    assert hears_the_human(made.record)


async def test_silence_is_prompted_twice_then_a_human(lab: Lab, ami: AmiProbe) -> None:
    made = await call(lab, Wait(30, AfterAnswer()))
    assert told_the_human(ami)["Reason"] == "no-input"
    assert made.said.count("Are you still there?") == 2
    assert hears_the_human(made.record)


async def test_the_script_on_the_pbx_host_serves_as_the_address_does(
    lab: Lab, ami: AmiProbe
) -> None:
    made = await call(
        lab, said("a person please"), WITH_HUMAN, extension=asterisk.SCRIPT
    )
    assert told_the_human(ami)["Reason"] == "caller-asked"
    assert made.outcome == ("transfer", "caller-asked")


# What fails...


async def test_a_system_that_dies_in_mid_call_is_said_and_a_human_offered(
    lab: Lab, ami: AmiProbe
) -> None:
    calling = asyncio.ensure_future(
        call(lab, said("is item four five two one in stock"), said("yes"), WITH_HUMAN)
    )
    try:
        await asyncio.sleep(1.0)  # The greeting was begun: the system was there.
        await asyncio.to_thread(lab.hold, "erp")
        made = await calling
    finally:
        await asyncio.to_thread(lab.release, "erp")
    assert "Hello, Dana Whitfield." in made.said
    assert "can't reach our order system" in made.said
    assert "Shall I put you through to a colleague?" in made.said
    assert told_the_human(ami)["Reason"] == "backend-down"
    assert "available" not in made.said
    assert hears_the_human(made.record)


async def test_a_system_that_fails_in_mid_call_is_said_and_the_human_reached(
    lab: Lab, ami: AmiProbe
) -> None:
    """Another server takes the system's place, and answers everything with an error of its own."""
    port = urlsplit(lab.status()["erp"]["url"]).port
    assert port is not None
    oops = b"HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 4\r\n\r\noops"
    calling = asyncio.ensure_future(
        call(lab, said("is item four five two one in stock"), said("yes"), WITH_HUMAN)
    )
    try:
        await asyncio.sleep(1.0)  # The greeting was begun: the system was there.
        await asyncio.to_thread(lab.hold, "erp")
        async with FaultProxy(port, port, Canned(lambda: oops)):  # nothing is passed on
            made = await calling
    finally:
        await asyncio.to_thread(lab.release, "erp")
    assert "Hello, Dana Whitfield." in made.said
    assert "I can't read the answer of our order system. Shall I put you through" in made.said
    assert told_the_human(ami)["Reason"] == "backend-bad-answer"
    assert "available" not in made.said
    assert hears_the_human(made.record)


async def test_a_system_that_is_not_there_is_said_in_the_greeting(
    lab: Lab, ami: AmiProbe
) -> None:
    lab.hold("erp")
    try:
        made = await call(lab, Wait(0.1), said("yes please"), WITH_HUMAN)
    finally:
        lab.release("erp")
    greeting = made.story.said[0].text + made.story.said[1].text
    assert "automated assistant" in greeting
    assert "can't reach our order system" in greeting
    assert told_the_human(ami)["Reason"] == "backend-down"


async def test_without_ami_nothing_is_dialled_and_the_human_answers(make_lab: MakeLab) -> None:
    lab = make_lab(voice_settings={"ami": {"port": 1}})
    lab.start()
    with ami_probe(lab.status()["ami"]) as ami:
        record = await call_only(lab.status(), (Wait(3.0),))
        human = told_the_human(ami)
    assert (human["Result"], human["Reason"]) == ("unavailable", "ami-down")
    assert hears_the_human(record)
    assert "UnicastRTP" not in lab.log("full")


async def test_the_oldest_asterisk_serves_a_call(make_lab: MakeLab) -> None:
    lab = make_lab("16")
    lab.start()
    made = await call(lab, said("is item four five two one in stock"), said("goodbye"))
    assert lab.status()["asterisk"]["version"].startswith("16.")
    assert "10 pieces are available of item 4 5 2 1" in made.said
    assert made.outcome == ("completed", "goodbye")


# The caller leaves...

QUESTION = "is item four five two one in stock"

MOMENTS: dict[str, Callable[[], tuple[Step, ...]]] = {
    "answered": lambda: (),
    "greeting": lambda: (Wait(0.6),),
    "listening": lambda: (Wait(0.5, AfterAnswer()),),
    "checking": lambda: (said(QUESTION),),
    "answer": lambda: (said(QUESTION), Wait(0.8, OverAnswer(0.0))),
    "asked for an item": lambda: (said("is it in stock"), Wait(0.5, AfterAnswer())),
    "put through": lambda: (said("can i speak to a person"), Wait(0.3, OverAnswer(0.0))),
    "at the human": lambda: (said("can i speak to a person"), WITH_HUMAN),
}
"""What a caller does before hanging up, by the state that they leave in."""


async def leave(lab: Lab, steps: tuple[Step, ...]) -> Story:
    """Call, do these steps, hang up at once; return the story when it has ended."""
    status = lab.status()
    record = await place(account(status), asterisk.AGENT, [*steps, HangUp(AtOnce())])
    return await the_story(status, record.call_id)


def channels(lab: Lab) -> str:
    argv = [*lab.status()["asterisk"]["remote"], "-rx", "core show channels count"]
    told = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True)
    return told.stdout.splitlines()[0]


def open_files(lab: Lab) -> int:
    """Count the voice process's files and sockets, but for its kept connections to the ERP."""
    status = lab.status()
    pid, port = status["processes"]["voice"][0], urlsplit(status["erp"]["url"]).port
    lines = Path(f"/proc/{pid}/net/tcp").read_text("ascii").splitlines()[1:]
    rows = (line.split() for line in lines)
    to_erp = {f"socket:[{row[9]}]" for row in rows if row[2].endswith(f":{port:04X}")}
    links = (str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir())
    return sum(link not in to_erp for link in links)


async def nothing_left(lab: Lab, files: int) -> None:
    """Wait until Asterisk has no channel and the voice process no file more than before."""
    for _ in range(100):
        if channels(lab) == "0 active channels" and open_files(lab) <= files:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"{channels(lab)}; {open_files(lab)} open files, {files} before")


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_caller_who_leaves_in_any_state_leaves_nothing_behind(
    lab: Lab, moment: str
) -> None:
    await leave(lab, ())
    before = open_files(lab)
    story = await leave(lab, MOMENTS[moment]())
    (end,) = story.of("ended")
    assert (end["result"], end["reason"]) == LEFT_US.get(moment, HUNG_UP)
    await nothing_left(lab, before)


SESSIONS = 1000 if os.environ.get("ORDERLINE_FULL") else 30
"""Real calls one after the other; `make test-full` runs the whole."""


@pytest.mark.timeout(1800)
async def test_sessions_one_after_the_other_leak_nothing(lab: Lab) -> None:
    moments = random.Random(4521)
    await leave(lab, ())
    before, voice_processes = open_files(lab), len(lab.pids("voice"))
    for _ in range(SESSIONS):
        await leave(lab, (Wait(moments.choice((0.0, 0.02, 0.05, 0.1, 0.3))),))
    await nothing_left(lab, before)
    assert len(lab.pids("voice")) == voice_processes
