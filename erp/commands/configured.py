"""What the commands of `orderline erp` need of a configuration, and the port they ask through."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from erp.deadline import Deadline
from erp.landscape import Landscape
from erp.port import ErpPort
from erp.settings import GatewaySettings, SystemSettings
from erp.trace import Trace

OPEN_S = 5.0
ASK_S = 10.0
"""Seconds for one question: more than a turn has, to tell slow from dead."""


Asked = list[tuple[Trace, float]]
"""The hops of each question, and the milliseconds that it took in all."""


@dataclass(frozen=True)
class Configured:
    """The part of a configuration that these commands need."""

    erp: GatewaySettings
    systems: Mapping[str, SystemSettings]
    item_number: str
    """`check.item_number`."""
    phone: str
    """`check.phone`."""

    def soon(self) -> Deadline:
        """Return the deadline of a question that is asked now."""
        return Deadline.after(asyncio.get_running_loop().time(), ASK_S)


@contextlib.asynccontextmanager
async def port(settings: Configured, asked: Asked | None = None) -> AsyncIterator[ErpPort]:
    """Open the systems for one command; what each opening and each read took goes to `asked`."""

    def observe(trace: Trace, total_ms: float, outcome: str) -> None:
        if asked is not None:
            asked.append((trace, total_ms))

    gateway = Landscape(settings.erp, settings.systems).gateway(observe)
    try:
        await gateway.open(Deadline.after(asyncio.get_running_loop().time(), OPEN_S))
        async with gateway.for_call("command") as erp:
            yield erp
    finally:
        await gateway.close()
