"""The settings of the NATS publisher; apart from it, so that NATS is loaded only where used."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ami_bridge.publishers.policy import RetrySettings
from erp.limits import demand_above_zero
from erp.secrets import Secret
from erp.tls import is_loopback

_TOKENS = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_SCHEMES = ("nats", "tls")


@dataclass(frozen=True)
class NatsSettings:
    """NATS JetStream: where events of calls are published."""

    servers: tuple[str, ...] = ()
    """Addresses, as in [nats://127.0.0.1:4222] or [tls://HOST:4222]; none: no NATS."""
    stream: str = "ORDERLINE"
    """The stream that keeps the events."""
    create: bool = True
    """Make the stream when it is not there; false: it must be there."""
    prefix: str = ""
    """Put before the type with a dot to make the subject; empty: the subject is the type, as
    orderline.call.started."""
    duplicates_s: float = 600.0
    """Window, seconds, in which a stream that we make drops an event it has already."""
    keep_s: float = 604_800.0
    """Seconds for which a stream that we make keeps events (7 days)."""
    user: str = ""
    """User; empty: none."""
    password: Secret | None = None
    """Password of the user; none: none."""
    token: Secret | None = None
    """Token; none: none."""
    credentials_file: Path | None = None
    """File of a user's JWT and seed (.creds); none: none."""
    ca_file: Path | None = None
    """PEM file of the authority that its certificate is checked against; none: the system's."""
    connect_s: float = 3.0
    """Longest time for a connection, seconds."""
    ack_s: float = 5.0
    """Longest time until the stream has confirmed an event, seconds."""
    parallel: int = 16
    """Calls whose events are published side by side."""
    retry: RetrySettings = field(default_factory=RetrySettings)
    """Sending again."""

    def __post_init__(self) -> None:
        for server in self.servers:
            _check_server(server)
        if self.prefix and not _TOKENS.fullmatch(self.prefix):
            raise ValueError(f"prefix is {self.prefix!r}: write words of A-Z a-z 0-9 _ -, dotted")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", self.stream):
            raise ValueError(f"stream is {self.stream!r}: write one word of A-Z a-z 0-9 _ -")
        seconds = ("duplicates_s", "keep_s", "connect_s", "ack_s")
        demand_above_zero(self, *seconds, "parallel")
        if self.duplicates_s > self.keep_s:
            raise ValueError(f"duplicates_s is {self.duplicates_s}: no more than keep_s")

    def subject(self, kind: str) -> str:
        """Return the subject of a type of event."""
        return f"{self.prefix}.{kind}" if self.prefix else kind


def _check_server(server: str) -> None:
    parts = urlsplit(server)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError("servers holds no address: write nats://HOST:PORT or tls://HOST:PORT")
    if parts.username or parts.password:
        raise ValueError("servers holds a login: write user and password by their own keys")
    if parts.scheme == "nats" and not is_loopback(parts.hostname):
        raise ValueError(f"servers has {server!r}: events hold personal data, so write tls://")
