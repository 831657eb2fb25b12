"""The way to one system: its queue, its breaker, its retries, and the hedged second question.

    ask -> retries -> (open? left alone? patience?) -> a place in the queue -> breaker -> connector

Each attempt gets a place and a permit of its own, and nothing of either while it waits for the
next. All of it shares one deadline. It knows no other system: falling back is `answers`' work.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from erp.connector import Attempt, Connector
from erp.deadline import Deadline
from erp.errors import (
    BackendBusy,
    BackendDown,
    BackendRefused,
    BackendSlow,
    BadAnswer,
    ErpError,
)
from erp.gateway import retries
from erp.gateway.breaker import Breaker
from erp.gateway.errors import NotAsked
from erp.gateway.flights import Flight
from erp.gateway.outage import Health, Outage, untold
from erp.gateway.queue import FairQueue
from erp.gateway.run import PROOF_S, Run, settled
from erp.gateway.tasks import Tasks
from erp.gateway.waits import given, new_signal
from erp.queries import Query
from erp.settings import GatewaySettings
from erp.trace import Hop, Trace

_log = logging.getLogger(__name__)

R = TypeVar("R")

Observe = Callable[[Trace, float, str], None]
"""Told of each question to a system when it is over: its hops, all milliseconds, the outcome:
`ok`, the error's reason, or `cancelled`."""

TEND_S = 10.0
"""Longest that tending a system may take, in seconds."""

CLOSE_S = 5.0
"""Longest that closing a system may take, in seconds."""

PATIENCE_MAX_S = 60.0
"""Longest Retry-After, in seconds, that is kept for all questions to a system: a mistaken one
must not close it for hours."""

DEADLINE_SLACK_S = 0.001
"""A question that is cancelled so short before its deadline was cancelled because of it."""

KEEPER = "the keeper"
"""Takes turns with the calls in the queues."""


