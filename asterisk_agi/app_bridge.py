"""The composition root of `orderline bridge`: settings in, a watched Asterisk out.

Here, in `app.py` and in `cli.py`, the rooms `asterisk_agi` and `ami_bridge` meet.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from ami_bridge.bridge import Bridge
from ami_bridge.callbacks import CallbackDialer
from ami_bridge.connection import AmiConnection
from ami_bridge.monitoring import VoiceWatch, bridge_monitor, watch_bridge
from ami_bridge.publishers.post import PostOffice, Route
from ami_bridge.publishers.routes import make_routes
from ami_bridge.publishers.status import PublishingStatus, delivered_up_to
from ami_bridge.sightings import VoiceHosts
from ami_bridge.watchdog import Fallback
from ami_bridge.witness import Witness
from asterisk_agi.app import (
    landscape,
    open_erp,
    schedule,
    stop_signal,
    utc_now,
    voice_name,
)
from asterisk_agi.config import ConfigError
from asterisk_agi.sd_notify import Notifier
from asterisk_agi.settings import Settings
from erp.callbacks.task_list import TaskList
from erp.callbacks.tasks import TaskWriter
from erp.events.model import Sink
from erp.events.stream import open_stream
from erp.monitoring.callback_metrics import CallbackMetrics
from erp.monitoring.monitor import Monitor
from erp.store.store import Store


async def watch(settings: Settings, ready: Callable[[], None]) -> None:
    """Watch the voice processes' calls until SIGTERM or SIGINT. Raises OSError: no port."""
    stopping, systemd = stop_signal(), Notifier()
    fallback = Fallback(settings.dialplan.context, settings.dialplan.extension)
    async with contextlib.AsyncExitStack() as stack:
        store = Store(settings.store)
        stack.push_async_callback(store.close)
        routes = _routes(settings)
        names = tuple(route.publisher.name for route in routes)
        stream = await stack.enter_async_context(
            open_stream(
                settings.events, store, "bridge", bridge_name(settings),
                lambda: delivered_up_to(store, names),
            )
        )  # fmt: skip
        ami = AmiConnection(settings.ami)
        stack.push_async_callback(ami.close)
        monitor = bridge_monitor(settings.events, settings.store)
        stream.sink.listen(monitor)
        voice_watch = VoiceWatch(monitor)
        hosts = _voice_hosts(settings)
        witness = Witness(ami, hosts, stream.sink)
        stack.push_async_callback(witness.close)
        bridge = Bridge(
            settings.bridge,
            ami,
            hosts,
            voice_name(settings),
            fallback,
            on_rescue=witness.rescued,
            on_voices=_both(witness.voices, voice_watch.voices),
            on_present=witness.present,
        )
        stack.push_async_callback(bridge.close)
        witness.start()
        await bridge.start()
        await ami.start()
        ready()
        systemd.ready()
        await stack.enter_async_context(systemd.alive())
        office = await stack.enter_async_context(
            _published(settings, store, routes, monitor, stream.sink)
        )
        watch_bridge(
            monitor, lambda: ami.connected, lambda: bridge.calls, lambda: office.sends
        )
        if settings.callbacks.enabled:
            await stack.enter_async_context(_call_backs(settings, store, ami, stream.sink))
        await stopping.wait()
        systemd.stopping()


def _routes(settings: Settings) -> tuple[Route, ...]:
    try:
        return make_routes(settings.webhook, settings.nats)
    except ValueError as error:
        raise ConfigError(str(error)) from error


@contextlib.asynccontextmanager
async def _published(
    settings: Settings, store: Store, routes: Sequence[Route], monitor: Monitor, sink: Sink
) -> AsyncIterator[PostOffice]:
    """Publish events, and show metrics and health, for as long as the block lasts."""
    names = tuple(route.publisher.name for route in routes)
    status = PublishingStatus(monitor.registry, store, names, sink)
    looks = (status.look, CallbackMetrics(monitor.registry, store).look)
    office = PostOffice(store, routes, status)
    shown = settings.monitoring
    try:
        office.start()
        async with monitor.shown(shown.host, shown.bridge_port, {}, looks):
            yield office
    finally:
        await office.close()


@contextlib.asynccontextmanager
async def _call_backs(
    settings: Settings, store: Store, ami: AmiConnection, sink: Sink
) -> AsyncIterator[None]:
    """Dial call-backs and write their tasks, for as long as the block lasts."""
    async with contextlib.AsyncExitStack() as stack:
        erp = landscape(settings).gateway()
        stack.push_async_callback(erp.close)
        writer = TaskWriter(TaskList(store), erp, sink, utc_now)
        stack.push_async_callback(writer.close)
        dialer = CallbackDialer(
            settings.callbacks, schedule(settings), store, ami,
            name=bridge_name(settings), sink=sink, now=utc_now, on_task=writer.wake,
        )  # fmt: skip
        stack.push_async_callback(dialer.close)
        await dialer.start()
        await open_erp(erp)
        await writer.start()
        yield


def _both(
    first: Callable[[Mapping[str, bool]], None], second: Callable[[Mapping[str, bool]], None]
) -> Callable[[Mapping[str, bool]], None]:
    def call(beating: Mapping[str, bool]) -> None:
        first(beating)
        second(beating)

    return call


def bridge_name(settings: Settings) -> str:
    """Return the name of this bridge in its events: where it takes beats."""
    return f"{settings.bridge.host}:{settings.bridge.port}"


def _voice_hosts(settings: Settings) -> VoiceHosts:
    hosts = {settings.fastagi.host, settings.media.host, *settings.bridge.voice_hosts}
    context = settings.people.whisper_context
    return VoiceHosts(frozenset(hosts), settings.fastagi.port, context)
