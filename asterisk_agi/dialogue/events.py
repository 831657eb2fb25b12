"""What can happen in a call, as the dialogue sees it: frozen values, named in the past tense."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum

from asterisk_agi.dialogue.desk import DeskState, TransferFailure
from dialplan.reasons import Reason
from erp.model import (
    Availability,
    Customer,
    NotFound,
    OrderHistory,
    OrderStatus,
    Price,
    Tracking,
)


class Intent(str, Enum):
    """What a caller wants of one turn."""

    AVAILABILITY = "availability"
    PRICE = "price"
    ORDER_STATUS = "order status"
    """The status of the last order."""
    ORDER = "order"
    """The status of an order that is named, or that we must ask for."""
    TRACKING = "tracking"
    """Where the deliveries of the last order are."""
    ORDER_TRACKING = "order tracking"
    """Where the deliveries of an order are that is named, or that we must ask for."""
    ORDER_HISTORY = "order history"
    BALANCE = "balance"
    """What the account owes, or how far its credit goes."""
    HELP = "help"
    REPEAT = "repeat"
    GOODBYE = "goodbye"
    HUMAN = "human"
    YES = "yes"
    NO = "no"
    ITEM_NUMBER = "item number"
    """A bare item number, as the answer to "which item?"."""
    ORDER_NUMBER = "order number"
    """A bare order number: the answer to "which order?", or "order 2034" by itself."""
    DAY = "day"
    """A bare date, as in "and by friday?"."""
    CHOICE = "choice"
    """One of the things that were offered, by its number (1, 2, ...)."""
    RETRY = "retry"
    """To try again what failed."""
    HOLD = "hold"
    """To wait for a human."""
    CALL_BACK = "call back"
    """To be called back by a human."""
    LEAVE_MESSAGE = "leave message"
    THANKS = "thanks"
    """A thank-you that neither asks nor ends."""
    NOTHING = "nothing"
    """Speech that asks nothing: "um", "okay", "hold on"."""
    NOT_UNDERSTOOD = "not understood"


@dataclass(frozen=True)
class Meaning:
    """A caller's turn, understood."""

    intent: Intent
    text: str = field(default="", repr=False)
    """What was heard, normalised."""
    item_number: str | None = None
    day: date | None = None
    choice: int | None = None
    amount: int | None = None
    """How much of the item is wanted, in the item's unit, when the caller said so."""
    confidence: float = 1.0
    complete: bool = False
    """True when nothing is likely to follow: all slots that this state needs are filled."""
    order_number: str | None = None
    """None also when an order was named, but its number was not heard well."""


class LookupOutcome(str, Enum):
    """How far the look-up by the caller's number has come when the greeting begins."""

    DONE = "done"
    LATE = "late"
    FAILED = "failed"


@dataclass(frozen=True)
class CallAnswered:
    """The caller hears us from now on. Always the first event."""

    lookup: LookupOutcome
    customers: tuple[Customer, ...] = ()
    """Who has the caller's number, when the look-up is done."""
    reason: Reason = Reason.BACKEND_DOWN
    """Why the look-up failed, when it did."""


@dataclass(frozen=True)
class CustomersFound:
    """The look-up that was late at the greeting is done."""

    customers: tuple[Customer, ...]


@dataclass(frozen=True)
class LookupFailed:
    """The look-up that was late at the greeting has failed."""

    reason: Reason


@dataclass(frozen=True)
class TurnHeard:
    """The caller's turn ended, and was understood or not."""

    meaning: Meaning


@dataclass(frozen=True)
class NothingHeard:
    """The caller said and pressed nothing for the time that the state allows."""


@dataclass(frozen=True)
class KeyPressed:
    """A key of the caller's telephone: `0` to `9`, `*` or `#`."""

    key: str


@dataclass(frozen=True)
class KeysEnded:
    """No further key came for the time that the state allows."""


Answer = Availability | Price | OrderStatus | OrderHistory | Tracking | NotFound
"""What the ERP says to a query of the dialogue."""


@dataclass(frozen=True)
class QueryAnswered:
    """The ERP answered the query in progress."""

    answer: Answer
    now: datetime
    """When the answer came, aware: how old it is, is said where the system gave an old one."""


@dataclass(frozen=True)
class QueryFailed:
    """The ERP did not answer the query in progress."""

    reason: Reason
    keypad: bool = False
    """True when the caller may be offered a key to try again."""


@dataclass(frozen=True)
class FillerDue:
    """The query takes so long that the caller should hear a sign of life."""


@dataclass(frozen=True)
class LongestCallReached:
    """The call has lasted as long as the configuration allows."""


@dataclass(frozen=True)
class DeskTold:
    """How busy the humans are; `known` is False when it could not be found out in time."""

    desk: DeskState


@dataclass(frozen=True)
class CallbackPlanned:
    """When a number may be called: what is to be read back to the caller."""

    number: str = field(repr=False)
    """E.164."""
    at: datetime
    """Not before this time; aware, in the zone in which it is told."""


@dataclass(frozen=True)
class NumberRefused:
    """The number is none that can be called."""


@dataclass(frozen=True)
class CallbackBooked:
    """The call-back is kept durably."""

    at: datetime
    """Aware."""


@dataclass(frozen=True)
class CallbackRefused:
    """The call-back could not be kept: nobody will call."""

    reason: Reason = Reason.BACKEND_DOWN


@dataclass(frozen=True)
class TransferFailed:
    """The caller was put through, and came back: no human took the call."""

    failure: TransferFailure


Event = (
    CallAnswered
    | CustomersFound
    | LookupFailed
    | TurnHeard
    | NothingHeard
    | KeyPressed
    | KeysEnded
    | QueryAnswered
    | QueryFailed
    | FillerDue
    | LongestCallReached
    | DeskTold
    | CallbackPlanned
    | NumberRefused
    | CallbackBooked
    | CallbackRefused
    | TransferFailed
)
