"""Dials the call-backs that are due: each agreement at most once.

It sleeps until the next is due, a new one is told of (AMI `UserEvent`, `NOTICE`), a call-back has
ended or AMI is back. A row is claimed in the store before anything is sent to Asterisk; whatever
is not known afterwards (a lost connection, a crash) ends as `unknown`, with a task for a human,
and is never dialled again. Any number of bridges may run: the store lets one of them claim a row.
The rules of hours and numbers are `erp.callbacks`; the meaning of events is `originate`.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from ami_bridge.connection import AmiConnection
from ami_bridge.errors import AmiError, AmiRefused
from ami_bridge.originate import Follower, Step, dial_data, originate, uniqueid
from ami_bridge.subscriptions import RESYNC, AmiEvent, Subscription
from erp.callbacks.book import IN_FLIGHT, Callback, CallbackBook, State
from erp.callbacks.notice import NOTICE
from erp.callbacks.settings import CallbackSettings
from erp.callbacks.times import Schedule
from erp.callbacks.wording import outcome_task
from erp.events.model import CallIds, Escalated, Health, Sink, Transferred
from erp.store.errors import StoreError
from erp.store.store import Store

_log = logging.getLogger(__name__)

SLACK_S = 15.0
"""Beyond both rings an attempt may take so long, seconds; then its outcome is unknown."""

STORE_TRIES, STORE_PAUSE_S = 5, 1.0
"""So often an outcome is tried to be written, and the pause between; seconds."""

QUEUE_MAX = 1000
"""Events of one attempt that wait to be looked at; more lose it from sight."""

WAY = "callback"


class CallbackDialer:
    """Dials for one bridge. `start` it, `close` it; AMI and store are the caller's to open.

    name: this bridge's own, the same after a restart. now: the time of the wall, aware.
    on_task: called when there is a new task for the business system.
    """

    def __init__(
        self,
        settings: CallbackSettings,
        schedule: Schedule,
        store: Store,
        ami: AmiConnection,
        *,
        name: str,
        sink: Sink,
        now: Callable[[], datetime],
        on_task: Callable[[], None] | None = None,
    ) -> None:
        self._settings = settings
        self._schedule = schedule
        self._book = CallbackBook(store)
        self._ami = ami
        self._name = name
        self._by = f"{name}#{uuid.uuid4()}"
        self._told = _Told(sink)
        self._now = now
        self._on_task = on_task
        self._news = asyncio.Event()
        self._attempts: dict[asyncio.Task[None], _Attempt] = {}
        self._standing: tuple[Subscription, asyncio.Task[None]] | None = None

    async def start(self) -> None:
        """Begin, in the background."""
        subscription = self._ami.subscribe_all(self._on_event)
        loop = asyncio.get_running_loop()
        self._standing = subscription, loop.create_task(self._run(), name="call-backs")

    async def close(self) -> None:
        """Stop. What is being dialled goes on in Asterisk, and becomes `unknown` here."""
        standing, self._standing = self._standing, None
        if standing is None:
            return
        standing[0].cancel()
        tasks = (standing[1], *self._attempts)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _on_event(self, event: AmiEvent) -> None:
        kind = event.get("Event")
        if kind == RESYNC or (kind == "UserEvent" and event.get("UserEvent") == NOTICE):
            self._news.set()
        for attempt in self._attempts.values():
            attempt.give(event)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        said_down = False
        while True:
            self._news.clear()
            wait_s = self._settings.look_s
            try:
                wait_s = await self._look()
                said_down = False
            except StoreError as error:
                if not said_down:
                    _log.error("call-backs wait for the store: %s", error)
                said_down = True
            # When AMI tells the present state it is not yet up.
            up = self._ami.connected
            news = self._news_comes() if up else self._ami.wait_connected()
            waiting = loop.create_task(news, name="news of call-backs")
            try:
                await asyncio.wait([waiting], timeout=wait_s)
            finally:
                waiting.cancel()

    async def _news_comes(self) -> None:
        await self._news.wait()

    async def _look(self) -> float:
        """Do what is due; return the seconds until something may be due again."""
        await self._give_up_orphans()
        free = self._settings.at_once - len(self._attempts)
        if free <= 0 or not self._ami.connected:
            return self._settings.look_s
        for row in await self._book.due(self._now(), free):
            await self._begin(row)
        # What failed is with a human; store and AMI are there for the next.
        self._told.well()
        if len(self._attempts) >= self._settings.at_once:
            return self._settings.look_s
        next_at = await self._book.next_at()
        if next_at is None:
            return self._settings.look_s
        return min(self._settings.look_s, max(0.05, (next_at - self._now()).total_seconds()))

    async def _give_up_orphans(self) -> None:
        now = self._now()
        for row in await self._book.orphans(self._name, self._by, now):
            why = "the bridge that dialled it ended meanwhile"
            task = outcome_task(row, State.UNKNOWN, why, now)
            if await self._book.finish(
                row.key, row.claimed_by, State.UNKNOWN, why=why, now=now, task=task
            ):
                self._tell_failure(row, why)

    async def _begin(self, row: Callback) -> None:
        now = self._now()
        try:
            permitted = self._schedule.permitted(self._schedule.number(row.number), now)
            attempt = _Attempt(self._settings, row)
        except ValueError as error:
            await self._refuse(row, str(error), now)
            return
        if permitted is None:
            await self._refuse(row, "no time within the horizon is permitted", now)
        elif permitted > now:
            _log.info("call-back %s is not permitted now: at %s", row.key, permitted)
            await self._book.postpone(row.key, permitted, now)
        elif await self._book.claim(row, self._by, now + self._longest(), now):
            loop = asyncio.get_running_loop()
            work = loop.create_task(self._dial(attempt), name=f"call-back {row.key}")
            self._attempts[work] = attempt
            work.add_done_callback(self._ended)

    async def _refuse(self, row: Callback, why: str, now: datetime) -> None:
        """Cancel what the rules of today don't allow, and give it to a human."""
        task = outcome_task(row, State.CANCELLED, why, now)
        if await self._book.cancel(row.key, why, now, task):
            self._tell_failure(row, why)

    def _longest(self) -> timedelta:
        settings = self._settings
        return timedelta(
            seconds=settings.human_ring_s + settings.customer_ring_s + 2 * SLACK_S
        )

    def _ended(self, work: asyncio.Task[None]) -> None:
        self._attempts.pop(work, None)
        self._news.set()
        if not work.cancelled() and (error := work.exception()) is not None:
            _log.error("%s: a fault of ours", work.get_name(), exc_info=error)

    # One attempt...

    async def _dial(self, attempt: _Attempt) -> None:
        row = attempt.row
        _log.info("call-back %s: attempt %d", row.key, row.attempts + 1)
        step = await self._originate(attempt)
        begun = asyncio.get_running_loop().time()
        until_s = begun + self._settings.human_ring_s + self._settings.customer_ring_s + SLACK_S
        while step.state in IN_FLIGHT:
            await self._note(attempt, step)
            step = await attempt.next_step(until_s)
        waited_s = asyncio.get_running_loop().time() - begun
        await self._finish(attempt, step, waited_s)

    async def _originate(self, attempt: _Attempt) -> Step:
        try:
            answer = (await self._ami.action("Originate", **attempt.headers))[0]
        except AmiRefused as error:
            _log.error("call-backs can't be dialled: %s", error)
            return Step(State.HUMAN_UNANSWERED, str(error))
        except AmiError as error:
            # It may have been done all the same.
            return Step(State.UNKNOWN, str(error))
        if answer.get("Response") != "Success":
            return Step(State.HUMAN_UNANSWERED, answer.get("Message", "Asterisk refused"))
        return Step(State.RINGING_HUMAN)

    async def _note(self, attempt: _Attempt, step: Step) -> None:
        row = attempt.row
        if step.state is State.RINGING_HUMAN:
            self._told.rings(row)
        try:
            await self._book.ringing(row.key, self._by, step.state, self._now())
        except StoreError as error:
            # Claimed it is, and nobody dials it again: the outcome is written later.
            _log.warning("call-back %s is %s: %s", row.key, step.state.value, error)

    async def _finish(self, attempt: _Attempt, step: Step, waited_s: float) -> None:
        row = attempt.row
        _log.info("call-back %s: %s %s", row.key, step.state.value, step.why)
        if step.state is State.CONNECTED:
            human = attempt.follower.human or self._settings.human
            self._told.connected(row, human, waited_s)
        for _ in range(STORE_TRIES):
            try:
                await self._write_outcome(row, step)
                break
            except StoreError as error:
                _log.warning("the outcome of call-back %s is not written: %s", row.key, error)
                await asyncio.sleep(STORE_PAUSE_S)
        if step.state is State.UNKNOWN:
            self._tell_failure(row, step.why)

    async def _write_outcome(self, row: Callback, step: Step) -> None:
        now = self._now()
        tries_left = self._settings.attempts - row.attempts - 1
        if step.state is State.HUMAN_UNANSWERED and tries_left > 0:
            again = now + timedelta(seconds=self._settings.retry_s)
            await self._book.again(row.key, self._by, again, step.why, now)
            return
        task = outcome_task(row, step.state, step.why, now)
        await self._book.finish(
            row.key, self._by, step.state, why=step.why, now=now, task=task
        )
        if task is not None and self._on_task is not None:
            self._on_task()

    def _tell_failure(self, row: Callback, why: str) -> None:
        _log.error("call-back %s: %s; it is not dialled again", row.key, why)
        self._told.failed(row, why)
        if self._on_task is not None:
            self._on_task()


