"""When a read is tried again: by tenacity, on named errors only, and never past the deadline.

Only `BackendDown` is retried, and `BackendBusy` with it, after the time that the system asked for;
never `NotAsked`, which would have the same end. Waits rise from 50 ms to 500 ms, with up to 50 ms
of jitter, so that calls that failed together do not come back together. When the wait would not
leave time for a question, the error is raised at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    wait_exponential,
    wait_random,
)

from erp.deadline import Deadline
from erp.errors import BackendBusy, BackendDown
from erp.gateway.errors import NotAsked

FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 0.5
JITTER_S = 0.05

LEAST_S = 0.02
"""Seconds that must be left after the wait: no system answers in less."""

_backoff = wait_exponential(FIRST_WAIT_S, LONGEST_WAIT_S) + wait_random(0, JITTER_S)


def is_worth_it(error: BaseException) -> bool:
    """Tell whether a read that ended by this error may be tried again."""
    return isinstance(error, BackendDown) and not isinstance(error, NotAsked)


def reads(attempts: int, clock: Callable[[], float]) -> AsyncRetrying:
    """Return the policy for reads: call it with an asynchronous function and its arguments, the
    first of which is the deadline. It is built once and serves all questions of a system."""

    def enough(state: RetryCallState) -> bool:
        deadline = state.args[0]
        assert isinstance(deadline, Deadline)
        left_s = deadline.remaining_s(clock()) - state.upcoming_sleep
        return state.attempt_number >= attempts or left_s < LEAST_S

    return AsyncRetrying(
        retry=retry_if_exception(is_worth_it), wait=_wait_s, stop=enough, reraise=True
    )


def _wait_s(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, BackendBusy) and error.retry_after_s is not None:
        return error.retry_after_s + random.uniform(0, JITTER_S)
    return _backoff(state)
