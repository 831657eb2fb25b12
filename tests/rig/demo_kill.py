"""`make demo KILL=1`: the voice process is killed in mid-sentence, and the caller hears the human.

One call: a question that is answered, a second one, and `kill -9` while its answer is spoken. What
the caller hears from then on is in the recording; what the human is told, in what Asterisk says.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from asterisk_agi.testcall.phone import Phone
from asterisk_agi.testcall.script import ANSWER_LIMIT_S, SETTLE_S, AtOnce, Say, play
from tests.integration.ami_probe import AmiProbe, Message, ami_probe
from tests.integration.rescue import PATIENCE_S, heard_tone
from tests.rig import voices
from tests.rig.lab import Lab

QUESTIONS = ("do you have item four five two one", "how much does it cost")
MID_SENTENCE_S = 1.0
"""So long after the answer's first sound the process is killed."""
LISTEN_S = 2.5
"""So long the caller stays with the human, for the recording."""


Tell = Callable[[str, str], None]
"""Takes who did what, for the screen."""


@dataclass(frozen=True)
class Killed:
    """What came of it."""

    human_after_s: float | None
    """From the kill to the human's first tone at the caller's ear; None: it never came."""
    told: Message
    """What the human's channel carries."""


async def talk_and_kill(phone: Phone, lab: Lab, voice: voices.Voice, tell: Tell) -> Killed:
    """Ask, kill the voice process while it answers, and wait for the human.

    Raises PhoneError.
    """
    status = lab.status()
    with ami_probe(status["ami"]) as ami:
        await phone.settled(SETTLE_S, ANSWER_LIMIT_S)
        await _ask(phone, voice, QUESTIONS[0], tell)
        await phone.settled(SETTLE_S, ANSWER_LIMIT_S)
        await _ask(phone, voice, QUESTIONS[1], tell)
        await phone.began(ANSWER_LIMIT_S)
        await asyncio.sleep(MID_SENTENCE_S)
        killed_s = phone.now_s()
        os.kill(lab.pids("voice")[0], signal.SIGKILL)
        tell("KILL", "kill -9 of the voice process, in mid-sentence")
        tone_s = await heard_tone(phone, killed_s, PATIENCE_S)
        if tone_s is None:
            return Killed(None, {})
        told = await asyncio.to_thread(_what_the_human_sees, ami)
        tell("human", f"picks up, heard {tone_s - killed_s:.2f} s after the kill")
        for name in ("Reason", "Summary"):
            tell("human", f"sees {name.lower()}: {told.get(name, '')}")
        await asyncio.sleep(LISTEN_S)
        return Killed(tone_s - killed_s, told)


async def _ask(phone: Phone, voice: voices.Voice, text: str, tell: Tell) -> None:
    tell("caller", f'"{text}"')
    await play(phone, [Say(voices.speak(voice, text), text, AtOnce())])


def _what_the_human_sees(ami: AmiProbe) -> Message:
    return ami.event(lambda event: event.get("UserEvent") == "LabHuman")
