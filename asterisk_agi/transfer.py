"""Puts a caller through to a human from the call's own AGI session, and tells how that ended.

The media leg is gone by then: `Queue` or `Dial` runs in its place. Without their options `c` and
`g` their result is -1 when a human has had the caller, and 0 when the caller comes back to us
(measured on Asterisk 16 and 22). It says nothing to anybody: `dialogue/` words it, `whisper.py`
speaks to the human. Source: app_queue.c, app_dial.c (option U, GOSUB_RESULT, DIALSTATUS).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from asterisk_agi import handoff
from asterisk_agi.dialogue.desk import TransferFailure
from asterisk_agi.errors import AgiRefused, CallerHungUp, CallError
from asterisk_agi.handoff import Outcome
from asterisk_agi.heartbeat import Heartbeat, Vitals
from asterisk_agi.pbx import Pbx, PbxEvent
from asterisk_agi.people import PeopleSettings, Way
from asterisk_agi.protocol import Prelude, Reply
from asterisk_agi.story import Story
from asterisk_agi.tasks import Tasks
from dialplan.reasons import Reason
from dialplan.variables import Result

_log = logging.getLogger(__name__)

WITH_HUMAN = "-1"
"""Result of Queue and Dial when a human had the caller, or hung up during the whisper."""
FIRST_WITHOUT_MACRO = 210_000
"""ASTERISK_VERSION_NUM of the first Asterisk whose Queue has no argument `macro` before `gosub`."""
LATE_EVENTS_S = 0.2
"""AMI may tell of the bridge so long after the AGI session has the result."""
ACCEPT = "accept"
"""Argument of the whisper that asks for a key."""


class TransferSession(Protocol):
    """What is needed of an AGI session."""

    prelude: Prelude

    async def exec(self, app: str, args: str, timeout_s: float | None = None) -> Reply:
        """Run a dialplan application; returns when it ended."""

    async def command(self, verb: str, *args: str, timeout_s: float | None = None) -> Reply:
        """Send one command."""

    async def get_full_variable(self, expression: str) -> str | None:
        """Return what a dialplan expression gives."""

    async def set_variable(self, name: str, value: str) -> None:
        """Set a variable of the caller's channel."""


@dataclass(frozen=True)
class Connected:
    """A human has had the caller, as far as can be seen."""


@dataclass(frozen=True)
class ByDialplan:
    """The dialplan finds the human: at its label, or at the extension that was set."""


Ended = Connected | ByDialplan | TransferFailure


class Sight:
    """What AMI shows of one transfer: whether anybody answered, and has the caller. Pure.

    on_connected: called once, when the caller is connected to a human.
    """

    def __init__(self, uniqueid: str, on_connected: Callable[[], object]) -> None:
        self._uniqueid = uniqueid
        self._on_connected = on_connected
        self.connected = asyncio.Event()
        self.picked_up = False
        """True when somebody answered and the whisper to them began."""

    def on_event(self, event: PbxEvent) -> None:
        """Take an AMI event of the call."""
        kind, ours = event.get("Event"), event.get("Uniqueid") == self._uniqueid
        if kind == "BridgeEnter" and ours and not self.connected.is_set():
            self.connected.set()
            self._on_connected()
        elif kind == "DialBegin" and not ours:
            self.picked_up |= event.get("DestChannel", "").startswith("UnicastRTP/")


