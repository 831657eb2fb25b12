"""What is sent to Asterisk to dial a call-back, and what its events mean. Pure.

The human is the channel that is originated; when they answer, it runs `Dial` to the customer, who
is rung by that alone and therefore once. The channel's Uniqueid is of our own choosing, so that
every event of it, and of what it dials, is known by `Uniqueid` or `Linkedid`.
Source: Asterisk documentation, "Originate", "OriginateResponse", "DialBegin", "DialEnd";
manager.c (astman_get_variables_full splits `Variable` at commas), app.c
(__ast_app_separate_args: a backslash takes the meaning from the character after it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ami_bridge.guard import HEADER_MAX_BYTES, HeaderValue
from ami_bridge.sightings import CALLBACK_PREFIX
from ami_bridge.subscriptions import RESYNC, AmiEvent
from dialplan import variables
from erp.callbacks.book import Callback, State
from erp.callbacks.settings import NUMBER, CallbackSettings

NUMBER_SENT = re.compile(r"\+[1-9][0-9]{6,14}")
"""The only form in which a number gets into a channel's name."""

_SPECIAL = re.compile(r'([\\,"()\[\]{}])')
_LEFT_OUT = re.compile(r"[^\x20-\x7e]")
_REASONS = {
    "0": "the human's channel can't be reached",
    "1": "the human hung up",
    "3": "the human did not answer",
    "5": "the human is busy",
    "8": "the human's channel is out of order",
}
"""Asterisk's control frames (frame.h) as OriginateResponse gives them."""


def uniqueid(row: Callback) -> str:
    """Return the Uniqueid of the channel of a claimed row's attempt. Asterisk takes it once."""
    return f"{CALLBACK_PREFIX}{row.key}-{row.attempts + 1}"


def dial_data(settings: CallbackSettings, number: str) -> str:
    """Return the argument of `Dial` for a customer. Raises ValueError for what is no number."""
    if not NUMBER_SENT.fullmatch(number):
        raise ValueError("this is no number that may be dialled")
    channel = settings.customer.replace(NUMBER, number)
    return f"{channel},{max(1, round(settings.customer_ring_s))}"


def originate(settings: CallbackSettings, row: Callback) -> dict[str, HeaderValue]:
    """Return the headers of `Originate`. Raises ValueError for what is no number."""
    headers: dict[str, HeaderValue] = {
        "Channel": settings.human,
        "Application": "Dial",
        "Data": dial_data(settings, row.number),
        "Timeout": str(round(settings.human_ring_s * 1000)),
        "Async": "true",
        "ChannelId": uniqueid(row),
        "Variable": [
            _inherited(variables.SESSION, row.session),
            _inherited(variables.CALLBACK, row.key),
            _inherited(variables.CALLBACK_NUMBER, row.number),
            _inherited(variables.CALLBACK_NAME, row.name),
            _inherited(variables.SUMMARY, row.summary[: variables.SUMMARY_MAX_CHARS]),
        ],
    }
    if settings.caller_id:
        headers["CallerID"] = settings.caller_id
    return headers


def _inherited(name: str, value: str) -> str:
    """Return an assignment as `Variable` may carry it, cut to what a header can be."""
    start = f"{variables.INHERITED_PREFIX}{name}="
    room = HEADER_MAX_BYTES - len(f"Variable: {start}\r\n")
    plain = " ".join(_LEFT_OUT.sub(" ", value).split())
    escaped = ""
    for character in plain:
        piece = _SPECIAL.sub(r"\\\1", character)
        if len(escaped) + len(piece) > room:
            break
        escaped += piece
    return start + escaped


@dataclass(frozen=True)
class Step:
    """What an event says: where the call-back stands now."""

    state: State
    why: str = ""


class Follower:
    """Follows one attempt by its events, in wire order."""

    def __init__(self, channel_id: str, data: str) -> None:
        self._id = channel_id
        self._data = data
        self._answered = False
        self._rung = False
        self.human = ""
        """The channel of the human who answered, as far as it was seen."""

    def concerns(self, event: AmiEvent) -> bool:
        """Tell whether an event is about this attempt."""
        return (
            self._id in (event.get("Uniqueid"), event.get("Linkedid"), event.get("DestLinkedid"))
            or (event.get("Event") == "OriginateResponse" and event.get("Data") == self._data)
            or event.get("Event") == RESYNC
        )

    def take(self, event: AmiEvent) -> Step | None:
        """Return where it stands after an event; None: as before. Only for what `concerns`."""
        kind = event.get("Event")
        own = event.get("Uniqueid") == self._id
        if kind == RESYNC:
            return Step(State.UNKNOWN, "the connection to Asterisk was lost meanwhile")
        if kind == "OriginateResponse":
            return self._responded(event)
        if kind == "DialBegin" and own:
            self._rung = True
            return Step(State.RINGING_CUSTOMER)
        if kind == "DialEnd":
            return self._dial_ended(event, own)
        if kind == "Hangup" and own:
            return self._hung_up()
        return None

    def _responded(self, event: Mapping[str, str]) -> Step | None:
        if event.get("Response") == "Success":
            self._answered = True
            return None
        if self._rung:
            return None
        why = _REASONS.get(event.get("Reason", ""), "the human was not reached")
        return Step(State.HUMAN_UNANSWERED, why)

    def _dial_ended(self, event: Mapping[str, str], own: bool) -> Step | None:
        status = event.get("DialStatus", "")
        if not own:
            if status == "ANSWER" and not self._rung:
                self.human = event.get("DestChannel", self.human)
            return None
        if status == "ANSWER":
            return Step(State.CONNECTED)
        return Step(State.CUSTOMER_UNANSWERED, f"Dial ended with {status or 'no status'}")

    def _hung_up(self) -> Step:
        if self._rung:
            return Step(State.CUSTOMER_UNANSWERED, "the human hung up before the customer answered")
        if self._answered:
            return Step(State.CUSTOMER_UNANSWERED, "the customer could not be dialled")
        return Step(State.HUMAN_UNANSWERED, "the human did not answer, or hung up")
