"""Which parts of a process are well, since when, and why not. It watches nothing by itself.

What a part is worth: without an essential one no call can be served, so the process is `ill`;
without another it is `degraded`. A part of which nothing is known is not listed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from dialplan.reasons import Reason
from erp.events.model import CallEvent, CallIds, Ended, Health, Turn

PARTS_MAX = 100
"""Parts that are told apart; an installation has some dozens at most."""

SPEECH = "speech"
"""Recogniser and synthesizer: told of by how calls end. Never essential, for only a call can tell
that it is well again."""

Look = Callable[[], str]
"""Returns why a part is ill just now; empty: it is well."""


@dataclass
class Part:
    """One part as it was last seen."""

    since: datetime
    troubles: dict[str, str] = field(default_factory=dict)
    """Why it is ill, by who says so; empty: it is well."""

    @property
    def well(self) -> bool:
        """True when nobody says that it is ill."""
        return not self.troubles


class HealthBoard(Collector):
    """What is known of the parts; a listener of the process's sink."""

    def __init__(self, essential: Collection[str]) -> None:
        self._essential = frozenset(essential)
        self._parts: dict[str, Part] = {}
        self._looks: dict[str, Look] = {}

    def watch(self, part: str, look: Look) -> None:
        """Look at a part whenever somebody asks. look: must return at once."""
        self._looks[part] = look

    def note(self, part: str, why: str, source: str = "told") -> None:
        """Take how a part is; `since` moves only when that is news.

        why: why it is ill; empty: it is well, as far as this source can tell.
        """
        found = self._parts.get(part)
        if found is None:
            if len(self._parts) >= PARTS_MAX:
                return
            found = self._parts[part] = Part(_now())
        before = found.well
        if why:
            found.troubles[source] = why
        else:
            found.troubles.pop(source, None)
        if found.well is not before:
            found.since = _now()

    def tell(self, ids: CallIds, event: CallEvent) -> None:
        """Take what the events of calls say of the parts."""
        if isinstance(event, Health):
            self.note(event.part, "" if event.well else event.why or "it fails")
        elif isinstance(event, Ended) and event.reason == Reason.SPEECH_FAILED.value:
            self.note(SPEECH, "the last call ended by it")
        elif isinstance(event, Turn) and event.hops and SPEECH in self._parts:
            self.note(SPEECH, "")  # a caller was understood and answered

    @property
    def serving(self) -> bool:
        """True when every essential part is well."""
        return not any(
            name in self._essential and not part.well for name, part in self._seen().items()
        )

    def ill(self, part: str) -> bool:
        """Tell whether a part is known to be ill."""
        seen = self._seen().get(part)
        return seen is not None and not seen.well

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Show the parts as a metric; the board is a collector of Prometheus' client."""
        about = "1 while a part is well, 0 while it is ill."
        family = GaugeMetricFamily("orderline_part_well", about, labels=["part"])
        for name, part in self._seen().items():
            family.add_metric([name], float(part.well))
        yield family

    def report(self) -> dict[str, Any]:
        """Return all of it as a JSON object."""
        parts = self._seen()
        well = all(part.well for part in parts.values())
        return {
            "status": "ok" if well else "degraded" if self.serving else "ill",
            "serving": self.serving,
            "parts": {name: _described(parts[name]) for name in sorted(parts)},
        }

    def _seen(self) -> dict[str, Part]:
        for name, look in self._looks.items():
            self.note(name, look(), "look")
        return self._parts


def _described(part: Part) -> dict[str, str]:
    said = {"state": "ok" if part.well else "ill", "since": part.since.isoformat("T", "seconds")}
    return said if part.well else {**said, "why": "; ".join(part.troubles.values())}


def _now() -> datetime:
    return datetime.now(timezone.utc)
