"""The voice process's signs of life, for the watchdog in `orderline bridge`.

A call is named in a beat only while it is alive: its media clock sends packets, and its
recogniser decodes what waits. The beats come from the event loop itself, so they stop when it
hangs. What counts as alive is decided without a clock or a socket (`Pulse`); `Heartbeat` is the
thin shell that sends. It rescues nobody: `ami_bridge.watchdog` does.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dialplan import beat
from dialplan.beat import split_address

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HeartbeatSettings:
    """How the voice process shows the bridge that its calls are alive."""

    bridges: tuple[str, ...] = (f"127.0.0.1:{beat.DEFAULT_PORT}",)
    """Where each `orderline bridge` listens for beats, IP:PORT; none: beats go by AMI alone."""
    every_s: float = 0.2
    """Seconds between two beats by UDP."""
    event_every_s: float = 0.4
    """Seconds between two beats as AMI events. Together with every_s well below bridge.stale_s."""
    media_stall_s: float = 0.5
    """A call that sent no packet for so many seconds is not alive."""
    recognizer_stall_s: float = 2.0
    """A call whose recogniser has decoded nothing of what waits for so many seconds is not."""

    def __post_init__(self) -> None:
        """Refuse what can't work; each message begins with the key."""
        for key in ("every_s", "event_every_s", "media_stall_s", "recognizer_stall_s"):
            if getattr(self, key) <= 0:
                raise ValueError(f"{key} is {getattr(self, key)}: use seconds above 0")
        for where in self.bridges:
            try:
                split_address(where)
            except ValueError as error:
                raise ValueError(f"bridges: {error}") from error


# What is alive...

LATE_S = 1.0
"""Between two looks so far apart the event loop itself stood still: no call is to blame for it."""


@dataclass(frozen=True)
class Vitals:
    """The counters of a call, as they stand now."""

    packets: int
    """Packets that its media clock has made; 0 until the leg is connected."""
    decoded: int
    """Portions that its recogniser has done."""
    waiting: bool
    """True while the recogniser has something to do."""


class Pulse:
    """Tells from a call's counters, looked at again and again, whether it is alive. Pure."""

    def __init__(self, settings: HeartbeatSettings, vitals: Vitals, now_s: float) -> None:
        self._settings = settings
        self._before = vitals
        self._looked_s = now_s
        self._sent_s = now_s
        self._decoded_s = now_s

    def alive(self, vitals: Vitals, now_s: float) -> bool:
        """Take the counters of this moment; return whether the call is alive."""
        before, self._before = self._before, vitals
        late_s = max(0.0, now_s - self._looked_s - LATE_S)
        self._looked_s = now_s
        self._sent_s += late_s
        self._decoded_s += late_s
        if vitals.packets != before.packets or vitals.packets == 0:
            # Before the leg is connected its own time-out counts.
            self._sent_s = now_s
        if vitals.decoded != before.decoded or not vitals.waiting:
            self._decoded_s = now_s
        return (
            now_s - self._sent_s <= self._settings.media_stall_s
            and now_s - self._decoded_s <= self._settings.recognizer_stall_s
        )


# Telling it...


class Manager(Protocol):
    """What is needed of AMI."""

    @property
    def connected(self) -> bool:
        """True when actions can be sent now."""

    async def action(self, name: str, **headers: str) -> Sequence[Mapping[str, str]]:
        """Send an action."""


class Watch:
    """One call that is watched, until `end`."""

    def __init__(self, look: Callable[[], Vitals], pulse: Pulse, ends: Callable[[], None]) -> None:
        self._look = look
        self._pulse = pulse
        self._ends = ends

    def alive(self, now_s: float) -> bool:
        """Look at the call's counters."""
        return self._pulse.alive(self._look(), now_s)

    def end(self) -> None:
        """Name the call no more. May be called twice."""
        self._ends()


class Heartbeat:
    """Beats for all calls of a process. `start` it, `close` it."""

    def __init__(self, settings: HeartbeatSettings, voice: str, manager: Manager) -> None:
        """Prepare it. voice: host:port of our FastAGI, the name of this process."""
        self._settings = settings
        self._voice = voice
        self._manager = manager
        self._watches: dict[str, Watch] = {}
        self._alive = 0
        self._sockets: list[socket.socket] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def calls(self) -> tuple[str, ...]:
        """Uniqueids of the calls that are watched, alive or not."""
        return tuple(self._watches)

    @property
    def well(self) -> bool:
        """False when beats go out no more, or none of the calls is alive: the process is ill."""
        beats = bool(self._tasks) and not any(task.done() for task in self._tasks)
        return beats and (self._alive > 0 or not self._watches)

    def watch(self, uniqueid: str, look: Callable[[], Vitals]) -> Watch:
        """Name a call in the beats while its counters show that it is alive.

        look: returns the counters, quickly. Call `end` of what is returned in any case.
        """
        pulse = Pulse(self._settings, look(), asyncio.get_running_loop().time())
        watch = Watch(look, pulse, lambda: self._forget(uniqueid, watch))
        self._watches[uniqueid] = watch
        return watch

    def _forget(self, uniqueid: str, watch: Watch) -> None:
        if self._watches.get(uniqueid) is watch:
            del self._watches[uniqueid]

    async def start(self) -> None:
        """Begin to beat."""
        for where in self._settings.bridges:
            self._sockets.append(_connected(*split_address(where)))
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._beat_by_udp(), name="beat by UDP"),
            loop.create_task(self._beat_by_ami(), name="beat by AMI"),
        ]
        for task in self._tasks:
            task.add_done_callback(_report)

    async def close(self) -> None:
        """Beat no more. May be called twice."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in self._sockets:
            each.close()
        self._tasks, self._sockets = [], []

    def _texts(self) -> Sequence[str]:
        now_s = asyncio.get_running_loop().time()
        alive = [name for name, watch in self._watches.items() if watch.alive(now_s)]
        self._alive = len(alive)
        return beat.texts(self._voice, alive)

    async def _beat_by_udp(self) -> None:
        while True:
            for text in self._texts():
                for each in self._sockets:
                    _send(each, text.encode("ascii"))
            await asyncio.sleep(self._settings.every_s)

    async def _beat_by_ami(self) -> None:
        while True:
            if self._manager.connected:
                await self._tell_ami()
            await asyncio.sleep(self._settings.event_every_s)

    async def _tell_ami(self) -> None:
        for text in self._texts():
            try:
                headers = {"UserEvent": beat.USER_EVENT, beat.USER_HEADER: text}
                await self._manager.action("UserEvent", **headers)
            except (ConnectionError, PermissionError) as error:
                _log.debug("no beat by AMI: %s", error)
                return


def _connected(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.setblocking(False)
    udp.connect((host, port))
    return udp


def _send(udp: socket.socket, data: bytes) -> None:
    try:
        udp.send(data)
    except OSError as error:
        # Nobody listens (the bridge restarts), or the network is down for a moment.
        _log.debug("a beat was not sent: %s", error)


def _report(task: asyncio.Task[None]) -> None:
    """Tell a fault of ours: without beats the bridge would end healthy calls."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("the heartbeat ended: a fault of ours", exc_info=error)
