"""Says once that a system is down, and once that it is up again, with how long it took."""

from __future__ import annotations

import logging
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Outage:
    """The outages of one system. Times are seconds of the clock."""

    def __init__(self, system: str, clock: Callable[[], float]) -> None:
        self.system = system
        self._clock = clock
        self._since_s: float | None = None

    def begins(self, detail: str) -> None:
        """Log that it is down, unless that was said. detail: why, without personal data."""
        if self._since_s is None:
            self._since_s = self._clock()
            _log.error("%s is down: %s", self.system, detail)

    def ends(self) -> None:
        """Log that it is up again, if it was down."""
        if self._since_s is not None:
            _log.warning("%s is up again after %.1f s", self.system, self._clock() - self._since_s)
            self._since_s = None
