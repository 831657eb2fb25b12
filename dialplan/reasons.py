"""Why a call left Orderline: the values of ORDERLINE_REASON, each with its result.

One reason belongs to exactly one result. Errors are mapped to reasons in
`asterisk_agi.handoff` and `erp.errors`; this file knows nothing of errors.
"""

from __future__ import annotations

from enum import Enum

from dialplan.variables import Result


class Reason(str, Enum):
    """A word for the dialplan and the reports: lower case, a hyphen between words."""

    GOODBYE = "goodbye"
    CALLER_HUNG_UP = "caller-hung-up"

    CALLER_ASKED = "caller-asked"
    KEY_ZERO = "key-zero"
    NOT_UNDERSTOOD = "not-understood"
    NO_INPUT = "no-input"
    LONGEST_CALL = "longest-call"
    BACKEND_SLOW = "backend-slow"
    BACKEND_DOWN = "backend-down"
    BACKEND_REFUSED = "backend-refused"
    BACKEND_BAD_ANSWER = "backend-bad-answer"
    NO_ACCOUNT = "no-account"
    NOT_VERIFIED = "not-verified"

    NOT_STARTED = "not-started"
    NO_VOICE_HOST = "no-voice-host"
    AMI_DOWN = "ami-down"
    MEDIA_FAILED = "media-failed"
    SPEECH_FAILED = "speech-failed"
    PROTOCOL_ERROR = "protocol-error"
    UNKNOWN_PROFILE = "unknown-profile"
    CALL_LIMIT = "call-limit"
    DRAINING = "draining"
    INTERNAL_ERROR = "internal-error"


RESULTS: dict[Reason, Result] = {
    Reason.GOODBYE: Result.COMPLETED,
    Reason.CALLER_HUNG_UP: Result.COMPLETED,
    Reason.CALLER_ASKED: Result.TRANSFER,
    Reason.KEY_ZERO: Result.TRANSFER,
    Reason.NOT_UNDERSTOOD: Result.TRANSFER,
    Reason.NO_INPUT: Result.TRANSFER,
    Reason.LONGEST_CALL: Result.TRANSFER,
    Reason.BACKEND_SLOW: Result.TRANSFER,
    Reason.BACKEND_DOWN: Result.TRANSFER,
    Reason.BACKEND_REFUSED: Result.TRANSFER,
    Reason.BACKEND_BAD_ANSWER: Result.TRANSFER,
    Reason.NO_ACCOUNT: Result.TRANSFER,
    Reason.NOT_VERIFIED: Result.TRANSFER,
    Reason.NOT_STARTED: Result.UNAVAILABLE,
    Reason.NO_VOICE_HOST: Result.UNAVAILABLE,
    Reason.AMI_DOWN: Result.UNAVAILABLE,
    Reason.MEDIA_FAILED: Result.UNAVAILABLE,
    Reason.SPEECH_FAILED: Result.UNAVAILABLE,
    Reason.PROTOCOL_ERROR: Result.UNAVAILABLE,
    Reason.UNKNOWN_PROFILE: Result.UNAVAILABLE,
    Reason.CALL_LIMIT: Result.UNAVAILABLE,
    Reason.DRAINING: Result.UNAVAILABLE,
    Reason.INTERNAL_ERROR: Result.UNAVAILABLE,
}
"""The result that goes with each reason. Total: a test proves it."""
