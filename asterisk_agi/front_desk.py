"""What one call asks of the human side: who is there, when to call back, and to book it.

The dialogue decides, this asks. A call-back is booked under an id that is made of the call, the
number and the time, all of which the caller heard: another number is another proposal. A yes
counts only when the whole proposal was heard before it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from asterisk_agi.dialogue import desk_wording, events
from asterisk_agi.dialogue.desk import DeskState
from asterisk_agi.dialogue.effects import AskDesk, BookCallback, PlanCallback
from asterisk_agi.dialogue.state import CallState, StateName
from asterisk_agi.dialogue.summary import summarise
from asterisk_agi.people import CallbackPlanner, Desk
from dialplan.reasons import Reason
from erp.callbacks import CallbackError, CallbackReceipt, CallbackRequest, Callbacks
from erp.deadline import Deadline
from erp.events.model import CallEvent, Committed, Proposal

_log = logging.getLogger(__name__)

OPERATION = "callback"
"""The name of the write in events."""
BOOK_S = 2.0
"""Seconds for a call-back to be kept; the business system's task may follow later."""
TOLD_MINUTES = 5
"""A time is told and kept in steps of so many minutes."""

_PROPOSALS = uuid.UUID("5f3c5f3e-6d0b-4f0e-9f5e-3c0a5a1f7d11")
_LATE_S = 0.5
"""Seconds that a port may overrun its deadline before it is not waited for."""


@dataclass(frozen=True)
class HumanSide:
    """What all calls of the process share. planner, callbacks: None when nobody calls back."""

    desk: Desk | None = None
    ask_s: float = 0.4
    planner: CallbackPlanner | None = None
    callbacks: Callbacks | None = None


@dataclass(frozen=True)
class _Caller:
    session: str
    number: str = field(repr=False)


