"""What is said of the humans: how busy they are, what can be had instead, when we call back.

Only what the desk told is said, and nothing is offered that can't be had. Pure.
"""

from __future__ import annotations

import math
from datetime import datetime

import phonenumbers

from asterisk_agi.dialogue import phrases
from asterisk_agi.dialogue.desk import DeskState
from asterisk_agi.dialogue.effects import BookCallback, Line
from asterisk_agi.dialogue.events import Intent
from asterisk_agi.dialogue.spoken import MONTHS, WEEKDAYS, ordinal
from asterisk_agi.dialogue.state import People

ALL_TALKING = "All colleagues are talking."
OTHERS_WAIT = "Other callers are waiting already."
NOBODY_THERE = "There is no colleague at work at the moment."
CLOSED = "Our office is closed now."
WAIT_UNKNOWN = "I can't tell how long the wait is."
PUT_THROUGH = "I'll put you through."

MINUTES_SAID_MAX = 60
"""A longer wait is not told by its minutes: nobody can know it that well."""
DAYS_BY_NAME = 6
"""Days ahead that are told by their weekday alone."""

_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_TENS = {20: "twenty", 30: "thirty", 40: "forty", 50: "fifty", 60: "sixty"}

# Who is there...


def free(desk: DeskState) -> int:
    """Return how many colleagues are free for this caller: those who wait come first."""
    return max(0, desk.free - desk.waiting) if desk.open else 0


def free_sentence(count: int) -> str:
    """Return `Two colleagues are free.`"""
    if count == 1:
        return "One colleague is free."
    return f"{number(count).capitalize()} colleagues are free."


def busy_sentences(desk: DeskState) -> tuple[str, ...]:
    """Return why nobody takes the call at once, and how long it takes as far as it is known."""
    if not desk.open:
        return (_closed(desk),)
    if not desk.hold:
        return (NOBODY_THERE,)
    first = OTHERS_WAIT if desk.free else ALL_TALKING
    return first, WAIT_UNKNOWN if desk.wait_s is None else _wait(desk.wait_s)


def _closed(desk: DeskState) -> str:
    if desk.opens_at is None or desk.now is None:
        return CLOSED
    when = f"{_day(desk.opens_at, desk.now)} at {clock(desk.opens_at)}"
    return _sentence(f"Our office is closed now; we open {when}")


def _wait(seconds: float) -> str:
    # Rounded up: a caller must not be promised less than is expected.
    minutes = max(1, math.ceil(seconds / 60))
    if minutes > MINUTES_SAID_MAX:
        return "The wait is more than an hour."
    return f"The wait is about {number(minutes)} minute{'' if minutes == 1 else 's'}."


# What can be had...


def options(desk: DeskState) -> tuple[Intent, ...]:
    """Return what the caller may choose, in the order of the keys."""
    had = {
        Intent.HOLD: desk.hold,
        Intent.CALL_BACK: desk.callback_at is not None,
        Intent.LEAVE_MESSAGE: desk.voicemail,
    }
    return tuple(intent for intent, possible in had.items() if possible)


def question(desk: DeskState) -> str:
    """Return the question for what the caller wants of what can be had."""
    return _QUESTIONS[options(desk)]


def keys(desk: DeskState) -> str:
    """Return the keys for it. What can't be had has no key; zero always is for a human."""
    choices = [_KEYS[intent] for intent in options(desk)]
    return f"Press {', '.join((*choices, 'or zero for a colleague'))}."


_QUESTIONS: dict[tuple[Intent, ...], str] = {
    (Intent.HOLD,): "Do you want to hold?",
    (Intent.CALL_BACK,): "Shall a colleague call you back?",
    (Intent.LEAVE_MESSAGE,): "Do you want to leave a message?",
    (Intent.HOLD, Intent.CALL_BACK): "Shall a colleague call you back, or do you hold?",
    (Intent.HOLD, Intent.LEAVE_MESSAGE): "Do you hold, or do you leave a message?",
    (Intent.CALL_BACK, Intent.LEAVE_MESSAGE): (
        "Shall a colleague call you back, or do you leave a message?"
    ),
    (Intent.HOLD, Intent.CALL_BACK, Intent.LEAVE_MESSAGE): (
        "Shall a colleague call you back, do you hold, or do you leave a message?"
    ),
}
_KEYS = {
    Intent.HOLD: "one to hold",
    Intent.CALL_BACK: "two for a call back",
    Intent.LEAVE_MESSAGE: "three to leave a message",
}

