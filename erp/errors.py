"""What can go wrong with a business system, as the caller of the port must decide about it.

    ErpError
    +-- BackendDown      (ConnectionError)  it cannot be reached: refused, reset, no such host
    |   +-- BackendBusy                     it asks for patience: 429, too many connections
    +-- BackendSlow      (TimeoutError)     the turn's deadline passed
    +-- BackendRefused   (PermissionError)  it does not know our user, or our user may not
    +-- BadAnswer        (ValueError)       it answered what we cannot read
    +-- WriteUnknown                        nobody knows whether it wrote what it was told to

Every class carries the reason with which a call that ends by it is handed to a human.
"""

from __future__ import annotations

from typing import ClassVar

from dialplan.reasons import Reason


class ErpError(Exception):
    """A business system did not do what was asked.

    system: its configured name. operation: what was asked. detail: one sentence without
    personal data.
    """

    reason: ClassVar[Reason] = Reason.BACKEND_DOWN

    def __init__(self, system: str, operation: str, detail: str) -> None:
        super().__init__(system, operation, detail)
        self.system = system
        self.operation = operation
        self.detail = detail
        self.keypad = False
        """True when the caller may be offered a key to try again: the operation's fallback."""
        self.sent = False
        """True when it failed after a write may have reached the system."""

    def __str__(self) -> str:
        return f"{self.system}: {self.operation}: {self.detail}"


class BackendDown(ErpError, ConnectionError):
    """The system cannot be reached."""

    reason = Reason.BACKEND_DOWN


class BackendBusy(BackendDown):
    """The system is there, and asks us to come back later.

    retry_after_s: when it said how much later, in seconds.
    """

    def __init__(
        self, system: str, operation: str, detail: str, retry_after_s: float | None = None
    ) -> None:
        super().__init__(system, operation, detail)
        self.retry_after_s = retry_after_s


class BackendSlow(ErpError, TimeoutError):
    """The turn's deadline passed before the system answered."""

    reason = Reason.BACKEND_SLOW


class BackendRefused(ErpError, PermissionError):
    """The system refused our login, or our user may not do this."""

    reason = Reason.BACKEND_REFUSED


class BadAnswer(ErpError, ValueError):
    """The system answered what cannot be read."""

    reason = Reason.BACKEND_BAD_ANSWER


class WriteUnknown(ErpError):
    """The write may or may not have been done, and looking it up by its key did not tell.

    Nothing may be said to be done, and nothing to have failed. Trying again later with the same
    key is safe: it is looked up first.
    """

    reason = Reason.BACKEND_DOWN


class UnreadableAnswer(ValueError):
    """An answer that is not what it should be; the text says what, without its content.

    For the inside of a connector, which turns it into `BadAnswer` at one seam.
    """

    reason: ClassVar[Reason] = Reason.BACKEND_BAD_ANSWER
