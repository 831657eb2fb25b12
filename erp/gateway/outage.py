"""Says once what is wrong with a system, and once that it is well again, with how long it took.

A system that does not answer is down. One that answers, but refuses, asks for patience, or says
what can't be read, is not: then what it fails at is said, once for all operations that fail alike.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

_log = logging.getLogger(__name__)

FAILURES_MAX = 50
"""Most kinds of failure that are remembered, and said; a profile has some twenty requests."""

Health = Callable[[str, bool, str], None]
"""Is told a system's name, whether it is well, and why not; quick, and does not raise."""


def untold(system: str, well: bool, why: str) -> None:
    """Tell nobody."""


_NUMBER = re.compile(r"\d+")


@dataclass
class _Failure:
    since_s: float
    operations: set[str]


class Outage:
    """The outages of one system. Times are seconds of the clock."""

    def __init__(
        self, system: str, clock: Callable[[], float], health: Health = untold
    ) -> None:
        self.system = system
        self._clock = clock
        self._health = health
        self._since_s: float | None = None
        self._failures: dict[str, _Failure] = {}
        self._over = False

    def take_over(self, former: Outage) -> None:
        """Go on where another one of the same system is, which says nothing any more.

        For a change of profiles: what was wrong before may be well by it, and must be said so.
        """
        self._since_s, self._failures = former._since_s, former._failures
        former._failures = {}
        former._over = True

    def begins(self, detail: str) -> None:
        """Log that it is down, unless that was said. detail: why, without personal data."""
        if self._since_s is None:
            self._since_s = self._clock()
            self._say(logging.ERROR, "is down: %s", detail)
            self._tell(False, detail)

    def ends(self) -> None:
        """Log that it is up again, if it was down."""
        if self._since_s is not None:
            self._say(logging.WARNING, "is up again after %.1f s", self._clock() - self._since_s)
            self._since_s = None
            self._tell(True, "")

    def fails(self, operation: str, detail: str) -> None:
        """Log that it answers an operation with a failure, unless that was said.

        detail: why, without personal data; two that differ in numbers only are the same failure.
        """
        kind = _NUMBER.sub("#", detail)
        known = self._failures.get(kind)
        if known is not None:
            known.operations.add(operation)
        elif len(self._failures) < FAILURES_MAX:
            self._failures[kind] = _Failure(self._clock(), {operation})
            self._say(logging.ERROR, "fails at %s: %s", operation, detail)

    def works(self, operation: str) -> None:
        """Log that it answers an operation well again, if it failed at it."""
        if not self._failures:
            return
        healed = [kind for kind, known in self._failures.items() if operation in known.operations]
        if healed:
            since_s = min(self._failures.pop(kind).since_s for kind in healed)
            took_s = self._clock() - since_s
            self._say(logging.WARNING, "answers %s again after %.1f s", operation, took_s)

    def _tell(self, well: bool, why: str) -> None:
        if not self._over:
            self._health(self.system, well, why)

    def _say(self, level: int, what: str, *values: object) -> None:
        if not self._over:
            _log.log(level, f"%s {what}", self.system, *values)
