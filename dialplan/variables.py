"""The channel variables that Orderline and the dialplan share, and nothing else.

Orderline sets these on the caller's channel; the dialplan reads them after `AGI()` returns.
Names are written here once: no other file of the product spells a channel variable of ours.
A leading `__` makes Asterisk inherit the variable to every channel that the caller's channel
dials (Asterisk documentation, "Variable Inheritance"), so that the human's channel has it too.
"""

from __future__ import annotations

from enum import Enum

RESULT = "ORDERLINE_RESULT"
REASON = "ORDERLINE_REASON"
SUMMARY = "ORDERLINE_SUMMARY"
SESSION = "ORDERLINE_SESSION"

CALLBACK = "ORDERLINE_CALLBACK"
"""Key of the call-back, on the channels of the humans who are rung for it."""

CALLBACK_NUMBER = "ORDERLINE_CALLBACK_NUMBER"
"""The customer's number, a plus sign and digits, on the same channels."""

CALLBACK_NAME = "ORDERLINE_CALLBACK_NAME"
"""The customer's name as far as it is known, plain ASCII, on the same channels."""

WHISPER = "ORDERLINE_WHISPER"
"""`no` on the caller's channel: whoever answers is connected without a whisper."""

INHERITED_PREFIX = "__"
"""Set a variable by this prefix + its name; read it by its name alone."""

SUMMARY_MAX_CHARS = 500
"""Longest ORDERLINE_SUMMARY. Plain ASCII, so characters are bytes."""

HUMAN_LABEL = "human"
"""The dialplan label at which a person takes over: `same => n(human),Queue(...)`."""

VOICEMAIL_LABEL = "voicemail"
"""The dialplan label at which the caller may leave a message."""

UNICASTRTP_LOCAL_ADDRESS = "UNICASTRTP_LOCAL_ADDRESS"
"""Set by Asterisk on a UnicastRTP channel: the IP address that it listens on (chan_rtp.c)."""

UNICASTRTP_LOCAL_PORT = "UNICASTRTP_LOCAL_PORT"
"""Set by Asterisk on a UnicastRTP channel: the UDP port that it listens on (chan_rtp.c)."""


AGI_EXIT_ON_HANGUP = "AGIEXITONHANGUP"
"""Read by Asterisk when AGI() begins: `yes` ends the session at a hangup, and so at a redirect,
instead of waiting for the script's next command (res_agi.c, run_agi)."""


class Result(str, Enum):
    """Values of ORDERLINE_RESULT: what the dialplan branches on."""

    UNAVAILABLE = "unavailable"
    """The value from the first moment on: nothing was done for the caller; go to a human."""

    TRANSFER = "transfer"
    """The caller was served in part, or asked for a person: go to a human, with the summary."""

    VOICEMAIL = "voicemail"
    """The caller wishes to leave a message: go to the label `voicemail`."""

    COMPLETED = "completed"
    """The caller has all they wanted (or hung up): go to Hangup."""
