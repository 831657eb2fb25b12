"""Who is free is asked of a real queue before a caller is put through, and what is said is true.

One caller after another at one lab, whose queue is changed by AMI as its members would: paused, or
in a talk that a second caller holds.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote

import pytest

from asterisk_agi.dialogue import desk_wording
from asterisk_agi.testcall.script import AtOnce, Press, Step, Wait, WaitForEnd
from erp.callbacks.notice import NOTICE
from tests.integration.ami_probe import AmiProbe, ami_probe
from tests.integration.calls import call_only, ended, said
from tests.integration.people import may_place_calls
from tests.rig.lab import Lab

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

KEYED = "2125550187#"
VOICE: dict[str, Any] = {
    "people": {"queue": "lab-humans", "talk_s": 230},
    "callbacks": {
        "enabled": True,
        "hours": "00:00-24:00",
        "soonest_s": 0.0,
        "human": "Local/human@lab-callback/n",
        "customer": "Local/{number}@lab-callback/n",
    },
}


@pytest.fixture(scope="module")
def desk_lab() -> Iterator[Lab]:
    """Give a lab that books call-backs."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="orderline-desk-"))
        lab = Lab(Path(folder), end_with_parent=True, voice_settings=VOICE)
        stack.callback(lab.stop)
        lab.start()
        stack.enter_context(may_place_calls(lab))
        lab.restart("bridge")  # Rights are those of the login.
        yield lab


@pytest.fixture
def ami(desk_lab: Lab) -> Iterator[AmiProbe]:
    """Give an AMI connection; all members of the queue are there again afterwards."""
    with ami_probe(desk_lab.status()["ami"]) as probe:
        yield probe
        _pause(desk_lab, probe, _members(desk_lab), paused=False)


def _members(lab: Lab) -> list[str]:
    """Return where the members of the queue are, by its configuration."""
    text = (Path(lab.folder) / "asterisk" / "etc" / "queues.conf").read_text("utf-8")
    section = text.split("[lab-humans]")[1].split("\n[")[0]
    lines = (line for line in section.splitlines() if line.startswith("member"))
    return [line.split("=>")[1].split(",")[0].strip() for line in lines]


def _pause(lab: Lab, ami: AmiProbe, members: list[str], paused: bool) -> None:
    for place in members:
        answer = ami.ask(
            "QueuePause", Queue="lab-humans", Interface=place, Paused=str(paused).lower()
        )
        assert answer["Response"] == "Success", answer


@asynccontextmanager
async def a_talk(lab: Lab) -> AsyncIterator[None]:
    """Keep the only member who is not paused in a talk."""
    status = lab.status()
    steps: tuple[Step, ...] = (Wait(60.0, AtOnce()),)
    other = str(status["extensions"]["human"])
    talking = asyncio.ensure_future(call_only(status, steps, "+12125550102", other))
    await asyncio.sleep(1.5)
    try:
        yield
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)


async def story_of(lab: Lab, *steps: Step) -> str:
    """Place a call; return all that the caller was told."""
    status = lab.status()
    record = await call_only(status, steps)
    story = await ended(status, record.call_id)
    assert story is not None and story.said, f"nothing was said:\n{lab.log('voice')[-3000:]}"
    return " ".join(line.text for line in story.said)


async def test_all_are_free(desk_lab: Lab) -> None:
    text = await story_of(desk_lab, said("can i speak to a colleague"), Wait(2.0))
    everybody = desk_wording.number(len(_members(desk_lab))).capitalize()
    assert f"{everybody} colleagues are free. I'll put you through." in text


async def test_all_talk_and_the_caller_holds(desk_lab: Lab, ami: AmiProbe) -> None:
    members = _members(desk_lab)
    _pause(desk_lab, ami, members[1:], paused=True)
    # The earlier talks are forgotten: the configured length of one counts.
    assert ami.ask("QueueReset", Queue="lab-humans")["Response"] == "Success"
    async with a_talk(desk_lab):
        text = await story_of(
            desk_lab, said("can i speak to a colleague"), said("i'll hold"), Wait(1.0)
        )
    assert "All colleagues are talking. The wait is about four minutes." in text
    assert "Shall a colleague call you back, or do you hold?" in text
    assert "Please hold the line, I'm putting you through." in text


async def test_nobody_is_there_and_a_call_back_is_agreed(desk_lab: Lab, ami: AmiProbe) -> None:
    """A no to the caller's own number asks for another one; only what is confirmed is booked, and
    the bridge dials it: first the human, who gets the story, then the customer."""
    _pause(desk_lab, ami, _members(desk_lab), paused=True)
    before = len(_booked(desk_lab))  # A try before this one may have booked, too.
    text = await story_of(
        desk_lab,
        *(said("a colleague please"), said("yes please"), said("no")),
        *(Press(KEYED), said("yes"), WaitForEnd(20)),
    )
    assert "There is no colleague at work at the moment. Shall a colleague call you back?" in text
    assert "at 2 1 2, 5 5 5, 0 1 0 1. Is that right? Which number shall we call?" in text
    assert "at 2 1 2, 5 5 5, 0 1 8 7. Is that right? Done. A colleague will call you" in text
    assert text.endswith("Goodbye.")
    assert _booked(desk_lab)[before:] == [("+12125550187",)]
    _the_time_comes(desk_lab, ami)
    human = await asyncio.to_thread(ami.event, lambda event: event.get("Who") == "human")
    assert (human["Number"], human["Name"]) == ("+12125550187", "Dana Whitfield")
    assert "Call-back agreed: +12125550187 after" in unquote(human["Summary"])
    customer = await asyncio.to_thread(ami.event, lambda event: event.get("Who") == "customer")
    assert customer["Number"] == "+12125550187"


def _store(lab: Lab) -> sqlite3.Connection:
    return sqlite3.connect(Path(lab.folder) / "state" / "orderline.sqlite", timeout=10)


def _booked(lab: Lab) -> list[tuple[str]]:
    with closing(_store(lab)) as store:
        return store.execute("SELECT number FROM callbacks").fetchall()


def _the_time_comes(lab: Lab, ami: AmiProbe) -> None:
    """Let the agreed time be now: it is told in steps of five minutes, which a test can't wait."""
    with closing(_store(lab)) as store, store:
        store.execute("UPDATE callbacks SET at = booked_at")
    ami.ask("UserEvent", UserEvent=NOTICE)
