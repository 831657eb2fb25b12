"""The states of one AGI session, as a literal table.

Theory. A session begins with the prelude. Then it is a strict dialogue: one command, one reply.
Two things break into it. The line `HANGUP` comes whenever the caller's channel dies
(res_agi.c, `run_agi`): it is no reply, and Asterisk goes on to take the commands that it marks
as safe on a dead channel, so there are two states after it, with and without a reply owed.
A reply that nobody waits for any more (time-out, cancelled task), or that nobody asked for,
cannot be told from the reply to the next command: the session is poisoned, nothing more is sent
and nothing more is read. The end of file is an input of every state.

An input that a state does not list is a mistake of ours and raises AgiUsageError. What the peer
does wrong is itself an input (`VIOLATION`, or `REPLY` where none is owed).
"""

from __future__ import annotations

from enum import Enum

from asterisk_agi.errors import AgiUsageError


class State(Enum):
    """Where a session is."""

    PRELUDE = "prelude"
    READY = "ready"
    IN_FLIGHT = "in flight"
    HUNG_UP = "hung up"
    HUNG_UP_IN_FLIGHT = "hung up, in flight"
    POISONED = "poisoned"
    CLOSED = "closed"


class Input(Enum):
    """What can happen to a session."""

    PRELUDE = "the prelude is complete"
    COMMAND = "a command is sent"
    DEAD_SAFE_COMMAND = "a command is sent that Asterisk takes on a dead channel"
    REPLY = "a final reply is read, or a line that nobody asked for"
    DEAD_REPLY = "the reply 511 is read: the channel is dead"
    HANGUP = "the line HANGUP is read"
    VIOLATION = "the peer breaks the protocol or a cap"
    ABANDON = "we no longer wait for the reply"
    EOF = "the peer closes"


TABLE: dict[State, dict[Input, State]] = {
    State.PRELUDE: {
        Input.PRELUDE: State.READY,
        Input.VIOLATION: State.POISONED,
        Input.EOF: State.CLOSED,
    },
    State.READY: {
        Input.COMMAND: State.IN_FLIGHT,
        Input.DEAD_SAFE_COMMAND: State.IN_FLIGHT,
        Input.REPLY: State.POISONED,
        Input.HANGUP: State.HUNG_UP,
        Input.VIOLATION: State.POISONED,
        Input.EOF: State.CLOSED,
    },
    State.IN_FLIGHT: {
        Input.REPLY: State.READY,
        Input.DEAD_REPLY: State.HUNG_UP,
        Input.HANGUP: State.HUNG_UP_IN_FLIGHT,
        Input.VIOLATION: State.POISONED,
        Input.ABANDON: State.POISONED,
        Input.EOF: State.CLOSED,
    },
    State.HUNG_UP: {
        Input.DEAD_SAFE_COMMAND: State.HUNG_UP_IN_FLIGHT,
        Input.REPLY: State.POISONED,
        Input.HANGUP: State.HUNG_UP,
        Input.VIOLATION: State.POISONED,
        Input.EOF: State.CLOSED,
    },
    State.HUNG_UP_IN_FLIGHT: {
        Input.REPLY: State.HUNG_UP,
        Input.DEAD_REPLY: State.HUNG_UP,
        Input.HANGUP: State.HUNG_UP_IN_FLIGHT,
        Input.VIOLATION: State.POISONED,
        Input.ABANDON: State.POISONED,
        Input.EOF: State.CLOSED,
    },
    State.POISONED: {
        Input.EOF: State.CLOSED,
    },
    State.CLOSED: {},
}

OWES_REPLY = frozenset({State.IN_FLIGHT, State.HUNG_UP_IN_FLIGHT})
"""The states in which Asterisk owes a reply."""

CHANNEL_DEAD = frozenset({State.HUNG_UP, State.HUNG_UP_IN_FLIGHT})
"""The states in which only commands safe on a dead channel may be sent."""


def after(state: State, happened: Input) -> State:
    """Return the state that follows; AgiUsageError when the table has no such pair."""
    try:
        return TABLE[state][happened]
    except KeyError:
        raise AgiUsageError(f"session is {state.value}: not possible: {happened.value}") from None