class Transfer:
    """One try to put a caller through, by the configured way.

    holds: whether the caller chose to wait in the queue for as long as it takes.
    """

    def __init__(
        self, people: PeopleSettings, session: TransferSession, sight: Sight, holds: bool
    ) -> None:
        self._people = people
        self._wait_s = people.hold_s if holds else people.timeout_s
        self._session = session
        self._sight = sight

    async def run(self) -> Ended:
        """Put the caller through; return when that has ended.

        Raises CallerHungUp when the caller left while the telephones rang, CallError when the
        AGI session broke: the caller then goes on in the dialplan by themselves.
        """
        ways: dict[Way, Callable[[], Awaitable[Ended]]] = {
            Way.EXTENSION: self._extension,
            Way.QUEUE: self._queue,
            Way.RING: self._ring,
            Way.ATTENDED: self._attended,
        }
        way = ways.get(self._people.way)
        if way is None:
            return ByDialplan()
        try:
            return await way()
        except AgiRefused as error:
            _log.error("way %s of people can't be used: %s", self._people.way.value, error)
            return TransferFailure.UNREACHABLE
        except CallerHungUp:
            if self._sight.connected.is_set():
                return Connected()
            raise

    # The ways...

    async def _extension(self) -> Ended:
        """Let the dialplan go on at the extension, if it is there."""
        context = self._people.context or self._session.prelude.context
        extension = self._people.extension
        exists = await self._session.get_full_variable(
            f"${{DIALPLAN_EXISTS({context},{extension},1)}}"
        )
        if exists != "1":
            _log.error(
                "people.extension %s is not in the context %s (or func_dialplan.so is not loaded):"
                " the label of the dialplan is used",
                extension,
                context,
            )
            return ByDialplan()
        await self._session.command("SET CONTEXT", context)
        await self._session.command("SET EXTENSION", extension)
        await self._session.command("SET PRIORITY", "1")
        return ByDialplan()

    async def _queue(self) -> Ended:
        people = self._people
        # Name, options, URL, announcement, time, AGI; then the macro up to 20, and the Gosub.
        arguments = [people.queue, "t" if people.music else "tr", "", "", str(self._wait_s), ""]
        if people.whisper:
            arguments += await self._gosub()
        ended = await self._exec("Queue", ",".join(arguments))
        if ended is not None:
            return ended
        status = await self._session.get_full_variable("${QUEUESTATUS}") or ""
        return QUEUE_FAILURES.get(status, TransferFailure.UNREACHABLE)

    async def _gosub(self) -> list[str]:
        told = await self._session.get_full_variable("${VERSION(ASTERISK_VERSION_NUM)}") or ""
        if not told.isdecimal():
            _log.error("no whisper: Asterisk does not tell its version, load func_version.so")
            return []
        context = self._people.whisper_context
        return [context] if int(told) >= FIRST_WITHOUT_MACRO else ["", context]

    async def _ring(self) -> Ended:
        return await self._dial("&".join(self._people.ring), self._sub(""))

    async def _attended(self) -> Ended:
        """Ring one telephone after the other, until somebody takes the call."""
        failures = []
        for device in self._people.ring:
            self._sight.picked_up = False
            ended = await self._dial(device, self._sub(ACCEPT))
            if not isinstance(ended, TransferFailure):
                return ended
            failures.append(ended)
        declined = TransferFailure.DECLINED
        return declined if declined in failures else failures[-1]

    def _sub(self, argument: str) -> str:
        people = self._people
        if not people.whisper and not argument:
            return ""
        return f"U({people.whisper_context}^{argument})" if argument else (
            f"U({people.whisper_context})"
        )

    async def _dial(self, devices: str, sub: str) -> Ended:
        people = self._people
        heard = f"m({people.music})" if people.music else "r"
        ended = await self._exec("Dial", f"{devices},{people.timeout_s},t{heard}{sub}")
        if ended is not None:
            return ended
        status = await self._session.get_full_variable("${DIALSTATUS}") or ""
        if status == "CONGESTION" and self._sight.picked_up:
            # Set by the whisper: somebody answered and pressed no key.
            return TransferFailure.UNANSWERED
        return DIAL_FAILURES.get(status, TransferFailure.UNREACHABLE)

    async def _exec(self, application: str, arguments: str) -> Ended | None:
        """Run it; None when the caller came back and a status says why."""
        reply = await self._session.exec(application, arguments)
        if reply.result != WITH_HUMAN or self._sight.connected.is_set():
            return Connected() if self._sight.connected.is_set() else None
        waiting = asyncio.ensure_future(self._sight.connected.wait())
        await asyncio.wait((waiting,), timeout=LATE_EVENTS_S)
        waiting.cancel()
        # Whoever answered hung up again before the caller was there.
        return Connected() if self._sight.connected.is_set() else TransferFailure.DECLINED


