"""Tells what only the PBX's side of a call can: a rescue, a human's answer, who is well.

For a call that is being rescued it writes ORDERLINE_REASON=voice-lost on the caller's channel,
ahead of the rescue on the same connection and without waiting for an answer. A voice process that
lives after all (it had no AMI to end the leg with) writes its own reason afterwards: then the
rescue is none, and only that is told. It decides nothing and rescues nobody; without a sink it
still writes the reason. Two bridges tell both what happens to a call, under the same id
(`erp.events.envelope`); of who is well each tells what it sees itself. A human's answer is also
written on the channel of a caller whom our own AGI step holds: if its voice process is dead by
then, nobody is queued again after the talk.
Source: Asterisk documentation, "Event DialEnd", "Event AgentConnect", "Event BridgeEnter".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ami_bridge.errors import AmiError
from ami_bridge.sightings import Sighting, VoiceHosts, dialled, entered
from ami_bridge.subscriptions import RESYNC, AmiEvent, OnEvent
from dialplan import variables
from dialplan.reasons import RESULTS, Reason, disposition
from erp.events.model import CallEvent, CallIds, Ended, Escalated, Health, Sink, Transferred

_log = logging.getLogger(__name__)

WITNESSED_MAX = 10_000
"""Calls that are followed at once; of one more no human's answer is told."""

LEARN_AFTER_S = 0.5
"""Seconds from a rescue until it is looked who ended the call: a voice process that lives needs
some milliseconds for its own reason."""

SIP_CALL_ID = {"PJSIP": "CHANNEL(pjsip,call-id)", "SIP": "SIPCALLID"}


class Listening(Protocol):
    """A standing wish for events."""

    def cancel(self) -> None:
        """Stop it."""


class Manager(Protocol):
    """What is needed of the AMI connection."""

    @property
    def connected(self) -> bool:
        """True when actions can be sent now."""

    def subscribe_all(self, on_event: OnEvent) -> Listening:
        """Call on_event for every event."""

    async def getvar(self, channel: str, variable: str) -> str:
        """Return a channel variable, empty when there is none. Raises AmiError."""

    async def setvar(self, channel: str, variable: str, value: str) -> bool:
        """Set a channel variable. Raises AmiError."""


@dataclass
class Followed:
    """A call of ours, until its caller's channel ends."""

    seen: Sighting
    began_s: float
    escalated_s: float | None = None
    """When it left us for a human; None while it is ours."""
    human: str = ""
    """Who has answered, as long as the caller is not yet connected."""


