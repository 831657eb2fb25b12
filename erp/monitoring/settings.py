"""Where metrics and health are to be had."""

from __future__ import annotations

from dataclasses import dataclass

from erp.limits import demand_port


@dataclass(frozen=True)
class MonitoringSettings:
    """Metrics for Prometheus (/metrics) and health (/health) of both processes."""

    host: str = "127.0.0.1"
    """IP address to listen on. There is no login: choose one that only the monitoring reaches."""
    voice_port: int = 9464
    """TCP port of the voice process; 0: none."""
    bridge_port: int = 9465
    """TCP port of the bridge; 0: none."""

    def __post_init__(self) -> None:
        demand_port(self, "voice_port")
        demand_port(self, "bridge_port")
        if self.voice_port and self.voice_port == self.bridge_port:
            raise ValueError(f"bridge_port is {self.bridge_port}: that is voice_port's; take two")
