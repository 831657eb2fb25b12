"""What the dialogue knows of a call: settings, states and the call's state, all frozen.

Values only: `machine.py` has the rules, `wording.py` the words. No clock and no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from asterisk_agi.dialogue.desk import DeskState
from asterisk_agi.dialogue.effects import BookCallback, Line, Query
from asterisk_agi.dialogue.events import Intent, LookupOutcome
from asterisk_agi.dialogue.questions import NOBODY, NUMBER_MATCHED, Question
from dialplan.reasons import Reason
from erp.model import Customer

TOLD_MAX = 8
"""Answers that are kept for the summary; older ones fall out. The summary has 500 characters."""


@dataclass(frozen=True)
class DialogueSettings:
    """How one profile speaks and how patient it is."""

    company: str = "the company"
    """The name that the greeting says."""
    assistant: str = ""
    """The assistant's own name; empty: it has none. That it is automated is always said."""
    no_input_s: float = 6.0
    """Seconds of silence after our own speech until the caller is prompted."""
    keys_s: float = 3.0
    """Seconds after a key until the keyed number counts as ended."""
    item_digits_min: int = 4
    """Digits of the shortest item number."""
    item_digits_max: int = 4
    """Digits of the longest item number; a keyed number of this length needs no hash key."""
    order_digits_min: int = 4
    """Digits of the shortest order number."""
    order_digits_max: int = 4
    """Digits of the longest order number; a keyed number of this length needs no hash key."""
    silence_prompts: int = 2
    """Prompts into silence before the caller is put through to a human."""
    misunderstandings_max: int = 3
    """The misunderstanding in a row that puts the caller through; the one before it offers keys."""
    choices_max: int = 4
    """Contacts that are read out when several have the caller's number; more go to a human."""
    confidence_min: float = 0.45
    """Mean confidence of the words, 0 to 1, below which a turn counts as not understood."""

    def __post_init__(self) -> None:
        for what in ("item", "order"):
            least, most = (getattr(self, f"{what}_digits_{end}") for end in ("min", "max"))
            if not 1 <= least <= most:
                raise ValueError(
                    f"{what}_digits_min is {least}: write 1 to {what}_digits_max ({most})"
                )
        if not 1 <= self.choices_max <= 9:
            raise ValueError(f"choices_max is {self.choices_max}: write 1 to 9, one key each")


class StateName(str, Enum):
    """Where a call is in the dialogue."""

    GREETING = "greeting"
    """The caller does not hear us yet."""
    LISTENING = "listening"
    """Any question may come."""
    ASKING_ITEM = "asking item"
    """The caller is asked for an item number."""
    ASKING_ORDER = "asking order"
    """The caller is asked for an order number, spoken or keyed."""
    CHOOSING_CONTACT = "choosing contact"
    """Several contacts have the caller's number: the caller is asked which one is calling."""
    KEYPAD = "keypad"
    """An item number is keyed; it may still be spoken."""
    CHECKING = "checking"
    """A query is in progress; without a query, the look-up of the caller."""
    OFFERING_HUMAN = "offering human"
    """The caller is asked whether to be put through."""
    OFFERING_RETRY = "offering retry"
    """A query failed: the caller may press 1 to try it again."""
    ASKING_DESK = "asking desk"
    """A human is wanted, and it is being asked how busy the humans are."""
    OFFERING_CALLBACK = "offering callback"
    """No human is free: the caller may hold, be called back, or leave a message."""
    KEYING_NUMBER = "keying number"
    """The number to call back is keyed."""
    CONFIRMING_CALLBACK = "confirming callback"
    """Number and time of the call-back are read back to the caller."""
    BOOKING_CALLBACK = "booking callback"
    """The caller said yes: the call-back is being written down."""
    ENDING = "ending"
    """The last sentence is being spoken."""


DESK_STATES = {
    StateName.OFFERING_CALLBACK,
    StateName.KEYING_NUMBER,
    StateName.CONFIRMING_CALLBACK,
}
"""In these the desk was asked, and the caller knows its answer."""


@dataclass(frozen=True)
class Caller:
    """Who is calling, as far as the number tells."""

    lookup: LookupOutcome = LookupOutcome.LATE
    matches: tuple[Customer, ...] = field(default=(), repr=False)
    """Everyone who has the caller's number."""
    chosen: Customer | None = field(default=None, repr=False)
    """The only match, or the one that the caller chose."""

    @property
    def assurance(self) -> int:
        """How sure we are who is calling, on the scale of `erp.operations`."""
        return NOBODY if self.chosen is None else NUMBER_MATCHED


@dataclass(frozen=True)
class Patience:
    """What went wrong in a row."""

    misunderstandings: int = 0
    silences: int = 0


@dataclass(frozen=True)
class People:
    """The human side of the call, as far as it is known."""

    asked: bool = False
    """Whether there is a desk that can be asked; without one the caller is put through at once."""
    number: str = field(default="", repr=False)
    """The caller's own number, for a call-back; empty when it is withheld."""
    quiet: bool = False
    """Whether the caller hears nothing while the human who answered hears who it is."""
    desk: DeskState = field(default_factory=DeskState)
    """What the desk said last."""
    wish: Intent | None = None
    """What the caller asked for instead of a human: a call-back, or to leave a message."""
    offered: bool = False
    """True when the caller did not ask for a human: one was offered."""
    failures: int = 0
    """How often the caller was put through in vain."""
    came_back: bool = False
    """True from a transfer in vain until the desk has told what can be had instead."""
    callback: BookCallback | None = None
    """The call-back that was read back to the caller, and no other."""
    booked: bool = False
    """True when it is kept durably."""


@dataclass(frozen=True)
class CallState:
    """All that the dialogue knows of a call."""

    settings: DialogueSettings
    name: StateName = StateName.GREETING
    caller: Caller = Caller()
    topic: Question = field(default_factory=Question)
    """The last question about an item: what "it" and "by friday?" refer to."""
    patience: Patience = Patience()
    open: Question | None = None
    """The caller's last question, until it is answered."""
    query: Query | None = None
    """The query in progress."""
    retried: bool = False
    """True when the open question is being asked for again after a failure."""
    said: tuple[Line, ...] = ()
    """The last answer or prompt, for `repeat`."""
    keys: str = ""
    """The digits keyed so far."""
    heard: str = field(default="", repr=False)
    """The last turn that was not understood, for the summary."""
    told: tuple[str, ...] = field(default=(), repr=False)
    """The answers so far in short, for the summary."""
    reason: Reason | None = None
    """Why a human is offered or wanted, or why the call ends (ENDING)."""
    people: People = People()
    """The human side."""


def start(settings: DialogueSettings, people: People | None = None) -> CallState:
    """Return the state of a call that has not been answered yet.

    people: whether the humans can be asked, and the caller's number; None: they can't be.
    """
    return CallState(settings=settings, people=people or People())
