"""An Asterisk of one call, in this process: its AGI session and its AMI, for unit tests."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from types import TracebackType

from asterisk_agi.errors import CallerHungUp
from asterisk_agi.pbx import PbxEvent
from asterisk_agi.protocol import Prelude

LEG = "0x7f00"


class FakePbx:
    """AMI: names the leg's channel, tells where it listens, and hangs it up."""

    def __init__(self) -> None:
        # Somebody must listen where the leg sends to: a refused port is an error of its own.
        self.ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.ear.bind(("127.0.0.1", 0))
        self.connected = True
        self.set: dict[str, str] = {}
        self.subscribers: dict[str, Callable[[PbxEvent], None]] = {}
        self.dials: dict[str, asyncio.Future[None]] = {}

    def __enter__(self) -> FakePbx:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ear.close()

    async def wait_connected(self, timeout_s: float | None = None) -> None:
        if not self.connected:
            await asyncio.Event().wait()

    async def find_channel(self, prefix: str) -> str | None:
        return next((name for name in self.dials if name.startswith(prefix)), None)

    async def getvar(self, channel: str, variable: str) -> str:
        if not self.connected:
            raise ConnectionError("down")
        address, port = self.ear.getsockname()
        return str(port if variable.endswith("PORT") else address)

    async def setvar(self, channel: str, variable: str, value: str) -> bool:
        if not self.connected:
            raise ConnectionError("down")
        self.set[variable] = value
        return True

    async def hangup(self, channel: str) -> bool:
        if not self.connected:
            raise ConnectionError("down")
        dial = self.dials.pop(channel, None)
        if dial is None:
            return False
        if dial.done():
            return False
        dial.set_result(None)
        return True

    def subscribe(self, uniqueid: str, on_event: Callable[[PbxEvent], None]) -> FakeSubscription:
        self.subscribers[uniqueid] = on_event
        return FakeSubscription(self, uniqueid)

    def press(self, uniqueid: str, key: str) -> None:
        event = {"Event": "DTMFEnd", "Direction": "Received", "Uniqueid": uniqueid, "Digit": key}
        self.subscribers[uniqueid](event)


class FakeSubscription:
    def __init__(self, pbx: FakePbx, uniqueid: str) -> None:
        self.pbx, self.uniqueid = pbx, uniqueid

    def cancel(self) -> None:
        self.pbx.subscribers.pop(self.uniqueid, None)


class FakeAgiSession:
    """The caller's side of one AGI session."""

    def __init__(self, pbx: FakePbx, uniqueid: str = "1.1", script: str = "default") -> None:
        self.pbx = pbx
        self.prelude = Prelude(
            {
                "agi_uniqueid": uniqueid,
                "agi_channel": "PJSIP/caller-1",
                "agi_callerid": "1",
                "agi_network_script": script,
            }
        )
        self.hung_up = False
        self.variables: dict[str, str] = {}
        self.answered = False
        self.dialled: asyncio.Future[None] | None = None

    async def set_variable(self, name: str, value: str) -> None:
        self.variables[name.removeprefix("__")] = value

    async def get_full_variable(self, expression: str) -> str | None:
        return "call-id-1" if expression == "${CHANNEL(pjsip,call-id)}" else None

    async def answer(self) -> None:
        if self.hung_up:
            raise CallerHungUp("gone")
        self.answered = True

    async def exec(self, app: str, args: str, timeout_s: float | None = None) -> None:
        where = re.match(r"(UnicastRTP/[^/]+)/", args)
        assert app == "Dial"
        assert where is not None
        channel = f"{where.group(1)}-{LEG}"
        self.dialled = asyncio.get_running_loop().create_future()
        self.pbx.dials[channel] = self.dialled
        self.pbx.subscribers[self.prelude.uniqueid]({"Event": "Newchannel", "Channel": channel})
        if self.hung_up:
            self.hang_up()
        await self.dialled

    def break_off(self, error: Exception) -> None:
        """The AGI session breaks, while `Dial` and the caller go on."""
        assert self.dialled is not None
        self.dialled.set_exception(error)

    def hang_up(self) -> None:
        """The caller puts the phone down."""
        self.hung_up = True
        if self.dialled is not None and not self.dialled.done():
            self.dialled.set_exception(CallerHungUp("gone"))
