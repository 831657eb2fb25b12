"""One caller's conversation: carries events to the dialogue and does the effects it returns.

It decides nothing about what is said (`dialogue/`), hears nothing itself (`ear.py`), makes no
speech (`mouth.py`) and asks the ERP nothing (`inquiry.py`). All that happens comes through one
queue, in order; what fails comes through it as well, and ends the conversation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date

from asterisk_agi.dialogue import events
from asterisk_agi.dialogue.effects import (
    AskDesk,
    BookCallback,
    DropQuery,
    Effect,
    Finish,
    HandOff,
    Line,
    LineKind,
    PlanCallback,
    Query,
    Say,
)
from asterisk_agi.dialogue.machine import listening, step
from asterisk_agi.dialogue.state import CallState, StateName
from asterisk_agi.dialogue.summary import hung_up, summarise
from asterisk_agi.dialogue.understanding import Understander
from asterisk_agi.ear import Ear, EarHooks, HeardTurn
from asterisk_agi.front_desk import FrontDesk, nobody
from asterisk_agi.handoff import Outcome
from asterisk_agi.inquiry import Inquiry
from asterisk_agi.mouth import Mouth, Spoken
from asterisk_agi.recording import REFUSED, Recording
from asterisk_agi.story import Story
from asterisk_agi.tasks import Tasks
from asterisk_agi.timers import Timers
from asterisk_agi.turn import Turn
from dialplan.reasons import Reason
from erp.deadline import Deadline
from erp.limits import demand_above_zero

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CallSettings:
    """The times of a call."""

    longest_call_s: int = 900
    """Seconds after which the caller is told so, and handed to a human."""
    turn_budget_s: float = 2.0
    """Seconds from the end of the caller's speech until the ERP must have answered."""
    filler_ms: int = 700
    """Milliseconds after which a short sign of life is spoken while the ERP is asked."""
    greet_wait_ms: int = 300
    """Longest wait of the greeting for the look-up of the caller's number, in milliseconds."""
    lookup_s: float = 2.0
    """Seconds for the look-up of the caller's number."""
    leg_s: float = 3.0
    """Seconds for the media leg to come up."""

    def __post_init__(self) -> None:
        demand_above_zero(self, "longest_call_s", "turn_budget_s", "lookup_s", "leg_s")


@dataclass(frozen=True)
class Instruments:
    """What a conversation is made with. The factories take the conversation's own hooks."""

    mouth: Callable[[Callable[[Spoken], None], Callable[[], None]], Mouth]
    ear: Callable[[EarHooks, Tasks], Ear]
    inquiry: Inquiry
    understander: Understander
    today: Callable[[], date]
    story: Story
    front_desk: FrontDesk = field(default_factory=nobody)
    recording: Recording | None = None
    """The recording of the call, where the configuration wants one."""
    learned: Callable[[str], None] = lambda _: None
    """Takes the summary whenever it may have changed; returns at once."""


@dataclass(frozen=True)
class _Asked:
    """What the ERP was asked has ended: how, and who asked."""

    by: asyncio.Task[None] | None
    event: events.QueryAnswered | events.QueryFailed


_ENDS_A_WAIT = (
    events.QueryAnswered,
    events.QueryFailed,
    events.CallbackBooked,
    events.CallbackRefused,
)

_PASSED_OVER = (StateName.ASKING_DESK, StateName.BOOKING_CALLBACK)
"""States that end by themselves at once, whatever the time."""
ONCE_MORE_S = 1.0
"""Seconds until the end of the longest call is told once more."""

Occurrence = events.Event | _Asked | Outcome | BaseException


