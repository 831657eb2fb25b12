"""Which channels are calls of ours. The rows are shaped as Asterisk 16 and 22 send them."""

from __future__ import annotations

import pytest

from ami_bridge.sightings import Sighting, VoiceHosts, dialled, entered, present

VOICES = VoiceHosts(frozenset({"127.0.0.1", "10.0.0.7"}), 4573)
LEG = "UnicastRTP/127.0.0.1:40010-0x7f27c80088e0"
CALLER = {
    "Channel": "PJSIP/caller-00000001",
    "Uniqueid": "1.1",
    "Context": "orderline",
    "Exten": "600",
}
SEEN = Sighting("1.1", "PJSIP/caller-00000001", "orderline", "600", LEG)


def dial_begin(**changes: str) -> dict[str, str]:
    return {"Event": "DialBegin", **CALLER, "DestChannel": LEG, "DestUniqueid": "1.2", **changes}


def row(application: str, data: str) -> dict[str, str]:
    return {**CALLER, "Application": application, "ApplicationData": data}


def test_a_dialled_leg_names_the_call() -> None:
    assert dialled(dial_begin(), VOICES) == SEEN


@pytest.mark.parametrize(
    "event",
    [
        dial_begin(Event="DialEnd"),
        dial_begin(Uniqueid=""),
        dial_begin(DestChannel="PJSIP/agent-00000002"),
        dial_begin(DestChannel="UnicastRTP/192.0.2.1:40010-0x1"),
        dial_begin(DestChannel="UnicastRTP/127.0.0.1-0x1"),
        {"Event": "DialBegin"},
    ],
)
def test_other_dials_are_none_of_ours(event: dict[str, str]) -> None:
    assert dialled(event, VOICES) is None


def test_a_call_in_progress_is_found_with_its_leg() -> None:
    rows = [
        {"Channel": LEG, "Uniqueid": "1.2", "Application": "AppDial"},
        row("Dial", "UnicastRTP/127.0.0.1:40010/c(ulaw),,gS(930)"),
    ]
    assert present(rows, VOICES) == [SEEN]


def test_a_call_whose_leg_is_gone_is_found_without_it() -> None:
    rows = [row("Dial", "UnicastRTP/127.0.0.1:40010/c(ulaw),,gS(930)")]
    assert [seen.leg for seen in present(rows, VOICES)] == [""]


@pytest.mark.parametrize(
    "data",
    [
        "agi://127.0.0.1:4573/default",
        "agi://127.0.0.1/default",
        "agi://10.0.0.7:4573",
        "hagi://10.0.0.7/default",
        "agi://127.0.0.1:4573/default,an,argument",
        "orderline.agi,default",
        "/var/lib/asterisk/agi-bin/orderline.agi,default",
    ],
)
def test_a_caller_who_waits_in_our_agi_step_is_found(data: str) -> None:
    assert [seen.uniqueid for seen in present([row("AGI", data)], VOICES)] == ["1.1"]


@pytest.mark.parametrize(
    ("application", "data"),
    [
        ("AGI", "agi://127.0.0.1:4574/default"),
        ("AGI", "agi://192.0.2.1:4573/default"),
        ("AGI", "other.agi,default"),
        ("EAGI", "orderline.agi"),
        ("Dial", "PJSIP/200"),
        ("Dial", "UnicastRTP/192.0.2.1:40010/c(ulaw)"),
        ("Queue", "support"),
        ("", ""),
    ],
)
def test_whoever_is_elsewhere_is_left_alone(application: str, data: str) -> None:
    assert present([row(application, data)], VOICES) == []


def test_the_voice_process_is_named_as_in_its_beats() -> None:
    rows = [row("AGI", "agi://127.0.0.1/default"), row("AGI", "agi://10.0.0.7:4573/x,y")]
    rows += [row("AGI", "orderline.agi,default")]
    named = [seen.voice for seen in present(rows, VOICES)]
    assert named == ["127.0.0.1:4573", "10.0.0.7:4573", ""]


def test_a_row_without_an_id_is_left_alone() -> None:
    assert present([{"Application": "AGI", "ApplicationData": "orderline.agi"}], VOICES) == []


def newexten(**changes: str) -> dict[str, str]:
    agi = {"Application": "AGI", "AppData": "agi://127.0.0.1:4573/default"}
    return {"Event": "Newexten", **CALLER, **agi, **changes}


def test_a_call_is_seen_when_its_agi_begins() -> None:
    seen = Sighting("1.1", "PJSIP/caller-00000001", "orderline", "600", voice="127.0.0.1:4573")
    assert entered(newexten(), VOICES) == seen
    by_script = entered(newexten(AppData="orderline.agi,default"), VOICES)
    assert by_script is not None
    assert by_script.voice == ""


@pytest.mark.parametrize(
    "event",
    [
        newexten(Event="VarSet"),
        newexten(Uniqueid=""),
        newexten(Application="Queue", AppData="support"),
        newexten(AppData="agi://192.0.2.1:4573/default"),
        newexten(AppData="agi://127.0.0.1:4574/whisper"),
        {"Event": "Newexten"},
    ],
)
def test_another_step_of_the_dialplan_is_none_of_ours(event: dict[str, str]) -> None:
    assert entered(event, VOICES) is None


HUMAN = {"Channel": "PJSIP/anna-1", "Uniqueid": "1.3", "Linkedid": "1.1", "Context": "w"}
WHISPERED = {
    **HUMAN, "Application": "AGI", "ApplicationData": "agi://127.0.0.1:4573/whisper,story",
}  # fmt: skip
IN_QUEUE = {**row("Queue", "support"), "Linkedid": "1.1"}
WAITS = Sighting("1.1", "PJSIP/caller-00000001", "orderline", "600")


def test_whoever_is_whispered_to_is_no_caller_and_holds_one() -> None:
    (seen,) = present([IN_QUEUE, WHISPERED], VOICES)
    assert (seen.uniqueid, seen.whisper, seen.waits) == ("1.3", True, WAITS)
    begun = entered(newexten(**HUMAN, AppData="agi://127.0.0.1:4573/whisper"), VOICES)
    assert begun is not None
    assert begun.whisper


def test_a_whisper_is_known_on_its_leg_by_its_context() -> None:
    voices = VoiceHosts(VOICES.hosts, VOICES.port, "w")
    leg = {**HUMAN, "Application": "Dial", "ApplicationData": "UnicastRTP/127.0.0.1:40010/c(ulaw)"}
    (seen,) = present([IN_QUEUE, leg], voices)
    assert (seen.whisper, seen.waits) == (True, WAITS)
    begun = dialled(dial_begin(**HUMAN), voices)
    assert begun is not None
    assert begun.whisper


@pytest.mark.parametrize(
    ("application", "of_caller", "of_human"),
    [
        ("AppDial", "1.1", "1.1"),
        ("Queue", "9.9", "1.1"),
        ("Dial", "orderline-cb-key-1", "orderline-cb-key-1"),
    ],
)
def test_where_no_caller_waits_none_is_named(
    application: str, of_caller: str, of_human: str
) -> None:
    caller = {**row(application, "support"), "Linkedid": of_caller}
    (seen,) = present([caller, {**WHISPERED, "Linkedid": of_human}], VOICES)
    assert seen.waits is None
