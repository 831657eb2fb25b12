"""What can go wrong with the event stream; nothing of it ends a call."""

from __future__ import annotations

from typing import ClassVar

from dialplan.reasons import Reason


class EventError(Exception):
    """Something is wrong with the event stream."""

    reason: ClassVar[Reason] = Reason.INTERNAL_ERROR


class UnreadableEvent(EventError, ValueError):
    """A line is no event; the text says why, without its content."""


class SpoolError(EventError, OSError):
    """The folder of the spool can't be used: names it and the mend."""
