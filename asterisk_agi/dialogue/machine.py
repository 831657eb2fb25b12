"""The state machine of a call's dialogue: (state, event) -> (state, effects).

Theory. A call is in one of the ten states of `StateName`. Whatever happens to it is an event
(`events.py`, past tense); what the dialogue wants done is an effect (`effects.py`, imperative).
`TABLE` is the whole machine: for each state and event that can meet, the handler that makes the
step, and the states that it may lead to. `step` refuses a pair that is not in the table and a
target that the table does not name; both are our bug, never the caller's. The picture in the
docs is drawn from this table (`picture.py`).

Rules that the table follows:

- Timers and answers may come late: an event that can come late has an entry in every state.
- ENDING is never left. There only a 0 still counts, while the goodbye is spoken.
- Every way to a human says so first: `HandOff` comes after a `Say`.
- A 0 reaches a human in every state. Only inside a number that is being keyed it is a
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

from asterisk_agi.dialogue import grammar, handlers, telling
from asterisk_agi.dialogue.effects import EndpointProfile, Listening
from asterisk_agi.dialogue.events import (
    CallAnswered,
    CustomersFound,
    Event,
    FillerDue,
    KeyPressed,
    KeysEnded,
    LongestCallReached,
    LookupFailed,
    NothingHeard,
    QueryAnswered,
    QueryFailed,
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
ENDING = StateName.ENDING


def _rule(handler: Callable[[CallState, Any, date], Step], *targets: StateName) -> Rule:
    return Rule(handler, frozenset(targets))


TABLE: dict[tuple[StateName, type[Any]], Rule] = {
    # The caller does not hear us yet
    (GREETING, CallAnswered): _rule(handlers.greet, LISTENING, OFFERING_HUMAN),
    (GREETING, CustomersFound): _rule(handlers.note_customers, GREETING),
    (GREETING, LookupFailed): _rule(handlers.note_failed_lookup, GREETING),
    (GREETING, KeyPressed): _rule(handlers.only_zero, GREETING, ENDING),
    (GREETING, LongestCallReached): _rule(handlers.end_longest_call, ENDING),
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
        ENDING,
    ),
    (LISTENING, KeyPressed): _rule(
        handlers.press_digit, LISTENING, CHOOSING_CONTACT, KEYPAD, CHECKING, OFFERING_HUMAN, ENDING
    ),
    (LISTENING, KeysEnded): _rule(handlers.ignore, LISTENING),
    (LISTENING, NothingHeard): _rule(handlers.hear_nothing, LISTENING, ENDING),
    (LISTENING, CustomersFound): _rule(handlers.note_customers, LISTENING),
    (LISTENING, LookupFailed): _rule(handlers.note_failed_lookup, LISTENING),
    (LISTENING, QueryAnswered): _rule(handlers.ignore, LISTENING),
    (LISTENING, QueryFailed): _rule(handlers.ignore, LISTENING),
    (LISTENING, FillerDue): _rule(handlers.ignore, LISTENING),
    (LISTENING, LongestCallReached): _rule(handlers.end_longest_call, ENDING),
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
        ENDING,
    ),
    (ASKING_ITEM, KeyPressed): _rule(
        handlers.press_digit,
        ASKING_ITEM,
        CHOOSING_CONTACT,
        KEYPAD,
        CHECKING,
        OFFERING_HUMAN,
        ENDING,
    ),
    (ASKING_ITEM, KeysEnded): _rule(handlers.ignore, ASKING_ITEM),
    (ASKING_ITEM, NothingHeard): _rule(handlers.hear_nothing, ASKING_ITEM, ENDING),
    (ASKING_ITEM, CustomersFound): _rule(handlers.note_customers, ASKING_ITEM),
    (ASKING_ITEM, LookupFailed): _rule(handlers.note_failed_lookup, ASKING_ITEM),
    (ASKING_ITEM, QueryAnswered): _rule(handlers.ignore, ASKING_ITEM),
    (ASKING_ITEM, QueryFailed): _rule(handlers.ignore, ASKING_ITEM),
    (ASKING_ITEM, FillerDue): _rule(handlers.ignore, ASKING_ITEM),
    (ASKING_ITEM, LongestCallReached): _rule(handlers.end_longest_call, ENDING),
    # Which order?
    (ASKING_ORDER, TurnHeard): _rule(
        handlers.hear_turn,
        LISTENING,
        ASKING_ITEM,
        ASKING_ORDER,
        CHOOSING_CONTACT,
        CHECKING,
        OFFERING_HUMAN,
        ENDING,
    ),
    (ASKING_ORDER, KeyPressed): _rule(
        handlers.press_digit, ASKING_ORDER, CHOOSING_CONTACT, CHECKING, OFFERING_HUMAN, ENDING
    ),
    (ASKING_ORDER, KeysEnded): _rule(
        handlers.end_keys, ASKING_ORDER, CHOOSING_CONTACT, CHECKING, OFFERING_HUMAN, ENDING
    ),
    (ASKING_ORDER, NothingHeard): _rule(handlers.hear_nothing, ASKING_ORDER, ENDING),
    (ASKING_ORDER, CustomersFound): _rule(handlers.note_customers, ASKING_ORDER),
    (ASKING_ORDER, LookupFailed): _rule(handlers.note_failed_lookup, ASKING_ORDER),
    (ASKING_ORDER, QueryAnswered): _rule(handlers.ignore, ASKING_ORDER),
    (ASKING_ORDER, QueryFailed): _rule(handlers.ignore, ASKING_ORDER),
    (ASKING_ORDER, FillerDue): _rule(handlers.ignore, ASKING_ORDER),
    (ASKING_ORDER, LongestCallReached): _rule(handlers.end_longest_call, ENDING),
    # Which contact?
    (CHOOSING_CONTACT, TurnHeard): _rule(
        handlers.hear_turn,
        LISTENING,
        ASKING_ITEM,
        ASKING_ORDER,
        CHOOSING_CONTACT,
        CHECKING,
        OFFERING_HUMAN,
        ENDING,
    ),
    (CHOOSING_CONTACT, KeyPressed): _rule(
        handlers.press_choice, ASKING_ITEM, ASKING_ORDER, CHOOSING_CONTACT, CHECKING, ENDING
    ),
    (CHOOSING_CONTACT, KeysEnded): _rule(handlers.ignore, CHOOSING_CONTACT),
    (CHOOSING_CONTACT, NothingHeard): _rule(handlers.hear_nothing, CHOOSING_CONTACT, ENDING),
    (CHOOSING_CONTACT, CustomersFound): _rule(handlers.ignore, CHOOSING_CONTACT),
    (CHOOSING_CONTACT, LookupFailed): _rule(handlers.ignore, CHOOSING_CONTACT),
    (CHOOSING_CONTACT, QueryAnswered): _rule(handlers.ignore, CHOOSING_CONTACT),
    (CHOOSING_CONTACT, QueryFailed): _rule(handlers.ignore, CHOOSING_CONTACT),
    (CHOOSING_CONTACT, FillerDue): _rule(handlers.ignore, CHOOSING_CONTACT),
    (CHOOSING_CONTACT, LongestCallReached): _rule(handlers.end_longest_call, ENDING),
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
        ENDING,
    ),
    (KEYPAD, KeyPressed): _rule(
        handlers.press_digit, CHOOSING_CONTACT, KEYPAD, CHECKING, OFFERING_HUMAN, ENDING
    ),
    (KEYPAD, KeysEnded): _rule(
        handlers.end_keys, CHOOSING_CONTACT, KEYPAD, CHECKING, OFFERING_HUMAN, ENDING
    ),
    (KEYPAD, NothingHeard): _rule(handlers.hear_nothing, KEYPAD, ENDING),
    (KEYPAD, CustomersFound): _rule(handlers.note_customers, KEYPAD),
    (KEYPAD, LookupFailed): _rule(handlers.note_failed_lookup, KEYPAD),
    (KEYPAD, QueryAnswered): _rule(handlers.ignore, KEYPAD),
    (KEYPAD, QueryFailed): _rule(handlers.ignore, KEYPAD),
    (KEYPAD, FillerDue): _rule(handlers.ignore, KEYPAD),
    (KEYPAD, LongestCallReached): _rule(handlers.end_longest_call, ENDING),
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
        ENDING,
    ),
    (CHECKING, KeyPressed): _rule(handlers.only_zero, CHECKING, ENDING),
    (CHECKING, KeysEnded): _rule(handlers.ignore, CHECKING),
    (CHECKING, NothingHeard): _rule(handlers.wait_longer, CHECKING, OFFERING_HUMAN),
    (CHECKING, CustomersFound): _rule(
        handlers.find_customers, CHECKING, CHOOSING_CONTACT, OFFERING_HUMAN
    ),
    (CHECKING, LookupFailed): _rule(handlers.fail_lookup, CHECKING, OFFERING_HUMAN),
    (CHECKING, QueryAnswered): _rule(
        telling.tell_answer, LISTENING, ASKING_ITEM, ASKING_ORDER, CHECKING, OFFERING_HUMAN
    ),
    (CHECKING, QueryFailed): _rule(handlers.tell_failure, CHECKING, OFFERING_HUMAN, OFFERING_RETRY),
    (CHECKING, FillerDue): _rule(handlers.fill, CHECKING),
    (CHECKING, LongestCallReached): _rule(handlers.end_longest_call, ENDING),
    # Shall I put you through?
    (OFFERING_HUMAN, TurnHeard): _rule(
        handlers.hear_turn,
        LISTENING,
        ASKING_ITEM,
        ASKING_ORDER,
        CHOOSING_CONTACT,
        CHECKING,
        OFFERING_HUMAN,
        ENDING,
    ),
    (OFFERING_HUMAN, KeyPressed): _rule(
        handlers.press_yes_or_no, LISTENING, OFFERING_HUMAN, ENDING
    ),
    (OFFERING_HUMAN, KeysEnded): _rule(handlers.ignore, OFFERING_HUMAN),
    (OFFERING_HUMAN, NothingHeard): _rule(handlers.hear_nothing, OFFERING_HUMAN, ENDING),
    (OFFERING_HUMAN, CustomersFound): _rule(handlers.note_customers, OFFERING_HUMAN),
    (OFFERING_HUMAN, LookupFailed): _rule(handlers.note_failed_lookup, OFFERING_HUMAN),
    (OFFERING_HUMAN, QueryAnswered): _rule(handlers.ignore, OFFERING_HUMAN),
    (OFFERING_HUMAN, QueryFailed): _rule(handlers.ignore, OFFERING_HUMAN),
    (OFFERING_HUMAN, FillerDue): _rule(handlers.ignore, OFFERING_HUMAN),
    (OFFERING_HUMAN, LongestCallReached): _rule(handlers.end_longest_call, ENDING),
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
        ENDING,
    ),
    (OFFERING_RETRY, KeyPressed): _rule(handlers.press_retry, CHECKING, OFFERING_RETRY, ENDING),
    (OFFERING_RETRY, KeysEnded): _rule(handlers.ignore, OFFERING_RETRY),
    (OFFERING_RETRY, NothingHeard): _rule(handlers.hear_nothing, OFFERING_RETRY, ENDING),
    (OFFERING_RETRY, CustomersFound): _rule(handlers.note_customers, OFFERING_RETRY),
    (OFFERING_RETRY, LookupFailed): _rule(handlers.note_failed_lookup, OFFERING_RETRY),
    (OFFERING_RETRY, QueryAnswered): _rule(handlers.ignore, OFFERING_RETRY),
    (OFFERING_RETRY, QueryFailed): _rule(handlers.ignore, OFFERING_RETRY),
    (OFFERING_RETRY, FillerDue): _rule(handlers.ignore, OFFERING_RETRY),
    (OFFERING_RETRY, LongestCallReached): _rule(handlers.end_longest_call, ENDING),
    # The last sentence is being spoken
    (ENDING, TurnHeard): _rule(handlers.ignore, ENDING),
    (ENDING, KeyPressed): _rule(handlers.zero_after_goodbye, ENDING),
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
    ENDING: EndpointProfile.SHORT,
}


_KEYED = {KEYPAD, ASKING_ORDER}


def listening(state: CallState) -> Listening:
    """Return how the call listens in this state: grammar, patience and timers."""
    waits_for_query = state.name is CHECKING and state.query is not None
    timed = state.name not in (GREETING, ENDING) and not waits_for_query
    return Listening(
        phrases=grammar.phrases(state),
        profile=_PROFILES[state.name],
        no_input_s=state.settings.no_input_s if timed else None,
        keys_s=state.settings.keys_s if state.name in _KEYED and state.keys else None,
    )
