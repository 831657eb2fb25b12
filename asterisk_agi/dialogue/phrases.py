"""Every sentence without a fact, in one place, so that it can be synthesised before the first call.

Sentences with a fact are made in `wording.py`, of the ERP's results only. Plain ASCII: espeak-ng
reads it as it stands.
"""

from __future__ import annotations

from asterisk_agi.dialogue.desk import TransferFailure
from asterisk_agi.dialogue.effects import Line, LineKind
from asterisk_agi.dialogue.questions import Subject
from asterisk_agi.dialogue.state import DialogueSettings
from dialplan.reasons import Reason

HOW_CAN_I_HELP = "How can I help you?"
ANYTHING_ELSE = "Is there anything else?"
WHAT_ELSE = "What else can I do for you?"
GO_ON = "What would you like to know?"
WELCOME = "You're welcome."
WHICH_ITEM = "Which item number, please?"
WHICH_ORDER = "Which order number, please?"
STILL_THERE = "Are you still there?"
SORRY = "Sorry, I didn't get that."
CHECKING = "One moment, I'm checking."
OFFER = "Shall I put you through to a colleague?"
OFFER_KEYS = "Press one for yes, or two for no."
CHOOSE_KEYS = "Please press the number on your keypad, or zero for a colleague."
WHO = "Your telephone number belongs to more than one contact."
KEYPAD = "Please press the item number on your keypad, then the hash key, or zero for a colleague."
KEYPAD_ORDER = (
    "Please press the order number on your keypad, then the hash key, or zero for a colleague."
)
KEYS_WRONG = "That was no complete item number."
ORDER_KEYS_WRONG = "That was no complete order number."
RETRY_KEYS = "Press one to try again, or zero for a colleague."
PUT_THROUGH = "I'll put you through to a colleague now."
QUIET = "It may be quiet on the line while my colleague hears what it is about."
"""Said where it is: the human hears the story first (`whisper.py`), and Asterisk plays nothing."""
HOLD = "Please hold the line, I'm putting you through."
PASS_ON = "I'll pass your call on all the same."
TRY_AGAIN = "Shall I try again?"
LEAVE_MESSAGE = "You can leave your message in a moment."
WHICH_PHONE = "Which number shall we call?"
KEYPAD_PHONE = "Please press the number with its area code on your keypad, then the hash key."
PHONE_KEYS_WRONG = "That was no complete telephone number."
PHONE_REFUSED = "I'm sorry, we can't call that number."
IS_THAT_RIGHT = "Is that right?"
BOOKING = "One moment, I'm noting that."
NOT_BOOKED = "I'm sorry, I couldn't note the call-back."
LONGEST_CALL = "I'm sorry, our time for this call is up."
NO_INPUT = "I can't hear you."
GOODBYE = "Thank you for calling. Goodbye."
NO_ACCOUNT = "I can't find an account for your telephone number, so I can't look that up."
TOO_MANY_CONTACTS = "Too many contacts have your telephone number for me to tell who is calling."
NOT_LOOKED_UP = "I'm sorry, I couldn't look up your account."
SYSTEM_DOWN = "I'm sorry, I can't reach our order system at the moment."
MUST_CHECK = "For that, a colleague must first check who is calling."
MUST_CHECK_FOR: dict[Subject, str] = {
    Subject.BALANCE: "For an account's balance, a colleague must first check who is calling.",
}
"""What is said when a telephone number is not enough for a question. Others: MUST_CHECK."""
IN_SHORT = "You can ask about an item, a price or an order."
HELP = (
    "You can ask whether an item is in stock, by its number, now or by a date, or what it costs.",
    "You can ask for your recent orders, the status of your last order, or where an order is.",
    "Or say, a colleague, to be put through.",
)

FAILURES: dict[Reason, str] = {
    Reason.BACKEND_SLOW: "I'm sorry, our order system takes too long to answer.",
    Reason.BACKEND_DOWN: SYSTEM_DOWN,
    Reason.BACKEND_REFUSED: "I'm sorry, our order system doesn't let me look that up.",
    Reason.BACKEND_BAD_ANSWER: "I'm sorry, I can't read the answer of our order system.",
}
"""What a caller is told when a query failed. Other reasons are told as SYSTEM_DOWN."""

TRANSFER_FAILURES: dict[TransferFailure, str] = {
    TransferFailure.DECLINED: "I'm sorry, my colleague can't take the call right now.",
    TransferFailure.UNANSWERED: "I'm sorry, nobody answered.",
    TransferFailure.BUSY: "I'm sorry, the line is busy.",
    TransferFailure.UNREACHABLE: "I'm sorry, I couldn't reach a colleague.",
}
"""What a caller is told who was put through and came back."""


def fixed(*texts: str) -> tuple[Line, ...]:
    """Return sentences without a fact as lines."""
    return tuple(Line(text) for text in texts)


def filler(text: str) -> tuple[Line, ...]:
    """Return a sign of life as lines."""
    return (Line(text, LineKind.FILLER),)


def introduction(settings: DialogueSettings, greeted: bool) -> str:
    """Return who is speaking: always an automated assistant.

    greeted: True when the caller was greeted by name just before.
    """
    who = f"{settings.assistant}, the" if settings.assistant else "the"
    sentence = f"this is {who} automated assistant of {settings.company}."
    return sentence[0].upper() + sentence[1:] if greeted else f"Hello, {sentence}"


def fixed_phrases(settings: DialogueSettings) -> tuple[str, ...]:
    """Return every sentence that a call of this profile may need and that holds no fact or name."""
    return (
        introduction(settings, greeted=False),
        introduction(settings, greeted=True),
        *_CONSTANT,
    )


_CONSTANT: tuple[str, ...] = (
    HOW_CAN_I_HELP,
    ANYTHING_ELSE,
    WHAT_ELSE,
    GO_ON,
    WELCOME,
    WHICH_ITEM,
    WHICH_ORDER,
    STILL_THERE,
    IN_SHORT,
    SORRY,
    CHECKING,
    OFFER,
    OFFER_KEYS,
    CHOOSE_KEYS,
    WHO,
    KEYPAD,
    KEYPAD_ORDER,
    KEYS_WRONG,
    ORDER_KEYS_WRONG,
    RETRY_KEYS,
    MUST_CHECK,
    *MUST_CHECK_FOR.values(),
    PUT_THROUGH,
    QUIET,
    HOLD,
    PASS_ON,
    TRY_AGAIN,
    LEAVE_MESSAGE,
    WHICH_PHONE,
    KEYPAD_PHONE,
    PHONE_KEYS_WRONG,
    PHONE_REFUSED,
    IS_THAT_RIGHT,
    BOOKING,
    NOT_BOOKED,
    LONGEST_CALL,
    NO_INPUT,
    GOODBYE,
    NO_ACCOUNT,
    TOO_MANY_CONTACTS,
    NOT_LOOKED_UP,
    *HELP,
    *FAILURES.values(),
    *TRANSFER_FAILURES.values(),
)
