"""How events are kept until the store has them, and for how long the store keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from erp.limits import demand_above_zero


@dataclass(frozen=True)
class EventSettings:
    """The event stream of the calls: what it tells, and how long it is kept."""

    spool: Path = Path("/var/lib/orderline/spool")
    """Folder where a process writes each event before anything else, on a local disk; all
    Orderline processes of a host share it."""
    spool_max_bytes: int = 256 * 1024 * 1024
    """Most that one process holds there while the store is away, bytes; what comes after that
    is lost, and is counted."""
    speech: bool = False
    """Whether events tell what the caller said. It is personal data, and leaves by webhook."""
    retry_s: float = 1.0
    """Pause before the store is tried again when it is away, seconds."""
    keep_days: float = 30.0
    """Days that the store keeps an event which every publisher has delivered."""
    keep_calls_days: float = 400.0
    """Days that the store keeps the line of a call, for `orderline calls`."""

    def __post_init__(self) -> None:
        demand_above_zero(self, "spool_max_bytes", "retry_s", "keep_days", "keep_calls_days")
