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
    ANSWERED = "answered"
    CALLER_HUNG_UP = "caller-hung-up"
    TRANSFERRED = "transferred"
    CALLBACK_AGREED = "callback-agreed"

    VOICEMAIL = "voicemail"

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
    VOICE_LOST = "voice-lost"
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
    Reason.ANSWERED: Result.COMPLETED,
    Reason.CALLER_HUNG_UP: Result.COMPLETED,
    Reason.TRANSFERRED: Result.COMPLETED,
    Reason.CALLBACK_AGREED: Result.COMPLETED,
    Reason.VOICEMAIL: Result.VOICEMAIL,
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
    Reason.VOICE_LOST: Result.UNAVAILABLE,
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

_DISPOSITIONS: dict[Reason, str] = {
    Reason.CALLER_HUNG_UP: "AIABAN",
    Reason.TRANSFERRED: "AIXFER",
    Reason.CALLBACK_AGREED: "AICALB",
}
_BY_RESULT: dict[Result, str] = {
    Result.COMPLETED: "AIDONE",
    Result.TRANSFER: "AIXFER",
    Result.VOICEMAIL: "AIVMAL",
    Result.UNAVAILABLE: "AIFAIL",
}


def disposition(reason: Reason) -> str:
    """Return the six letters under which a dialler or a report counts this end of a call."""
    return _DISPOSITIONS.get(reason) or _BY_RESULT[RESULTS[reason]]
