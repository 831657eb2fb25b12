"""Says in one line what a human must know of the call, so that the caller need not repeat it.

Plain ASCII without quotes, commas, control characters and what a dialplan reads as its own
(`${}`, `|`, `\\`), at most SUMMARY_MAX characters. Pure.
"""

from __future__ import annotations

import re
import unicodedata

from asterisk_agi.dialogue.events import LookupOutcome
from asterisk_agi.dialogue.questions import Question, Subject
from asterisk_agi.dialogue.state import Caller, CallState, People, StateName
from dialplan.reasons import Reason

SUMMARY_MAX = 500
"""Characters of ORDERLINE_SUMMARY, as the dialplan's contract has it."""
NAME_MAX = 60
"""Characters of a name or of what was heard: one long value must not push the others out."""

_REASONS: dict[Reason, str] = {
    Reason.GOODBYE: "caller said goodbye",
    Reason.ANSWERED: "caller hung up after the answer",
    Reason.CALLER_HUNG_UP: "caller hung up",
    Reason.CALLER_ASKED: "caller asked for a person",
    Reason.KEY_ZERO: "caller pressed 0",
    Reason.NOT_UNDERSTOOD: "caller was not understood",
    Reason.NO_INPUT: "caller said nothing",
    Reason.LONGEST_CALL: "longest call time reached",
    Reason.BACKEND_SLOW: "order system was too slow",
    Reason.BACKEND_DOWN: "order system could not be reached",
    Reason.BACKEND_REFUSED: "order system refused the query",
    Reason.BACKEND_BAD_ANSWER: "order system gave an unreadable answer",
    Reason.NO_ACCOUNT: "no account for the caller's number",
    Reason.NOT_VERIFIED: "who is calling must be checked first",
    Reason.VOICEMAIL: "caller leaves a message",
    Reason.CALLBACK_AGREED: "a call-back was agreed",
    Reason.VOICE_LOST: "the assistant failed in mid-call",
}
_LAST_WORDS = (Reason.GOODBYE, Reason.CALLBACK_AGREED)
"""Reasons of a call that only has its last sentence before it."""
_UNSAFE = re.compile(r"[^A-Za-z0-9 .:;/()+#@_'?&*-]+")
_LETTERS = {"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ł": "l", "đ": "d", "þ": "th", "–": "-"}
_TRANSLITERATED = str.maketrans(
    {**_LETTERS, **{k.upper(): v.title() for k, v in _LETTERS.items() if len(k.upper()) == 1}}
)


def hung_up(state: CallState) -> Reason:
    """Return what it means that the caller hangs up now: who has what they wanted gave up nothing.

    Few people say goodbye to a machine. Who has an answer and no question open is served, and who
    hangs up during our last sentence has what that sentence says.
    """
    if state.reason in _LAST_WORDS:
        return state.reason
    at_rest = state.name is StateName.LISTENING and state.open is None
    understood = not state.patience.misunderstandings
    return Reason.ANSWERED if at_rest and understood and state.told else Reason.CALLER_HUNG_UP


def summarise(state: CallState, reason: Reason) -> str:
    """Return who called, what was asked and told, what is open, and why the call left us.

    The most important comes first; the oldest answers are left out when it gets too long.
    """
    why = f"Why: {_REASONS.get(reason, reason.value)}"
    head = [_who(state.caller), *_agreed(state.people), why]
    opened = _open(state)
    told = [_ascii(note) for note in state.told]
    while True:
        parts = [*head, *([opened] if opened else []), *_told(told)]
        text = ". ".join(parts) + "."
        if len(text) <= SUMMARY_MAX or not told:
            return text[:SUMMARY_MAX]
        told = told[1:]


def _who(caller: Caller) -> str:
    if caller.chosen is not None:
        customer = caller.chosen
        who = f"{_short(customer.contact)} of " if customer.contact else ""
        return f"Caller: {who}{_short(customer.name)} (account {_short(customer.account)})"
    if caller.matches:
        names = "; ".join(_short(customer.name) for customer in caller.matches[:3])
        return f"Caller: one of {len(caller.matches)} contacts with this number: {names}"
    if caller.lookup is LookupOutcome.DONE:
        return "Caller: number is not in the system"
    return "Caller: not looked up"


def _agreed(people: People) -> list[str]:
    """Return what was agreed on a call-back, or that a transfer was in vain."""
    callback = people.callback
    told = [f"Put through in vain: {people.failures}"] if people.failures else []
    if callback is not None and people.booked:
        told.append(f"Call-back agreed: {callback.number} after {callback.at:%Y-%m-%d %H:%M %Z}")
    elif callback is not None:
        told.append("Call-back offered; not agreed")
    return told


def _open(state: CallState) -> str:
    if state.open is not None:
        return f"Open: {_question(state.open)}"
    return f"Heard last: {_short(state.heard)}" if state.heard else ""


def _question(question: Question) -> str:
    if question.subject in _ABOUT_THE_ACCOUNT:
        return _ABOUT_THE_ACCOUNT[question.subject]
    if question.subject in (Subject.ORDER, Subject.TRACKING):
        what = "status" if question.subject is Subject.ORDER else "tracking"
        number = question.order_number
        return f"{what} of order {_short(number)}" if number else f"{what} of an order"
    amount = f" ({question.amount} wanted)" if question.amount else ""
    number = question.item_number
    item = f"item {_short(number)}" if number else "an unknown item"
    if question.subject is Subject.PRICE:
        return f"price of {item}{amount}"
    when = f"on {question.day.isoformat()}" if question.day else "now"
    return f"availability of {item} {when}{amount}"


_ABOUT_THE_ACCOUNT = {
    Subject.LAST_ORDER: "status of the last order",
    Subject.LAST_TRACKING: "tracking of the last order",
    Subject.ORDER_HISTORY: "recent orders",
    Subject.BALANCE: "account balance",
}


def _told(notes: list[str]) -> list[str]:
    return [f"Told: {'; '.join(notes)}"] if notes else []


def _short(text: str) -> str:
    return _ascii(text)[:NAME_MAX].strip()


def _ascii(text: str) -> str:
    """Return the text in plain ASCII: `Müller & Søn` is `Muller & Son`."""
    plain = unicodedata.normalize("NFKD", text.translate(_TRANSLITERATED))
    ascii_only = plain.encode("ascii", "ignore").decode("ascii")
    return " ".join(_UNSAFE.sub(" ", ascii_only).split())
