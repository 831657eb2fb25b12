"""The standing connection to AMI: kept up, asked, listened to.

It logs in, asks for the present state, gives events to subscribers, and comes back after every
loss, for ever. It knows nothing of calls. It is what `asterisk_agi.pbx.Pbx` describes; neither
room imports the other. One connection at a time: `link.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from ami_bridge.errors import AmiDown, AmiError, AmiRefused
from ami_bridge.guard import HeaderValue
from ami_bridge.link import Link
from ami_bridge.subscriptions import AmiEvent, OnEvent, Subscription, Subscriptions
from erp.limits import demand_above_zero, demand_port
from erp.secrets import Secret

_log = logging.getLogger(__name__)

NEEDED_ACTIONS = ("CoreShowChannels", "Getvar", "Hangup")
"""Actions without which no call can be served; `write = call,reporting` gives them."""

HELD_EVENTS_MAX = 50_000
"""Events that may come in while the state is asked again after a login."""


@dataclass(frozen=True)
class AmiSettings:
    """Where AMI is, who we are, and how long things may take."""

    user: str
    """The user's section in manager.conf."""
    secret: Secret
    """Its secret."""
    host: str = "127.0.0.1"
    """Address of Asterisk's manager interface."""
    port: int = 5038
    """Its TCP port."""
    connect_s: float = 3.0
    """Longest time for a TCP connection, seconds."""
    action_s: float = 3.0
    """Longest time from an action to its answer, seconds."""
    ping_s: float = 10.0
    """Seconds between two pings; one that is not answered drops the connection."""
    retry_first_s: float = 0.25
    """Longest pause before the first new try after a loss, seconds; it doubles each time, and
    the real pause is random below it."""
    retry_max_s: float = 10.0
    """Longest pause between two tries, seconds."""
    refused_retry_s: float = 30.0
    """Pause after a refused login, seconds: a wrong secret does not mend itself, and hosts that
    knock too often get banned."""

    def __post_init__(self) -> None:
        demand_port(self, least=1)
        # A pause of 0 would be a circle at full speed.
        pauses = ("ping_s", "retry_first_s", "retry_max_s", "refused_retry_s")
        demand_above_zero(self, "connect_s", "action_s", *pauses)


