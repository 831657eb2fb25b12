"""The media leg as the PBX sees it: `Dial(UnicastRTP/...)` from the call's own AGI session.

It joins three parties: the AGI session (busy with `Dial` while the leg lives), AMI (which tells
the leg's channel and where Asterisk listens, and ends it), and our own RTP socket.
Asterisk may send nothing until it receives, so its address is asked for, never waited for.
Source: Asterisk's chan_rtp.c; app_dial.c for the options `g` (the dialplan goes on when the
leg ends) and `S(n)` (at the very last, Asterisk ends the leg by itself).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from asterisk_agi.errors import CallError, MediaError, PbxDown
from asterisk_agi.pbx import Pbx, PbxEvent
from dialplan import variables

_log = logging.getLogger(__name__)

LOOK_S = 0.25
"""Seconds that an event has to name the leg before Asterisk is asked. It never does when the
caller's channel belongs to another one's call (Linkedid), as behind a Local channel."""

RETRY_S = 0.5
"""Seconds between two tries to end a leg that Asterisk does not list (yet, or any more)."""


class DialSession(Protocol):
    """What is needed of an AGI session."""

    async def exec(self, app: str, args: str, timeout_s: float | None = None) -> object:
        """Run a dialplan application; returns when it ended."""


class Socket(Protocol):
    """What is needed of the RTP leg."""

    @property
    def host(self) -> str:
        """Our address."""

    @property
    def port(self) -> int:
        """Our port."""

    def connect(self, address: str, port: int) -> None:
        """Send to, and hear only, this address."""


class DialledLeg:
    """One media leg, from `Dial` to its end."""

    def __init__(self, session: DialSession, pbx: Pbx, socket: Socket, longest_s: int) -> None:
        self._session = session
        self._pbx = pbx
        self._socket = socket
        self._longest_s = longest_s
        self._channel: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._dial: asyncio.Task[object] | None = None
        self._prefix = f"UnicastRTP/{socket.host}:{socket.port}-"

    def on_event(self, event: PbxEvent) -> None:
        """Take an AMI event of the call; the leg's own `Newchannel` names its channel."""
        channel = event.get("Channel", "")
        if event.get("Event") == "Newchannel" and channel.startswith(self._prefix):
            self._found(channel)
        elif event.get("Event") == "OrderlineResync":
            for name in event.get("Channels", "").split(","):
                if name.startswith(self._prefix):
                    self._found(name)

    def _found(self, channel: str) -> None:
        if not self._channel.done():
            self._channel.set_result(channel)

    @property
    def _name(self) -> str | None:
        return self._channel.result() if self._channel.done() else None

    async def open(self, within_s: float) -> None:
        """Dial, learn where Asterisk listens, and connect the socket to it.

        Raises MediaError when the leg does not come up in time, CallerHungUp when the caller
        left meanwhile.
        """
        destination = f"UnicastRTP/{self._socket.host}:{self._socket.port}/c(ulaw)"
        self._dial = asyncio.get_running_loop().create_task(
            self._run(f"{destination},,gS({self._longest_s})"), name="dial media leg"
        )
        waiting = asyncio.ensure_future(self._connect())
        try:
            await asyncio.wait(
                (waiting, self._dial), timeout=within_s, return_when=asyncio.FIRST_COMPLETED
            )
            self._raise_unless_open(waiting, within_s)
        finally:
            waiting.cancel()

    def _raise_unless_open(self, waiting: asyncio.Future[None], within_s: float) -> None:
        if waiting.done():
            waiting.result()
        elif self._dial is not None and self._dial.done():
            self._dial.result()
            raise MediaError("Dial of the media leg ended at once: is chan_rtp.so loaded?")
        else:
            raise MediaError(f"no media leg within {within_s} s: does AMI send call events?")

    async def _run(self, arguments: str) -> object:
        return await self._session.exec("Dial", arguments)

    async def _connect(self) -> None:
        try:
            channel = await self._named()
            address, port = await asyncio.gather(
                self._pbx.getvar(channel, variables.UNICASTRTP_LOCAL_ADDRESS),
                self._pbx.getvar(channel, variables.UNICASTRTP_LOCAL_PORT),
            )
        except ConnectionError as error:
            raise PbxDown("AMI was lost while the media leg was opened") from error
        except PermissionError as error:
            raise MediaError(f"{error}: see `orderline check`") from error
        if not address or not port.isdecimal():
            raise MediaError(f"Asterisk does not tell where the leg {channel} listens")
        self._socket.connect(address, int(port))

    async def _named(self) -> str:
        """Return the leg's channel, as an event told it or else as Asterisk lists it."""
        while True:
            # Not wait_for: giving up the wait must not cancel what an event may still fill.
            await asyncio.wait((self._channel,), timeout=LOOK_S)
            if not self._channel.done() and self._pbx.connected:
                found = await self._pbx.find_channel(self._prefix)
                if found is not None:
                    self._found(found)
            if self._channel.done():
                return self._channel.result()

    async def ended(self) -> None:
        """Wait until the leg has ended, by whomever. Raises CallerHungUp when the caller left."""
        if self._dial is not None:
            await asyncio.shield(self._dial)

    async def hang_up(self) -> None:
        """End the leg, so that the AGI session is free again.

        Without AMI it is tried again when AMI is back; at the very last Dial's S(n) ends it.
        Raises CallerHungUp when the caller left, AgiError when the session broke: `abandon` then.
        """
        if self._dial is None:
            return
        hanging = asyncio.ensure_future(self._hang_up_channel())
        try:
            await asyncio.wait((hanging, self._dial), return_when=asyncio.FIRST_COMPLETED)
            await self._dial
        finally:
            hanging.cancel()

    async def _hang_up_channel(self) -> None:
        while True:
            try:
                if not self._pbx.connected:
                    _log.warning("no AMI connection to end the media leg: waiting for it")
                    await self._pbx.wait_connected()
                # Asked of Asterisk when no event named it: a leg that did not come up in time
                # may still do so, and would hold the caller in silence.
                channel = self._name or await self._pbx.find_channel(self._prefix)
                if channel is not None and await self._pbx.hangup(channel):
                    return
            except PermissionError as error:
                _log.error("the media leg can't be ended: %s: see `orderline check`", error)
                return
            except ConnectionError as error:
                _log.warning("the media leg can't be ended yet: %s", error)
            await asyncio.sleep(RETRY_S)

    async def release(self) -> None:
        """Free the AGI session from the leg; of a session that is over, let the leg go."""
        try:
            await self.hang_up()
        except CallError as error:
            _log.debug("the session was over before the leg: %s", error)
            await self.abandon()

    async def abandon(self) -> None:
        """Let go of the leg: the session is over. May be called twice.

        Mostly the leg is gone with its caller. But if only the AGI connection broke, `Dial` goes
        on in Asterisk, and its caller would sit in silence: so it is hung up, if AMI is there.
        """
        dial, self._dial = self._dial, None
        if dial is None:
            return
        dial.cancel()
        (ending,) = await asyncio.gather(dial, return_exceptions=True)
        if not isinstance(ending, BaseException) or self._name is None:
            return
        try:
            await self._pbx.hangup(self._name)
        except (ConnectionError, PermissionError) as error:
            _log.debug("the abandoned media leg was not hung up: %s", error)
