"""A telephone that is called: rings, answers when it is told to, listens, presses keys.

The socket, the timer and the media around `CalledAgent`, over UDP. It shares only SIP and RTP with
the system that calls it.
"""

from __future__ import annotations

import asyncio
import logging
import socket

from asterisk_agi.audio import PcmChunk
from asterisk_agi.testcall import user_agent as ua
from asterisk_agi.testcall.answering import CalledAgent, Ring
from asterisk_agi.testcall.ear import Ear
from asterisk_agi.testcall.errors import NoAnswer, SipPeerError
from asterisk_agi.testcall.media_line import MediaLine
from asterisk_agi.testcall.sip_line import new_token
from asterisk_agi.testcall.track import Track

_log = logging.getLogger(__name__)

LOOK_S = 0.1
"""Seconds between two looks whether the far side has become silent."""
GOODBYE_S = 3.0
"""So long is waited for the answer to our BYE."""


class DeskPhone(asyncio.DatagramProtocol):
    """One telephone at a fixed address. Use: `await open()`, ..., `await close()`."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._loop = asyncio.get_running_loop()
        self._agent = CalledAgent(self._address, new_token)
        self._transport: asyncio.DatagramTransport | None = None
        self._server: tuple[str, int] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._media: MediaLine | None = None
        self.ear = Ear()
        self.rings = asyncio.Event()
        """Set when it rings."""
        self.over = asyncio.Event()
        """Set when the call has ended, by whomever."""
        self._closed = asyncio.Event()

    async def open(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._transport, _ = await self._loop.create_datagram_endpoint(
            lambda: self, local_addr=self._address, family=socket.AF_INET
        )

    async def ringing(self, limit_s: float) -> None:
        """Wait until it rings. Raises NoAnswer when it does not."""
        await _within(self.rings, limit_s, "nobody has called this telephone")

    async def ended(self, limit_s: float) -> None:
        """Wait until the call has ended. Raises NoAnswer when it has not."""
        await _within(self.over, limit_s, "the call goes on")

    def answer(self) -> None:
        """Take the call. Raises PhoneUsageError when nobody calls."""
        self._media = MediaLine(self._address[0], self._hear)
        self._agent.answer((self._address[0], self._media.port), self._loop.time())
        self._pump()

    def reject(self) -> None:
        """Refuse the call as busy. Raises PhoneUsageError when nobody calls."""
        self._agent.reject(486, "Busy Here")
        self._pump()

    @property
    def line(self) -> MediaLine:
        """Sound both ways. Raises NoAnswer before `answer`."""
        if self._media is None:
            raise NoAnswer("this telephone was not answered")
        return self._media

    @property
    def heard(self) -> Track:
        """What came to the human's ear; second 0 is the answer."""
        return self.line.received

    def now_s(self) -> float:
        """Return the time, in seconds since the answer."""
        return self.line.now_s()

    async def told(self, quiet_s: float, limit_s: float) -> bool:
        """Wait until something was heard and then nothing for quiet_s; False after limit_s."""
        until_s = self.now_s() + limit_s
        while self.now_s() < until_s:
            settled_s = self.ear.settled_s(quiet_s)
            if settled_s is not None and settled_s <= self.now_s():
                return True
            await asyncio.sleep(LOOK_S)
        return False

    async def press(self, keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.line.mouth.press(key)
        await self.line.sent_all()

    async def say(self, speech: PcmChunk) -> None:
        """Speak, and return when the last packet is sent."""
        self.line.mouth.say(speech)
        await self.line.sent_all()

    async def hang_up(self) -> None:
        """End the call; no error when it is over already."""
        self._agent.hang_up(self._loop.time())
        self._pump()
        if self._agent.state is ua.State.ENDING:
            await asyncio.wait(
                [self._loop.create_task(self.over.wait(), name="wait for the BYE's answer")],
                timeout=GOODBYE_S,
            )

    async def close(self) -> None:
        """Hang up if need be, and free the sockets. May be called twice."""
        if self._transport is None:
            return
        await self.hang_up()
        if self._media is not None:
            await self._media.close()
        if self._timer is not None:
            self._timer.cancel()
        self._transport.close()
        self._transport = None
        await self._closed.wait()

    def _hear(self, pcm: bytes, at_s: float) -> None:
        self.ear.hear(pcm, at_s)

    # asyncio calls these...

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the port is free again."""
        self._closed.set()

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Feed a datagram to the agent; what is no SIP is dropped."""
        self._server = (str(addr[0]), addr[1])
        try:
            self._agent.receive_data(data, self._loop.time())
        except SipPeerError as error:
            _log.info("a datagram of the SIP server was dropped: %s", error)
        self._pump()

    # The driver loop...

    def _pump(self) -> None:
        if self._transport is None or self._server is None:
            return
        for datagram in self._agent.data_to_send():
            self._transport.sendto(datagram, self._server)
        self._arm(self._agent.next_timer_s)
        while (event := self._agent.next_event()) is not None:
            self._on_event(event)

    def _on_event(self, event: ua.Event | Ring) -> None:
        if isinstance(event, Ring):
            self.over.clear()
            self.rings.set()
        elif isinstance(event, (ua.Answered, ua.MediaMoved)):
            self.line.connect(event.media)
            if isinstance(event, ua.Answered):
                self.line.start()
        elif isinstance(event, ua.Ended):
            self.over.set()

    def _arm(self, at_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if at_s is None else self._loop.call_at(at_s, self._on_timer)

    def _on_timer(self) -> None:
        self._agent.handle_timer(self._loop.time())
        self._pump()


async def _within(event: asyncio.Event, limit_s: float, complaint: str) -> None:
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((waiting,), timeout=limit_s)
        if not waiting.done():
            raise NoAnswer(f"{complaint} in {limit_s:g} s")
    finally:
        waiting.cancel()