class _Told:
    """What is told of call-backs."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._ill = False

    def rings(self, row: Callback) -> None:
        pop_up = Escalated("callback-agreed", row.summary, way=WAY, by="bridge")
        self._sink.tell(CallIds(row.session), pop_up)

    def connected(self, row: Callback, human: str, waited_s: float) -> None:
        self._sink.tell(CallIds(row.session), Transferred(human, waited_s, WAY))

    def failed(self, row: Callback, why: str) -> None:
        self._ill = True
        self._sink.tell(CallIds(row.session), Health(WAY, False, f"{row.key}: {why}"))

    def well(self) -> None:
        """Say that it goes on, once after a failure."""
        if self._ill:
            self._ill = False
            self._sink.tell(CallIds(""), Health(WAY, True))


class _Attempt:
    """One attempt that is under way, and the events about it that were not looked at yet."""

    def __init__(self, settings: CallbackSettings, row: Callback) -> None:
        self.row = row
        self.headers = originate(settings, row)
        self.follower = Follower(uniqueid(row), dial_data(settings, row.number))
        self._events: asyncio.Queue[AmiEvent] = asyncio.Queue(QUEUE_MAX)

    def give(self, event: AmiEvent) -> None:
        """Take an event of any channel."""
        if self.follower.concerns(event) and not self._events.full():
            self._events.put_nowait(event)

    async def next_step(self, until_s: float) -> Step:
        """Return the next state; unknown when none comes until then."""
        loop = asyncio.get_running_loop()
        while True:
            getting = loop.create_task(self._events.get(), name="events of a call-back")
            try:
                # Not asyncio.wait_for, which may swallow a cancellation before Python 3.12.
                await asyncio.wait([getting], timeout=max(0.0, until_s - loop.time()))
            finally:
                if not getting.done():
                    getting.cancel()
            if not getting.done() or getting.cancelled():
                return Step(State.UNKNOWN, "Asterisk never told how it ended")
            step = self.follower.take(getting.result())
            if step is not None:
                return step
