"""The shell around the watchdog: AMI's events and the beats in, its orders out.

It keeps no call of its own: after a restart, or a loss of AMI, Asterisk is asked which calls there
are. Two bridges may run side by side: a leg that is gone can be hung up again, and a caller who
has left our AGI step is not redirected.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ami_bridge.connection import AmiConnection
from ami_bridge.errors import AmiError
from ami_bridge.sightings import Sighting, VoiceHosts, dialled, entered, present
from ami_bridge.subscriptions import RESYNC, AmiEvent, Subscription
from ami_bridge.watchdog import (
    AskPresent,
    BridgeSettings,
    Fallback,
    FreeHuman,
    HangUpLeg,
    Order,
    RedirectCaller,
    Rescue,
    Watchdog,
)
from dialplan import beat, variables
from dialplan.masking import Channel

_log = logging.getLogger(__name__)

TICK_MIN_S = 0.01
"""Least time between two looks at what is due."""


@dataclass(frozen=True)
class _Hooks:
    """Who is told; see `Bridge`."""

    on_rescue: Callable[[Sighting], None]
    on_voices: Callable[[Mapping[str, bool]], None]
    on_present: Callable[[Sequence[Sighting]], None]


class Bridge:
    """Watches the calls of one Asterisk. `start` it, `close` it; AMI is the caller's to start."""

    def __init__(
        self,
        settings: BridgeSettings,
        ami: AmiConnection,
        voices: VoiceHosts,
        voice: str,
        fallback: Fallback,
        *,
        on_rescue: Callable[[Sighting], None] = lambda _: None,
        on_voices: Callable[[Mapping[str, bool]], None] = lambda _: None,
        on_present: Callable[[Sequence[Sighting]], None] = lambda _: None,
    ) -> None:
        """Prepare it, on a running event loop. voice: see `Watchdog`.

        on_rescue: called once for each call, before its leg is hung up or its caller redirected.
        on_voices: called again and again with the voice processes and whether each beats.
        on_present: called with the calls that Asterisk listed, whenever it was asked.
        All must return at once.
        """
        # Two bridges that act at the very same moment would redirect a caller twice.
        settings = replace(settings, settle_s=settings.settle_s * random.uniform(1.0, 1.5))
        self._settings = settings
        self._ami = ami
        self._voices = voices
        self._hooks = _Hooks(on_rescue, on_voices, on_present)
        self._watchdog = Watchdog(settings, voice, fallback, self._loop.time())
        self._subscription: Subscription | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[object]] = set()
        self._asking: asyncio.Task[object] | None = None
        self._ask_again = False
        self.foreign = 0
        """Datagrams that were no beats."""

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    @property
    def port(self) -> int:
        """The UDP port that beats come in at; 0 before `start`."""
        name = self._transport.get_extra_info("sockname") if self._transport is not None else None
        return int(name[1]) if name else 0

    @property
    def calls(self) -> int:
        """Calls that are watched."""
        return len(self._watchdog)

    async def start(self) -> None:
        """Listen for beats and events. Raises OSError when the port can't be had."""
        self._transport, _ = await self._loop.create_datagram_endpoint(
            lambda: _Beats(self), local_addr=(self._settings.host, self._settings.port)
        )
        self._subscription = self._ami.subscribe_all(self._on_event)
        self._start(self._look(), "look what is due")
        self._start(self._poll(), "look for waiting callers")

    async def close(self) -> None:
        """Stop. Calls go on. May be called twice."""
        if self._subscription is not None:
            self._subscription.cancel()
        if self._transport is not None:
            self._transport.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What comes in...

    def receive(self, data: bytes) -> None:
        """Take a datagram."""
        try:
            sign = beat.read_datagram(data)
        except ValueError:
            self.foreign += 1
            if self.foreign == 1:
                _log.warning("a datagram on the port for beats was none; more are only counted")
            return
        self._watchdog.beat(sign, self._loop.time())

    def _on_event(self, event: AmiEvent) -> None:
        now_s, kind = self._loop.time(), event.get("Event")
        if kind == "UserEvent":
            sign = beat.read_event(event)
            if sign is not None:
                self._watchdog.beat(sign, now_s)
        elif kind == "Newexten":
            seen = entered(event, self._voices)
            if seen is not None:
                self._obey(self._watchdog.entered(seen, now_s))
        elif kind == "DialBegin":
            seen = dialled(event, self._voices)
            if seen is not None:
                _log.info(
                    "%s is on the leg %s", Channel(seen.channel), seen.leg,
                    extra=of_call(seen.uniqueid),
                )
                self._obey(self._watchdog.dialled(seen, now_s))
        elif kind == "Hangup":
            channel, uniqueid = event.get("Channel", ""), event.get("Uniqueid", "")
            self._obey(self._watchdog.hung_up(channel, uniqueid, now_s))
        elif kind == RESYNC:
            self._start(self._resume(), "resume with AMI")

    async def _resume(self) -> None:
        await self._ami.wait_connected()
        self._obey(self._watchdog.ami_up(self._loop.time()))

    # What is done about it...

    def _obey(self, orders: Iterable[Order]) -> None:
        for order in orders:
            if isinstance(order, AskPresent):
                self._ask()
            elif isinstance(order, Rescue):
                self._hooks.on_rescue(order.call)
            elif isinstance(order, HangUpLeg):
                leg, call = order.channel, of_call(order.call)
                _log.warning("no sign of life: hanging up the leg %s", leg, extra=call)
                self._start(self._act("Hangup", order.call, Channel=leg), "hang up")
            elif isinstance(order, RedirectCaller):
                self._start(self._redirect(order), "redirect")
            elif isinstance(order, FreeHuman):
                self._start(self._free(order), "free a human")
            else:
                _log.info("%s is no longer ours", Channel(order.channel), extra=of_call(order.call))
        self._news.set()

    async def _free(self, order: FreeHuman) -> None:
        """End a whisper; its human's channel goes only when the caller does not go with it."""
        _log.warning(
            "a whisper stands still: freeing %s", Channel(order.channel),
            extra=of_call(order.call),
        )
        if order.caller is not None:
            caller, name = order.caller, variables.INHERITED_PREFIX + variables.WHISPER
            held = caller.channel
            await self._act("Setvar", caller.call, Channel=held, Variable=name, Value="no")
            if not await self._redirect(caller):
                return
        await self._act("Hangup", order.call, Channel=order.channel)

    async def _redirect(self, order: RedirectCaller) -> bool:
        place = f"{order.context},{order.extension},{order.label}"
        held, call = order.channel, of_call(order.call)
        _log.warning("still held: redirecting %s to %s", Channel(held), place, extra=call)
        return await self._act(
            "Redirect",
            order.call,
            Channel=order.channel,
            Context=order.context,
            Exten=order.extension,
            Priority=order.label,
        )

    async def _act(self, name: str, call: str, **headers: str) -> bool:
        """Do it; tell whether Asterisk did."""
        try:
            answer = (await self._ami.action(name, **headers))[0]
        except AmiError as error:
            _log.error("%s failed: %s", name, error, extra=of_call(call))
            return False
        if answer.get("Response") != "Success":
            # The leg or caller is gone, or the label is not there: the next look tells.
            why = answer.get("Message", "refused")
            _log.warning("%s: %s", name, why, extra=of_call(call))
            return False
        return True

    def _ask(self) -> None:
        """Ask once more when a question is under way: its answer may be from before."""
        self._ask_again = self._asking is not None and not self._asking.done()
        if not self._ask_again:
            self._asking = self._start(self._present(), "ask which calls there are")

    async def _present(self) -> None:
        await self._present_once()
        while self._ask_again:
            self._ask_again = False
            await self._present_once()

    async def _present_once(self) -> None:
        asked_s = self._loop.time()
        try:
            rows = await self._ami.action("CoreShowChannels")
        except AmiError as error:
            _log.warning("which calls there are can't be asked: %s", error)
            return
        held = present(rows[1:], self._voices)
        self._hooks.on_present(held)
        self._obey(self._watchdog.present(held, asked_s, self._loop.time()))

    async def _look(self) -> None:
        """Tick when something is due. Without AMI nothing is, until it is back."""
        while True:
            if not self._ami.connected:
                self._watchdog.ami_down()
            self._obey(self._watchdog.tick(self._loop.time()))
            self._news.clear()
            next_s = self._watchdog.next_s()
            wait_s = None if next_s is None else max(TICK_MIN_S, next_s - self._loop.time())
            waiting = self._loop.create_task(self._news.wait(), name="news")
            try:
                await asyncio.wait([waiting], timeout=wait_s)
            finally:
                waiting.cancel()

    async def _poll(self) -> None:
        while True:
            due_s = self._loop.time() + self._settings.poll_s
            await asyncio.sleep(self._settings.poll_s)
            self._watchdog.lagged(self._loop.time() - due_s, self._loop.time())
            self._hooks.on_voices(self._watchdog.voices(self._loop.time()))
            if self._ami.connected and self._watchdog.must_poll(self._loop.time()):
                self._ask()

    def _start(self, work: Coroutine[None, None, object], name: str) -> asyncio.Task[object]:
        task = self._loop.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s: a fault of ours", task.get_name(), exc_info=error)


class _Beats(asyncio.DatagramProtocol):
    """The port for beats."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Take a datagram; `beat` caps its size."""
        self._bridge.receive(data)


def of_call(uniqueid: str) -> dict[str, str]:
    """Return what names the call in a line of the log, in the place of its session.

    The first line of the voice process about a call has both names.
    """
    return {"call": uniqueid}
