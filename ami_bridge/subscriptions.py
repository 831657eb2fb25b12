"""Who wants which AMI events.

Callbacks run by the event loop, in wire order, one by one: one that fails is reported by the
loop and disturbs neither the others nor the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

AmiEvent = Mapping[str, str]
OnEvent = Callable[[AmiEvent], None]

RESYNC = "OrderlineResync"
"""Name of our own event: the state was asked again, what happened before is gone."""


class Subscription:
    """A standing wish for events."""

    def __init__(self, uniqueid: str | None, on_event: OnEvent, ends: OnEnd) -> None:
        self.uniqueid = uniqueid
        self._on_event = on_event
        self._ends = ends
        self._cancelled = False

    def cancel(self) -> None:
        """Stop it; an event that is already on its way is not given any more."""
        self._cancelled = True
        self._ends(self)

    def give(self, event: AmiEvent) -> None:
        """Call the subscriber soon, unless cancelled until then."""
        asyncio.get_running_loop().call_soon(self._run, event)

    def _run(self, event: AmiEvent) -> None:
        if not self._cancelled:
            self._on_event(event)


OnEnd = Callable[[Subscription], None]


class Subscriptions:
    """All wishes, by channel."""

    def __init__(self) -> None:
        # Dicts, since they keep the order in which subscribers came.
        self._by_uniqueid: dict[str | None, dict[Subscription, None]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_uniqueid.values()))

    def add(self, uniqueid: str | None, on_event: OnEvent) -> Subscription:
        """Subscribe to one channel and what is linked to it; None: to everything."""
        subscription = Subscription(uniqueid, on_event, self._remove)
        self._by_uniqueid.setdefault(uniqueid, {})[subscription] = None
        return subscription

    def publish(self, event: AmiEvent) -> None:
        """Give an event to everyone who wants it, once each."""
        wanted = {event.get("Uniqueid"), event.get("Linkedid"), None}
        for uniqueid in wanted:
            for subscription in self._by_uniqueid.get(uniqueid, ()):
                subscription.give(event)

    def resync(self, channels: Iterable[AmiEvent]) -> None:
        """Give everyone RESYNC, with the names of the live channels that concern them."""
        live = [channel for channel in channels if channel.get("Channel")]
        for uniqueid, subscribers in self._by_uniqueid.items():
            names = [
                channel["Channel"]
                for channel in live
                if uniqueid in {None, channel.get("Uniqueid"), channel.get("Linkedid")}
            ]
            for subscription in subscribers:
                subscription.give({"Event": RESYNC, "Channels": ",".join(names)})

    def _remove(self, subscription: Subscription) -> None:
        subscribers = self._by_uniqueid.get(subscription.uniqueid)
        if subscribers is not None:
            subscribers.pop(subscription, None)
            if not subscribers:
                del self._by_uniqueid[subscription.uniqueid]
