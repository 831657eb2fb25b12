"""What is known of the humans at the moment at which a caller may need one. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


@dataclass(frozen=True)
class DeskState:
    """The human side, asked just now."""

    known: bool = False
    """False: it could not be asked; the caller is put through as if nothing were known."""
    open: bool = True
    """Within the opening hours."""
    staffed: int = 0
    """Members who are logged in and not paused."""
    free: int = 0
    """Of these, who can take a call now."""
    waiting: int = 0
    """Callers who wait already."""
    wait_s: float | None = None
    """Expected wait in seconds; None when it can't be told."""
    callback_at: datetime | None = None
    """Earliest time at which a call-back can be promised, aware; None: none can be."""
    voicemail: bool = False
    """Whether a message can be left."""
    now: datetime | None = None
    """When it was asked, aware, in the zone of the office."""
    opens_at: datetime | None = None
    """When the office opens next, aware, in its zone; None: not known, or it is open."""

    @property
    def hold(self) -> bool:
        """Whether waiting makes sense: somebody is there who will take the next call."""
        return self.open and self.staffed > 0


class TransferFailure(str, Enum):
    """Why a transfer came back to us."""

    DECLINED = "declined"
    UNANSWERED = "unanswered"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
