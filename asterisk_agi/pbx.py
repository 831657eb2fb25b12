"""The port to the PBX: what a call asks of Asterisk beside its own AGI session.

The engine is `ami_bridge.connection` (AMI); `app.py` joins the two, so that neither room
imports the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

PbxEvent = Mapping[str, str]
"""One AMI event: header names as Asterisk spells them (`Event`, `Channel`, `Uniqueid`, ...)."""


class Subscription(Protocol):
    """A standing wish for events."""

    def cancel(self) -> None:
        """Stop it. May be called twice."""


class Pbx(Protocol):
    """The AMI connection, as one call uses it."""

    @property
    def connected(self) -> bool:
        """True when actions can be sent now."""

    async def wait_connected(self) -> None:
        """Return when actions can be sent."""

    async def find_channel(self, prefix: str) -> str | None:
        """Return the live channel whose name begins so, asked of Asterisk now; None: none does.

        Raises `ConnectionError` when there is no AMI connection.
        """

    async def hangup(self, channel: str) -> bool:
        """Hang up a channel by name; False when there is no such channel.

        Raises `ConnectionError` when there is no AMI connection.
        """

    async def getvar(self, channel: str, variable: str) -> str:
        """Return a channel variable, empty when it is unset or the channel is gone.

        Raises `ConnectionError` when there is no AMI connection.
        """

    async def setvar(self, channel: str, variable: str, value: str) -> bool:
        """Set a channel variable; False when there is no such channel.

        Raises `ConnectionError` when there is no AMI connection, `PermissionError` when
        manager.conf does not allow it.
        """

    def subscribe(self, uniqueid: str, on_event: Callable[[PbxEvent], None]) -> Subscription:
        """Call on_event, in wire order, for each event with this Uniqueid or Linkedid.

        After a reconnect each subscriber first gets one event of our own making,
        `{"Event": "OrderlineResync", "Channels": "<names of the live channels with this Linkedid,
        comma between>"}`: what happened in the gap is gone.
        """