class FrontDesk:
    """The human side of one call.

    session: ORDERLINE_SESSION. number: the caller's own, empty when withheld. tell: takes events.
    """

    def __init__(
        self, side: HumanSide, session: str, number: str, tell: Callable[[CallEvent], None]
    ) -> None:
        self._side = side
        self._caller = _Caller(session, number)
        self._tell = tell
        self._heard_whole = ""
        self._proposed: set[str] = set()

    # What is asked

    async def do(self, effect: AskDesk | BookCallback, state: CallState) -> events.Event:
        """Ask the desk, or book; return what came of it. Never raises but for a fault of ours."""
        if isinstance(effect, AskDesk):
            return events.DeskTold(await self._look())
        return await self._book(effect, state)

    async def _look(self) -> DeskState:
        desk = self._side.desk
        if desk is None:
            return DeskState()
        begin_s = asyncio.get_running_loop().time()
        deadline = Deadline.after(begin_s, self._side.ask_s)
        seen = await _by(desk.look(deadline), self._side.ask_s, "look at the desk")
        if seen is None or not seen.known:
            return DeskState()
        return replace(seen, callback_at=self._earliest(seen))

    def _earliest(self, seen: DeskState) -> datetime | None:
        planner, now = self._side.planner, seen.now
        if planner is None or self._side.callbacks is None or now is None:
            return None
        # A number that is withheld, or none to call, is asked for: its own hours count then.
        return planner.earliest(self._caller.number, now) or seen.opens_at or now

    def plan(self, effect: PlanCallback) -> events.CallbackPlanned | events.NumberRefused:
        """Return the number as it is dialled, and when; at once."""
        planner = self._side.planner
        planned = None if planner is None else planner.plan(effect.number, effect.not_before)
        if planner is not None and planned is not None:
            # The next step of the clock may lie behind the permitted hours: asked once more.
            planned = planner.plan(planned.number, _rounded_up(planned.at))
        if planned is None:
            return events.NumberRefused()
        return events.CallbackPlanned(planned.number, planned.at)

    # What was heard

    def spoken(self, text: str, whole: bool) -> None:
        """Take a sentence that the caller heard."""
        if whole:
            self._heard_whole = text

    def proposed(self, state: CallState) -> None:
        """Tell the proposal that the caller is asked a yes for."""
        callback = state.people.callback
        if callback is None or state.name is not StateName.CONFIRMING_CALLBACK:
            return
        key = self._key(callback)
        if key not in self._proposed:
            self._proposed.add(key)
            self._tell(Proposal(key, OPERATION, _digest(callback)))

    def binding(self, event: events.Event, state: CallState) -> events.Event:
        """Return the event; a yes to what was not heard to its end becomes the wish to hear it."""
        if state.name is not StateName.CONFIRMING_CALLBACK or not _says_yes(event):
            return event
        callback = state.people.callback
        if callback is None:
            return event
        if self._heard_whole in (
            desk_wording.proposal(callback, state.people.desk.now),
            state.said[-1].text,
        ):
            return event
        return events.TurnHeard(events.Meaning(events.Intent.REPEAT))

    # What is written

    def _key(self, callback: BookCallback) -> str:
        what = f"{self._caller.session}|{callback.number}|{callback.at.isoformat()}"
        return str(uuid.uuid5(_PROPOSALS, what))

    async def _book(self, callback: BookCallback, state: CallState) -> events.Event:
        if self._side.callbacks is None:
            return events.CallbackRefused(Reason.INTERNAL_ERROR)
        request = self._request(callback, state)
        deadline = Deadline.after(asyncio.get_running_loop().time(), BOOK_S)
        booking = self._side.callbacks.book(request, deadline)
        try:
            receipt = await _by(booking, BOOK_S + _LATE_S, "book a call-back")
        except CallbackError as error:
            _log.warning("a call-back could not be kept: %s", error)
            return events.CallbackRefused(error.reason)
        if receipt is None:
            _log.warning("a call-back was not kept in time")
            return events.CallbackRefused(Reason.BACKEND_SLOW)
        self._told(receipt)
        return events.CallbackBooked(receipt.at.astimezone(callback.at.tzinfo))

    def _request(self, callback: BookCallback, state: CallState) -> CallbackRequest:
        customer = state.caller.chosen
        # The human reads it when it is dialled: by then it is agreed.
        agreed = replace(state, people=replace(state.people, callback=callback, booked=True))
        return CallbackRequest(
            key=self._key(callback),
            session=self._caller.session,
            number=callback.number,
            at=callback.at,
            name="" if customer is None else customer.contact or customer.name,
            account="" if customer is None else customer.account,
            summary=summarise(agreed, state.reason or Reason.CALLER_ASKED),
        )

    def _told(self, receipt: CallbackReceipt) -> None:
        self._tell(Committed(receipt.key, OPERATION, receipt.system, receipt.record))


def nobody() -> FrontDesk:
    """Return the front desk of a call without a human side."""
    return FrontDesk(HumanSide(), "", "", lambda _: None)


def _says_yes(event: events.Event) -> bool:
    if isinstance(event, events.KeyPressed):
        return event.key == "1"
    return isinstance(event, events.TurnHeard) and event.meaning.intent is events.Intent.YES


def _rounded_up(at: datetime) -> datetime:
    """Return the next time that can be told: nobody is called before it."""
    whole = at.replace(second=0, microsecond=0)
    past = timedelta(minutes=whole.minute % TOLD_MINUTES)
    if not past and whole == at:
        return at
    return whole - past + timedelta(minutes=TOLD_MINUTES)


def _digest(callback: BookCallback) -> str:
    payload = {"number": callback.number, "at": callback.at.isoformat()}
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()


_T = TypeVar("_T")


async def _by(work: Coroutine[Any, Any, _T], within_s: float, name: str) -> _T | None:
    """Return what the work returns; None when it takes longer: then it is ended."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    try:
        # Not asyncio.wait_for, which may swallow a cancellation before Python 3.12.
        await asyncio.wait([task], timeout=within_s)
    finally:
        task.cancel()
    await asyncio.wait([task])
    return None if task.cancelled() else task.result()
