"""The events are captured from Asterisk 22.10.1 and 16.28.0 (tests/rig, contexts of the lab)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dialplan.check import STEPS_MAX, Finding, examine

Event = dict[str, str]
WIRE = Path(__file__).parent / "wire"


def captured(version: str) -> list[Event]:
    events: list[Event] = json.loads((WIRE / f"show_dialplan_{version}.json").read_text("utf-8"))
    return events


def step(priority: int, application: str, data: str = "", label: str = "") -> Event:
    event = {
        "Event": "ListDialplan",
        "Context": "orderline",
        "Extension": "600",
        "Priority": str(priority),
        "Application": application,
        "AppData": data,
    }
    return {**event, "ExtensionLabel": label} if label else event


FREE = step(0, "Set", "AGIEXITONHANGUP=yes")
AGI = step(1, "AGI", "agi://127.0.0.1:4573/default")
BRANCH = step(2, "GotoIf", '$["${ORDERLINE_RESULT}" = "completed"]?done')
HUMAN = step(3, "Queue", "support", "human")


def ill(events: list[Event]) -> list[Finding]:
    findings = examine([FREE, *events] if events else [], "orderline", "600")
    assert all(bool(finding.mend) != finding.ok for finding in findings)
    return [finding for finding in findings if not finding.ok]


@pytest.mark.parametrize("version", ["22", "16"])
def test_what_we_render_is_well_on_a_real_asterisk(version: str) -> None:
    findings = examine(captured(version), "orderline", "600")
    assert [finding.ok for finding in findings] == [True, True, True]
    assert "agi://127.0.0.1:" in findings[0].what
    assert "Queue(lab-humans)" in findings[2].what


@pytest.mark.parametrize("version", ["22", "16"])
def test_an_extension_without_orderline_is_found_out(version: str) -> None:
    (finding,) = examine(captured(version), "lab-callers", "601")
    assert not finding.ok
    assert "AGI(agi://" in finding.mend


def test_no_such_entry() -> None:
    (finding,) = ill([])
    assert "600@orderline" in finding.what
    assert "orderline dialplan" in finding.mend


def test_the_order_of_the_events_does_not_matter() -> None:
    assert ill([HUMAN, BRANCH, AGI]) == []


def test_script_and_srv_forms_are_ours() -> None:
    assert ill([step(1, "AGI", "orderline.agi,default"), BRANCH, HUMAN]) == []
    assert ill([step(1, "AGI", "hagi://voice.example/default"), BRANCH, HUMAN]) == []
    assert ill([step(1, "AGI", "other.agi,default"), BRANCH, HUMAN])
    assert ill([step(1, "EAGI", "orderline.agi,default"), BRANCH, HUMAN])


def test_no_human_after_the_agi_step() -> None:
    (finding,) = ill([AGI, BRANCH, step(3, "Queue", "support")])
    assert "n(human)" in finding.mend


def test_a_human_before_the_agi_step_does_not_count() -> None:
    events = [step(0, "Queue", "support", "human"), AGI, BRANCH, step(3, "Hangup")]
    assert ill(events)


@pytest.mark.parametrize("application", ["Hangup", "NoOp", "Congestion", "AGI", "Playback"])
def test_the_label_must_reach_a_person(application: str) -> None:
    (finding,) = ill([AGI, BRANCH, step(3, application, "", "human")])
    assert "Queue" in finding.mend


def test_nothing_may_end_the_call_on_the_way() -> None:
    (finding,) = ill([AGI, step(2, "Hangup"), HUMAN])
    assert "Hangup()" in finding.what


def test_without_a_branch_every_call_goes_to_a_human() -> None:
    (finding,) = ill([AGI, step(2, "NoOp"), HUMAN])
    assert "ORDERLINE_RESULT" in finding.mend


@pytest.mark.parametrize(
    "condition",
    ['$["${ORDERLINE_RESULT}" != "transfer"]?done', '$["${ORDERLINE_RESULT}" = "transfer"]?done'],
)
def test_a_branch_that_loses_calls_is_found_out(condition: str) -> None:
    (finding,) = ill([AGI, step(2, "GotoIf", condition), HUMAN])
    assert '"completed"' in finding.mend


MESSAGE = step(3, "GotoIf", '$["${ORDERLINE_RESULT}" = "voicemail"]?voicemail')
AT_HUMAN = step(4, "Queue", "support", "human")
BOX = step(6, "VoiceMail", "100@default,u", "voicemail")


def messages(*events: Event, wanted: bool = True) -> list[Finding]:
    found = examine([FREE, AGI, BRANCH, *events], "orderline", "600", wanted)
    return [finding for finding in found if not finding.ok]


def test_a_message_that_is_offered_has_its_box() -> None:
    assert messages(MESSAGE, AT_HUMAN, BOX) == []
    assert messages(AT_HUMAN, wanted=False) == []


@pytest.mark.parametrize(
    ("events", "wanted", "lacking"),
    [
        ([AT_HUMAN], True, "no step that branches"),
        ([AT_HUMAN, BOX], True, "no step that branches"),
        ([MESSAGE, AT_HUMAN], True, "no label voicemail"),
        # A jump to a label that is not there ends the call, whoever wanted it.
        ([MESSAGE, AT_HUMAN], False, "no label voicemail"),
    ],
)
def test_a_box_that_is_not_there_is_found_out(
    events: list[Event], wanted: bool, lacking: str
) -> None:
    (finding,) = messages(*events, wanted=wanted)
    assert lacking in finding.what
    assert "orderline dialplan" in finding.mend


def test_includes_and_endless_lists_do_no_harm() -> None:
    include = {"Event": "ListDialplan", "Context": "orderline", "IncludeContext": "x"}
    assert ill([include, AGI, BRANCH, HUMAN]) == []
    noise = [step(n + 10, "NoOp") for n in range(STEPS_MAX + 10)]
    assert ill([AGI, BRANCH, HUMAN, *noise]) == []
    assert ill([*noise, AGI, BRANCH, HUMAN])  # what comes after the cap is not looked at


def test_a_session_that_can_not_be_broken_off_is_found_out() -> None:
    findings = examine([AGI, BRANCH, HUMAN], "orderline", "600")
    (finding,) = [finding for finding in findings if not finding.ok]
    assert "Set(AGIEXITONHANGUP=yes)" in finding.mend
    late = step(2, "Set", "AGIEXITONHANGUP=yes")
    assert not all(found.ok for found in examine([AGI, late, HUMAN], "orderline", "600"))