class AmiConnection:
    """The connection to one Asterisk. `start` it, `close` it."""

    def __init__(self, settings: AmiSettings) -> None:
        self._settings = settings
        self._subscriptions = Subscriptions()
        self._link: Link | None = None
        self._up = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._held: list[AmiEvent] | None = None
        self._last_error: AmiError = AmiDown("no connection yet")
        self._said_down = False

    @property
    def connected(self) -> bool:
        """True when actions can be sent now."""
        return self._up.is_set() and self._link is not None and self._link.alive

    async def start(self) -> None:
        """Begin to connect, in the background."""
        if self._runner is None:
            loop = asyncio.get_running_loop()
            self._runner = loop.create_task(self._run(), name="ami-connection")
            self._runner.add_done_callback(_report)

    async def wait_connected(self, timeout_s: float | None = None) -> None:
        """Return when actions can be sent.

        timeout_s: seconds; None waits for as long as it takes. Raises AmiRefused when the last
        try was refused, AmiDown when it failed otherwise, both at the time-out.
        """
        waiting = asyncio.get_running_loop().create_task(self._up.wait(), name="ami-wait")
        try:
            # Not asyncio.wait_for, which may swallow a cancellation before Python 3.12.
            await asyncio.wait([waiting], timeout=timeout_s)
        finally:
            waiting.cancel()
        if not self._up.is_set():
            kind = AmiRefused if isinstance(self._last_error, AmiRefused) else AmiDown
            raise kind(f"{self._where}: {self._last_error}") from self._last_error

    async def close(self) -> None:
        """Close the connection and stop coming back. May be called twice."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.cancel()
            await asyncio.gather(runner, return_exceptions=True)
        self._forget_link("closed by us")

    # What calls ask...

    async def action(self, name: str, **headers: HeaderValue) -> Sequence[Mapping[str, str]]:
        """Send an action; return its response first, then the events of its list, if any.

        A response `Error` is returned, not raised. Raises AmiDown when there is no connection
        or it is lost meanwhile, AmiTimeout (an AmiDown) without an answer, AmiRefused when
        manager.conf lacks the right, AmiUsageError when a header cannot be sent (our bug).
        """
        if self._link is None or not self.connected:
            raise AmiDown(f"{name}: no AMI connection")
        return await self._link.action(name, headers)

    async def hangup(self, channel: str) -> bool:
        """Hang up a channel by name; False when there is no such channel. Raises as `action`."""
        answer = await self.action("Hangup", Channel=channel)
        return answer[0].get("Response") == "Success"

    async def getvar(self, channel: str, variable: str) -> str:
        """Return a channel variable, empty when unset or the channel is gone.

        Raises as `action`.
        """
        answer = await self.action("Getvar", Channel=channel, Variable=variable)
        return answer[0].get("Value", "") if answer[0].get("Response") == "Success" else ""

    async def setvar(self, channel: str, variable: str, value: str) -> bool:
        """Set a channel variable; False when there is no such channel. Raises as `action`."""
        answer = await self.action("Setvar", Channel=channel, Variable=variable, Value=value)
        return answer[0].get("Response") == "Success"

    async def find_channel(self, prefix: str) -> str | None:
        """Return the live channel whose name begins so, asked of Asterisk now; None: none does.

        Raises as `action`.
        """
        for channel in (await self.action("CoreShowChannels"))[1:]:
            if (name := channel.get("Channel", "")).startswith(prefix):
                return name
        return None

    def subscribe(self, uniqueid: str, on_event: OnEvent) -> Subscription:
        """Call on_event, in wire order, for each event with this Uniqueid or Linkedid.

        After a reconnect the first event is `OrderlineResync`, with the live channels of this
        Uniqueid or Linkedid in `Channels`, comma between.
        """
        return self._subscriptions.add(uniqueid, on_event)

    def subscribe_all(self, on_event: OnEvent) -> Subscription:
        """Call on_event for every event; `OrderlineResync` then names all live channels."""
        return self._subscriptions.add(None, on_event)

    # Keeping it up...

    @property
    def _where(self) -> str:
        return f"AMI {self._settings.host}:{self._settings.port}"

    async def _run(self) -> None:
        while True:
            link: Link = await self._retrying()(self._open)
            self._say_up(link)
            why = await link.keep_alive(self._settings.ping_s)
            self._say_down(AmiDown(why))
            self._forget_link(why)
            # An Asterisk that takes the login and closes again must not be asked in a circle.
            await asyncio.sleep(self._settings.retry_first_s)

    def _retrying(self) -> AsyncRetrying:
        settings = self._settings
        usual = wait_random_exponential(settings.retry_first_s, settings.retry_max_s)

        def pause_s(state: RetryCallState) -> float:
            refused = state.outcome is not None and isinstance(
                state.outcome.exception(), AmiRefused
            )
            return settings.refused_retry_s if refused else usual(state)

        def note(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome is not None else None
            if isinstance(error, AmiError):
                self._say_down(error)

        return AsyncRetrying(
            retry=retry_if_exception_type(AmiError), wait=pause_s, after=note, reraise=True
        )

    async def _open(self) -> Link:
        settings = self._settings
        self._held = []
        link = self._link = Link(self._take, self._up.clear, settings.action_s)
        channels: Sequence[AmiEvent] | None = None
        try:
            await link.connect(settings.host, settings.port, settings.connect_s)
            await link.login(settings.user, settings.secret.reveal())
            _refuse_without_rights((await link.action("ListCommands", {}))[0])
            channels = await link.action("CoreShowChannels", {})
        finally:
            if channels is None:
                self._forget_link("the login failed")
        self._publish_present(channels[1:])
        return link

    def _take(self, event: AmiEvent) -> None:
        """Take an event; those before the resynchronisation wait, so that it comes first."""
        if self._held is None:
            self._subscriptions.publish(event)
        elif len(self._held) < HELD_EVENTS_MAX:
            self._held.append(event)
        elif self._link is not None:
            self._link.drop(f"over {HELD_EVENTS_MAX} events before the login was complete")

    def _publish_present(self, channels: Sequence[AmiEvent]) -> None:
        self._subscriptions.resync(channels)
        held, self._held = self._held or [], None
        for event in held:
            self._subscriptions.publish(event)

    def _forget_link(self, why: str) -> None:
        self._up.clear()
        link, self._link = self._link, None
        if link is not None:
            link.drop(why)

    def _say_up(self, link: Link) -> None:
        if link.alive:
            self._up.set()
        self._said_down = False
        _log.info("%s: logged in", self._where)

    def _say_down(self, error: AmiError) -> None:
        # Told once for each outage, and once more when the cause turns out to be our login.
        news = not self._said_down or (
            isinstance(error, AmiRefused) and not isinstance(self._last_error, AmiRefused)
        )
        self._last_error = error
        self._said_down = True
        if news:
            level = logging.ERROR if isinstance(error, AmiRefused) else logging.WARNING
            _log.log(level, "%s: not connected: %s; trying again for ever", self._where, error)


def _refuse_without_rights(allowed: AmiEvent) -> None:
    """Find out at the login, not in a call: a leg that can't be hung up holds its caller."""
    lacking = [name for name in NEEDED_ACTIONS if name not in allowed]
    if lacking:
        raise AmiRefused(f"manager.conf gives our user no right to {', '.join(lacking)}")


def _report(runner: asyncio.Task[None]) -> None:
    """Tell a fault of ours: without the runner there would be no AMI for ever, silently."""
    if not runner.cancelled() and (error := runner.exception()) is not None:
        _log.error("the AMI connection is given up: a fault of ours", exc_info=error)
