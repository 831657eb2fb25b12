"""The state machine of a call's dialogue: (state, event) -> (state, effects).

Theory. A call is in one of the states of `StateName`. Whatever happens to it is an event
(`events.py`, past tense); what the dialogue wants done is an effect (`effects.py`, imperative).
`TABLE` is the whole machine: for each state and event that can meet, the handler that makes the
step, and the states that it may lead to. `step` refuses a pair that is not in the table and a
target that the table does not name; both are our bug, never the caller's. The picture in the
docs is drawn from this table (`picture.py`).

Rules that the table follows:

- Timers and answers may come late: an event that can come late has an entry in every state.
- ENDING is left by a 0 only, while the goodbye is spoken, and by a transfer that comes back.
- A human that is wanted is first asked for (ASKING_DESK), where there is a desk. Nothing is
  offered that the desk did not say can be had, and nothing is booked but what was read back.
- Every way to a human says so first: `HandOff` comes after a `Say`.
- A 0 reaches a human in every state but BOOKING_CALLBACK, which ends by itself in two seconds.
  Only inside a number that is being keyed it is a
  digit; if that number is not finished in time and ends with 0, the caller meant the human.
- An answer is told only in CHECKING and only when it fits the query: nothing is invented. One to
  a query that was dropped does not come (`conversation.py`); one that does not fit is said to be
  unreadable, for nobody would end the wait for a better one.
- What an operation demands to be known of the caller (`erp.operations`) is known before it is
  asked; what a telephone number can't tell is a colleague's.

No I/O, no clock: `today` is an argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from asterisk_agi.dialogue import desk_talk, grammar, handlers, telling
from asterisk_agi.dialogue.effects import EndpointProfile, Listening
from asterisk_agi.dialogue.events import (
    CallAnswered,
    CallbackBooked,
    CallbackPlanned,
    CallbackRefused,
    CustomersFound,
    DeskTold,
    Event,
    FillerDue,
    KeyPressed,
    KeysEnded,
    LongestCallReached,
    LookupFailed,
    NothingHeard,
    NumberRefused,
    QueryAnswered,
    QueryFailed,
    TransferFailed,
    TurnHeard,
)
from asterisk_agi.dialogue.moves import Step
from asterisk_agi.dialogue.state import CallState, DialogueSettings, StateName, start
from dialplan.reasons import Reason

__all__ = ["TABLE", "DialogueSettings", "IllegalStep", "Rule", "listening", "start", "step"]


class IllegalStep(ValueError):
    """An event came in a state in which it cannot come, or led where the table forbids: our bug."""

    reason: ClassVar[Reason] = Reason.INTERNAL_ERROR


@dataclass(frozen=True)
class Rule:
    """What an event does in a state, and to which states it may lead."""

    handler: Callable[[CallState, Any, date], Step]
    targets: frozenset[StateName]


GREETING = StateName.GREETING
LISTENING = StateName.LISTENING
ASKING_ITEM = StateName.ASKING_ITEM
ASKING_ORDER = StateName.ASKING_ORDER
CHOOSING_CONTACT = StateName.CHOOSING_CONTACT
KEYPAD = StateName.KEYPAD
CHECKING = StateName.CHECKING
OFFERING_HUMAN = StateName.OFFERING_HUMAN
OFFERING_RETRY = StateName.OFFERING_RETRY
ASKING_DESK = StateName.ASKING_DESK
OFFERING_CALLBACK = StateName.OFFERING_CALLBACK
KEYING_NUMBER = StateName.KEYING_NUMBER
CONFIRMING_CALLBACK = StateName.CONFIRMING_CALLBACK
BOOKING_CALLBACK = StateName.BOOKING_CALLBACK
ENDING = StateName.ENDING
HUMAN = (ASKING_DESK, ENDING)
"""Where a wish for a human leads: with a desk that is asked, and without."""
OFFER = (ASKING_DESK, OFFERING_HUMAN)
"""Where the offer of a human leads, likewise."""


def _rule(handler: Callable[[CallState, Any, date], Step], *targets: StateName) -> Rule:
    return Rule(handler, frozenset(targets))


TABLE: dict[tuple[StateName, type[Any]], Rule] = {
    # The caller does not hear us yet
    (GREETING, CallAnswered): _rule(handlers.greet, LISTENING, *OFFER),
    (GREETING, CustomersFound): _rule(handlers.note_customers, GREETING),
    (GREETING, LookupFailed): _rule(handlers.note_failed_lookup, GREETING),
    (GREETING, KeyPressed): _rule(handlers.only_zero, GREETING, *HUMAN),
    (GREETING, LongestCallReached): _rule(handlers.end_longest_call, *HUMAN),
    # Any question may come
    (LISTENING, TurnHeard): _rule(
        handlers.hear_turn,
        LISTENING,
        ASKING_ITEM,
        ASKING_ORDER,
        CHOOSING_CONTACT,
        KEYPAD,
        CHECKING,
        OFFERING_HUMAN,
        *HUMAN,
    ),
    (LISTENING, KeyPressed): _rule(
        handlers.press_digit, LISTENING, CHOOSING_CONTACT, KEYPAD, CHECKING, OFFERING_HUMAN, *HUMAN
    ),
    (LISTENING, KeysEnded): _rule(handlers.ignore, LISTENING),
    (LISTENING, NothingHeard): _rule(handlers.hear_nothing, LISTENING, *HUMAN),
    (LISTENING, CustomersFound): _rule(handlers.note_customers, LISTENING),
    (LISTENING, LookupFailed): _rule(handlers.note_failed_lookup, LISTENING),
    (LISTENING, QueryAnswered): _rule(handlers.ignore, LISTENING),
    (LISTENING, QueryFailed): _rule(handlers.ignore, LISTENING),
    (LISTENING, FillerDue): _rule(handlers.ignore, LISTENING),
    (LISTENING, LongestCallReached): _rule(handlers.end_longest_call, *HUMAN),
    # Which item?
    (ASKING_ITEM, TurnHeard): _rule(
        handlers.hear_turn,
        LISTENING,
        ASKING_ITEM,
        ASKING_ORDER,
        CHOOSING_CONTACT,
        KEYPAD,
        CHECKING,
        OFFERING_HUMAN,
        *HUMAN,
    ),
    (ASKING_ITEM, KeyPressed): _rule(
        handlers.press_digit,
        ASKING_ITEM,
        CHOOSING_CONTACT,
        KEYPAD,
        CHECKING,
        OFFERING_HUMAN,
        *HUMAN,
    ),
    (ASKING_ITEM, KeysEnded): _rule(handlers.ignore, ASKING_ITEM),
    (ASKING_ITEM, NothingHeard): _rule(handlers.hear_nothing, ASKING_ITEM, *HUMAN),
    (ASKING_ITEM, CustomersFound): _rule(handlers.note_customers, ASKING_ITEM),
    (ASKING_ITEM, LookupFailed): _rule(handlers.note_failed_lookup, ASKING_ITEM),
    (ASKING_ITEM, QueryAnswered): _rule(handlers.ignore, ASKING_ITEM),
    (ASKING_ITEM, QueryFailed): _rule(handlers.ignore, ASKING_ITEM),
    (ASKING_ITEM, FillerDue): _rule(handlers.ignore, ASKING_ITEM),
    (ASKING_ITEM, LongestCallReached): _rule(handlers.end_longest_call, *HUMAN),
    # Which order?
    (ASKING_ORDER, TurnHeard): _rule(
        handlers.hear_turn,
        LISTENING,
        ASKING_ITEM,
        ASKING_ORDER,
        CHOOSING_CONTACT,
        CHECKING,
        OFFERING_HUMAN,
        *HUMAN,
    ),
    (ASKING_ORDER, KeyPressed): _rule(
        handlers.press_digit, ASKING_ORDER, CHOOSING_CONTACT, CHECKING, OFFERING_HUMAN, *HUMAN
    ),
    (ASKING_ORDER, KeysEnded): _rule(
        handlers.end_keys, ASKING_ORDER, CHOOSING_CONTACT, CHECKING, OFFERING_HUMAN, *HUMAN
    ),
    (ASKING_ORDER, NothingHeard): _rule(handlers.hear_nothing, ASKING_ORDER, *HUMAN),
    (ASKING_ORDER, CustomersFound): _rule(handlers.note_customers, ASKING_ORDER),
    (ASKING_ORDER, LookupFailed): _rule(handlers.note_failed_lookup, ASKING_ORDER),
    (ASKING_ORDER, QueryAnswered): _rule(handlers.ignore, ASKING_ORDER),
    (ASKING_ORDER, QueryFailed): _rule(handlers.ignore, ASKING_ORDER),
    (ASKING_ORDER, FillerDue): _rule(handlers.ignore, ASKING_ORDER),
    (ASKING_ORDER, LongestCallReached): _rule(handlers.end_longest_call, *HUMAN),
    # Which contact?
    (CHOOSING_CONTACT, TurnHeard): _rule(
        handlers.hear_turn,
        LISTENING,
        ASKING_ITEM,
        ASKING_ORDER,
        CHOOSING_CONTACT,
        CHECKING,
        OFFERING_HUMAN,
        *HUMAN,
    ),
    (CHOOSING_CONTACT, KeyPressed): _rule(
        handlers.press_choice, ASKING_ITEM, ASKING_ORDER, CHOOSING_CONTACT, CHECKING, *HUMAN
    ),
    (CHOOSING_CONTACT, KeysEnded): _rule(handlers.ignore, CHOOSING_CONTACT),
    (CHOOSING_CONTACT, NothingHeard): _rule(handlers.hear_nothing, CHOOSING_CONTACT, *HUMAN),
    (CHOOSING_CONTACT, CustomersFound): _rule(handlers.ignore, CHOOSING_CONTACT),
    (CHOOSING_CONTACT, LookupFailed): _rule(handlers.ignore, CHOOSING_CONTACT),
    (CHOOSING_CONTACT, QueryAnswered): _rule(handlers.ignore, CHOOSING_CONTACT),
    (CHOOSING_CONTACT, QueryFailed): _rule(handlers.ignore, CHOOSING_CONTACT),
    (CHOOSING_CONTACT, FillerDue): _rule(handlers.ignore, CHOOSING_CONTACT),
    (CHOOSING_CONTACT, LongestCallReached): _rule(handlers.end_longest_call, *HUMAN),
    # An item number is keyed
    (KEYPAD, TurnHeard): _rule(
        handlers.hear_turn,
        LISTENING,
        ASKING_ITEM,
        ASKING_ORDER,
        CHOOSING_CONTACT,
        KEYPAD,
        CHECKING,
        OFFERING_HUMAN,
        *HUMAN,
    ),
    (KEYPAD, KeyPressed): _rule(
        handlers.press_digit, CHOOSING_CONTACT, KEYPAD, CHECKING, OFFERING_HUMAN, *HUMAN
    ),
    (KEYPAD, KeysEnded): _rule(
        handlers.end_keys, CHOOSING_CONTACT, KEYPAD, CHECKING, OFFERING_HUMAN, *HUMAN
    ),
    (KEYPAD, NothingHeard): _rule(handlers.hear_nothing, KEYPAD, *HUMAN),
    (KEYPAD, CustomersFound): _rule(handlers.note_customers, KEYPAD),
    (KEYPAD, LookupFailed): _rule(handlers.note_failed_lookup, KEYPAD),
    (KEYPAD, QueryAnswered): _rule(handlers.ignore, KEYPAD),
    (KEYPAD, QueryFailed): _rule(handlers.ignore, KEYPAD),
    (KEYPAD, FillerDue): _rule(handlers.ignore, KEYPAD),
    (KEYPAD, LongestCallReached): _rule(handlers.end_longest_call, *HUMAN),
    # A query is in progress
    (CHECKING, TurnHeard): _rule(
        handlers.hear_turn_while_checking,
        LISTENING,
        ASKING_ITEM,
        ASKING_ORDER,
        CHOOSING_CONTACT,
        KEYPAD,
        CHECKING,
        OFFERING_HUMAN,
        *HUMAN,
    ),
    (CHECKING, KeyPressed): _rule(handlers.only_zero, CHECKING, *HUMAN),
    (CHECKING, KeysEnded): _rule(handlers.ignore, CHECKING),
    (CHECKING, NothingHeard): _rule(handlers.wait_longer, CHECKING, *OFFER),
    (CHECKING, CustomersFound): _rule(handlers.find_customers, CHECKING, CHOOSING_CONTACT, *OFFER),
    (CHECKING, LookupFailed): _rule(handlers.fail_lookup, CHECKING, *OFFER),
    (CHECKING, QueryAnswered): _rule(
        telling.tell_answer, LISTENING, ASKING_ITEM, ASKING_ORDER, CHECKING, *OFFER
    ),
    (CHECKING, QueryFailed): _rule(handlers.tell_failure, CHECKING, OFFERING_RETRY, *OFFER),
    (CHECKING, FillerDue): _rule(handlers.fill, CHECKING),
    (CHECKING, LongestCallReached): _rule(handlers.end_longest_call, *HUMAN),
    # Shall I put you through?
    (OFFERING_HUMAN, TurnHeard): _rule(
        handlers.hear_turn,
        LISTENING,
        ASKING_ITEM,
        ASKING_ORDER,
        CHOOSING_CONTACT,
        CHECKING,
        OFFERING_HUMAN,
        *HUMAN,
    ),
    (OFFERING_HUMAN, KeyPressed): _rule(
        handlers.press_yes_or_no, LISTENING, OFFERING_HUMAN, *HUMAN
    ),
    (OFFERING_HUMAN, KeysEnded): _rule(handlers.ignore, OFFERING_HUMAN),
    (OFFERING_HUMAN, NothingHeard): _rule(handlers.hear_nothing, OFFERING_HUMAN, *HUMAN),
    (OFFERING_HUMAN, CustomersFound): _rule(handlers.note_customers, OFFERING_HUMAN),
    (OFFERING_HUMAN, LookupFailed): _rule(handlers.note_failed_lookup, OFFERING_HUMAN),
    (OFFERING_HUMAN, QueryAnswered): _rule(handlers.ignore, OFFERING_HUMAN),
    (OFFERING_HUMAN, QueryFailed): _rule(handlers.ignore, OFFERING_HUMAN),
    (OFFERING_HUMAN, FillerDue): _rule(handlers.ignore, OFFERING_HUMAN),
    (OFFERING_HUMAN, LongestCallReached): _rule(handlers.end_longest_call, *HUMAN),
    # Once more?
    (OFFERING_RETRY, TurnHeard): _rule(
        handlers.hear_turn,
        LISTENING,
        ASKING_ITEM,
        ASKING_ORDER,
        CHOOSING_CONTACT,
        CHECKING,
        OFFERING_HUMAN,
        OFFERING_RETRY,
        *HUMAN,
    ),
    (OFFERING_RETRY, KeyPressed): _rule(handlers.press_retry, CHECKING, OFFERING_RETRY, *HUMAN),
    (OFFERING_RETRY, KeysEnded): _rule(handlers.ignore, OFFERING_RETRY),
    (OFFERING_RETRY, NothingHeard): _rule(handlers.hear_nothing, OFFERING_RETRY, *HUMAN),
    (OFFERING_RETRY, CustomersFound): _rule(handlers.note_customers, OFFERING_RETRY),
    (OFFERING_RETRY, LookupFailed): _rule(handlers.note_failed_lookup, OFFERING_RETRY),
    (OFFERING_RETRY, QueryAnswered): _rule(handlers.ignore, OFFERING_RETRY),
    (OFFERING_RETRY, QueryFailed): _rule(handlers.ignore, OFFERING_RETRY),
    (OFFERING_RETRY, FillerDue): _rule(handlers.ignore, OFFERING_RETRY),
    (OFFERING_RETRY, LongestCallReached): _rule(handlers.end_longest_call, *HUMAN),
    # A human is wanted: it is asked who is there, which takes a fraction of a second
    (ASKING_DESK, DeskTold): _rule(
        desk_talk.hear_of_desk,
        LISTENING,
        OFFERING_CALLBACK,
        KEYING_NUMBER,
        CONFIRMING_CALLBACK,
        OFFERING_HUMAN,
        ENDING,
    ),
    (ASKING_DESK, CallAnswered): _rule(handlers.note_answer, ASKING_DESK),
    (ASKING_DESK, TurnHeard): _rule(handlers.ignore, ASKING_DESK),
    (ASKING_DESK, KeyPressed): _rule(handlers.ignore, ASKING_DESK),
    (ASKING_DESK, KeysEnded): _rule(handlers.ignore, ASKING_DESK),
    (ASKING_DESK, NothingHeard): _rule(handlers.ignore, ASKING_DESK),
    (ASKING_DESK, CustomersFound): _rule(handlers.note_customers, ASKING_DESK),
    (ASKING_DESK, LookupFailed): _rule(handlers.note_failed_lookup, ASKING_DESK),
    (ASKING_DESK, QueryAnswered): _rule(handlers.ignore, ASKING_DESK),
    (ASKING_DESK, QueryFailed): _rule(handlers.ignore, ASKING_DESK),
    (ASKING_DESK, FillerDue): _rule(handlers.ignore, ASKING_DESK),
    (ASKING_DESK, LongestCallReached): _rule(handlers.ignore, ASKING_DESK),
    # Hold, be called back, or leave a message?
    (OFFERING_CALLBACK, TurnHeard): _rule(
        handlers.hear_turn,
        LISTENING,
        ASKING_ITEM,
        ASKING_ORDER,
        CHOOSING_CONTACT,
        CHECKING,
        ASKING_DESK,
        OFFERING_CALLBACK,
        KEYING_NUMBER,
        CONFIRMING_CALLBACK,
        ENDING,
    ),
    (OFFERING_CALLBACK, KeyPressed): _rule(
        handlers.press_offer, OFFERING_CALLBACK, KEYING_NUMBER, CONFIRMING_CALLBACK, ENDING
    ),
    (OFFERING_CALLBACK, KeysEnded): _rule(handlers.ignore, OFFERING_CALLBACK),
    (OFFERING_CALLBACK, NothingHeard): _rule(handlers.hear_nothing, OFFERING_CALLBACK, ENDING),
    (OFFERING_CALLBACK, CustomersFound): _rule(handlers.note_customers, OFFERING_CALLBACK),
    (OFFERING_CALLBACK, LookupFailed): _rule(handlers.note_failed_lookup, OFFERING_CALLBACK),
    (OFFERING_CALLBACK, QueryAnswered): _rule(handlers.ignore, OFFERING_CALLBACK),
    (OFFERING_CALLBACK, QueryFailed): _rule(handlers.ignore, OFFERING_CALLBACK),
    (OFFERING_CALLBACK, FillerDue): _rule(handlers.ignore, OFFERING_CALLBACK),
    (OFFERING_CALLBACK, LongestCallReached): _rule(handlers.end_longest_call, ENDING),
    # Which number shall we call?
    (KEYING_NUMBER, TurnHeard): _rule(
        handlers.hear_turn,
        LISTENING,
        ASKING_ITEM,
        ASKING_ORDER,
        CHOOSING_CONTACT,
        CHECKING,
        ASKING_DESK,
        KEYING_NUMBER,
        ENDING,
    ),
    (KEYING_NUMBER, KeyPressed): _rule(
        handlers.press_phone, KEYING_NUMBER, CONFIRMING_CALLBACK, ENDING
    ),
    (KEYING_NUMBER, KeysEnded): _rule(
        handlers.end_phone, KEYING_NUMBER, CONFIRMING_CALLBACK, ENDING
    ),
    (KEYING_NUMBER, NothingHeard): _rule(handlers.hear_nothing, KEYING_NUMBER, ENDING),
    (KEYING_NUMBER, CustomersFound): _rule(handlers.note_customers, KEYING_NUMBER),
    (KEYING_NUMBER, LookupFailed): _rule(handlers.note_failed_lookup, KEYING_NUMBER),
    (KEYING_NUMBER, QueryAnswered): _rule(handlers.ignore, KEYING_NUMBER),
    (KEYING_NUMBER, QueryFailed): _rule(handlers.ignore, KEYING_NUMBER),
    (KEYING_NUMBER, FillerDue): _rule(handlers.ignore, KEYING_NUMBER),
    (KEYING_NUMBER, LongestCallReached): _rule(handlers.end_longest_call, ENDING),
    # We'll call you then, at this number: is that right?
    (CONFIRMING_CALLBACK, CallbackPlanned): _rule(desk_talk.read_back, CONFIRMING_CALLBACK),
    (CONFIRMING_CALLBACK, NumberRefused): _rule(
        desk_talk.refuse_number, KEYING_NUMBER, ENDING
    ),
    (CONFIRMING_CALLBACK, TurnHeard): _rule(
        handlers.hear_turn,
        LISTENING,
        ASKING_ITEM,
        ASKING_ORDER,
        CHOOSING_CONTACT,
        CHECKING,
        ASKING_DESK,
        KEYING_NUMBER,
        CONFIRMING_CALLBACK,
        BOOKING_CALLBACK,
        ENDING,
    ),
    (CONFIRMING_CALLBACK, KeyPressed): _rule(
        handlers.press_confirmation, KEYING_NUMBER, CONFIRMING_CALLBACK, BOOKING_CALLBACK, ENDING
    ),
    (CONFIRMING_CALLBACK, KeysEnded): _rule(handlers.ignore, CONFIRMING_CALLBACK),
    (CONFIRMING_CALLBACK, NothingHeard): _rule(
        handlers.hear_nothing, CONFIRMING_CALLBACK, ENDING
    ),
    (CONFIRMING_CALLBACK, CustomersFound): _rule(handlers.note_customers, CONFIRMING_CALLBACK),
    (CONFIRMING_CALLBACK, LookupFailed): _rule(handlers.note_failed_lookup, CONFIRMING_CALLBACK),
    (CONFIRMING_CALLBACK, QueryAnswered): _rule(handlers.ignore, CONFIRMING_CALLBACK),
    (CONFIRMING_CALLBACK, QueryFailed): _rule(handlers.ignore, CONFIRMING_CALLBACK),
    (CONFIRMING_CALLBACK, FillerDue): _rule(handlers.ignore, CONFIRMING_CALLBACK),
    (CONFIRMING_CALLBACK, LongestCallReached): _rule(handlers.end_longest_call, ENDING),
    # The call-back is being written down: it ends by itself, one way or the other
    (BOOKING_CALLBACK, CallbackBooked): _rule(desk_talk.tell_booked, ENDING),
    (BOOKING_CALLBACK, CallbackRefused): _rule(desk_talk.tell_refused, ENDING),
    (BOOKING_CALLBACK, TurnHeard): _rule(handlers.ignore, BOOKING_CALLBACK),
    (BOOKING_CALLBACK, KeyPressed): _rule(handlers.ignore, BOOKING_CALLBACK),
    (BOOKING_CALLBACK, KeysEnded): _rule(handlers.ignore, BOOKING_CALLBACK),
    (BOOKING_CALLBACK, NothingHeard): _rule(handlers.ignore, BOOKING_CALLBACK),
    (BOOKING_CALLBACK, CustomersFound): _rule(handlers.note_customers, BOOKING_CALLBACK),
    (BOOKING_CALLBACK, LookupFailed): _rule(handlers.note_failed_lookup, BOOKING_CALLBACK),
    (BOOKING_CALLBACK, QueryAnswered): _rule(handlers.ignore, BOOKING_CALLBACK),
    (BOOKING_CALLBACK, QueryFailed): _rule(handlers.ignore, BOOKING_CALLBACK),
    (BOOKING_CALLBACK, FillerDue): _rule(desk_talk.fill_booking, BOOKING_CALLBACK),
    (BOOKING_CALLBACK, LongestCallReached): _rule(handlers.ignore, BOOKING_CALLBACK),
    # The last sentence is being spoken
    (ENDING, TurnHeard): _rule(handlers.ignore, ENDING),
    (ENDING, KeyPressed): _rule(handlers.zero_after_goodbye, *HUMAN),
    (ENDING, CallAnswered): _rule(handlers.note_answer, ENDING),
    (ENDING, TransferFailed): _rule(
        desk_talk.come_back, ASKING_DESK, OFFERING_HUMAN, ENDING
    ),
    (ENDING, KeysEnded): _rule(handlers.ignore, ENDING),
    (ENDING, NothingHeard): _rule(handlers.ignore, ENDING),
    (ENDING, CustomersFound): _rule(handlers.note_customers, ENDING),
    (ENDING, LookupFailed): _rule(handlers.note_failed_lookup, ENDING),
    (ENDING, QueryAnswered): _rule(handlers.ignore, ENDING),
    (ENDING, QueryFailed): _rule(handlers.ignore, ENDING),
    (ENDING, FillerDue): _rule(handlers.ignore, ENDING),
    (ENDING, LongestCallReached): _rule(handlers.ignore, ENDING),
}


def step(state: CallState, event: Event, today: date) -> Step:
    """Return the next state and what has to be done, in order.

    today: the calendar date at the company. Raises IllegalStep when the event cannot come in
    this state: that is our bug. Ask `listening` after every step.
    """
    rule = TABLE.get((state.name, type(event)))
    if rule is None:
        raise IllegalStep(f"{type(event).__name__} cannot come in state {state.name.value}")
    after, effects = rule.handler(state, event, today)
    if after.name not in rule.targets:
        raise IllegalStep(
            f"{type(event).__name__} in {state.name.value} must not lead to {after.name.value}"
        )
    return after, effects


_PROFILES: dict[StateName, EndpointProfile] = {
    GREETING: EndpointProfile.OPEN,
    LISTENING: EndpointProfile.OPEN,
    ASKING_ITEM: EndpointProfile.DICTATION,
    ASKING_ORDER: EndpointProfile.DICTATION,
    CHOOSING_CONTACT: EndpointProfile.SHORT,
    KEYPAD: EndpointProfile.DICTATION,
    CHECKING: EndpointProfile.OPEN,
    OFFERING_HUMAN: EndpointProfile.SHORT,
    OFFERING_RETRY: EndpointProfile.SHORT,
    ASKING_DESK: EndpointProfile.SHORT,
    OFFERING_CALLBACK: EndpointProfile.SHORT,
    KEYING_NUMBER: EndpointProfile.DICTATION,
    CONFIRMING_CALLBACK: EndpointProfile.SHORT,
    BOOKING_CALLBACK: EndpointProfile.SHORT,
    ENDING: EndpointProfile.SHORT,
}


_KEYED = {KEYPAD, ASKING_ORDER, KEYING_NUMBER}
_WAITED_FOR = {GREETING, ASKING_DESK, BOOKING_CALLBACK, ENDING}
"""In these it is not the caller's turn."""


def listening(state: CallState) -> Listening:
    """Return how the call listens in this state: grammar, patience and timers."""
    waits_for_query = state.name is CHECKING and state.query is not None
    timed = state.name not in _WAITED_FOR and not waits_for_query
    return Listening(
        phrases=grammar.phrases(state),
        profile=_PROFILES[state.name],
        no_input_s=state.settings.no_input_s if timed else None,
        keys_s=state.settings.keys_s if state.name in _KEYED and state.keys else None,
    )
