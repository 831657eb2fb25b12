"""One TCP connection to AMI: panoramisk's Manager and protocol, made safe.

What panoramisk 1.4 does by itself, and why it is overruled here:
- after a loss it keeps the pending actions, their futures undone, and sends them again on the
  next connection: a `Hangup` minutes late. Here they fail at once with AmiDown, and each
  connection has a Manager of its own, so nothing lives on;
- it reconnects by timers that `close` does not cancel, every 2 s, also after a wrong login, and
  tells nobody: here `connection.py` reconnects;
- an action without an answer stays in its table for ever: here a deadline takes it out;
- whether a list follows is guessed from words, and `Originate` without `Async` raises KeyError
  in the reader, which closes the connection: here `EventList` decides (see `_Action`);
- an exception in an event callback closes the connection: here callbacks run on their own;
- its pings have no deadline, so a dead peer goes unseen: here a late answer drops the link;
- its log lines hold whole messages, at times the login too: here they go nowhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from panoramisk.message import Message

from ami_bridge.errors import AmiDown, AmiError, AmiRefused, AmiTimeout
from ami_bridge.guard import HeaderValue, MessageBuffer, checked

AmiMessage = Mapping[str, str]
"""A response or event; repeated headers are joined by line ends, which no value holds."""

LIST_MAX_EVENTS = 20_000
"""Most events of one list. 10,000 channels are more than one Asterisk carries."""

_log = logging.getLogger(__name__)

_SILENT = logging.Logger("panoramisk", logging.CRITICAL + 1)


class _Action(Action):  # type: ignore[misc]
    """panoramisk's Action, with the end of a list told by `EventList` (manager.c)."""

    @property
    def multi(self) -> bool:
        first = self.responses[0]
        return bool(first.eventlist.lower() == "start" or "will follow" in first.message.lower())

    @property
    def completed(self) -> bool:
        last = self.responses[-1]
        if not self.multi:
            return True
        if len(self.responses) > LIST_MAX_EVENTS:
            return True
        return bool(last.eventlist.lower() == "complete" or last.event.endswith("Complete"))


class _Protocol(AMIProtocol):  # type: ignore[misc]
    """panoramisk's protocol with a capped buffer, which forgets pending actions on a loss."""

    closed = True

    def __init__(self, on_lost: Callable[[str], None]) -> None:
        self._buffer = MessageBuffer()
        self._on_lost = on_lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.log = _SILENT

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._buffer.feed(data)
        except AmiDown as error:
            self.lose(str(error))
            return
        if messages and not self.closed:
            super().data_received(messages)

    def connection_lost(self, exc: object) -> None:
        # panoramisk calls this for the event `Shutdown` as well, with the event.
        self.lose("Asterisk closed the connection")

    def lose(self, why: str) -> None:
        """Close, once, and fail what is pending."""
        if self.closed:
            return
        self.closed = True
        pending = [action.future for action in self.responses.values()]
        self.responses.clear()
        self.transport.abort()
        for future in pending:
            _fail(future, AmiDown(why))
        self._on_lost(why)


class _Manager(Manager):  # type: ignore[misc]
    """panoramisk's Manager for one connection only: no timers, no replay."""

    pinger: asyncio.TimerHandle | None

    def __init__(self, on_event: Callable[[AmiMessage], None]) -> None:
        super().__init__(log=_SILENT, loop=asyncio.get_running_loop())
        self._take = on_event

    def adopt(self, transport: asyncio.Transport, protocol: _Protocol) -> None:
        """Hand the Manager a connection, in the way that its own `connect` does."""
        done: asyncio.Future[tuple[asyncio.Transport, _Protocol]] = self.loop.create_future()
        done.set_result((transport, protocol))
        self.connection_made(done)
        if self.pinger is not None:
            self.pinger.cancel()
            self.pinger = None

    def dispatch(self, event: Any) -> list[str]:
        self._take(_plain(event))
        return []


