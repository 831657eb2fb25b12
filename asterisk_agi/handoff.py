"""How a call ends: an outcome becomes the channel variables that the dialplan reads.

This module alone writes ORDERLINE_* variables. ORDERLINE_RESULT is `unavailable` from the first
moment, so that whatever dies later, the dialplan goes to its human; it changes only here, at
the end. Every error becomes exactly one reason. While the call goes on only the summary is kept up
to date, by AMI (the AGI session is busy with the media leg): whoever rescues the caller of a voice
process that died hands over what was learned so far.
"""

from __future__ import annotations

import asyncio
import logging
import unicodedata
from dataclasses import dataclass, field
from typing import Protocol

from dialplan import variables
from dialplan.reasons import RESULTS, Reason
from dialplan.variables import Result

_log = logging.getLogger(__name__)

LAST_SUMMARY_S = 0.5
"""Longest wait for a summary that is on its way when the call ends, seconds."""


class VariableSetter(Protocol):
    """What is needed of an AGI session."""

    async def set_variable(self, name: str, value: str) -> object:
        """Set a variable of the caller's channel."""


class ChannelSetter(Protocol):
    """What is needed of the PBX while the AGI session is busy."""

    async def setvar(self, channel: str, variable: str, value: str) -> bool:
        """Set a variable of a channel. Raises ConnectionError, PermissionError."""


@dataclass(frozen=True)
class Outcome:
    """Why a call left us, and what a human should know of it."""

    reason: Reason
    summary: str = field(default="", repr=False)
    by_label: bool = False
    """True: the dialplan's label is to find the human, whatever way the configuration has."""
    holds: bool = False
    """True: the caller heard that nobody is free, and waits for as long as it takes."""

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
    await explain(session, start)
    await _set(session, variables.SESSION, session_id)


async def end(session: VariableSetter, outcome: Outcome) -> None:
    """Write how the call ended; the result last, when all that explains it is there."""
    await explain(session, outcome)
    await _set(session, variables.RESULT, outcome.result.value)


async def explain(session: VariableSetter, outcome: Outcome) -> None:
    """Write all but the result: before a human's telephone rings, for it inherits them."""
    await _set(session, variables.REASON, outcome.reason.value)
    await _set(session, variables.SUMMARY, plain(outcome.summary))


async def connected(pbx: ChannelSetter, channel: str) -> None:
    """Write by AMI that a human has the caller: if we are gone by its end, nobody is queued again.

    channel: the caller's. Raises ConnectionError, PermissionError.
    """
    for name, value in (
        (variables.REASON, Reason.TRANSFERRED.value),
        (variables.RESULT, RESULTS[Reason.TRANSFERRED].value),
    ):
        await pbx.setvar(channel, variables.INHERITED_PREFIX + name, value)


async def _set(session: VariableSetter, name: str, value: str) -> None:
    await session.set_variable(variables.INHERITED_PREFIX + name, value)


class RunningSummary:
    """ORDERLINE_SUMMARY during one call: each new text is sent, the latest last. Never raises."""

    def __init__(self, pbx: ChannelSetter, channel: str) -> None:
        """Prepare it. channel: the caller's."""
        self._pbx = pbx
        self._channel = channel
        self._told = ""
        self._wanted = ""
        self._sending: asyncio.Task[None] | None = None

    def learned(self, summary: str) -> None:
        """Take what is known by now; returns at once."""
        self._wanted = plain(summary)
        if self._wanted != self._told and (self._sending is None or self._sending.done()):
            loop = asyncio.get_running_loop()
            self._sending = loop.create_task(self._send(), name="running summary")

    async def close(self) -> None:
        """Send no more, and let what is on its way arrive: the last word is that of `end`."""
        self._wanted = self._told
        if self._sending is not None:
            await asyncio.wait([self._sending], timeout=LAST_SUMMARY_S)
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _send(self) -> None:
        name = variables.INHERITED_PREFIX + variables.SUMMARY
        while self._wanted != self._told:
            self._told = self._wanted
            try:
                await self._pbx.setvar(self._channel, name, self._told)
            except (ConnectionError, PermissionError) as error:
                # Without AMI nothing is kept; the next text is tried again.
                _log.debug("the running summary was not written: %s", error)
