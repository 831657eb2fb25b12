"""How sending an event can fail, as the worker must decide about it.

    PublishError
    +-- TryAgain     this event was not taken: wait, and send it again, up to its limits
    +-- Unreachable  nothing can be sent there now: wait with everything
    +-- Refused      this event will never be taken: a dead letter
"""

from __future__ import annotations


class PublishError(Exception):
    """An event was not taken. after_s: the other side wants to be left alone so long."""

    def __init__(self, why: str, after_s: float | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.after_s = after_s


class TryAgain(PublishError):
    """The event was not taken, which may be its own fault: one attempt is counted."""


class Unreachable(PublishError):
    """The other side is not there, or takes nothing now: no fault of the event."""


class Refused(PublishError):
    """The other side will never take this event."""
