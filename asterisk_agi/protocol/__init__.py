"""AGI as a sans-IO core: prelude, commands, replies and the states of a session.

It opens no socket, starts no task and reads no clock; `asterisk_agi.server` is the shell around
it. Source: res_agi.c of Asterisk 16 to 22.
"""

from __future__ import annotations

from asterisk_agi.protocol.command import Command
from asterisk_agi.protocol.events import (
    NEED_DATA,
    Ended,
    Event,
    HangupRead,
    NeedData,
    PreludeRead,
    ProgressRead,
    ReplyRead,
)
from asterisk_agi.protocol.prelude import Prelude
from asterisk_agi.protocol.reply import Reply
from asterisk_agi.protocol.session import Session
from asterisk_agi.protocol.states import State

__all__ = [
    "NEED_DATA",
    "Command",
    "Ended",
    "Event",
    "HangupRead",
    "NeedData",
    "Prelude",
    "PreludeRead",
    "ProgressRead",
    "Reply",
    "ReplyRead",
    "Session",
    "State",
]
