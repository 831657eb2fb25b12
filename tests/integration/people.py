"""Callers who ask for a human, and the telephones of humans, for the tests of transfers."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import yaml

from asterisk_agi.dialogue.desk import TransferFailure
from asterisk_agi.dialogue.phrases import TRANSFER_FAILURES
from asterisk_agi.testcall import stories
from asterisk_agi.testcall.desk_phone import DeskPhone
from asterisk_agi.testcall.phone import Phone
from asterisk_agi.testcall.stories import Story
from asterisk_agi.testcall.transcribe import SecondEar, text_of
from dialplan.render import render_manager_user
from tests.integration import calls
from tests.rig.lab import Lab

PATIENCE_S = 15.0
TIMEOUT_S = 4
"""A transfer that nobody answers comes back after so many seconds."""


def use(lab: Lab, **people: Any) -> None:
    """Give the voice process another `people` section; started anew only for a new one."""
    path = lab.folder / "orderline.yaml"
    settings = yaml.safe_load(path.read_text("utf-8"))
    wanted = {"timeout_s": TIMEOUT_S, **people}
    if settings.get("people") == wanted:
        return
    settings["people"] = wanted
    path.write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")
    lab.restart("voice")


@asynccontextmanager
async def caller_for_human(lab: Lab) -> AsyncIterator[Phone]:
    """Call the agent and press 0 in the greeting."""
    phone = Phone(calls.account(lab.status()))
    await phone.place("600")
    try:
        await phone.began(PATIENCE_S)
        await asyncio.sleep(1.0)
        await phone.press("0")
        yield phone
    finally:
        await phone.close()


@asynccontextmanager
async def desk_phone(lab: Lab) -> AsyncIterator[DeskPhone]:
    """Listen where PJSIP/desk is."""
    at = lab.status()["desk"]
    phone = DeskPhone(at["host"], at["port"])
    await phone.open()
    try:
        yield phone
    finally:
        await phone.close()


async def story_of(lab: Lab, phone: Phone) -> Story:
    """Return the story of a call that is over."""
    story = await calls.ended(lab.status(), phone.call_id)
    assert story is not None
    return story


def said_failure(story: Story, failure: TransferFailure) -> bool:
    """Tell whether the caller heard the sentence for this failure."""
    return any(said.text == TRANSFER_FAILURES[failure] for said in story.said)


async def heard_words(ear: SecondEar, pcm: bytes) -> str:
    """Return what is said in a recording."""
    return text_of(await ear.words(pcm))


async def until_said(lab: Lab, phone: Phone, failure: TransferFailure) -> None:
    """Wait until the agent is back and has said why. Raises AssertionError."""
    for _ in range(round(PATIENCE_S / 0.1)):
        path = stories.find(calls.stories_folder(lab.status()), phone.call_id)
        if path is not None and said_failure(stories.read(path), failure):
            return
        await asyncio.sleep(0.1)
    told = "no story" if path is None else path.read_text("utf-8")
    raise AssertionError(f"the caller never heard of {failure}:\n{told}")


def console(lab: Lab, command: str) -> str:
    """Run a command of Asterisk's console."""
    argv = [*lab.status()["asterisk"]["remote"], "-rx", command]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout


async def nothing_left(lab: Lab) -> None:
    """Wait until Asterisk has no channel. Raises AssertionError."""
    for _ in range(200):
        if console(lab, "core show channels count").startswith("0 active channels"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(console(lab, "core show channels"))


@contextmanager
def may_place_calls(lab: Lab) -> Iterator[None]:
    """Give Orderline's AMI user the one right more that docs/callbacks.rst tells of."""
    file = lab.folder / "asterisk" / "etc" / "manager.conf"
    before = file.read_text("utf-8")
    secret = (lab.folder / "secrets" / "ami").read_text("utf-8").strip()
    user = "orderline", secret
    wanted = render_manager_user(*user, callbacks=True)
    try:
        file.write_text(before.replace(render_manager_user(*user), wanted), "utf-8")
        console(lab, "manager reload")
        yield
    finally:
        file.write_text(before, "utf-8")
        console(lab, "manager reload")
