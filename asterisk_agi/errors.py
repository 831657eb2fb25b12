"""The errors of one call, each with the reason that the caller is handed over with.

    CallError
    +-- AgiError
    |   +-- AgiPeerError     (ValueError)       Asterisk (or a port scan) broke the protocol
    |   +-- AgiUsageError    (ValueError)       we asked for what AGI cannot carry: our bug
    |   +-- AgiRefused       (RuntimeError)     Asterisk answered 510 or 520
    |   +-- AgiTimeout       (TimeoutError)     no reply in time: the session is poisoned
    +-- CallerHungUp         (ConnectionError)  the caller's channel is gone
    +-- MediaError           (ConnectionError)  the RTP leg could not be opened, or broke
    +-- SpeechError          (RuntimeError)     recogniser or synthesizer failed
    +-- PbxDown              (ConnectionError)  no AMI connection when one was needed
    +-- UnknownProfile       (LookupError)      the AGI argument names no profile of ours
    +-- AtCallLimit          (RuntimeError)     as many calls as configured are in progress
    +-- Draining             (RuntimeError)     this process is being stopped
"""

from __future__ import annotations

from typing import ClassVar

from dialplan.reasons import Reason


class CallError(Exception):
    """A call cannot go on as it should."""

    reason: ClassVar[Reason] = Reason.INTERNAL_ERROR


class AgiError(CallError):
    """The AGI session failed."""

    reason = Reason.PROTOCOL_ERROR


class AgiPeerError(AgiError, ValueError):
    """The peer sent what AGI does not allow, or more than the caps allow."""


class AgiUsageError(AgiError, ValueError):
    """We asked for a command that AGI cannot carry, or out of turn."""

    reason = Reason.INTERNAL_ERROR


class AgiRefused(AgiError, RuntimeError):
    """Asterisk refused a command (codes 510, 520; 511 is CallerHungUp)."""


class AgiTimeout(AgiError, TimeoutError):
    """No reply in time. A late one could not be matched, so the session is poisoned."""


class CallerHungUp(CallError, ConnectionError):
    """The caller's channel is gone."""

    reason = Reason.CALLER_HUNG_UP


class MediaError(CallError, ConnectionError):
    """The RTP leg could not be opened, or broke."""

    reason = Reason.MEDIA_FAILED


class SpeechError(CallError, RuntimeError):
    """The recogniser or the synthesizer failed."""

    reason = Reason.SPEECH_FAILED


class PbxDown(CallError, ConnectionError):
    """There is no AMI connection, and one was needed."""

    reason = Reason.AMI_DOWN


class UnknownProfile(CallError, LookupError):
    """The dialplan names a profile that the configuration does not have."""

    reason = Reason.UNKNOWN_PROFILE


class AtCallLimit(CallError, RuntimeError):
    """As many calls as the configuration allows are in progress."""

    reason = Reason.CALL_LIMIT


class Draining(CallError, RuntimeError):
    """The process is being stopped and takes no new call."""

    reason = Reason.DRAINING
