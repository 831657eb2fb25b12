"""Asks equal questions of one call once: the first asker leads, the others follow.

Each waits until its own deadline. When the leader is cancelled, its question is not: the next of
the others takes the lead, and with it the question that is under way. When nobody is left, the
question is given up. The leader works in its own task: a task for each flight would cost the
gateway as much again as all the rest of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from erp.deadline import Deadline
from erp.errors import BackendSlow, ErpError
from erp.gateway.run import Run
from erp.gateway.waits import Signal, give, given, new_signal

R = TypeVar("R")


@dataclass(eq=False)
class Flight:
    """A question of a call, and who waits for its answer."""

    deadline: Deadline
    """The leader's."""
    led: bool = True
    landed: bool = False
    followers: list[Signal] = field(default_factory=list)
    parked: Run[Any] | None = None
    """The question under way whose leader was cancelled."""
    answer: Any = None
    error: ErpError | None = None

    def park(self, run: Run[Any]) -> bool:
        """Leave the question to the followers; tell whether there are any."""
        if self.followers:
            self.parked = run
        return bool(self.followers)

    def take_over(self, system: str) -> Run[Any] | None:
        """Return the question that is under way to this system, once."""
        run, self.parked = self.parked, None
        if run is not None and run.attempt.trace.system != system:
            run.give_up(late=False)
            return None
        return run


class Flights:
    """The questions of one call that are under way."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._flying: dict[tuple[str, ...], Flight] = {}

    def __len__(self) -> int:
        return len(self._flying)

    async def ask(
        self,
        key: tuple[str, ...],
        lead: Callable[[Flight], Awaitable[R]],
        deadline: Deadline,
        late: Callable[[], R],
    ) -> R:
        """Return the answer of the flight with this key.

        lead: asks the question, when there is no such flight yet. late: what a follower gets whose
        deadline passed, or raises. Raises ErpError.
        """
        while True:
            flight = self._flying.get(key)
            if flight is None:
                flight = self._flying[key] = Flight(deadline)
            elif flight.led:
                if not await self._landed(key, flight, deadline):
                    return late()
                if not self._must_ask_again(flight, deadline):
                    return cast(R, _outcome(flight))
                continue
            return await self._lead(key, flight, lead, deadline)

    async def _lead(
        self,
        key: tuple[str, ...],
        flight: Flight,
        lead: Callable[[Flight], Awaitable[R]],
        deadline: Deadline,
    ) -> R:
        flight.led, flight.deadline = True, deadline
        try:
            flight.answer = answer = await lead(flight)
            flight.landed = True
            return answer
        except ErpError as error:
            flight.error, flight.landed = error, True
            raise
        except asyncio.CancelledError:
            flight.led = False
            raise
        finally:
            if flight.led or not flight.followers:
                self._end(key, flight)
            for signal in flight.followers:
                give(signal)

    async def _landed(self, key: tuple[str, ...], flight: Flight, deadline: Deadline) -> bool:
        """Wait for the leader; tell whether it came to an end before the deadline."""
        signal = new_signal()
        flight.followers.append(signal)
        ended = False
        try:
            ended = await given(signal, deadline.at_s)
            return ended
        finally:
            flight.followers.remove(signal)
            # The last one leaves while nobody leads: nobody will take over any more.
            if not ended and not flight.led and not flight.followers:
                self._end(key, flight)

    def _must_ask_again(self, flight: Flight, deadline: Deadline) -> bool:
        """Tell whether the leader was cancelled, or had less time than we have."""
        if not flight.landed:
            return True
        sooner = flight.deadline.at_s < deadline.at_s and not deadline.passed(self._clock())
        return isinstance(flight.error, BackendSlow) and sooner

    def _end(self, key: tuple[str, ...], flight: Flight) -> None:
        if flight.parked is not None:
            flight.parked.give_up(late=False)
        if self._flying.get(key) is flight:
            del self._flying[key]


def _outcome(flight: Flight) -> object:
    if flight.error is not None:
        raise flight.error
    return flight.answer
