"""The sink of a process: writes each event to its spool at once, then tells who listens.

Who listens in the process (metrics) gets the event as it is; who is outside gets it from the
outbox. It costs some tens of microseconds, for it stands in the way of a call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from erp.events.envelope import LINE_MAX_BYTES, write
from erp.events.model import CallEvent, CallIds, Health, Sink, Turn
from erp.events.spool import Spool

_log = logging.getLogger(__name__)

PARTS_MAX = 1000
"""Parts whose health is remembered; an installation has some dozens."""


class Teller:
    """A `Sink`. source: which process tells, as `orderline/voice@HOST:PORT`."""

    def __init__(self, source: str, spool: Spool, *, speech: bool = False) -> None:
        self._source = source
        self._spool = spool
        self._speech = speech
        self._listeners: list[Sink] = []
        self._health: dict[str, Health] = {}

    def listen(self, listener: Sink) -> Callable[[], None]:
        """Tell all that comes to a listener too; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, ids: CallIds, event: CallEvent) -> None:
        """Take an event. Returns at once; never raises, for a call must not fail by it."""
        if isinstance(event, Health) and not self._news(event):
            return
        if isinstance(event, Turn) and not self._speech:
            event = replace(event, text="")
        try:
            envelope = write(ids, event, self._source)
            line = envelope.text.encode() + b"\n"
            if len(line) > LINE_MAX_BYTES:
                raise ValueError(f"{len(line)} bytes")
            self._spool.append(line)
        except (ValueError, TypeError) as error:
            # A value that is no JSON is a mistake of ours; the test of the schema finds it.
            _log.error("an event %s can't be told: %s", event.type, error)
        for listener in self._listeners:
            self._pass_on(listener, ids, event)

    def _news(self, event: Health) -> bool:
        """Tell whether a part's health changed: who watches it may say so again and again."""
        before = self._health.get(event.part)
        if (before is None and event.well) or (before and before.well == event.well):
            return False
        if len(self._health) < PARTS_MAX:
            self._health[event.part] = event
        return True

    def _pass_on(self, listener: Sink, ids: CallIds, event: CallEvent) -> None:
        try:
            listener.tell(ids, event)
        except Exception:  # noqa: BLE001
            # The promise of `tell`: a fault of a listener must not end a call.
            _log.exception("%s failed at an event %s", type(listener).__name__, event.type)


