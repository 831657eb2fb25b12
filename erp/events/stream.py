"""The event stream of one process, put together: spool, sink, carrier."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from erp.events.carrier import Carrier, Delivered
from erp.events.model import CallIds, Health
from erp.events.outbox import Outbox
from erp.events.settings import EventSettings
from erp.events.spool import Spool
from erp.events.teller import Teller
from erp.store.store import Store


@dataclass(frozen=True)
class Stream:
    """What a process has of the event stream. sink: where it tells events."""

    sink: Teller
    outbox: Outbox

    def system_health(self, system: str, well: bool, why: str) -> None:
        """Tell of a business system; it is an `erp.gateway.outage.Health`."""
        self.sink.tell(CallIds(""), Health(f"erp:{system}", well, why))


@contextlib.asynccontextmanager
async def open_stream(
    settings: EventSettings,
    store: Store,
    role: str,
    where: str,
    delivered: Delivered | None = None,
) -> AsyncIterator[Stream]:
    """Open the stream of a process for a block; all that was told is kept at its end.

    role: voice or bridge. where: HOST:PORT, by which the process is known. store: the caller's; it
    may be away. delivered: see `Carrier`; none: this process removes nothing that is too old.
    Raises SpoolError, one sentence, when the folder can't be used.
    """
    spool = Spool(settings.spool, role, settings.spool_max_bytes)
    teller = Teller(f"orderline/{role}@{where}", spool, speech=settings.speech)
    outbox = Outbox(store)
    carrier = Carrier(spool, outbox, settings, teller, delivered)
    try:
        await carrier.start()
        yield Stream(teller, outbox)
    finally:
        await carrier.close()
        spool.close()
