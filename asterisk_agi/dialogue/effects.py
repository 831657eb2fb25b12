"""What the dialogue wants done: frozen values, named in the imperative. `call.py` does them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
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
class AskLastOrder:
    """Ask the ERP for the newest order of an account."""

    customer: Customer


@dataclass(frozen=True)
class DropQuery:
    """Forget the query in progress: its answer is not wanted any more."""


@dataclass(frozen=True)
class HandOff:
    """Go to a human for this reason, after what is being spoken was heard."""

    reason: Reason


@dataclass(frozen=True)
class Finish:
    """End the call as completed, after what is being spoken was heard."""

    reason: Reason


Effect = Say | AskAvailability | AskLastOrder | DropQuery | HandOff | Finish


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
