"""One AGI session without any I/O: bytes in, events out; commands in, bytes out.

The shell's loop: `receive_data(bytes)` or `receive_eof()`, then `next_event()` until it gives
NEED_DATA (or Ended). No socket, no task, no clock here: a deadline is the shell's, which calls
`abandon()` when it passes. States and what may happen in each: `states.py`.
"""

from __future__ import annotations

from asterisk_agi.errors import AgiPeerError, AgiUsageError
from asterisk_agi.protocol.command import Command, encode
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
from asterisk_agi.protocol.lines import LineBuffer
from asterisk_agi.protocol.prelude import PREFIX, PreludeReader
from asterisk_agi.protocol.reply import DEAD_CHANNEL, Reply, ReplyReader
from asterisk_agi.protocol.states import CHANNEL_DEAD, OWES_REPLY, Input, State, after

HANGUP_LINE = b"HANGUP"
"""What Asterisk sends when the channel dies, between two lines of whatever else it sends."""

PROGRESS_MAX = 16
"""Provisional replies to one command. Asterisk sends at most one (GOSUB)."""


class Session:
    """The state of one AGI session."""

    def __init__(self) -> None:
        self._state = State.PRELUDE
        self._lines = LineBuffer()
        self._prelude = PreludeReader()
        self._replies = ReplyReader()
        self._hangup_seen = False
        self._eof = False
        self._ended: Ended | None = None
        self._progress = 0

    @property
    def state(self) -> State:
        """Where the session is."""
        return self._state

    @property
    def owes_reply(self) -> bool:
        """True while Asterisk owes the reply to a command."""
        return self._state in OWES_REPLY

    @property
    def channel_dead(self) -> bool:
        """True when only commands that are safe on a dead channel may be sent."""
        return self._state in CHANNEL_DEAD

    # Sending...

    def send(self, command: Command) -> bytes:
        """Return the bytes of a command, which is in flight from now on.

        Raises AgiUsageError, and changes nothing, when the command cannot be encoded or the
        state forbids it: another is in flight, the channel is dead, the session is poisoned.
        """
        line = encode(command)
        self._happened(Input.DEAD_SAFE_COMMAND if command.dead_safe else Input.COMMAND)
        self._progress = 0
        return line

    def abandon(self) -> None:
        """Stop waiting for the reply (time-out, cancelled): the session is poisoned.

        Raises AgiUsageError when no command is in flight.
        """
        self._happened(Input.ABANDON)
        self._lines.clear()

    # Receiving...

    def receive_data(self, data: bytes) -> None:
        """Store bytes from the peer; call `next_event` next. An empty chunk means nothing."""
        if self._eof:
            raise AgiUsageError("data after the end of file")
        # A poisoned session reads no more: what comes cannot be matched.
        if self._state is not State.POISONED:
            self._lines.feed(data)

    def receive_eof(self) -> None:
        """Note that the peer has closed; the events before it are still given first."""
        self._eof = True

    def next_event(self) -> Event | NeedData:
        """Return the next event, or NEED_DATA.

        After the end of file the last event is Ended, given again at each further call.
        Raises AgiPeerError when the peer broke the protocol or a cap: the session is then
        poisoned; close the connection.
        """
        try:
            return self._next_event()
        except AgiPeerError:
            self._poison()
            raise

    def _next_event(self) -> Event | NeedData:
        while self._state not in {State.POISONED, State.CLOSED}:
            line = self._lines.next_line()
            if line is None:
                self._refuse_strangers()
                break
            if (event := self._read(line)) is not None:
                return event
        return self._end() if self._eof else NEED_DATA

    def _refuse_strangers(self) -> None:
        """Know a peer that does not speak AGI by its first bytes, not by a time-out."""
        if self._state is State.PRELUDE and not any(
            self._lines.starts_like(beginning) for beginning in (PREFIX, b"\r\n")
        ):
            raise AgiPeerError("a line of the prelude is not `agi_name: value`")

    def _read(self, line: bytes) -> Event | None:
        if self._state is State.PRELUDE:
            return self._read_prelude(line)
        if line == HANGUP_LINE:
            return self._read_hangup()
        if self._state not in OWES_REPLY:
            self._happened(Input.REPLY)
            raise AgiPeerError("a line came that nobody had asked for")
        reply = self._replies.add_line(line)
        return None if reply is None else self._read_reply(reply)

    def _read_prelude(self, line: bytes) -> Event | None:
        prelude = self._prelude.add_line(line)
        if prelude is None:
            return None
        self._happened(Input.PRELUDE)
        return PreludeRead(prelude)

    def _read_hangup(self) -> Event | None:
        self._happened(Input.HANGUP)
        # Asterisk says it again when it ends the session.
        if self._hangup_seen:
            return None
        self._hangup_seen = True
        return HangupRead()

    def _read_reply(self, reply: Reply) -> Event:
        if not reply.final:
            self._progress += 1
            if self._progress > PROGRESS_MAX:
                raise AgiPeerError("too many provisional replies to one command")
            return ProgressRead(reply.text)
        self._happened(Input.DEAD_REPLY if reply.code == DEAD_CHANNEL else Input.REPLY)
        return ReplyRead(reply)

    def _end(self) -> Ended:
        if self._ended is None:
            self._ended = Ended(self._state, len(self._lines))
            self._lines.clear()
            self._happened(Input.EOF)
        return self._ended

    def _poison(self) -> None:
        if self._state is not State.POISONED:
            self._happened(Input.VIOLATION)
        self._lines.clear()

    def _happened(self, happened: Input) -> None:
        self._state = after(self._state, happened)
