"""Judge a dialplan entry from what Asterisk tells of it: does every call reach a human?

Pure: it takes the answer of the AMI action ShowDialPlan (its ListDialplan events) and returns
findings; it asks nobody. It follows the steps of one extension in one context, not what other
contexts include. Source: Asterisk documentation, "Manager Action ShowDialPlan"; manager.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dialplan.render import AGI_SCRIPT
from dialplan.variables import (
    AGI_EXIT_ON_HANGUP,
    HUMAN_LABEL,
    RESULT,
    VOICEMAIL_LABEL,
    Result,
)

STEPS_MAX = 2_000
"""An entry has a handful of steps; a list longer than this is somebody else's."""

AGI_APPLICATION = "agi"
"""Not EAGI or DeadAGI: those do not run our media leg."""

NOT_A_PERSON = frozenset({"agi", "hangup", "noop", "congestion", "busy", "set", "wait", "playback"})
"""Applications at the human's label that leave the caller without one."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    """What was found, in words."""

    ok: bool
    mend: str = ""
    """What to do about it; empty when it is ok."""


@dataclass(frozen=True)
class _Step:
    priority: int
    label: str
    application: str
    data: str

    def __str__(self) -> str:
        return f"{self.application}({self.data})"


def examine(
    events: Iterable[Mapping[str, str]], context: str, extension: str, voicemail: bool = False
) -> tuple[Finding, ...]:
    """Return what is right and wrong with the entry.

    voicemail: whether callers are offered to leave a message, so that the entry must take one.

    events: the events of ShowDialPlan for the context (others among them are passed over);
    none, when Asterisk knows no such context.
    Returns findings in the order of a call; all of them ok means that no call can get lost.
    """
    steps = _steps(events, context, extension)
    if not steps:
        place = f"{extension}@{context}"
        return (
            Finding(
                f"no entry {place}",
                False,
                f"paste what `orderline dialplan` prints into extensions.conf, so that {place} "
                "exists, and run `asterisk -rx 'dialplan reload'`",
            ),
        )
    agi = next((n for n, step in enumerate(steps) if _is_ours(step)), None)
    if agi is None:
        return (
            Finding(
                f"{extension}@{context} calls no Orderline",
                False,
                f"add a step AGI(agi://HOST:PORT/PROFILE) or AGI({AGI_SCRIPT},PROFILE)",
            ),
        )
    found = Finding(f"{extension}@{context} calls {steps[agi]}", True)
    return (found, *_before(steps[:agi]), *_after(steps[agi + 1 :], voicemail))


def _before(steps: Sequence[_Step]) -> tuple[Finding, ...]:
    """Judge what leads to the AGI step: a caller must be taken out of a session that hangs."""
    wanted = f"{AGI_EXIT_ON_HANGUP}=yes"
    if any(step.application.lower() == "set" and wanted in step.data for step in steps):
        return ()
    what = f"no Set({wanted}) before the AGI step: a voice process that hangs holds its callers"
    return (Finding(what, False, f"add `same => n,Set({wanted})` before the AGI step"),)


def _after(steps: Sequence[_Step], voicemail: bool) -> tuple[Finding, ...]:
    """Judge what follows the AGI step."""
    human = next((n for n, step in enumerate(steps) if step.label == HUMAN_LABEL), None)
    if human is None:
        mend = f"add `same => n({HUMAN_LABEL}),Queue(...)` after the AGI step"
        return (Finding(f"no label {HUMAN_LABEL} after the AGI step", False, mend),)
    messages = _messages(steps[:human], steps, voicemail)
    return (_way(steps[:human]), _person(steps[human]), *messages)


def _messages(
    before: Sequence[_Step], steps: Sequence[_Step], wanted: bool
) -> tuple[Finding, ...]:
    """Judge the voice mail: a branch without its label would end the call."""
    branch = any(_takes_message(step) for step in before)
    box = next((step for step in steps if step.label == VOICEMAIL_LABEL), None)
    if branch and box is not None:
        return (Finding(f"at the label {VOICEMAIL_LABEL} stands {box}", True),)
    if not branch and not wanted:
        return ()
    lacking = f"no label {VOICEMAIL_LABEL}" if branch else "no step that branches to voice mail"
    mend = "write dialplan.voicemail and paste what `orderline dialplan` prints"
    return (Finding(f"{lacking} after the AGI step", False, mend),)


def _takes_message(step: _Step) -> bool:
    condition, _, target = step.data.partition("?")
    asked = f'"{Result.VOICEMAIL.value}"' in condition and "!=" not in condition
    goes = target.split(":")[0] == VOICEMAIL_LABEL
    return step.application.lower() == "gotoif" and RESULT in condition and asked and goes


def _person(step: _Step) -> Finding:
    if step.application.lower() in NOT_A_PERSON:
        return Finding(
            f"at the label {HUMAN_LABEL} stands {step}",
            False,
            f"put the step that reaches a person there: `same => n({HUMAN_LABEL}),Queue(...)`",
        )
    return Finding(f"at the label {HUMAN_LABEL} stands {step}", True)


def _way(steps: Sequence[_Step]) -> Finding:
    """Judge the steps between AGI and the human: only a completed call may leave the road."""
    for step in steps:
        if step.application.lower() in ("hangup", "goto", "busy", "congestion", "return"):
            return Finding(
                f"{step} stands between the AGI step and the label {HUMAN_LABEL}",
                False,
                f"leave only by {_branch()}",
            )
    branches = [step for step in steps if RESULT in step.data and not _takes_message(step)]
    if not branches:
        return Finding(
            "no step branches on the result: a completed call goes to a human as well",
            False,
            f"add {_branch()} after the AGI step",
        )
    for step in branches:
        if _expects_other_than_completed(step):
            return Finding(
                f"{step} does not ask for {Result.COMPLETED.value!r}",
                False,
                f"write {_branch()}: every other result, and none at all, goes to a human",
            )
    return Finding(f"only {Result.COMPLETED.value!r} does not go to a human", True)


def _branch() -> str:
    return f'GotoIf($["${{{RESULT}}}" = "{Result.COMPLETED.value}"]?done)'


def _expects_other_than_completed(step: _Step) -> bool:
    if step.application.lower() not in ("gotoif", "execif"):
        return False
    condition = step.data.partition("?")[0]
    return "!=" in condition or f'"{Result.COMPLETED.value}"' not in condition


def _is_ours(step: _Step) -> bool:
    if step.application.lower() != AGI_APPLICATION:
        return False
    return bool(re.match(r"h?agi://", step.data)) or AGI_SCRIPT in step.data.split(",")[0]


def _steps(events: Iterable[Mapping[str, str]], context: str, extension: str) -> list[_Step]:
    found: list[_Step] = []
    for event in events:
        ours = event.get("Context") == context and event.get("Extension") == extension
        if not ours or not event.get("Priority", "").isdigit():
            continue
        found.append(
            _Step(
                int(event["Priority"]),
                event.get("ExtensionLabel", ""),
                event.get("Application", ""),
                event.get("AppData", ""),
            )
        )
        if len(found) >= STEPS_MAX:
            break
    return sorted(found, key=lambda step: step.priority)
