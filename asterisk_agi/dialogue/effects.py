"""What the dialogue wants done: frozen values, named in the imperative. `call.py` does them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum

from dialplan.reasons import Reason
from erp.model import Customer


class LineKind(str, Enum):
    """What a spoken sentence is, for the measurements and the call's story."""

    FIXED = "fixed"
    """A phrase that holds no fact: greeting, prompt, help."""
    FILLER = "filler"
    """A sign of life while the ERP is asked."""
    FACT = "fact"
    """Holds a fact that the ERP gave in this call, and begins with it."""


@dataclass(frozen=True)
class Line:
    """One sentence to be spoken."""

    text: str = field(repr=False)
    kind: LineKind = LineKind.FIXED


@dataclass(frozen=True)
class Say:
    """Speak these sentences, one after the other, after what is being spoken."""

    lines: tuple[Line, ...]


@dataclass(frozen=True)
class AskAvailability:
    """Ask the ERP for an item by number, then for its available-to-promise at a date."""

    item_number: str
    on: date | None
    """None: today."""


@dataclass(frozen=True)
class AskPrice:
    """Ask the ERP for an item by number, then for what an account pays for it."""

    customer: Customer
    item_number: str
    quantity: Decimal
    """In the item's unit, above 0: a larger one may be cheaper."""


@dataclass(frozen=True)
class AskLastOrder:
    """Ask the ERP for the newest order of an account."""

    customer: Customer


@dataclass(frozen=True)
class AskOrder:
    """Ask the ERP for one order of an account."""

    customer: Customer
    number: str


@dataclass(frozen=True)
class AskTracking:
    """Ask the ERP for the deliveries of one order of an account."""

    customer: Customer
    number: str | None
    """None: of the newest order, which is asked for first."""


@dataclass(frozen=True)
class AskOrderHistory:
    """Ask the ERP for the newest orders of an account."""

    customer: Customer
    limit: int
    """So many at most, 1 to 50."""


ItemQuery = AskAvailability | AskPrice
"""The queries that begin with an item."""

Query = ItemQuery | AskLastOrder | AskOrder | AskTracking | AskOrderHistory
"""What the ERP is asked; `inquiry.py` asks it."""


@dataclass(frozen=True)
class DropQuery:
    """Forget the query in progress: its answer is not wanted any more."""


@dataclass(frozen=True)
class AskDesk:
    """Ask how busy the humans are; `DeskTold` comes within a fraction of a second, whatever is."""


@dataclass(frozen=True)
class PlanCallback:
    """Find when this number may be called; `CallbackPlanned` or `NumberRefused` comes."""

    number: str = field(repr=False)
    """As the caller's network or the caller's keys gave it."""
    not_before: datetime
    """Aware."""


@dataclass(frozen=True)
class BookCallback:
    """Book the call-back that the caller said yes to; `CallbackBooked` or `CallbackRefused` comes.

    The number and the time are exactly those that were read back.
    """

    number: str = field(repr=False)
    """E.164."""
    at: datetime
    """Not before this time; aware."""


@dataclass(frozen=True)
class HandOff:
    """Go to a human for this reason, after what is being spoken was heard."""

    reason: Reason
    by_label: bool = False
    """True: to the dialplan's human, whatever way the configuration has: that one was tried, or
    can't be had."""
    holds: bool = False
    """True: the caller heard that nobody is free, and waits for as long as it takes."""


@dataclass(frozen=True)
class Finish:
    """End the call as completed, after what is being spoken was heard."""

    reason: Reason


Effect = Say | Query | DropQuery | AskDesk | PlanCallback | BookCallback | HandOff | Finish


class EndpointProfile(str, Enum):
    """How patient the end of a turn is judged; the thresholds are in the configuration."""

    OPEN = "open"
    """Any question may come."""
    SHORT = "short"
    """Yes, no, or one of a few words."""
    DICTATION = "dictation"
    """Digits may come in groups."""


@dataclass(frozen=True)
class Listening:
    """How a state listens; a pure function of the state, asked after every transition."""

    phrases: tuple[str, ...] | None
    """The grammar for the recogniser; None is free speech."""
    profile: EndpointProfile
    no_input_s: float | None
    """Seconds of silence, from the end of our own speech, until `NothingHeard`; None: never."""
    keys_s: float | None = None
    """Seconds after a key until `KeysEnded`; None when keys are not collected."""