class Conversation:
    """From the greeting to the outcome."""

    def __init__(
        self,
        settings: CallSettings,
        state: CallState,
        instruments: Instruments,
        turns: int = 0,
    ) -> None:
        """Begin in a state. turns: how many the call had, when it comes back from a transfer."""
        self._settings = settings
        self._state = state
        self._with = instruments
        self._occurrences: asyncio.Queue[Occurrence] = asyncio.Queue()
        self.tasks = Tasks(self.fail)
        self._timers = Timers()
        self._clock = asyncio.get_running_loop().time
        self._turn = Turn(turns, self._clock())
        self._query: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self.mouth = instruments.mouth(self._spoken, self._fell_silent)
        hooks = EarHooks(
            understand=lambda said, day: instruments.understander.understand(
                said, self._state, day
            ),
            today=instruments.today,
            on_speech=lambda: self._timers.cancel("no input"),
            on_barge_in=self._barged_in,
            on_turn=self._turn_heard,
            on_nothing=self._heard_no_words,
        )
        self.ear = instruments.ear(hooks, self.tasks)

    async def run(self, longest_s: float | None = None) -> Outcome:
        """Talk until the end; the first event comes by `happened`.

        It is `CallAnswered`, or `TransferFailed` in a conversation that goes on from the state
        and the turns of another one.
        longest_s: seconds that are left of the longest call; None: all of them.
        Raises what the ear, the mouth or `fail` raised.
        """

        def time_is_up() -> None:
            if self._state.name in _PASSED_OVER:
                # There it would be passed over, and the call would never end: once more, then.
                self._timers.set("longest", ONCE_MORE_S, time_is_up)
            else:
                self.happened(events.LongestCallReached())

        self.tasks.start(self.mouth.run(), "mouth")
        whole_s = self._settings.longest_call_s
        self._timers.set("longest", whole_s if longest_s is None else longest_s, time_is_up)
        self.ear.listen_for(listening(self._state))
        while True:
            occurrence = await self._occurrences.get()
            if isinstance(occurrence, BaseException):
                raise occurrence
            if isinstance(occurrence, Outcome):
                return occurrence
            if isinstance(occurrence, _Asked):
                # A query that was dropped may have ended before that, or end all the same: it
                # would be taken for the next one, its failure or its quantity too.
                if occurrence.by is not self._query:
                    continue
                occurrence = occurrence.event
            self._step(occurrence)

    async def close(self) -> None:
        """Stop all that runs for it."""
        self._timers.close()
        await self.tasks.close()
        self.ear.close()

    # What happens...

    def happened(self, event: events.Event) -> None:
        """Take an event, after those that came before."""
        self._occurrences.put_nowait(event)

    @property
    def state(self) -> CallState:
        """All that the dialogue knows by now."""
        return self._state

    @property
    def turns(self) -> int:
        """How many turns the caller had."""
        return self._turn.number

    def fail(self, error: BaseException) -> None:
        """End the conversation with this error."""
        self._occurrences.put_nowait(error)

    def key_pressed(self, key: str) -> None:
        """Take a key of the caller's telephone."""
        self._with.story.tell("key", key=key)
        self._timers.cancel("no input")
        self.happened(events.KeyPressed(key))

    def _barged_in(self) -> None:
        if self.mouth.speaking and self._ending is None:
            self._with.story.tell("barge_in", turn=self._turn.number)
            self.mouth.stop()

    def not_recorded(self) -> None:
        """Tell the caller that the wish not to be recorded was heard."""
        self._finish_speech()
        self.mouth.say((Line(REFUSED),), self._turn.number)

    def _turn_heard(self, heard: HeardTurn) -> None:
        recording = self._with.recording
        if recording is not None and recording.said(heard.transcript.text):
            self.not_recorded()
            return
        if self._ending is not None or self._state.name is StateName.GREETING:
            # Too late, or said before the caller could hear us: the greeting is the answer.
            return
        # A turn too short to have stopped our speech by itself is one all the same.
        self.mouth.stop()
        self._turn = Turn.heard(self._turn.number + 1, heard)
        self._with.story.tell(
            "heard",
            turn=self._turn.number,
            text=heard.transcript.text,
            confidence=round(heard.transcript.confidence, 3),
            intent=heard.meaning.intent.value,
            speech_end=self._with.story.unix_s(heard.speech_end_s),
        )
        self._with.story.events.heard(self._turn.number, heard.meaning)
        self.happened(events.TurnHeard(heard.meaning))

    def _heard_no_words(self) -> None:
        self._finish_speech()
        self._fell_silent()

    def _finish_speech(self) -> None:
        """Say what was broken off by a caller who then asked nothing ("hello?", a cough).

        Otherwise both would wait for the other, and the greeting might never be heard.
        """
        if self._ending is None and self._state.name is not StateName.CHECKING:
            self.mouth.resume(self._turn.number)

    def _fell_silent(self) -> None:
        """We are silent: unless the caller speaks, wait as long as the state allows."""
        waits_s = listening(self._state).no_input_s
        somebody_speaks = self.mouth.speaking or self.ear.in_turn
        if waits_s is None or self._ending is not None or somebody_speaks:
            # A silence that was counted before is over; the next one begins anew.
            self._timers.cancel("no input")
        else:
            self._timers.set("no input", waits_s, lambda: self.happened(events.NothingHeard()))

    def _spoken(self, spoken: Spoken) -> None:
        if self._with.recording is not None:
            self._with.recording.heard(spoken.line.text, spoken.whole)
        self._with.front_desk.spoken(spoken.line.text, spoken.whole)
        story = self._with.story
        story.tell(
            "said",
            turn=spoken.turn,
            text=spoken.heard,
            kind=spoken.line.kind.value,
            begin=story.unix_s(spoken.begin_s),
            end=story.unix_s(spoken.end_s),
            whole=spoken.whole,
        )
        if spoken.turn == self._turn.number and spoken.line.kind is not LineKind.FILLER:
            hops = self._turn.answered(spoken)
            if hops is not None:
                story.tell("hops", turn=spoken.turn, **hops)
                story.events.answered(spoken.turn, hops)

    # What is done about it...

    def _step(self, event: events.Event) -> None:
        begin_s, before = self._clock(), self._state
        event = self._with.front_desk.binding(event, before)
        if isinstance(event, _ENDS_A_WAIT):
            self._timers.cancel("filler")
        elif isinstance(event, (events.KeyPressed, events.KeysEnded)):
            # A turn that is pressed begins with its last key.
            self._turn.began_s = begin_s
        self._state, effects = step(before, event, self._with.today())
        self._turn.worded(self._clock() - begin_s)
        self._with.front_desk.proposed(self._state)
        if self._state is not before:
            # What a rescued caller's human gets, if we are not there to say it.
            self._with.learned(summarise(self._state, Reason.VOICE_LOST))
        meant_something = bool(effects) or self._state != before
        if isinstance(event, events.KeyPressed) and meant_something and self._ending is None:
            # A key that means nothing here (the # after a full number) stops nothing.
            self.mouth.stop(for_good=True)
        for effect in effects:
            self._perform(effect)
        if isinstance(event, events.TurnHeard) and not effects:
            self._finish_speech()
        self.ear.listen_for(listening(self._state))
        self._wait_for_keys(event)
        self._fell_silent()

    def _wait_for_keys(self, event: events.Event) -> None:
        waits_s = listening(self._state).keys_s
        if waits_s is None:
            self._timers.cancel("keys")
        elif isinstance(event, events.KeyPressed):
            self._timers.set(
                "keys", waits_s, lambda: self.happened(events.KeysEnded())
            )

    def _perform(self, effect: Effect) -> None:
        if isinstance(effect, Say):
            self.mouth.say(effect.lines, self._turn.number)
        elif isinstance(effect, (HandOff, Finish)):
            outcome = self.outcome(effect.reason)
            if isinstance(effect, HandOff):
                outcome = replace(outcome, by_label=effect.by_label, holds=effect.holds)
            self._end(outcome)
        elif isinstance(effect, DropQuery):
            self._drop_query()
        elif isinstance(effect, (AskDesk, BookCallback)):
            self._ask_humans(effect)
        elif isinstance(effect, PlanCallback):
            self._step(self._with.front_desk.plan(effect))
        else:
            self._ask(effect)

    def _ask(self, query: Query) -> None:
        self._drop_query()
        deadline = Deadline.after(self._turn.began_s, self._settings.turn_budget_s)
        self._query = self.tasks.start(self._answer(query, deadline), "ask the ERP")
        due_s = self._turn.began_s + self._settings.filler_ms / 1000 - self._clock()
        self._timers.set(
            "filler", due_s, lambda: self.happened(events.FillerDue())
        )

    def _ask_humans(self, effect: AskDesk | BookCallback) -> None:
        if self._ending is not None:
            # A caller who presses 0 while we say goodbye wants the human.
            self._ending.cancel()
            self._ending = None
        desk, state = self._with.front_desk, self._state
        self.tasks.start(_tell(lambda: desk.do(effect, state), self.happened), "ask the humans")
        if isinstance(effect, BookCallback):
            due_s = self._settings.filler_ms / 1000
            self._timers.set("filler", due_s, lambda: self.happened(events.FillerDue()))

    async def _answer(self, query: Query, deadline: Deadline) -> None:
        begin_s = self._clock()
        event = await self._with.inquiry.answer(query, deadline, self._turn.number)
        self._turn.asked_erp(self._clock() - begin_s)
        self._occurrences.put_nowait(_Asked(asyncio.current_task(), event))

    def _drop_query(self) -> None:
        self._timers.cancel("filler")
        if self._query is not None:
            self._query.cancel()
            self._query = None

    def _end(self, outcome: Outcome) -> None:
        if self._ending is not None:
            # A caller who presses 0 while we say goodbye wants the human.
            self._ending.cancel()
        self._drop_query()
        self._timers.cancel("no input")
        self._ending = self.tasks.start(self._end_after_speech(outcome), "say the last words")

    async def _end_after_speech(self, outcome: Outcome) -> None:
        await self.mouth.silent()
        self._occurrences.put_nowait(outcome)

    def outcome(self, reason: Reason) -> Outcome:
        """Return an outcome with all that was learned so far."""
        if reason is Reason.CALLER_HUNG_UP:
            reason = hung_up(self._state)
        return Outcome(reason, summarise(self._state, reason))


async def _tell(
    ask: Callable[[], Awaitable[events.Event]], happened: Callable[[events.Event], None]
) -> None:
    happened(await ask())
