"""What the worker sends, and by what: the seam between the engine and a way of sending."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Message:
    """One event of the outbox."""

    position: int
    """Its place in the outbox; grows."""
    id: str
    """Id of the event: the same each time it is sent."""
    session: str
    """The call; empty for events of no call, which are kept in order like those of one call."""
    type: str
    """Type of the CloudEvent, `orderline.call.started` say."""
    told_s: float
    """When it happened, seconds of the Unix clock."""
    body: bytes = field(repr=False)
    """The CloudEvent as JSON."""
    attempts: int = 0
    """Attempts that have failed so far."""


class Publisher(Protocol):
    """A way of sending events to one place."""

    @property
    def name(self) -> str:
        """Its name in the store, in logs and in metrics: `nats`, or `webhook:NAME`."""

    def wants(self, kind: str) -> bool:
        """Tell whether events of a type are to be sent there at all."""

    async def publish(self, message: Message) -> None:
        """Send one event, and return when the other side has it. Raises PublishError."""

    async def reach(self) -> str:
        """Try whether the other side can be reached, and send no event.

        Returns what was found. Raises PublishError.
        """

    async def close(self) -> None:
        """Let go of connections. May be called twice."""
