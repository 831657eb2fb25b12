"""The desk of a company: who is there by Asterisk, and whether it is open by the hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from asterisk_agi.dialogue.desk import DeskState
from erp.deadline import Deadline
from erp.opening import Opening


class HumansSeen(Protocol):
    """How busy the humans are; `ami_bridge.queues.HumansState` is one."""

    @property
    def known(self) -> bool:
        """False: nothing else counts."""

    @property
    def staffed(self) -> int:
        """Who is there."""

    @property
    def free(self) -> int:
        """Who can take a call now."""

    @property
    def waiting(self) -> int:
        """Callers who wait already."""

    @property
    def wait_s(self) -> float | None:
        """Expected wait, seconds; None: not known."""


class Humans(Protocol):
    """Where the humans are looked for: a queue, telephones, an extension."""

    async def look(self, deadline: Deadline) -> HumansSeen:
        """Return how busy they are. Never raises."""


class Office:
    """Is what `people.Desk` describes. now: the present, aware."""

    def __init__(
        self, humans: Humans, opening: Opening, voicemail: bool, now: Callable[[], datetime]
    ) -> None:
        self._humans = humans
        self._opening = opening
        self._voicemail = voicemail
        self._now = now

    async def look(self, deadline: Deadline) -> DeskState:
        """Return who is there. A closed office is known without asking anybody."""
        now = self._now().astimezone(self._opening.zone)
        if not self._opening.open_at(now):
            return DeskState(
                known=True,
                open=False,
                voicemail=self._voicemail,
                now=now,
                opens_at=self._opening.next_open(now),
            )
        seen = await self._humans.look(deadline)
        if not seen.known:
            return DeskState(now=now, voicemail=self._voicemail)
        return DeskState(
            known=True,
            staffed=seen.staffed,
            free=seen.free,
            waiting=seen.waiting,
            wait_s=seen.wait_s,
            voicemail=self._voicemail,
            now=now,
        )
