"""What can go wrong with AMI, as the caller must decide about it.

    AmiError
    +-- AmiDown           (ConnectionError)  there is no connection, or it was lost meanwhile
    |   +-- AmiTimeout    (TimeoutError)     it is there, but Asterisk did not answer in time
    +-- AmiRefused        (PermissionError)  wrong login, or our user may not do this
    +-- AmiUsageError     (ValueError)       we asked for what AMI cannot carry: our bug

Every class carries the reason with which a call that ends by it is handed to a human.
"""

from __future__ import annotations

from typing import ClassVar

from dialplan.reasons import Reason


class AmiError(Exception):
    """Asterisk's manager interface did not do what was asked."""

    reason: ClassVar[Reason] = Reason.AMI_DOWN


class AmiDown(AmiError, ConnectionError):
    """There is no connection, or it was lost before the answer came."""


class AmiTimeout(AmiDown, TimeoutError):
    """Asterisk did not answer in time. What was asked may have been done all the same."""


class AmiRefused(AmiError, PermissionError):
    """Asterisk refused the login, or manager.conf does not allow our user this action."""


class AmiUsageError(AmiError, ValueError):
    """A header's name or value cannot be carried by AMI."""

    reason = Reason.INTERNAL_ERROR
