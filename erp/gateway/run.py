"""One question that is on its way to a system, in a task of its own.

A task of its own, because a connector that ignores its cancellation must not hold the caller: the
question is then given up, and its place in the queue comes back when it really ends, so that the
system never has more questions than it can take. Should it not end at all, the place comes back
after `LINGER_S`: a faulty connector must not close a system for good.
"""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from erp.connector import Attempt, Connector
from erp.errors import BackendBusy, BackendDown, BackendSlow, BadAnswer, ErpError
from erp.gateway.breaker import Breaker
from erp.gateway.queue import FairQueue
from erp.gateway.tasks import Tasks
from erp.gateway.waits import Signal, give, given, new_signal
from erp.queries import Query

R = TypeVar("R")

LINGER_S = 5.0
"""Seconds after which the place of a question that was given up and does not end comes back."""

PROOF_S = 1.0
"""Seconds without an answer that count against a system, whatever it says that it takes: callers
seldom have more, and one that is dead must be left alone all the same."""


class Run(Generic[R]):
    """A question under way, which holds a place of the queue and a permit of the breaker.

    typical_s: what the system says that it takes. A question that had less time than that (and
    than PROOF_S) and got no answer proves nothing against the system.
    """

    def __init__(
        self, query: Query[R], attempt: Attempt, permit: int, typical_s: float
    ) -> None:
        self.query = query
        self.attempt = attempt
        self._permit = permit
        self._patient_from_s = asyncio.get_running_loop().time() + min(typical_s, PROOF_S)
        self._watchers: list[Signal] = []
        self._given_up = False
        self._holds_place = True
        self._linger: asyncio.TimerHandle | None = None

    def start(
        self, connector: Connector, breaker: Breaker, queue: FairQueue, tasks: Tasks
    ) -> None:
        """Send it. Once only."""
        self._breaker = breaker
        self._queue = queue
        trace = self.attempt.trace
        name = f"{trace.system}: {trace.operation}"
        self._task = tasks.start(self._carried(connector), name)
        # For a task that is cancelled before its first step.
        self._task.add_done_callback(self._over)

    @property
    def ended(self) -> bool:
        """Tell whether it has an answer or has failed."""
        return self._task.done()

    @property
    def answered(self) -> bool:
        """Tell whether there is an answer that is no error."""
        return self.ended and not self._task.cancelled() and self._task.exception() is None

    def watch(self, signal: Signal) -> None:
        """Give this signal when it ends."""
        self._watchers.append(signal)

    async def wait(self, until_s: float) -> None:
        """Wait until it ends, or until a time of the loop's clock."""
        if not self.ended:
            signal = new_signal()
            self.watch(signal)
            await given(signal, until_s)

    def result(self) -> R:
        """Return the answer; raise ErpError when it failed. Only when it has ended."""
        trace = self.attempt.trace
        return settled(self._task, trace.system, trace.operation)

    def give_up(self, late: bool) -> None:
        """Give it up, unless it has ended. late: because the deadline passed."""
        if self.ended or self._given_up:
            return
        if late:
            self._slow("no answer by the deadline")
        else:
            self._breaker.withdrawn(self._permit)
        self._given_up = True
        self._task.cancel()
        self._linger = asyncio.get_running_loop().call_later(LINGER_S, self._leave)

    async def _carried(self, connector: Connector) -> R:
        """Ask, and tell the breaker before anybody who waits goes on."""
        error: ErpError | None = None
        withdrawn = False
        try:
            return await connector.ask(self.query, self.attempt)
        except ErpError as failure:
            error = failure
            raise
        except asyncio.CancelledError:
            withdrawn = True
            raise
        finally:
            # Whatever it ended by: a probe that is not judged would close the system for good.
            self._judge(error, withdrawn)
            self._over()

    def _judge(self, error: ErpError | None, withdrawn: bool) -> None:
        if self._given_up:
            return
        if withdrawn:
            self._breaker.withdrawn(self._permit)
        elif isinstance(error, BackendSlow):
            self._slow(error.detail)
        elif isinstance(error, BackendDown) and not isinstance(error, BackendBusy):
            self._breaker.silent(self._permit, error.detail)
        elif isinstance(error, BadAnswer):
            self._breaker.unreadable(self._permit)
        else:
            self._breaker.answered(self._permit)

    def _slow(self, detail: str) -> None:
        if asyncio.get_running_loop().time() >= self._patient_from_s:
            self._breaker.silent(self._permit, detail)
        else:
            self._breaker.withdrawn(self._permit)

    def _over(self, task: asyncio.Task[R] | None = None) -> None:
        if self._linger is not None:
            self._linger.cancel()
        self._leave()
        for signal in self._watchers:
            give(signal)

    def _leave(self) -> None:
        if self._holds_place:
            self._holds_place = False
            self._queue.leave()


def settled(task: asyncio.Task[R], system: str, operation: str) -> R:
    """Return the result of a connector's task that has ended. Whatever failed is an ErpError."""
    if task.cancelled():
        raise BackendDown(system, operation, "the connector gave the question up")
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, ErpError):
        raise error
    detail = f"the connector failed by {type(error).__name__}"
    raise BadAnswer(system, operation, detail) from error