# When we call...


def read_back(people: People) -> tuple[Line, ...]:
    """Return number and time of the call-back that is proposed, and the question for a yes."""
    callback, now = people.callback, people.desk.now
    if callback is None:
        return phrases.fixed(phrases.WHICH_PHONE)
    return phrases.fixed(proposal(callback, now), phrases.IS_THAT_RIGHT)


def proposal(callback: BookCallback, now: datetime | None) -> str:
    """Return what the caller is to say yes to."""
    when = _when(callback.at, now)
    return f"We'll call you {when} at {phone(callback.number)}."


def booked(at: datetime, now: datetime | None) -> str:
    """Return that the call-back is kept."""
    return _sentence(f"Done. A colleague will call you {_when(at, now)}")


def _sentence(text: str) -> str:
    """Return the text with one full stop: `p.m.` has its own."""
    return text if text.endswith(".") else f"{text}."


def _when(at: datetime, now: datetime | None) -> str:
    return f"{_day(at, now)} after {clock(at)}"


def _day(at: datetime, now: datetime | None) -> str:
    """Return `today`, `tomorrow`, `on Monday` or `on Monday, November 30th`."""
    days = None if now is None else (at.date() - now.astimezone(at.tzinfo).date()).days
    if days is not None and 0 <= days <= 1:
        return ("today", "tomorrow")[days]
    name = f"on {WEEKDAYS[at.weekday()]}"
    if days is not None and 0 <= days <= DAYS_BY_NAME:
        return name
    return f"{name}, {MONTHS[at.month - 1]} {ordinal(at.day)},"


def clock(at: datetime) -> str:
    """Return `nine a.m.`, `two thirty p.m.`, `nine oh five a.m.`, `noon`, `midnight`."""
    if at.minute == 0 and at.hour in _BY_NAME:
        return _BY_NAME[at.hour]
    parts = [number((at.hour - 1) % 12 + 1)]
    if at.minute:
        parts.append(number(at.minute) if at.minute > 9 else f"oh {number(at.minute)}")
    return " ".join((*parts, "a.m." if at.hour < 12 else "p.m."))


_BY_NAME = {0: "midnight", 12: "noon"}


def number(count: int) -> str:
    """Return a small number in words; a larger one in digits."""
    if count < len(_NUMBERS):
        return _NUMBERS[count]
    if count > MINUTES_SAID_MAX:
        return str(count)
    tens, units = count // 10 * 10, count % 10
    return f"{_TENS[tens]} {_NUMBERS[units]}" if units else _TENS[tens]


def phone(text: str) -> str:
    """Return a number digit by digit, in the groups in which its country writes it.

    text: E.164. `+12125550101` is `2 1 2, 5 5 5, 0 1 0 1`.
    """
    try:
        parsed = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return " ".join(c for c in text if c.isdigit())
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    groups = "".join(c if c.isdigit() else " " for c in written).split()
    return ", ".join(" ".join(group) for group in groups)


def fixed_sentences() -> tuple[str, ...]:
    """Return the sentences that any call may need, to be made before the first one."""
    every = [DeskState(open=True, staffed=1, voicemail=v) for v in (False, True)]
    return (
        *(ALL_TALKING, OTHERS_WAIT, NOBODY_THERE, CLOSED, WAIT_UNKNOWN, PUT_THROUGH),
        *_QUESTIONS.values(),
        *(free_sentence(count) for count in range(1, 6)),
        *(_wait(60.0 * minutes) for minutes in range(1, 11)),
        *(keys(desk) for desk in every),
    )
