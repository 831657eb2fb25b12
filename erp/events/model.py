"""What happens in calls, as typed events: the vocabulary of the event stream.

Values only: how they are written down, kept and published is the business of the other files of
this package. A field holds no speech but `Turn.text`, which is empty unless the configuration
wants it. Times are aware; durations are seconds; a number of a telephone is masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol


@dataclass(frozen=True)
class CallIds:
    """What a call is known by; every event of it carries them all."""

    session: str
    """ORDERLINE_SESSION; empty for an event that belongs to no call (`Health`)."""
    uniqueid: str = ""
    """Asterisk's Uniqueid of the caller's channel."""
    sip_call_id: str = ""
    """Call-ID of the caller's SIP dialog, where there is one."""
    profile: str = ""
    """The profile that serves the caller."""


@dataclass(frozen=True)
class Started:
    """A call came in and was taken."""

    type: ClassVar[str] = "started"

    caller: str
    """The caller's number, masked."""
    extension: str = ""
    """The extension of the dialplan that was dialled."""


@dataclass(frozen=True)
class Identified:
    """It is known who is calling."""

    type: ClassVar[str] = "identified"

    account: str
    """Account number; empty when nobody, or more than one, has the caller's number."""
    name: str = field(default="", repr=False)
    """The company's name."""
    contact: str = field(default="", repr=False)
    """The person's name, or empty when the number is the company's."""
    assurance: int = 0
    """How sure it is, on the scale of `erp.operations`."""
    matches: int = 0
    """How many contacts have the number."""
    link: str = field(default="", repr=False)
    """Address of the record in ERP or CRM, where the configuration gives a pattern."""


@dataclass(frozen=True)
class Turn:
    """The caller said something, and was answered."""

    type: ClassVar[str] = "turn"

    number: int
    """Which turn of the caller it is, from 1 on."""
    intent: str
    """What was understood."""
    confidence: float = 1.0
    """How well the recogniser heard it, 0 to 1."""
    hops: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds of each hop, `..._ms`; empty when the turn was not answered by speech."""
    text: str = field(default="", repr=False)
    """What was heard; only where the configuration wants speech in events."""


@dataclass(frozen=True)
class Query:
    """A business system was asked."""

    type: ClassVar[str] = "query"

    turn: int
    """The turn that it answers; 0 is the greeting."""
    system: str
    """Its name in the configuration."""
    operation: str
    """What it was asked, as in the matrix of the systems."""
    result: str
    """Kind of the answer, or the reason of the failure."""
    took_ms: float
    """Milliseconds from the question to the answer."""
    record: str = ""
    """The record that the answer came from, as the system names it."""
    live: bool = True
    """False when the answer came from a cache."""


@dataclass(frozen=True)
class Proposal:
    """The caller heard the exact content of a write, and was asked for a yes."""

    type: ClassVar[str] = "proposal"

    proposal: str
    """Its id; the idempotency key of the write."""
    operation: str
    """The write."""
    digest: str
    """SHA-256 of the payload, hexadecimal."""


@dataclass(frozen=True)
class Committed:
    """A write that the caller confirmed was done."""

    type: ClassVar[str] = "committed"

    proposal: str
    """Id of the proposal that the caller said yes to."""
    operation: str
    """The write."""
    system: str
    """Where it was written; its name in the configuration."""
    record: str
    """What was made, as the system names it."""


@dataclass(frozen=True)
class Escalated:
    """The call leaves Orderline for a human: the pop-up of whoever takes it."""

    type: ClassVar[str] = "escalated"

    reason: str
    """Why; a value of ORDERLINE_REASON."""
    summary: str = field(default="", repr=False)
    """What was learned so far, as in ORDERLINE_SUMMARY."""
    link: str = field(default="", repr=False)
    """Address of the caller's record, where the configuration gives a pattern."""
    way: str = "label"
    """How: label, queue, ring, attended, extension, voicemail or callback."""
    by: str = "voice"
    """Which process did it: voice, or bridge when the voice process could not."""


@dataclass(frozen=True)
class Transferred:
    """A human has the caller."""

    type: ClassVar[str] = "transferred"

    human: str
    """The human's device or queue member, as Asterisk names it."""
    waited_s: float
    """Seconds from the escalation to the human's answer."""
    way: str = "label"
    """How, as in the escalation."""


@dataclass(frozen=True)
class Ended:
    """Orderline has no more to do with the call."""

    type: ClassVar[str] = "ended"

    result: str
    """A value of ORDERLINE_RESULT."""
    reason: str
    """A value of ORDERLINE_REASON."""
    disposition: str
    """The six letters under which a dialler counts it."""
    lasted_s: float
    """Seconds from the start."""
    turns: int = 0
    """How often the caller said something."""


@dataclass(frozen=True)
class Health:
    """A part fails, or is well again."""

    type: ClassVar[str] = "health"

    part: str
    """voice, bridge, ami, erp:NAME, store, recognizer, publisher:NAME, ..."""
    well: bool
    """False when it fails, true when it is well again."""
    why: str = ""
    """What is wrong, without personal data."""


CallEvent = (
    Started
    | Identified
    | Turn
    | Query
    | Proposal
    | Committed
    | Escalated
    | Transferred
    | Ended
    | Health
)


class Sink(Protocol):
    """Where events are told. The one of a process writes them down at once."""

    def tell(self, ids: CallIds, event: CallEvent) -> None:
        """Take an event. Returns at once; never raises, for a call must not fail by it."""
