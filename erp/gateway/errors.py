"""The one error of the gateway's own: a system that was not even asked."""

from __future__ import annotations

from erp.errors import BackendDown


class NotAsked(BackendDown):
    """The gateway did not ask the system: it is left alone, not open, or too many are waiting.

    It is never retried: asking again at once would have the same end.
    """
