"""What is to be seen of the bridge, besides what its events tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from prometheus_client import Gauge

from erp.events.settings import EventSettings
from erp.monitoring.disk import watch_folders
from erp.monitoring.monitor import Monitor
from erp.store.settings import StoreSettings

AMI = "ami"


def bridge_monitor(events: EventSettings, store: StoreSettings) -> Monitor:
    """Return the monitor of a bridge. Without AMI it can rescue nobody."""
    monitor = Monitor("bridge", (AMI,))
    watch_folders(monitor.registry, events.spool, store.file and store.file.parent)
    return monitor


def watch_bridge(
    monitor: Monitor,
    connected: Callable[[], bool],
    calls: Callable[[], int],
    publishes: Callable[[], bool],
) -> None:
    """Show how the bridge stands; each is asked at each look."""
    monitor.board.watch(AMI, lambda: "" if connected() else "no connection")
    monitor.gauge("orderline_ami_up", "1 while AMI is connected.", lambda: float(connected()))
    monitor.gauge("orderline_calls_watched", "Calls that the bridge watches.", calls)
    monitor.gauge(
        "orderline_publishes", "1 while this bridge is the one that publishes.",
        lambda: float(publishes()),
    )  # fmt: skip


class VoiceWatch:
    """Shows which voice processes beat, and for how long one did not."""

    def __init__(self, monitor: Monitor) -> None:
        self._board = monitor.board
        self._clock = asyncio.get_running_loop().time
        self._beaten_s: dict[str, float] = {}
        self._well, self._age = (
            Gauge(name, about, ["voice"], registry=monitor.registry)
            for name, about in (
                ("orderline_voice_well", "1 while a voice process gives signs of life."),
                ("orderline_heartbeat_age_seconds", "Since its last sign of life."),
            )
        )

    def voices(self, beating: Mapping[str, bool]) -> None:
        """Take which voice processes beat; called again and again."""
        now_s = self._clock()
        for voice, well in beating.items():
            if well or voice not in self._beaten_s:
                self._beaten_s[voice] = now_s
            self._well.labels(voice).set(float(well))
            self._age.labels(voice).set(now_s - self._beaten_s[voice])
            self._board.note(f"voice:{voice}", "" if well else "no sign of life", "look")
