"""Takes each AGI session of the process: checks that it may be served, and ends it properly.

This is the top of a call's task. Whatever happens below, the result variables are written, the
story is told, and the session returns to the dialplan, which goes to its human.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

from asterisk_agi import handoff
from asterisk_agi.announcement import Announcer
from asterisk_agi.call import Call, Parts, Profile, caller_number
from asterisk_agi.call_events import CallEvents
from asterisk_agi.errors import (
    AgiError,
    AtCallLimit,
    CallerHungUp,
    CallError,
    Draining,
    UnknownProfile,
)
from asterisk_agi.handoff import Outcome, reason_of
from asterisk_agi.heartbeat import Vitals
from asterisk_agi.logs import current_session
from asterisk_agi.room import Place, Room
from asterisk_agi.server import AgiSession
from asterisk_agi.short_leg import SpeakerParts
from asterisk_agi.story import Story, StorySettings
from dialplan.masking import Channel, Phone, masked_number
from dialplan.reasons import Reason
from erp.limits import demand_above_zero

_log = logging.getLogger(__name__)

HAND_OVER_S = 10.0
"""Seconds that calls in progress get to say so and to go to their humans when drain_s is over."""

DEFAULT_PROFILE = "default"
"""The profile of an AGI address without one: `agi://HOST:4573`."""


@dataclass(frozen=True)
class ReceptionSettings:
    """How many calls are taken, and how the process stops."""

    calls_max: int = 30
    """Calls at once; one more hears a sentence and goes to its human, as `unavailable`. Callers
    who talk with a human do not count."""
    announcements_max: int = 8
    """Callers at once who hear that sentence; one more goes to its human without it."""
    drain_s: float = 120.0
    """Seconds that calls in progress get to finish after SIGTERM."""

    def __post_init__(self) -> None:
        demand_above_zero(self, "calls_max")


TAKEN = Vitals(packets=0, decoded=0, waiting=False)
"""Of a call without a media leg: it lives as long as the process does."""


class Reception:
    """Serves AGI sessions, each as one call."""

    def __init__(
        self,
        settings: ReceptionSettings,
        profiles: Mapping[str, Profile],
        stories: StorySettings,
        parts: Parts,
    ) -> None:
        self._settings = settings
        self._profiles = profiles
        self._stories = stories
        self._parts = parts
        heard = SpeakerParts(
            parts.pbx, parts.synthesizer, parts.heartbeat, parts.media, parts.call.leg_s
        )
        self._announcer = Announcer(heard, settings.announcements_max)
        self._room = Room()
        self._draining = False
        self._talking: set[Call] = set()

    @property
    def calls(self) -> int:
        """Calls in progress, without those whom a human has."""
        return self._room.calls

    async def handle(self, session: AgiSession) -> None:
        """Serve one AGI session to its end."""
        session_id = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
        current_session.set(session_id)
        place = self._room.enter()
        # From here on the bridge can tell a call that we have from one that we lost.
        watch = self._parts.heartbeat.watch(session.prelude.uniqueid, lambda: TAKEN)
        try:
            await self._serve(session, session_id, place)
        finally:
            watch.end()
            place.leave()

    async def drain(self) -> None:
        """Take no new call, and wait for those in progress, as long as is configured."""
        self._draining = True
        try:
            await asyncio.wait_for(self._room.emptied(), self._settings.drain_s)
        except asyncio.TimeoutError:
            _log.warning("%d calls are still in progress: they are handed over", self.calls)
            for call in tuple(self._talking):
                call.interrupt(Draining("the process is being stopped"))
            # Without AMI a leg can't be ended: then the connection is closed all the same.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._room.emptied(), HAND_OVER_S)

    async def _serve(self, session: AgiSession, session_id: str, place: Place) -> None:
        story = Story(self._stories.folder, session_id, self._parts.events(session_id))
        # That is what it is when this task is cancelled.
        outcome = Outcome(Reason.DRAINING)
        begin_s = time.monotonic()
        caller, prelude = Phone(caller_number(session)), session.prelude
        channel = Channel(prelude.channel)
        # The bridge knows the call by its channel: here both names stand side by side.
        _log.info("call from %s begins: %s, %s", caller, channel, prelude.uniqueid)
        try:
            outcome = await self._outcome(session, session_id, story, place)
            story.events.escalated(outcome)
            await self._tell_dialplan(session, outcome)
            story.tell(
                "ended",
                result=outcome.result.value,
                reason=outcome.reason.value,
                summary=outcome.summary,
            )
        except asyncio.CancelledError:
            if place.with_human:
                # We stop, and the talk goes on without us.
                outcome = Outcome(Reason.TRANSFERRED)
            raise
        finally:
            story.close()
            lasted_s = time.monotonic() - begin_s
            story.events.ended(outcome, lasted_s)
            result, reason = outcome.result.value, outcome.reason.value
            _log.info("call ended: %s, %s, %.1f s", result, reason, lasted_s)

    async def _outcome(
        self, session: AgiSession, session_id: str, story: Story, place: Place
    ) -> Outcome:
        try:
            sip_call_id = await _begun(session, session_id, story.events)
            profile = self._admit(session)
            story.tell(
                "started",
                session=session_id,
                profile=session.prelude.network_script,
                sip_call_id=sip_call_id,
                caller=masked_number(caller_number(session)),
            )
            call = Call(
                session_id, session, self._parts, profile, story, on_human=place.to_human
            )
            return await self._talk(call)
        except AtCallLimit as error:
            _log.warning("call not served: %s", error)
            return Outcome(await self._announcer.announce(session))
        except CallError as error:
            _log.warning("call not served: %s", error or type(error).__name__)
            return Outcome(reason_of(error))
        except Exception as error:  # noqa: BLE001
            # The top of the task: our own bug must still end with the caller at a human.
            _log.exception("call failed by a fault of ours")
            return Outcome(reason_of(error))

    async def _talk(self, call: Call) -> Outcome:
        self._talking.add(call)
        try:
            return await call.run()
        finally:
            self._talking.discard(call)

    def _admit(self, session: AgiSession) -> Profile:
        if self._draining:
            raise Draining("the process is being stopped")
        if self.calls - self._announcer.waiting > self._settings.calls_max:
            raise AtCallLimit(f"{self._settings.calls_max} calls are in progress")
        name = session.prelude.network_script.strip("/") or DEFAULT_PROFILE
        if name not in self._profiles:
            known = ", ".join(self._profiles)
            raise UnknownProfile(f"no profile {name!r}: the configuration has {known}")
        return self._profiles[name]

    async def _tell_dialplan(self, session: AgiSession, outcome: Outcome) -> None:
        try:
            await handoff.end(session, outcome)
        except (AgiError, CallerHungUp) as error:
            # The variables still say `unavailable`, or the channel is gone: both are safe.
            _log.log(
                logging.DEBUG if isinstance(error, CallerHungUp) else logging.WARNING,
                "the result was not written: %s",
                error,
            )


async def _begun(session: AgiSession, session_id: str, events: CallEvents) -> str:
    """Write the variables that a call begins with, and tell it; return its SIP Call-ID."""
    prelude, sip_call_id = session.prelude, ""
    try:
        await handoff.begin(session, session_id)
        sip_call_id = await _sip_call_id(session)
    finally:
        events.known_as(
            uniqueid=prelude.uniqueid, sip_call_id=sip_call_id, profile=prelude.network_script
        )
        events.started(caller_number(session), prelude.extension)
    return sip_call_id


async def _sip_call_id(session: AgiSession) -> str:
    """Return the Call-ID of the caller's SIP leg, so that both sides can be told together."""
    technology = session.prelude.channel.partition("/")[0]
    expression = SIP_CALL_ID.get(technology)
    return await session.get_full_variable(expression) or "" if expression else ""


SIP_CALL_ID = {"PJSIP": "${CHANNEL(pjsip,call-id)}", "SIP": "${SIPCALLID}"}
"""How each SIP channel driver names the Call-ID (Asterisk documentation, CHANNEL())."""
