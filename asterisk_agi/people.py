"""The human side of a call: its settings, and the ports through which a call asks it.

Who joins the ports with Asterisk's queues, the opening hours and the call-backs is `app.py`; who
puts a caller through is `transfer.py`. Values and protocols only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from asterisk_agi.dialogue.desk import DeskState
from erp.callbacks.times import Planned
from erp.deadline import Deadline
from erp.limits import demand_above_zero


class Way(str, Enum):
    """How a caller comes to a human."""

    LABEL = "label"
    """The dialplan goes on at its label `human`; Orderline has no more to do with the call."""
    EXTENSION = "extension"
    """An extension of the dialplan is dialled."""
    QUEUE = "queue"
    """Asterisk's `Queue`."""
    RING = "ring"
    """Several telephones ring; the first to answer has the call."""
    ATTENDED = "attended"
    """A telephone rings; whoever answers hears who it is, and takes the call by a key or not."""


@dataclass(frozen=True)
class PeopleSettings:
    """How callers come to humans, and what is offered when no human is free."""

    way: Way = Way.LABEL
    """label, extension, queue, ring or attended. label leaves it to the dialplan."""
    queue: str = ""
    """Queue of Asterisk that is asked who is free, and joined by way queue; empty: none is."""
    ring: tuple[str, ...] = ()
    """Devices that ring together by the ways ring and attended, as in [PJSIP/anna, PJSIP/ben]."""
    extension: str = ""
    """Extension that way extension dials."""
    context: str = ""
    """Context of the dialplan in which that extension is."""
    timeout_s: int = 30
    """Seconds until a transfer that nobody answers comes back to the caller."""
    hold_s: int = 900
    """By way queue the same for a caller who was told the wait and chose to hold, seconds."""
    music: str = ""
    """Class of Asterisk's music on hold that a caller hears until a human answers (by way queue:
    any word for the queue's own class); empty: the tone of a telephone that rings."""
    whisper: bool = True
    """Whether a human hears in one sentence who is calling and why, before the caller is there."""
    whisper_context: str = "orderline-whisper"
    """Context of the dialplan that speaks to the human; `orderline dialplan` prints it."""
    record_link: str = ""
    """Address of a caller's record for whoever takes the call, as in
    https://erp.example/party/{account}; empty: none."""
    voicemail: bool = False
    """Whether a caller may leave a message: the dialplan's label for voice mail must be there."""
    ask_s: float = 0.4
    """Seconds that asking the queue may take before a caller is put through without knowing."""
    talk_s: int = 0
    """Seconds of a talk, for the expected wait until the queue has its own figure; 0: not known."""

    def __post_init__(self) -> None:
        demand_above_zero(self, "timeout_s", "hold_s", "ask_s")
        wanted = _WANTED.get(self.way)
        if wanted is not None and not getattr(self, wanted):
            raise ValueError(f"{wanted} is empty: write it, for way is {self.way.value}")
        dialled = (self.queue, self.extension, self.context, self.whisper_context, self.music)
        for value in (*dialled, *self.ring):
            if not _DIALLED.fullmatch(value):
                raise ValueError(f"{value!r} can't be dialled: use no comma, bracket or blank")
        if self.record_link and "{account}" not in self.record_link:
            raise ValueError(f"record_link is {self.record_link!r}: write {{account}} into it")

    @property
    def quiet(self) -> bool:
        """Whether a caller hears nothing while the human who answered hears who it is."""
        whispers = self.whisper and self.way in (Way.QUEUE, Way.RING)
        return whispers or self.way is Way.ATTENDED

    @property
    def asked(self) -> bool:
        """Whether there is anybody whose state can be asked."""
        return bool(self.queue) or self.way in (Way.RING, Way.ATTENDED, Way.EXTENSION)


_DIALLED = re.compile(r"[A-Za-z0-9_/@.:;=+*#!~-]{0,200}")
"""What may stand in a step of the dialplan as it is."""

_WANTED = {
    Way.EXTENSION: "extension",
    Way.QUEUE: "queue",
    Way.RING: "ring",
    Way.ATTENDED: "ring",
}


class Desk(Protocol):
    """The humans, as far as they can be seen."""

    async def look(self, deadline: Deadline) -> DeskState:
        """Return who is there now. Never raises; `known` is False when it can't be told in time."""


class CallbackPlanner(Protocol):
    """Knows which numbers may be called, and at which hours."""

    def plan(self, number: str, not_before: datetime) -> Planned | None:
        """Return when the number may be called at the earliest; None when it never may.

        number: as the caller's network or keys gave it. not_before: aware. Pure; never raises.
        """

    def earliest(self, number: str, now: datetime) -> datetime | None:
        """Return the first time for which the number can be promised a call; None: there is none.

        number: any spelling.
        """