QUEUE_FAILURES = {
    "TIMEOUT": TransferFailure.UNANSWERED,
    "FULL": TransferFailure.BUSY,
    "WITHDRAW": TransferFailure.DECLINED,
}
"""By QUEUESTATUS; all others mean that nobody is there, or no such queue."""

DIAL_FAILURES = {
    "NOANSWER": TransferFailure.UNANSWERED,
    "BUSY": TransferFailure.BUSY,
    "ANSWER": TransferFailure.DECLINED,
}
"""By DIALSTATUS when Dial comes back: ANSWER means that the whisper's key was a no."""


WAITING = Vitals(packets=0, decoded=0, waiting=False)
"""Of a caller without a media leg: the call lives as long as the process does."""


class Switchboard:
    """Puts the callers of a process through, and comes back with what they are to be told."""

    def __init__(self, people: PeopleSettings, pbx: Pbx, heartbeat: Heartbeat) -> None:
        self._people = people
        self._pbx = pbx
        self._heartbeat = heartbeat

    async def put_through(
        self,
        session: TransferSession,
        outcome: Outcome,
        story: Story,
        on_human: Callable[[], object] = lambda: None,
    ) -> Outcome | TransferFailure:
        """Return how the call ended, or why no human took the caller, who is ours again.

        outcome: of the conversation. What is not for a human, or is for the dialplan's label, is
        returned as it is. All that the human needs is on the channel before a telephone rings.
        on_human: called when a human has the caller and the channel says so: the call needs us no
        more then.
        """
        way = self._people.way
        if outcome.result is not Result.TRANSFER or outcome.by_label or way is Way.LABEL:
            return outcome
        if way is not Way.EXTENSION:
            # That is the dialplan's, as the label is, and told when the session ends.
            story.events.escalated(outcome, way.value)
        try:
            await handoff.explain(session, outcome)
            ended = await self._watched(session, outcome.holds, on_human)
        except CallerHungUp:
            return replace(outcome, reason=Reason.CALLER_HUNG_UP)
        except CallError as error:
            _log.warning("the transfer failed: %s", error)
            return outcome
        if isinstance(ended, TransferFailure):
            story.tell("transfer", way=way.value, failure=ended.value)
            story.events.came_back()
            return ended
        if isinstance(ended, ByDialplan):
            return outcome
        story.tell("transfer", way=way.value)
        return replace(outcome, reason=Reason.TRANSFERRED)

    async def _watched(
        self, session: TransferSession, holds: bool, on_human: Callable[[], object]
    ) -> Ended:
        """Follow the transfer by AMI, and go on naming the call in the beats."""
        prelude, marks = session.prelude, Tasks(_report)
        sight = Sight(
            prelude.uniqueid,
            lambda: marks.start(self._mark(prelude.channel, on_human), "mark a transfer"),
        )
        watch = self._heartbeat.watch(prelude.uniqueid, lambda: WAITING)
        subscription = self._pbx.subscribe(prelude.uniqueid, sight.on_event)
        try:
            return await Transfer(self._people, session, sight, holds).run()
        finally:
            subscription.cancel()
            watch.end()
            await marks.close()

    async def _mark(self, channel: str, on_human: Callable[[], object]) -> None:
        """Note on the caller's channel that a human has the caller: nobody is queued again.

        From then on it does not matter whether this process lives to see the end of the talk.
        """
        try:
            await handoff.connected(self._pbx, channel)
        except (ConnectionError, PermissionError) as error:
            _log.warning("not noted that a human has the caller: %s", error)
        else:
            on_human()


def _report(error: BaseException) -> None:
    _log.error("a fault of ours after a transfer", exc_info=error)
