"""Scripted calls against the lab, for tests: say it in a line, then look at what came of it.

    report = await call(status, [said("do you have item four five two one")], number=DANA)
    assert report.measured.turns[0].answer_kind == "fact"

The caller shares only SIP and RTP with the system; the story is read after the call, for labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asterisk_agi.testcall import stories
from asterisk_agi.testcall.analysis import analyse
from asterisk_agi.testcall.command import place
from asterisk_agi.testcall.dialog import Account
from asterisk_agi.testcall.record import CallRecord
from asterisk_agi.testcall.report import Report
from asterisk_agi.testcall.script import AfterAnswer, HangUp, Say, Step, When
from asterisk_agi.testcall.stories import Story
from erp.secrets import Secret
from tests.rig import voices
from tests.rig.follow import until_ended

DANA = "+12125550101"
"""Dana Whitfield of Harbor Machine Works (C001): one contact, orders."""
MARCUS = "+12125550102"
"""Marcus Bell of Riverside Tooling (C002): one contact, orders."""
NOBODY = "+12125550199"
"""A number that nobody has."""

STORY_WAIT_S = 3.0
"""The voice process writes the end of a story so long after the caller's BYE at most."""


def account(status: Mapping[str, Any], number: str = DANA) -> Account:
    """Return the lab's SIP account, as any caller. status: the `lab-status` object."""
    sip = status["sip"]
    return Account(sip["host"], sip["port"], sip["user"], Secret(sip["password"]), number)


def stories_folder(status: Mapping[str, Any]) -> Path:
    """Return where the lab's voice process writes its stories."""
    return Path(status["folders"]["state"]) / "stories"


def said(text: str, when: When | None = None, voice: voices.Voice = voices.VOICES[0]) -> Say:
    """Return a step that speaks; by default after the agent's answer."""
    return Say(voices.speak(voice, text), text, when or AfterAnswer())


async def call_only(
    status: Mapping[str, Any],
    steps: Sequence[Step],
    number: str = DANA,
    extension: str | None = None,
) -> CallRecord:
    """Place a call, play a script to its end and hang up. Raises PhoneError."""
    to = extension or str(status["extensions"]["agent"])
    return await place(account(status, number), to, [*steps, HangUp(AfterAnswer())])


async def call(
    status: Mapping[str, Any],
    steps: Sequence[Step],
    number: str = DANA,
    folder: Path | None = None,
) -> Report:
    """Call the agent, and measure the call by its story. folder: for the recordings."""
    record = await call_only(status, steps, number)
    await ended(status, record.call_id)
    recordings = folder or Path(status["folders"]["recordings"])
    return await analyse(record, recordings, stories_folder(status), None)


async def ended(status: Mapping[str, Any], call_id: str) -> Story | None:
    """Return the call's story once it has ended (or STORY_WAIT_S passed); None without one."""
    path = stories.find(stories_folder(status), call_id)
    if path is None:
        return None
    await until_ended(path, STORY_WAIT_S)
    return stories.read(path)
