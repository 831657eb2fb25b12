"""What is sent to Asterisk for a call-back, and what its events mean."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.guard import HEADER_MAX_BYTES, checked
from ami_bridge.originate import Follower, Step, dial_data, originate, uniqueid
from ami_bridge.subscriptions import RESYNC
from erp.callbacks.book import Callback, State
from erp.callbacks.settings import CallbackSettings

SETTINGS = CallbackSettings(enabled=True, caller_id="+12125550000")
NOW = datetime(2026, 11, 20, 15, tzinfo=timezone.utc)
DATA = "PJSIP/+12125550101@trunk,30"


def row(name: str = "Dana", summary: str = "asked for stock") -> Callback:
    return Callback(
        "key-1", "session-1", "+12125550101", NOW, name, "C001", summary,
        State.AGREED, 0, "", None, "", "", NOW,
    )  # fmt: skip


def test_the_human_is_rung_first_and_then_dials_the_customer() -> None:
    headers = originate(SETTINGS, row())
    assert headers["Channel"] == "Local/callback@orderline-callback/n"
    assert (headers["Application"], headers["Data"]) == ("Dial", DATA)
    assert headers["Timeout"] == "45000"
    assert headers["ChannelId"] == "orderline-cb-key-1-1"
    assert headers["CallerID"] == "+12125550000"
    assert "__ORDERLINE_SUMMARY=asked for stock" in headers["Variable"]
    assert "__ORDERLINE_SESSION=session-1" in headers["Variable"]
    assert "__ORDERLINE_CALLBACK_NUMBER=+12125550101" in headers["Variable"]


@pytest.mark.parametrize(
    "number",
    ["", "+1212", "2125550101", "+1212555,g", "+1(2)5550101", "+12125550101\n", "+١٢٣٤٥٦٧٨"],
)
def test_only_a_number_gets_into_the_channels_name(number: str) -> None:
    with pytest.raises(ValueError, match="number"):
        dial_data(SETTINGS, number)


def as_asterisk_splits(text: str) -> list[str]:
    """What __ast_app_separate_args makes of it with remove_chars."""
    parts, paren, quote, escaped = [""], 0, False, False
    for c in text:
        if escaped:
            parts[-1] += c
            escaped = False
        elif c == "\\":
            escaped = True
        elif c == '"':
            quote = not quote
        elif c == "," and not paren and not quote:
            parts.append("")
        else:
            paren = paren + 1 if c == "(" else max(0, paren - 1) if c == ")" else paren
            parts[-1] += c
    return parts


@given(st.text(max_size=700), st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_text_of_a_caller_makes_another_variable_or_header(summary: str, name: str) -> None:
    headers = originate(SETTINGS, row(name, summary))
    checked("Originate", headers)
    for variable in headers["Variable"]:
        assert len(f"Variable: {variable}\r\n") <= HEADER_MAX_BYTES
        assert len(as_asterisk_splits(variable)) == 1
        assert as_asterisk_splits(variable)[0].startswith("__ORDERLINE_")


def test_a_long_summary_of_special_characters_is_cut_and_never_in_an_escape() -> None:
    variable = originate(SETTINGS, row(summary='\\",()' * 100))["Variable"][-1]
    assert len(f"Variable: {variable}\r\n") <= HEADER_MAX_BYTES
    (text,) = as_asterisk_splits(variable)
    value = text.partition("=")[2]
    assert len(value) > 400
    assert ('\\",()' * 100).startswith(value)


# What happens...

ID = uniqueid(row())
HUMAN_FAILS = {"Event": "OriginateResponse", "Response": "Failure", "Reason": "3", "Data": DATA}
HUMAN_ANSWERS = {**HUMAN_FAILS, "Response": "Success", "Uniqueid": ID}
RINGS = {"Event": "DialBegin", "Uniqueid": ID, "Linkedid": ID}
ENDS = {"Event": "DialEnd", "Uniqueid": ID, "Linkedid": ID}
GONE = {"Event": "Hangup", "Uniqueid": ID, "Linkedid": ID}
OTHER_RINGS = {"Event": "DialBegin", "Uniqueid": "1.2", "Linkedid": ID}
OTHER_ANSWERS = {
    "Event": "DialEnd", "Uniqueid": "1.2", "Linkedid": ID, "DialStatus": "ANSWER",
    "DestChannel": "PJSIP/anna-1",
}  # fmt: skip


def play(*events: dict[str, str]) -> list[Step]:
    follower = Follower(ID, DATA)
    assert all(follower.concerns(event) for event in events)
    steps = [follower.take(event) for event in events]
    return [step for step in steps if step is not None]


def states(*events: dict[str, str]) -> list[str]:
    return [step.state.value for step in play(*events)]


def test_both_answer() -> None:
    events = [OTHER_RINGS, OTHER_ANSWERS, HUMAN_ANSWERS, RINGS, {**ENDS, "DialStatus": "ANSWER"}]
    assert states(*events) == ["ringing-customer", "connected"]
    follower = Follower(ID, DATA)
    for event in events:
        follower.take(event)
    assert follower.human == "PJSIP/anna-1"


@pytest.mark.parametrize(
    ("events", "state", "why"),
    [
        ([HUMAN_FAILS], "human-unanswered", "did not answer"),
        ([{**HUMAN_FAILS, "Reason": "77"}], "human-unanswered", "not reached"),
        ([GONE], "human-unanswered", "did not answer"),
        ([HUMAN_ANSWERS, GONE], "customer-unanswered", "could not be dialled"),
        ([RINGS, {**ENDS, "DialStatus": "NOANSWER"}], "customer-unanswered", "NOANSWER"),
        ([RINGS, ENDS], "customer-unanswered", "no status"),
        ([RINGS, GONE], "customer-unanswered", "hung up before"),
        ([{"Event": RESYNC}], "unknown", "lost"),
        ([RINGS, {"Event": RESYNC}], "unknown", "lost"),
    ],
)
def test_how_it_ends(events: list[dict[str, str]], state: str, why: str) -> None:
    last = play(*events)[-1]
    assert last.state.value == state
    assert why in last.why


def test_a_customer_who_was_rung_never_ends_as_a_human_who_was_not() -> None:
    assert "human-unanswered" not in states(RINGS, HUMAN_FAILS, GONE)


def test_events_of_other_calls_are_none_of_ours() -> None:
    follower = Follower(ID, DATA)
    assert not follower.concerns({**RINGS, "Uniqueid": "9.9", "Linkedid": "9.9"})
    assert not follower.concerns({**HUMAN_FAILS, "Data": "PJSIP/+12125550102@trunk,30"})
