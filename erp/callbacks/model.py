"""A call-back that was agreed with a caller: the values that voice process and bridge share.

Who books one is `asterisk_agi`, who dials it is `ami_bridge`, where it is kept is `erp.store`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol

from dialplan.reasons import Reason
from erp.deadline import Deadline


class CallbackError(Exception):
    """A call-back could not be booked: nothing was promised."""

    reason: ClassVar[Reason] = Reason.BACKEND_DOWN


@dataclass(frozen=True)
class CallbackRequest:
    """What the caller said yes to, exactly."""

    key: str
    """Id of the proposal, and idempotency key of all that is written for it."""
    session: str
    number: str = field(repr=False)
    """The number to call, E.164."""
    at: datetime
    """Not before this time; aware."""
    name: str = field(default="", repr=False)
    account: str = ""
    """Account number; empty when the caller is not known."""
    summary: str = field(default="", repr=False)
    """What a human must know, as in ORDERLINE_SUMMARY."""


@dataclass(frozen=True)
class CallbackReceipt:
    """A call-back that is kept durably; only with this may it be spoken of as done."""

    key: str
    at: datetime
    system: str = ""
    """The business system that has the task; empty while it is still to be written there."""
    record: str = ""


class Callbacks(Protocol):
    """Books call-backs."""

    async def book(self, request: CallbackRequest, deadline: Deadline) -> CallbackReceipt:
        """Keep it, then write its task to the ERP. Booking the same key again changes nothing.

        Raises CallbackError when it could not be kept; then nothing will be dialled.
        """