class Witness:
    """Follows the calls of one Asterisk. `start` it, `close` it; AMI is the caller's."""

    def __init__(self, ami: Manager, voices: VoiceHosts, sink: Sink | None = None) -> None:
        """Prepare it, on a running event loop. sink: where it is told; None: nowhere."""
        self._ami = ami
        self._voices = voices
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._calls: dict[str, Followed] = {}
        self._legs: dict[str, str] = {}
        self._well: dict[str, bool] = {"ami": True}
        self._subscription: Listening | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def calls(self) -> int:
        """Calls that are followed."""
        return len(self._calls)

    def start(self) -> None:
        """Begin to listen."""
        self._subscription = self._ami.subscribe_all(self._on_event)

    async def close(self) -> None:
        """Stop. May be called twice."""
        if self._subscription is not None:
            self._subscription.cancel()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What the bridge says...

    def rescued(self, call: Sighting) -> None:
        """Take it that this call is being rescued, just now."""
        followed = self._follow(call)
        followed.escalated_s = self._loop.time()
        self._start(self._note_rescue(followed), "note a rescue")

    def voices(self, beating: Mapping[str, bool]) -> None:
        """Take which voice processes beat, and look at AMI as well."""
        self._health("ami", self._ami.connected, "no connection")
        for voice, well in beating.items():
            self._health(f"voice:{voice}", well, "no sign of life")

    def present(self, held: Sequence[Sighting]) -> None:
        """Take the calls that Asterisk lists: those from before our start are followed as well."""
        for seen in held:
            if not seen.whisper and seen.uniqueid not in self._calls:
                self._follow(seen)
                self._legs.update({seen.leg: seen.uniqueid} if seen.leg else {})

    def _health(self, part: str, well: bool, why: str) -> None:
        if self._well.get(part, True) is not well:
            self._tell(CallIds(""), Health(part, well, "" if well else why))
        self._well[part] = well

    async def _note_rescue(self, followed: Followed) -> None:
        channel = followed.seen.channel
        name = variables.INHERITED_PREFIX + variables.REASON
        if await _asked(self._ami.setvar(channel, name, Reason.VOICE_LOST.value)) is None:
            return
        await asyncio.sleep(LEARN_AFTER_S)
        reason = await _asked(self._ami.getvar(channel, variables.REASON))
        if reason != Reason.VOICE_LOST.value:
            return
        ids = await self._ids(followed)
        summary = await _asked(self._ami.getvar(channel, variables.SUMMARY)) or ""
        self._tell(ids, Escalated(reason, summary, by="bridge"))
        self._tell(
            ids,
            Ended(
                result=RESULTS[Reason.VOICE_LOST].value,
                reason=reason,
                disposition=disposition(Reason.VOICE_LOST),
                lasted_s=round(self._loop.time() - followed.began_s, 3),
            ),
        )

    # What Asterisk says...

    def _on_event(self, event: AmiEvent) -> None:
        kind = event.get("Event")
        if kind in ("DialBegin", "Newexten"):
            self._seen(event)
        elif kind == "DialEnd":
            self._answered(event, event.get("DestChannel", ""), event.get("DialStatus") == "ANSWER")
        elif kind == "AgentConnect":
            self._answered(event, event.get("MemberName") or event.get("Interface", ""), True)
        elif kind == "BridgeEnter":
            self._connected(event)
        elif kind == "Hangup":
            self._ended(event)
        elif kind == RESYNC:
            self._forget_gone(event)

    def _seen(self, event: AmiEvent) -> None:
        seen = dialled(event, self._voices) or entered(event, self._voices)
        if seen is None or seen.whisper:
            return
        followed = self._follow(seen)
        followed.seen = seen
        if seen.leg:
            self._legs[seen.leg] = seen.uniqueid
            # A caller who came back from a human who did not answer is ours again.
            followed.escalated_s, followed.human = None, ""

    def _answered(self, event: AmiEvent, human: str, answered: bool) -> None:
        followed = self._calls.get(event.get("Uniqueid", ""))
        is_leg = event.get("DestChannel", "") in self._legs
        if followed is not None and answered and not is_leg:
            followed.human = human

    def _connected(self, event: AmiEvent) -> None:
        followed = self._calls.get(event.get("Uniqueid", ""))
        if followed is None or not followed.human:
            return
        now_s, seen = self._loop.time(), followed.seen
        waited_s = now_s - (followed.escalated_s if followed.escalated_s is not None else now_s)
        transferred = Transferred(followed.human, round(waited_s, 3))
        self._drop(followed)
        ours = _step(event) == (seen.context, seen.extension, seen.priority)
        self._start(self._note_human(followed, transferred, ours), "note a human")

    async def _note_human(self, followed: Followed, event: Transferred, ours: bool) -> None:
        if ours:
            await self._serve(followed.seen.channel)
        if self._sink is not None:
            self._tell(await self._ids(followed), event)

    async def _serve(self, channel: str) -> None:
        """Write the result of a transfer, as the voice process does if it lives."""
        for name, value in (
            (variables.REASON, Reason.TRANSFERRED.value),
            (variables.RESULT, RESULTS[Reason.TRANSFERRED].value),
        ):
            await _asked(self._ami.setvar(channel, variables.INHERITED_PREFIX + name, value))

    def _ended(self, event: AmiEvent) -> None:
        uniqueid = self._legs.pop(event.get("Channel", ""), "")
        of_leg = self._calls.get(uniqueid)
        if of_leg is not None and of_leg.escalated_s is None:
            of_leg.escalated_s = self._loop.time()
        followed = self._calls.get(event.get("Uniqueid", ""))
        if followed is not None:
            self._drop(followed)

    def _forget_gone(self, event: AmiEvent) -> None:
        live = set(event.get("Channels", "").split(","))
        for followed in tuple(self._calls.values()):
            if followed.seen.channel not in live:
                self._drop(followed)

    def _follow(self, seen: Sighting) -> Followed:
        followed = self._calls.get(seen.uniqueid)
        if followed is None:
            followed = Followed(seen, self._loop.time())
            if len(self._calls) < WITNESSED_MAX:
                self._calls[seen.uniqueid] = followed
        return followed

    def _drop(self, followed: Followed) -> None:
        uniqueid = followed.seen.uniqueid
        self._calls.pop(uniqueid, None)
        self._legs = {leg: owner for leg, owner in self._legs.items() if owner != uniqueid}

    # What is told...

    async def _ids(self, followed: Followed) -> CallIds:
        channel = followed.seen.channel
        session = await _asked(self._ami.getvar(channel, variables.SESSION)) or ""
        expression = SIP_CALL_ID.get(channel.partition("/")[0])
        sip = await _asked(self._ami.getvar(channel, expression)) if expression else ""
        return CallIds(session, followed.seen.uniqueid, sip or "")

    def _tell(self, ids: CallIds, event: CallEvent) -> None:
        if self._sink is not None:
            self._sink.tell(ids, event)

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        task = self._loop.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s: a fault of ours", task.get_name(), exc_info=error)


def _step(event: AmiEvent) -> tuple[str, ...]:
    """Return where in the dialplan a channel is, as an event about it shows."""
    return tuple(event.get(key, "") for key in ("Context", "Exten", "Priority"))


async def _asked(question: Awaitable[str | bool]) -> str | None:
    """Return the answer as text; None when AMI can't be asked."""
    try:
        return str(await question)
    except AmiError as error:
        _log.warning("a rescue or transfer is told without what AMI knows: %s", error)
        return None
