"""The socket, the timer and the clock around `UserAgent`: one outgoing call over UDP."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable

from asterisk_agi.testcall.dialog import Account
from asterisk_agi.testcall.errors import NoAnswer, SipPeerError
from asterisk_agi.testcall.user_agent import Event, HangUp, Invite, Refused, State, UserAgent

_log = logging.getLogger(__name__)


def new_token() -> str:
    """Return a random word for tags, branches, Call-IDs and client nonces."""
    return secrets.token_hex(10)


class SipLine(asyncio.DatagramProtocol):
    """Carries one `UserAgent`. Events go to `on_event`, in order, from the event loop."""

    def __init__(self, account: Account, on_event: Callable[[Event], None]) -> None:
        self._account = account
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._agent: UserAgent | None = None
        self.host = ""
        """Our own address, as the server sees it."""

    async def open(self) -> None:
        """Open the socket. Raises NoAnswer when the server's name or network is not there."""
        try:
            address = (self._account.host, self._account.port)
            self._transport, _ = await self._loop.create_datagram_endpoint(
                lambda: self, remote_addr=address, family=socket.AF_INET
            )
        except OSError as error:
            raise NoAnswer(f"the SIP server {self._account.host} is out of reach") from error
        self.host, port = self._transport.get_extra_info("sockname")
        self._agent = UserAgent(self._account, (self.host, port), new_token)

    @property
    def call_id(self) -> str:
        """The SIP Call-ID; empty before `open()`."""
        return self._agent.call_id if self._agent is not None else ""

    def command(self, command: Invite | HangUp) -> None:
        """Place or end the call. Raises PhoneUsageError as `UserAgent.send` does."""
        if self._agent is not None:
            self._agent.send(command, self._loop.time())
            self._pump()

    def close(self) -> None:
        """Close socket and timer. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    # asyncio calls these...

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Feed a datagram to the user agent; what is no SIP is dropped."""
        if self._agent is None:
            return
        try:
            self._agent.receive_data(data, self._loop.time())
        except SipPeerError as error:
            _log.info("a datagram of the SIP server was dropped: %s", error)
        self._pump()

    def error_received(self, exc: Exception) -> None:
        """Take an ICMP error: before any response it means that nobody listens there."""
        _log.info("SIP socket: %s", exc)
        if self._agent is not None and self._agent.state is State.CALLING:
            self._on_event(Refused(503, f"nobody listens on port {self._account.port}"))

    # The driver loop...

    def _pump(self) -> None:
        agent = self._agent
        if agent is None or self._transport is None:
            return
        for datagram in agent.data_to_send():
            self._transport.sendto(datagram)
        self._arm(agent.next_timer_s)
        while (event := agent.next_event()) is not None:
            self._on_event(event)

    def _arm(self, at_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if at_s is None else self._loop.call_at(at_s, self._on_timer)

    def _on_timer(self) -> None:
        if self._agent is not None:
            self._agent.handle_timer(self._loop.time())
            self._pump()
