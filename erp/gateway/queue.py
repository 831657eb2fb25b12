"""The fair queue in front of one system: so many questions at once, and calls take turns.

Free places are given out round robin by call, and within a call in the order of asking: a call
that asks for ten things at once delays another call by one place, not by ten. It knows neither
the question nor its answer; who got a place gives it back with `leave`.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque

from erp.gateway.waits import Signal, give, given, new_signal

WAITING_MAX = 1000
"""Most questions that wait for one system; far more than can be answered within a turn."""


class FairQueue:
    """The places of one system. at_once: how many there are."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting = 0
        self._given_back = 0
        self._lines: OrderedDict[str, deque[Signal]] = OrderedDict()

    @property
    def free(self) -> int:
        """Places that nobody has."""
        return self._free

    @property
    def waiting(self) -> int:
        """Questions that wait for a place."""
        return self._waiting

    @property
    def given_back(self) -> int:
        """How many places have been given back since the start."""
        return self._given_back

    @property
    def crowded(self) -> bool:
        """Tell whether one more must not wait."""
        return self._waiting >= WAITING_MAX

    def take(self) -> bool:
        """Take a place if one is free; tell whether it was taken.

        It overtakes nobody: a place is free only when all who waited have got one, or gave up.
        """
        if self._free:
            self._free -= 1
            return True
        return False

    async def wait(self, call: str, until_s: float) -> bool:
        """Wait for a place until a time of the loop's clock; tell whether one was given.

        It is given up by `dismiss` too. A waiter that is cancelled leaves, with or without a place.
        """
        if self.take():
            return True
        turn = new_signal()
        self._lines.setdefault(call, deque()).append(turn)
        self._waiting += 1
        try:
            return await given(turn, until_s)
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.leave()
            raise
        finally:
            self._waiting -= 1
            self._forget(call, turn)

    def leave(self) -> None:
        """Give a place back; the next waiter gets it."""
        self._given_back += 1
        while self._lines:
            call, line = self._lines.popitem(last=False)
            turn = line.popleft()
            if line:
                self._lines[call] = line
            if not turn.done():
                turn.set_result(True)
                return
        self._free += 1

    def dismiss(self) -> None:
        """Send all waiters away: the system is down, and waiting would be in vain."""
        for line in self._lines.values():
            for turn in line:
                give(turn, False)
        self._lines.clear()

    def _forget(self, call: str, turn: Signal) -> None:
        line = self._lines.get(call)
        if line is None:
            return
        if turn in line:
            line.remove(turn)
        if not line:
            del self._lines[call]
