"""Whether telephones are free that belong to no queue: the ones that a transfer would ring.

Devices are asked by `Getvar` of DEVICE_STATE(), an extension by `ExtensionState`, both of which the
rights of a call give (`write = call` or `reporting`). Asterisk needs `func_devstate` for the first,
a hint in the dialplan for the second; without it nothing is known. Nobody waits at a telephone, so
no wait is told.

Source: Asterisk's documentation of DEVICE_STATE and ExtensionState.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from ami_bridge.errors import AmiError
from ami_bridge.queues import Ami, HumansState
from erp.deadline import Deadline

DEVICES_MAX = 32
"""Devices that are asked; each is an action of its own."""

_ABSENT = {"INVALID", "UNAVAILABLE"}
_FREE = {"NOT_INUSE"}
_BUSY = {"INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD"}
_IDLE_HINT = "0"
_ABSENT_HINTS = {"4"}
_UNKNOWN_HINTS = {"-2", "-1", ""}


class DeviceWatch:
    """Telephones that ring together. devices: as in `PJSIP/anna`."""

    def __init__(self, ami: Ami, devices: tuple[str, ...]) -> None:
        self._ami = ami
        self._devices = devices[:DEVICES_MAX]

    async def look(self, deadline: Deadline) -> HumansState:
        """Return how many are free. Never raises; `known` False when one of them is not known."""
        return await _in_time(self._ask(), deadline)

    async def _ask(self) -> HumansState:
        states = await asyncio.gather(*(self._state(device) for device in self._devices))
        if not all(state in _ABSENT | _FREE | _BUSY for state in states):
            return HumansState()
        free = sum(state in _FREE for state in states)
        staffed = sum(state not in _ABSENT for state in states)
        return HumansState(True, staffed, 0, staffed - free, free)

    async def _state(self, device: str) -> str:
        answer = await self._ami.action("Getvar", Variable=f"DEVICE_STATE({device})")
        return answer[0].get("Value", "") if answer[0].get("Response") == "Success" else ""


class ExtensionWatch:
    """An extension of the dialplan that has a hint."""

    def __init__(self, ami: Ami, extension: str, context: str) -> None:
        self._ami = ami
        self._extension = extension
        self._context = context

    async def look(self, deadline: Deadline) -> HumansState:
        """Return whether it is free. Never raises; `known` False when it has no hint."""
        return await _in_time(self._ask(), deadline)

    async def _ask(self) -> HumansState:
        answer = await self._ami.action(
            "ExtensionState", Exten=self._extension, Context=self._context
        )
        status = answer[0].get("Status", "")
        if status in _UNKNOWN_HINTS or not answer[0].get("Hint"):
            return HumansState()
        staffed, free = int(status not in _ABSENT_HINTS), int(status == _IDLE_HINT)
        return HumansState(True, staffed, 0, staffed - free, free)


async def _in_time(work: Awaitable[HumansState], deadline: Deadline) -> HumansState:
    loop = asyncio.get_running_loop()
    asking = asyncio.ensure_future(work)
    try:
        await asyncio.wait([asking], timeout=deadline.remaining_s(loop.time()))
    finally:
        asking.cancel()
    await asyncio.wait([asking])
    if asking.cancelled():
        return HumansState()
    error = asking.exception()
    if error is None:
        return asking.result()
    if isinstance(error, AmiError):
        return HumansState()
    raise error
