"""What the AGI core tells its shell: small values, past tense."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from asterisk_agi.protocol.prelude import Prelude
from asterisk_agi.protocol.reply import Reply
from asterisk_agi.protocol.states import State


class NeedData(Enum):
    """The type of NEED_DATA."""

    NEED_DATA = "need data"


NEED_DATA = NeedData.NEED_DATA
"""There is no event yet: feed more bytes, or the end of file."""


@dataclass(frozen=True)
class PreludeRead:
    """Asterisk has said who calls; commands may be sent from now on."""

    prelude: Prelude


@dataclass(frozen=True)
class ReplyRead:
    """The command in flight has its final reply."""

    reply: Reply


@dataclass(frozen=True)
class ProgressRead:
    """A provisional reply (1xx): the command is still in flight."""

    text: str


@dataclass(frozen=True)
class HangupRead:
    """The caller's channel is dead; given once a session. The connection is still open."""


@dataclass(frozen=True)
class Ended:
    """The peer closed the connection."""

    state: State
    """Where the session was at that moment."""
    unread_bytes: int
    """Bytes of a line that never got its end."""


Event = PreludeRead | ReplyRead | ProgressRead | HangupRead | Ended
