"""Keeps the values of a label few: each one is a time series of its own in Prometheus."""

from __future__ import annotations

NAMES_MAX = 50
"""Systems, operations or parts that are told apart; an installation has far fewer."""

OTHER = "other"


class Names:
    """Passes on the first values that it sees, and `other` for the rest."""

    def __init__(self, most: int = NAMES_MAX) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        """Return the value as it may stand in a label."""
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            return OTHER
        self._known.add(value)
        return value
