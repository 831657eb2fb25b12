"""One call, from the AGI session to its outcome: opens what a conversation needs, closes it all.

The order matters. Nothing is answered or dialled without AMI, for without it the leg could not
be ended again. Whatever fails, the media leg is hung up before the AGI session goes on:
Asterisk would keep the caller on a silent leg otherwise.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from asterisk_agi.audio import PcmChunk
from asterisk_agi.call_events import CallEvents, Nobody
from asterisk_agi.conversation import CallSettings, Conversation, Instruments
from asterisk_agi.dialogue.desk import TransferFailure
from asterisk_agi.dialogue.effects import Line
from asterisk_agi.dialogue.events import TransferFailed
from asterisk_agi.dialogue.machine import DialogueSettings, start
from asterisk_agi.dialogue.phrases import HOLD
from asterisk_agi.dialogue.state import CallState, People
from asterisk_agi.dialogue.understanding import Understander
from asterisk_agi.ear import Ear
from asterisk_agi.errors import CallerHungUp, CallError, MediaError, PbxDown
from asterisk_agi.front_desk import FrontDesk, HumanSide
from asterisk_agi.greeting import Greeting
from asterisk_agi.handoff import Outcome, RunningSummary, reason_of
from asterisk_agi.heartbeat import Heartbeat, Vitals, Watch
from asterisk_agi.inquiry import Inquiry
from asterisk_agi.leg import DialledLeg
from asterisk_agi.media.leg import Leg, MediaSettings
from asterisk_agi.mouth import Mouth
from asterisk_agi.pbx import Pbx, PbxEvent
from asterisk_agi.people import PeopleSettings
from asterisk_agi.recording import Recording, Recordings
from asterisk_agi.recording_ear import RefusableSession
from asterisk_agi.server import AgiSession
from asterisk_agi.speech.endpointing import Endpointer, EndpointSettings
from asterisk_agi.speech.port import RecognizerEngine, RecognizerSession, Synthesizer
from asterisk_agi.speech.vad import VadSettings, VoiceActivity
from asterisk_agi.story import Story
from asterisk_agi.transfer import Switchboard
from erp.deadline import Deadline
from erp.port import ErpDoor, ErpPort

_log = logging.getLogger(__name__)

LONGEST_GRACE_S = 30
"""Seconds that Asterisk waits beyond the longest call before it ends the leg by itself."""

COME_BACK_S = 60.0
"""Seconds that a caller whom no human took gets at least, however long the call was before."""

HOLD_EVERY_S = 6.0
"""Seconds between two signs of life while the leg can't be ended."""


@dataclass(frozen=True)
class Parts:
    """What all calls of the process share."""

    pbx: Pbx
    recognizer: RecognizerEngine
    synthesizer: Synthesizer
    erp: ErpDoor
    heartbeat: Heartbeat
    media: MediaSettings
    vad: VadSettings
    endpointing: EndpointSettings
    call: CallSettings
    today: Callable[[], date]
    people: PeopleSettings = field(default_factory=PeopleSettings)
    """How callers are put through."""
    humans: HumanSide = field(default_factory=HumanSide)
    """Who can be asked for a human, and for a call-back."""
    events: Callable[[str], CallEvents] = lambda session: CallEvents(Nobody(), session)
    """Makes the events of a call, by its session."""
    recordings: Recordings | None = None
    """None: calls are not recorded."""

    @property
    def switchboard(self) -> Switchboard:
        """Puts callers through."""
        return Switchboard(self.people, self.pbx, self.heartbeat)


@dataclass(frozen=True)
class Profile:
    """How the callers of one dialplan entry are served; made once, at the start."""

    settings: DialogueSettings
    understander: Understander


