"""Leaves a system alone that does not answer, and finds out with one question when it does again.

    closed --(so many silences in a row)--> open --(open_s later)--> half-open --answer--> closed
                                              ^-------------silence----------'

The counting and the three states are pybreaker's, chosen in November 2026 from five libraries:

- pybreaker 1.4: maintained, typed (`py.typed`), no dependency, transitions that can be called.
- circuitbreaker 2.1: maintained, but untyped; a late success closes it although it is open.
- purgatory 3.0: asyncio and typed; a message bus and a unit of work on every question, wall clock.
- aiobreaker 1.2: asyncio; no release since 2021. hyx 0.0.2: not finished.

None of them lets only one probe through while half-open, and all but circuitbreaker reckon by the
wall clock, which may be set back. So two things are done here: who may ask (one probe, by the
monotonic clock), and which outcomes still count (none from before the last change of state).

A silence is `BackendDown` or `BackendSlow`; an answer that can't be read (`BadAnswer`) counts like
one, for a system that gives nothing else is as good as silent. `BackendRefused` and `BackendBusy`
are answers: the system is there. Busy above all must not open it: that would make of one second's
patience five seconds without any answer, for all calls.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pybreaker

from erp.gateway.errors import NotAsked
from erp.gateway.outage import Outage


class _Silence(Exception):
    """What pybreaker is told when a system was silent."""


class Breaker:
    """The breaker of one system.

    Ask `admit` before each question and tell the outcome with the permit that it gave: `answered`,
    `silent` or `withdrawn`. failures: silences in a row. on_open: called when it opens.
    """

    def __init__(
        self,
        failures: int,
        open_s: float,
        outage: Outage,
        clock: Callable[[], float],
        on_open: Callable[[], None],
    ) -> None:
        self._states = pybreaker.CircuitBreaker(fail_max=failures, throw_new_error_on_trip=False)
        self._open_s = open_s
        self._outage = outage
        self._clock = clock
        self._on_open = on_open
        self._opened_at_s = 0.0
        self._probing = False
        self._permit = 0
        self._silences = 0
        self._why = ""
        self.closed = True
        """Whether the system is believed to be well."""

    @property
    def permit(self) -> int:
        """The permit of this state, for who waits to be admitted."""
        return self._permit

    def demand_way(self, operation: str) -> None:
        """Raise NotAsked when a question would not be admitted now."""
        if self.closed:
            return
        left_s = self._opened_at_s + self._open_s - self._clock()
        if self._probing:
            raise self._not_asked(operation, f"{self._why}; one question probes it now")
        if left_s > 0:
            raise self._not_asked(operation, f"{self._why}; left alone for {left_s:.1f} s")

    def admit(self, operation: str) -> int:
        """Return the permit for one question, or raise NotAsked. When open long enough, the first
        that comes is the probe."""
        self.demand_way(operation)
        if not self.closed:
            self._states.half_open()
            self._probing = True
            self._permit += 1
        return self._permit

    def answered(self, permit: int) -> None:
        """Note that the system answered."""
        if not self._counts(permit):
            return
        if not self._probing and not self._silences:
            # The rule: there is nothing to forget, and no state to change.
            return
        self._tell(_answer)
        if self._probing:
            self._probing = False
            self._permit += 1
            self._outage.ends()

    def silent(self, permit: int, detail: str) -> None:
        """Note that the system did not answer. detail: what happened, without personal data."""
        if self._failed(permit, "it did not answer"):
            self._outage.begins(f"{detail}; left alone, and probed every {self._open_s:g} s")

    def unreadable(self, permit: int) -> None:
        """Note that the system gave an answer that can't be read; the log says so elsewhere."""
        self._failed(permit, "its answers can't be read")

    def _failed(self, permit: int, why: str) -> bool:
        """Note a failure. Returns whether the system is left alone now."""
        if not self._counts(permit):
            return False
        with suppress(_Silence):
            self._tell(_no_answer)
        if not self.closed:
            self._probing = False
            self._permit += 1
            self._opened_at_s = self._clock()
            self._why = why
            self._on_open()
        return not self.closed

    def withdrawn(self, permit: int) -> None:
        """Note that the question was taken back, so nothing was learned."""
        if self._counts(permit):
            self._probing = False

    def _tell(self, outcome: Callable[[], None]) -> None:
        """Tell pybreaker an outcome, and keep what it makes of it: asked for at each question."""
        try:
            self._states.call(outcome)
        finally:
            self.closed = self._states.current_state == pybreaker.STATE_CLOSED
            self._silences = self._states.fail_counter

    def _counts(self, permit: int) -> bool:
        return permit == self._permit and (self._probing or self.closed)

    def _not_asked(self, operation: str, detail: str) -> NotAsked:
        return NotAsked(self._outage.system, operation, detail)


def _answer() -> None:
    return None


def _no_answer() -> None:
    raise _Silence