class Lane:
    """One configured system, with all that stands between it and the calls."""

    def __init__(
        self,
        name: str,
        connector: Connector,
        settings: GatewaySettings,
        *,
        observe: Observe,
        tasks: Tasks,
        clock: Callable[[], float],
        health: Health = untold,
    ) -> None:
        self.name = name
        self.capabilities = connector.capabilities
        self._unopened: ErpError | None = NotAsked(name, "open", "it is not open")
        self._connector = connector
        self._observe = observe
        self._tasks = tasks
        self._clock = clock
        self.queue = FairQueue(self.capabilities.at_once)
        self._outage = Outage(name, clock, health)
        self.breaker = Breaker(
            settings.breaker_failures,
            settings.breaker_open_s,
            self._outage,
            clock,
            self.queue.dismiss,
        )
        self._retried = retries.reads(settings.read_attempts, clock)
        self._busy_until_s = 0.0

    @property
    def opened(self) -> bool:
        """Tell whether it has been opened, and not closed since."""
        return self._unopened is None

    # Asking...

    async def ask(
        self, query: Query[R], call: str, deadline: Deadline, flight: Flight | None = None
    ) -> R:
        """Return the system's answer by the deadline. call: whose turn it is in the queue.

        flight: who takes over when the asker is cancelled. Raises ErpError.
        """
        trace = Trace(self.name, query.operation)
        begin_s = self._clock()
        outcome = "cancelled"
        try:
            result = await self._asked(query, call, deadline, trace, flight)
            outcome = "ok"
            return result
        except ErpError as error:
            outcome = error.reason.value
            raise
        finally:
            self._observe(trace, (self._clock() - begin_s) * 1000, outcome)

    async def _asked(
        self,
        query: Query[R],
        call: str,
        deadline: Deadline,
        trace: Trace,
        flight: Flight | None,
    ) -> R:
        if query.operation not in self.capabilities.operations:
            raise BackendRefused(self.name, query.operation, "this system can't do this")
        try:
            return await self._attempt(query, call, deadline, trace, flight)
        except BackendDown as error:
            if query.writes or not retries.is_worth_it(error):
                raise
            failed = error

        # Tenacity takes 60 us even when nothing fails, half of what all the rest takes. So it is
        # given the first failure, and only then.
        first: list[BackendDown] = [failed]

        async def attempt(deadline: Deadline) -> R:
            if first:
                raise first.pop()
            return await self._attempt(query, call, deadline, trace, flight)

        result: R = await self._retried(attempt, deadline)
        return result

    async def _attempt(
        self,
        query: Query[R],
        call: str,
        deadline: Deadline,
        trace: Trace,
        flight: Flight | None,
    ) -> R:
        """Ask once, or go on with what is under way already."""
        run: Run[R] | None = flight.take_over(self.name) if flight else None
        if run is None:
            self._demand_ready(query.operation, deadline)
            await self._turn(query.operation, call, deadline, trace)
            run = self._start(query, deadline)
        cancelled = True
        try:
            winner = await self._waited(run, deadline)
            cancelled = False
            return self._outcome(winner, trace)
        finally:
            if not run.ended:
                late = self._left_s(deadline) < DEADLINE_SLACK_S
                if not (cancelled and not late and flight is not None and flight.park(run)):
                    run.give_up(late)

    def _demand_ready(self, operation: str, deadline: Deadline) -> None:
        now_s = self._clock()
        if deadline.passed(now_s):
            raise BackendSlow(self.name, operation, "no time was left to ask")
        if self._unopened is not None:
            raise self._as_unopened(operation, self._unopened)
        self.breaker.demand_way(operation)
        if self.queue.crowded:
            raise NotAsked(self.name, operation, "too many questions wait for it")
        if self._busy_until_s > now_s:
            detail = "it asked for patience"
            raise BackendBusy(self.name, operation, detail, self._busy_until_s - now_s)

    def _as_unopened(self, operation: str, error: ErpError) -> ErpError:
        """Return why the system is not open: what a person must mend is told as it is."""
        detail = f"it can't be opened: {error.detail}"
        kind = type(error) if isinstance(error, (BackendRefused, BadAnswer)) else NotAsked
        return kind(self.name, operation, detail)

    async def _turn(self, operation: str, call: str, deadline: Deadline, trace: Trace) -> None:
        """Get a place in the queue."""
        if self.queue.take():
            trace.add(Hop.QUEUE, 0.0)
            return
        permit, free_before = self.breaker.permit, self.queue.given_back
        longest_s = max(self.capabilities.operations.values()) / 1000
        patient_from_s = self._clock() + min(longest_s, PROOF_S)
        with trace.span(Hop.QUEUE):
            granted = await self.queue.wait(call, deadline.at_s)
        if granted:
            return
        self.breaker.demand_way(operation)
        if self.queue.given_back == free_before and self._clock() >= patient_from_s:
            # Not one of those before us was answered, and all had time for it: it is not the crowd.
            self.breaker.silent(permit, "no answer to those before in the queue")
        raise BackendSlow(self.name, operation, "no place in its queue by the deadline")

    def _start(self, query: Query[R], deadline: Deadline) -> Run[R]:
        """Send the question. The caller has a place in the queue, and passes it on."""
        operation = query.operation
        try:
            permit = self.breaker.admit(operation)
        except NotAsked:
            self.queue.leave()
            raise
        typical_s = self.capabilities.operations[operation] / 1000
        attempt = Attempt(deadline, Trace(self.name, operation))
        run = Run(query, attempt, permit, typical_s)
        run.start(self._connector, self.breaker, self.queue, self._tasks)
        return run

    def _outcome(self, run: Run[R], trace: Trace) -> R:
        trace.spans.extend(run.attempt.trace.spans)
        try:
            if not run.ended:
                raise BackendSlow(self.name, trace.operation, "no answer by the deadline")
            result = run.result()
        except ErpError as error:
            error.sent = run.attempt.trace.sent
            self._note(error)
            raise
        self._outage.works(trace.operation)
        return result

    def _note(self, error: ErpError) -> None:
        """Keep the patience that the system asks for, and say once what it fails at."""
        if isinstance(error, BackendBusy):
            patience_s = min(error.retry_after_s or 0.0, PATIENCE_MAX_S)
            self._busy_until_s = max(self._busy_until_s, self._clock() + patience_s)
        if isinstance(error, (BackendBusy, BackendRefused, BadAnswer)):
            self._outage.fails(error.operation, error.detail)

    # Waiting, and asking a second time...

    async def _waited(self, first: Run[R], deadline: Deadline) -> Run[R]:
        """Wait until the deadline; return the question that was answered, or else the first."""
        if not self._may_hedge(first.query):
            await first.wait(deadline.at_s)
            return first
        soon_s = self._clock() + self.capabilities.hedge_after_ms / 1000
        await first.wait(min(soon_s, deadline.at_s))
        in_time = self._left_s(deadline) > DEADLINE_SLACK_S
        # The breaker may have opened meanwhile; and who waits for a place goes before a hedge.
        if first.ended or not in_time or not self.breaker.closed or not self.queue.take():
            await first.wait(deadline.at_s)
            return first
        return await self._raced(first, self._start(first.query, deadline), deadline)

    def _may_hedge(self, query: Query[Any]) -> bool:
        hedged = query.operation in self.capabilities.hedge
        return hedged and self.breaker.closed and not query.writes

    async def _raced(self, first: Run[R], second: Run[R], deadline: Deadline) -> Run[R]:
        try:
            while not (first.answered or second.answered or (first.ended and second.ended)):
                signal = new_signal()
                for run in (first, second):
                    if not run.ended:
                        run.watch(signal)
                if not await given(signal, deadline.at_s):
                    break
        finally:
            # Silence is the first one's to tell: one question of a caller counts once.
            second.give_up(late=False)
        return second if second.answered and not first.answered else first

    def _left_s(self, deadline: Deadline) -> float:
        return deadline.remaining_s(self._clock())

    # Keeping...

    async def open(self, deadline: Deadline) -> None:
        """Open the system; a failure is logged, once, and may be mended by opening again."""
        trace, begin_s, outcome = Trace(self.name, "open"), self._clock(), "ok"
        try:
            await self._supervised("open", self._connector.open(deadline, trace), deadline)
        except ErpError as error:
            outcome = error.reason.value
            self._unopened = error
            self._outage.begins(f"it can't be opened: {error.detail}")
        else:
            self._unopened = None
            self._outage.ends()
        self._observe(trace, (self._clock() - begin_s) * 1000, outcome)

    def take_over(self, former: Lane) -> None:
        """Tell of this system's outages from now on, instead of its former lane."""
        self._outage.take_over(former._outage)

    async def tend(self) -> ErpError | None:
        """Renew and warm what needs it, in turn with the calls; return what went wrong."""
        if not self.breaker.closed:
            return None
        deadline = Deadline.after(self._clock(), TEND_S)
        if not await self.queue.wait(KEEPER, deadline.at_s):
            return None
        try:
            await self._supervised("tend", self._connector.tend(deadline), deadline)
        except ErpError as error:
            return error
        finally:
            self.queue.leave()
        return None

    async def close(self) -> None:
        """Close the system's connections."""
        deadline = Deadline.after(self._clock(), CLOSE_S)
        self._unopened = NotAsked(self.name, "close", "it is closed")
        try:
            await self._supervised("close", self._connector.close(), deadline)
        except ErpError as error:
            _log.warning("%s", error)

    async def _supervised(
        self, what: str, work: Coroutine[Any, Any, None], deadline: Deadline
    ) -> None:
        """Await the connector's work, but never past the deadline. Raises ErpError."""
        task = self._tasks.start(work, f"{self.name}: {what}")
        try:
            await asyncio.wait({task}, timeout=self._left_s(deadline))
        finally:
            task.cancel()
        if not task.done():
            raise BackendSlow(self.name, what, "it did not end in time")
        settled(task, self.name, what)