class Link:
    """One connection, from its login to its loss.

    on_event is called for each event in wire order, on_lost once, at the very moment of the loss.
    action_s: longest time from an action to its answer, seconds.
    """

    def __init__(
        self,
        on_event: Callable[[AmiMessage], None],
        on_lost: Callable[[], None],
        action_s: float,
    ) -> None:
        self._manager = _Manager(on_event)
        self._on_lost = on_lost
        self._action_s = action_s
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._protocol: _Protocol | None = None

    @property
    def alive(self) -> bool:
        """True from `connect` to the loss."""
        return self._protocol is not None and not self._lost.done()

    async def connect(self, host: str, port: int, connect_s: float) -> None:
        """Open the TCP connection. Raises AmiDown."""
        loop = asyncio.get_running_loop()
        # Known before it is connected, so that whatever breaks this off can close it.
        protocol = self._protocol = _Protocol(self._note_loss)
        making = loop.create_task(loop.create_connection(lambda: protocol, host, port))
        try:
            await asyncio.wait([making], timeout=connect_s)
        finally:
            making.cancel()
        await asyncio.wait([making])
        if making.cancelled():
            raise AmiDown(f"no connection within {connect_s} s")
        try:
            transport, _ = making.result()
        except OSError as error:
            raise AmiDown(error.strerror or str(error)) from error
        self._manager.adopt(transport, protocol)

    async def login(self, user: str, secret: str) -> None:
        """Log in. Raises AmiRefused when user or secret are wrong, AmiDown."""
        answer = await self.action("Login", {"Username": user, "Secret": secret, "Events": "on"})
        if answer[0].get("Response") != "Success":
            raise AmiRefused(f"login refused: {answer[0].get('Message', 'no reason given')}")

    async def action(self, name: str, headers: Mapping[str, HeaderValue]) -> Sequence[AmiMessage]:
        """Send one action; return its response and, for a list, the events after it.

        A response `Error` is returned, not raised, but for missing rights.
        Raises AmiUsageError, AmiDown, AmiTimeout, AmiRefused (manager.conf lacks the right).
        """
        action = _Action(checked(name, headers))
        if self._protocol is None or not self.alive:
            raise AmiDown("the connection is closed")
        protocol = self._protocol
        waiting = cast("asyncio.Future[Any]", self._manager.send_action(action))
        # Not asyncio.wait_for: before Python 3.12 it swallows a cancellation that comes together
        # with the answer, and whoever closes us then waits for ever.
        late = AmiTimeout(f"{name}: no answer within {self._action_s} s")
        timer = asyncio.get_running_loop().call_later(self._action_s, _fail, waiting, late)
        try:
            answer = await waiting
        finally:
            timer.cancel()
            protocol.responses.pop(action.id, None)
        messages = [_plain(one) for one in (answer if isinstance(answer, list) else [answer])]
        if messages[0].get("Message") == "Permission denied":
            raise AmiRefused(f"{name}: manager.conf does not allow our user this action")
        return messages

    async def keep_alive(self, ping_s: float) -> str:
        """Ping every ping_s seconds until the connection is lost; return why it was."""
        while True:
            await asyncio.wait([self._lost], timeout=ping_s)
            if self._lost.done():
                return self._lost.result()
            try:
                await self.action("Ping", {})
            except AmiTimeout:
                self.drop("Asterisk does not answer a ping")
            except AmiError as error:
                _log.debug("ping: %s", error)

    def drop(self, why: str) -> None:
        """Close the connection; pending actions fail with AmiDown. May be called twice."""
        if self._protocol is not None:
            self._protocol.lose(why)

    def _note_loss(self, why: str) -> None:
        if not self._lost.done():
            self._lost.set_result(why)
            self._on_lost()


def _fail(future: asyncio.Future[Any], error: AmiError) -> None:
    if not future.done():
        future.set_exception(error)


def _plain(message: Message) -> AmiMessage:
    """Return a message as a plain mapping, its headers spelled as Asterisk did."""
    return {
        name: "\n".join(value) if isinstance(value, list) else value
        for name, value in message.items()
        if value or name != "content"
    }
