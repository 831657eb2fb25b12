"""How a call ends: an outcome becomes the channel variables that the dialplan reads.

This module alone writes ORDERLINE_* variables. ORDERLINE_RESULT is `unavailable` from the first
moment, so that whatever dies later, the dialplan goes to its human; it changes only here, at
the end. Every error becomes exactly one reason.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Protocol

from dialplan import variables
from dialplan.reasons import RESULTS, Reason
from dialplan.variables import Result


class VariableSetter(Protocol):
    """What is needed of an AGI session."""

    async def set_variable(self, name: str, value: str) -> object:
        """Set a variable of the caller's channel."""


@dataclass(frozen=True)
class Outcome:
    """Why a call left us, and what a human should know of it."""

    reason: Reason
    summary: str = field(default="", repr=False)

    @property
    def result(self) -> Result:
        """The result that goes with the reason."""
        return RESULTS[self.reason]


def reason_of(error: BaseException) -> Reason:
    """Return the one reason for an error: its class's own; without one it is our own bug.

    Every class of `asterisk_agi.errors`, `erp.errors` and `ami_bridge.errors` has one.
    """
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, Reason) else Reason.INTERNAL_ERROR


def plain(text: str) -> str:
    """Return text as ORDERLINE_SUMMARY may carry it: printable ASCII, one line, capped."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    words = "".join(c if c.isprintable() else " " for c in ascii_text).split()
    return " ".join(words)[: variables.SUMMARY_MAX_CHARS]


async def begin(session: VariableSetter, session_id: str) -> None:
    """Write the values that stand if nothing more is ever written.

    The result comes first: the channel may carry `completed` from an earlier call of ours.
    """
    start = Outcome(Reason.NOT_STARTED)
    await _set(session, variables.RESULT, start.result.value)
    await _explain(session, start)
    await _set(session, variables.SESSION, session_id)


async def end(session: VariableSetter, outcome: Outcome) -> None:
    """Write how the call ended; the result last, when all that explains it is there."""
    await _explain(session, outcome)
    await _set(session, variables.RESULT, outcome.result.value)


async def _explain(session: VariableSetter, outcome: Outcome) -> None:
    await _set(session, variables.REASON, outcome.reason.value)
    await _set(session, variables.SUMMARY, plain(outcome.summary))


async def _set(session: VariableSetter, name: str, value: str) -> None:
    await session.set_variable(variables.INHERITED_PREFIX + name, value)
