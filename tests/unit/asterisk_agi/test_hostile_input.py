"""What callers and the ERP's users can put into a call: it stays a name, a number, a word."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.dialogue.wording import choice_lines, greeting_line
from asterisk_agi.errors import AgiPeerError
from asterisk_agi.handoff import plain
from asterisk_agi.protocol import NEED_DATA, Command, Event, PreludeRead, Session
from asterisk_agi.protocol.command import encode
from asterisk_agi.speech.speakable import speakable
from erp.model import Customer
from tests.unit.asterisk_agi.test_inquiry import source

NAMES = (
    "<speak>",
    '<speak><break time="10s"/>Dana</speak>',
    "<mark name='x'/>Dana",
    "[[h@l'oU]] Dana",
    "Dana\x01+80S\x1b[2J\u202e",
    "Dana\n200 result=1\r\nHANGUP",
    '"; DROP TABLE calls; -- ${EVAL(${SHELL(id)})} |,&^',
    "D\u0430na \U0001f608 \u0000",
    "Dana " * 2000,
)
"""Customers' and contacts' names as somebody could write them into the ERP."""

MARKUP = re.compile(r"[<>\[\]{}|\\^~`\x00-\x1f\x7f]")


def customer(name: str) -> Customer:
    return Customer("1", name, name, name, source("customers"))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_spoken_as_plain_words(name: str) -> None:
    lines = [greeting_line(customer(name)), *choice_lines((customer(name), customer(name)))]
    for line in lines:
        spoken = speakable(line.text)
        assert not MARKUP.search(spoken)
        assert len(spoken) <= 500
        assert spoken.isprintable()


@pytest.mark.parametrize("name", NAMES)
def test_a_summary_is_one_line_that_a_command_can_carry(name: str) -> None:
    line = encode(Command("SET VARIABLE", ("__ORDERLINE_SUMMARY", plain(name))))
    assert line.count(b"\n") == 1
    assert line.isascii()


# A number with line ends: Asterisk 22 decodes %0A of a SIP address and sends it as it is...

HEAD = (
    b"agi_network: yes\nagi_network_script: default\nagi_request: agi://h/default\n"
    b"agi_channel: PJSIP/line-1\nagi_uniqueid: 17.1\nagi_callerid: "
)
TAIL = (
    b"\nagi_calleridname: Eve\nagi_dnid: 600\nagi_context: callers\nagi_extension: 600\n"
    b"agi_priority: 4\nagi_accountcode: \n\n"
)
PIECES = (
    "\n",
    "\r\n",
    "agi_network_script: vip",
    "agi_channel: PJSIP/other-2",
    "agi_uniqueid: 99.9",
    "agi_dnid: 999",
    "200 result=1",
    "520-Usage",
    "HANGUP",
    "15551234",
)


def events_of(number: str) -> list[Event]:
    """Return what the core makes of a call from this number. Raises AgiPeerError."""
    core, found = Session(), []
    core.receive_data(HEAD + number.encode("utf-8", "replace") + TAIL)
    while (event := core.next_event()) is not NEED_DATA:
        found.append(event)
    return found


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=8).map("".join))
def test_a_number_cannot_change_what_asterisk_says_of_a_call(number: str) -> None:
    """Either nothing but the number is affected, or the whole call is refused to its human."""
    try:
        events = events_of(number)
    except AgiPeerError:
        return
    assert len(events) <= 1, "nothing of it is a reply or a hangup"
    for event in events:
        assert isinstance(event, PreludeRead)
        prelude = event.prelude
        assert prelude.network_script == "default"
        assert (prelude.channel, prelude.uniqueid) == ("PJSIP/line-1", "17.1")
        assert (prelude.dnid, prelude.context) == ("600", "callers")


@pytest.mark.parametrize(
    "number",
    [
        "1\r\nSET VARIABLE ORDERLINE_RESULT completed\n",
        "1\n\n200 result=1",
        "1\nagi_network_script: vip",
        "1\nagi_calleridname: Boss",
        "1\n\nHANGUP",
    ],
)
def test_a_line_end_in_a_number_is_refused(number: str) -> None:
    with pytest.raises(AgiPeerError):
        events_of(number)


def test_a_number_of_500_digits_is_a_number() -> None:
    (event,) = events_of("9" * 500)
    assert isinstance(event, PreludeRead)
    assert event.prelude.caller_number == "9" * 500