class Call:
    """One caller, served with one profile.

    name: the call's own, `ORDERLINE_SESSION`. on_human: see `Switchboard.put_through`.
    """

    def __init__(
        self,
        name: str,
        session: AgiSession,
        parts: Parts,
        profile: Profile,
        story: Story,
        *,
        on_human: Callable[[], object] = lambda: None,
    ) -> None:
        self._name = name
        self._session = session
        self._parts = parts
        self._profile = profile
        self._story = story
        self._summary = RunningSummary(parts.pbx, session.prelude.channel)
        self._conversation: Conversation | None = None
        self._deaf = False
        self._number = caller_number(session)
        self._recording: Recording | None = None
        self._left_s: float = parts.call.longest_call_s
        self._on_human = on_human

    async def run(self) -> Outcome:
        """Serve the caller. Raises CallError when there was no conversation at all."""
        if not self._parts.pbx.connected:
            raise PbxDown("AMI is not connected: nothing was dialled")
        if self._parts.recordings is None:
            return await self._serve()
        recording = self._recording = self._parts.recordings.of_call(self._name)
        try:
            return await self._serve()
        finally:
            await recording.close()

    async def _serve(self) -> Outcome:
        # The port is the call's own for its whole life: whatever fails below gives it back.
        async with self._parts.erp.for_call(self._name) as erp:
            ended = await self._converse(erp, None)
            while True:
                end = await self._parts.switchboard.put_through(
                    self._session, ended, self._story, self._on_human
                )
                if isinstance(end, Outcome):
                    return end
                ended = await self._converse(erp, end)

    async def _converse(self, erp: ErpPort, failure: TransferFailure | None) -> Outcome:
        """Talk with the caller, from the greeting or from a transfer in vain on."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            return await self._opened(erp, failure)
        finally:
            # Who comes back goes on with the same call, but hears out what can be had instead.
            self._left_s = max(COME_BACK_S, self._left_s - (loop.time() - began_s))

    async def _opened(self, erp: ErpPort, failure: TransferFailure | None) -> Outcome:
        """Open the media leg and the recogniser, and close them whatever happens."""
        recognizer: RecognizerSession = self._parts.recognizer.session()
        recording = self._recording
        if recording is not None:
            recognizer = RefusableSession(recognizer)
        sent = None if recording is None else recording.agent
        try:
            leg = await Leg.open(self._parts.media, self._hear, self._lost, sent)
            try:
                return await self._watched(erp, leg, recognizer, failure)
            finally:
                await leg.close()
        finally:
            await recognizer.close()

    async def _watched(
        self,
        erp: ErpPort,
        leg: Leg,
        recognizer: RecognizerSession,
        failure: TransferFailure | None,
    ) -> Outcome:
        """Name the call in the beats until the leg is to end: if we can't, the bridge ends it."""
        uniqueid = self._session.prelude.uniqueid
        watch = self._parts.heartbeat.watch(uniqueid, lambda: vitals(leg, recognizer))
        try:
            instruments = self._instruments(erp, leg, recognizer)
            return await self._on(leg, instruments, watch, failure)
        finally:
            watch.end()

    def _lost(self) -> None:
        self.interrupt(MediaError("nobody listens on Asterisk's end of the media leg any more"))

    def interrupt(self, error: CallError) -> None:
        """End the conversation for a reason of the process, not of the call."""
        if self._conversation is not None:
            self._conversation.fail(error)

    def _instruments(
        self, erp: ErpPort, leg: Leg, recognizer: RecognizerSession
    ) -> Instruments:
        parts = self._parts
        return Instruments(
            mouth=lambda spoken, silent: Mouth(leg, parts.synthesizer, spoken, silent),
            ear=lambda hooks, tasks: Ear(
                VoiceActivity(parts.vad), Endpointer(parts.endpointing), recognizer, hooks, tasks
            ),
            inquiry=Inquiry(erp, self._story, parts.today),
            understander=self._profile.understander,
            today=parts.today,
            story=self._story,
            learned=self._summary.learned,
            recording=self._recording,
            front_desk=FrontDesk(parts.humans, self._name, self._number, self._story.events.tell),
        )

    async def _on(
        self,
        leg: Leg,
        instruments: Instruments,
        watch: Watch,
        failure: TransferFailure | None,
    ) -> Outcome:
        longest_s = self._parts.call.longest_call_s + LONGEST_GRACE_S
        dialled = DialledLeg(self._session, self._parts.pbx, leg, longest_s)
        before = self._conversation
        state, turns = (before.state, before.turns) if before else (self._start(), 0)
        conversation = Conversation(self._parts.call, state, instruments, turns)
        self._conversation = conversation

        def on_event(event: PbxEvent) -> None:
            dialled.on_event(event)
            self._take_key(event)

        subscription = self._parts.pbx.subscribe(self._session.prelude.uniqueid, on_event)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(conversation.close)
            stack.callback(subscription.cancel)
            stack.push_async_callback(self._summary.close)
            stack.push_async_callback(self._release, dialled, conversation)
            stack.callback(watch.end)
            greeting = None
            if failure is None:
                happened = conversation.happened
                greeting = Greeting(instruments.inquiry, conversation.tasks, happened)
            else:
                conversation.happened(TransferFailed(failure))
            return await self._talk(dialled, conversation, greeting)

    def _start(self) -> CallState:
        asked = self._parts.humans.desk is not None
        people = People(asked, self._number, quiet=self._parts.people.quiet)
        return start(self._profile.settings, people)

    async def _talk(
        self, dialled: DialledLeg, conversation: Conversation, greeting: Greeting | None
    ) -> Outcome:
        settings = self._parts.call
        deadline = Deadline.after(asyncio.get_running_loop().time(), settings.lookup_s)
        try:
            # The caller is looked up while the leg comes up.
            if greeting is not None:
                greeting.look_up(self._number, deadline)
            await self._session.answer()
            await dialled.open(settings.leg_s)
            conversation.tasks.start(self._watch(dialled), "watch the leg")
            if greeting is not None:
                if self._recording is not None:
                    conversation.mouth.say((Line(self._recording.consent),), 0)
                conversation.tasks.start(greeting.run(settings.greet_wait_ms / 1000), "greet")
            return await conversation.run(self._left_s)
        except CallError as error:
            if not isinstance(error, CallerHungUp):
                _log.warning("the conversation failed: %s", error)
            return conversation.outcome(reason_of(error))

    def _hear(self, chunk: PcmChunk) -> None:
        if self._recording is not None:
            self._recording.caller(chunk.data)
        conversation = self._conversation
        if conversation is None or self._deaf:
            return
        try:
            conversation.ear.accept(chunk)
        except Exception as error:  # noqa: BLE001
            # The top of a callback: the event loop would only log it, fifty times a second,
            # and the caller would talk to nobody.
            self._deaf = True
            conversation.fail(error)

    def _take_key(self, event: PbxEvent) -> None:
        pressed = event.get("Event") == "DTMFEnd" and event.get("Direction") == "Received"
        ours = event.get("Uniqueid") == self._session.prelude.uniqueid
        if not pressed or not ours or self._conversation is None:
            return
        if self._recording is not None and self._recording.key(event.get("Digit", "")):
            self._conversation.not_recorded()
        else:
            self._conversation.key_pressed(event.get("Digit", ""))

    async def _watch(self, dialled: DialledLeg) -> None:
        await dialled.ended()
        raise MediaError("the media leg ended, and not by our wish")

    async def _release(self, dialled: DialledLeg, conversation: Conversation) -> None:
        """Free the AGI session from the leg; the caller hears that we are there meanwhile."""
        if self._session.hung_up:
            await dialled.abandon()
            return
        holding = asyncio.get_running_loop().create_task(_hold(conversation.mouth), name="hold")
        try:
            await dialled.release()
        finally:
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)


async def _hold(mouth: Mouth) -> None:
    """Say again and again that the caller is being put through, for as long as it takes."""
    while True:
        await asyncio.sleep(HOLD_EVERY_S)
        mouth.say((Line(HOLD),), 0)


def vitals(leg: Leg, recognizer: RecognizerSession) -> Vitals:
    """Return the counters that show whether a call is alive."""
    decoded, waiting = recognizer.progress
    return Vitals(leg.statistics.sent + leg.statistics.unsent, decoded, waiting)


def caller_number(session: AgiSession) -> str:
    """Return the caller's number, empty when it is withheld."""
    number = session.prelude.caller_number
    return "" if number.casefold() in WITHHELD else number


WITHHELD = ("anonymous", "restricted", "private", "unavailable")
"""What carriers put in place of a number that may not be known."""
