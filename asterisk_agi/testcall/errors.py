"""What can go wrong on the caller's side of a test call.

    PhoneError
    +-- SipPeerError   (ValueError)       the far side broke SIP, SDP, or more than our caps allow
    +-- PhoneUsageError (ValueError)      we were asked for what SIP cannot carry
    +-- CallRejected   (ConnectionError)  the call was answered with a final code >= 300
    +-- NoAnswer       (TimeoutError)     nobody answered, or the server is silent

These are not the errors of an answered call (`asterisk_agi.errors`): no caller is handed over
for them, so they carry no reason.
"""

from __future__ import annotations


class PhoneError(Exception):
    """The test call could not be placed or finished."""


class SipPeerError(PhoneError, ValueError):
    """The far side sent what SIP or SDP does not allow, or more than the caps allow."""


class PhoneUsageError(PhoneError, ValueError):
    """We were asked to send what SIP cannot carry: mend the argument that it names."""


class CallRejected(PhoneError, ConnectionError):
    """The call was refused. `code` is the SIP status, `phrase` what the server wrote to it."""

    def __init__(self, code: int, phrase: str) -> None:
        super().__init__(f"the call was refused: {code} {phrase}")
        self.code = code
        self.phrase = phrase


class NoAnswer(PhoneError, TimeoutError):
    """Nobody answered in time, or the server answers nothing at all."""
