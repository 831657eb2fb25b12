"""Answers one question: by the routed system, or by what the settings let stand in for it.

All steps share one deadline. A system that another one stands in for gets 60 % of what is left
(`routes.FIRST_SHARE`). When all has failed, the first system's error is raised: that is the one
the caller is told of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from erp.deadline import Deadline
from erp.errors import ErpError
from erp.gateway.cache import AnswerCache
from erp.gateway.flights import Flight
from erp.gateway.lane import Lane
from erp.gateway.routes import Kind, Plan, Step
from erp.queries import Query

R = TypeVar("R")


class Answers:
    """The plans of one generation, with its systems and its cache."""

    def __init__(
        self,
        plans: Mapping[str, Plan],
        lanes: Mapping[str, Lane],
        cache: AnswerCache,
        clock: Callable[[], float],
    ) -> None:
        self._plans = plans
        self._lanes = lanes
        self._cache = cache
        self._clock = clock

    async def answer(self, query: Query[R], call: str, deadline: Deadline, flight: Flight) -> R:
        """Return the answer by the deadline. call: whose turn it is. Raises ErpError."""
        plan = self._plans[query.operation]
        first_error: ErpError | None = None
        for step in plan.steps:
            if step.kind is Kind.SYSTEM:
                try:
                    answer = await self._by_system(step, query, call, deadline, flight)
                except ErpError as error:
                    first_error = first_error or error
                    continue
                if step.system == plan.system:
                    self._cache.keep(query, answer)
                return answer
            kept = self._stand_in(step, query, first_error)
            if kept is not None:
                return kept
        assert first_error is not None
        raise first_error

    def without_systems(self, query: Query[R], error: ErpError) -> R:
        """Return what may stand in when no time is left to ask anybody, or raise the error."""
        for step in self._plans[query.operation].steps:
            kept = self._stand_in(step, query, error)
            if kept is not None:
                return kept
        raise error

    def _stand_in(self, step: Step, query: Query[R], error: ErpError | None) -> R | None:
        if step.kind is Kind.CACHE:
            return self._cache.last_good(query)
        if step.kind is Kind.KEYPAD and error is not None:
            error.keypad = True
        return None

    async def refresh(self, query: Query[Any], call: str, deadline: Deadline) -> None:
        """Read a kept answer again. Raises ErpError; the kept one stays then."""
        lane = self._lanes[self._plans[query.operation].system]
        self._cache.keep(query, await lane.ask(query, call, deadline))

    async def _by_system(
        self, step: Step, query: Query[R], call: str, deadline: Deadline, flight: Flight
    ) -> R:
        lane = self._lanes[step.system]
        if step.share < 1:
            now_s = self._clock()
            deadline = deadline.sooner(now_s, deadline.remaining_s(now_s) * step.share)
        return await lane.ask(query, call, deadline, flight)
