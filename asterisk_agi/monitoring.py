"""What is to be seen of the voice process, besides what its events tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from erp.events.settings import EventSettings
from erp.monitoring.disk import watch_folders
from erp.monitoring.monitor import Monitor
from erp.monitoring.probes import Door, door_of
from erp.settings import SystemSettings
from erp.store.settings import StoreSettings

AMI = "ami"
DRAINING = "draining"
ESSENTIAL = (AMI, DRAINING)
"""Without AMI no media leg is found. Without an ERP a call is still answered, and goes to a
human."""


def voice_monitor(events: EventSettings, store: StoreSettings) -> Monitor:
    """Return the monitor of a voice process."""
    monitor = Monitor("voice", ESSENTIAL)
    watch_folders(monitor.registry, events.spool, store.file and store.file.parent)
    return monitor


def watch_ami(monitor: Monitor, connected: Callable[[], bool]) -> None:
    """Show whether AMI is connected. connected: asked at each look."""
    monitor.board.watch(AMI, lambda: "" if connected() else "no connection")
    monitor.gauge("orderline_ami_up", "1 while AMI is connected.", lambda: float(connected()))


def watch_calls(monitor: Monitor, calls: Callable[[], int], calls_max: int) -> None:
    """Show how many calls there are, and how many there may be."""
    monitor.gauge("orderline_calls_in_progress", "Calls in progress.", calls)
    monitor.gauge("orderline_calls_limit", "Calls that are taken at once.", lambda: calls_max)


def doors(
    systems: Mapping[str, SystemSettings], host: str, bridge_port: int
) -> dict[str, Door]:
    """Return where to knock: the business systems, and the bridge of this host."""
    found = {f"erp:{name}": door_of(system.url) for name, system in systems.items()}
    if bridge_port:
        found["bridge"] = Door(host, bridge_port)
    return {part: door for part, door in found.items() if door is not None}
