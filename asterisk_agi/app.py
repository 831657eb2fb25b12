"""The composition root of the voice process: settings in, joined parts out.

Here, in `app_bridge.py` and in `cli.py`, the rooms `asterisk_agi` and `ami_bridge` meet.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, datetime, timezone

from ami_bridge.connection import AmiConnection
from ami_bridge.devices import DeviceWatch, ExtensionWatch
from ami_bridge.errors import AmiError
from ami_bridge.publishers.errors import PublishError
from ami_bridge.publishers.port import Publisher
from ami_bridge.publishers.routes import make_routes
from ami_bridge.queues import QueueWatch
from asterisk_agi import announcement, checks, memory, monitoring, whisper
from asterisk_agi.call import Parts, Profile
from asterisk_agi.call_events import CallEvents
from asterisk_agi.check import Check, NotWell, Row, run
from asterisk_agi.dialogue import desk_wording
from asterisk_agi.dialogue.machine import listening, start
from asterisk_agi.dialogue.phrases import fixed_phrases
from asterisk_agi.dialogue.state import StateName
from asterisk_agi.dialogue.understanding import Understander
from asterisk_agi.front_desk import HumanSide
from asterisk_agi.heartbeat import Heartbeat
from asterisk_agi.listeners import Listener, fastagi_guard, listener_check
from asterisk_agi.office import Humans, Office
from asterisk_agi.people import Way
from asterisk_agi.reception import Reception
from asterisk_agi.recording import REFUSED, Recordings
from asterisk_agi.sd_notify import Notifier
from asterisk_agi.server import FastAgiServer
from asterisk_agi.settings import Settings
from asterisk_agi.speech.espeak_engine import EspeakSynthesizer
from asterisk_agi.speech.models import locate
from asterisk_agi.speech.port import RecognizerEngine, Synthesizer
from asterisk_agi.speech.vosk_engine import VoskEngine
from asterisk_agi.whisper import Whisperer, WhisperParts
from erp.callbacks.booker import Booker
from erp.callbacks.notice import NOTICE
from erp.callbacks.times import Schedule
from erp.deadline import Deadline
from erp.events.model import Sink
from erp.events.stream import open_stream
from erp.gateway import Gateway
from erp.landscape import Landscape
from erp.monitoring.monitor import Monitor
from erp.opening import Opening
from erp.port import ErpDoor
from erp.store.store import Store

_log = logging.getLogger(__name__)

OPEN_ERP_S = 5.0
"""Seconds for the first login at the ERP; a process that starts before its ERP serves anyway."""


async def open_recognizer(settings: Settings) -> RecognizerEngine:
    """Load the model that the configuration, or the first of its fallbacks, names."""
    path = locate(settings.recognizer.model, os.environ)
    return await VoskEngine.load(settings.recognizer, path)


@contextlib.asynccontextmanager
async def open_parts(settings: Settings, monitor: Monitor) -> AsyncIterator[Parts]:
    """Open what all calls share, and close it all at the end. monitor: is told of it."""
    async with contextlib.AsyncExitStack() as stack:
        store = Store(settings.store)
        stack.push_async_callback(store.close)
        stream = await stack.enter_async_context(
            open_stream(settings.events, store, "voice", voice_name(settings))
        )
        stream.sink.listen(monitor)
        recognizer = await open_recognizer(settings)
        stack.push_async_callback(recognizer.close)
        synthesizer = EspeakSynthesizer(settings.synthesizer)
        stack.push_async_callback(synthesizer.close)
        erp = landscape(settings).gateway(health=stream.system_health)
        stack.push_async_callback(erp.close)
        ami = AmiConnection(settings.ami)
        stack.push_async_callback(ami.close)
        monitoring.watch_ami(monitor, lambda: ami.connected)
        await ami.start()
        await _prepare(settings, synthesizer)
        await open_erp(erp)
        heartbeat = Heartbeat(settings.heartbeat, voice_name(settings), ami)
        stack.push_async_callback(heartbeat.close)
        await heartbeat.start()
        recordings = None
        if settings.recording.enabled:
            recordings = Recordings(settings.recording)
            stack.push_async_callback(recordings.close)
            await recordings.start()
            await synthesizer.prepare((settings.recording.consent, REFUSED))
        humans = HumanSide(open_desk(settings, ami, stack), settings.people.ask_s)
        if settings.callbacks.enabled:
            notices = Notices(ami)
            stack.push_async_callback(notices.close)
            plan = schedule(settings)
            booker = Booker(store, erp, plan, utc_now, notices.tell)
            stack.push_async_callback(booker.close)
            humans = replace(humans, planner=plan, callbacks=booker)
        yield _parts(
            settings, ami, recognizer, synthesizer, erp,
            heartbeat=heartbeat, sink=stream.sink, humans=humans, recordings=recordings,
        )  # fmt: skip


def open_desk(
    settings: Settings, ami: AmiConnection, stack: contextlib.AsyncExitStack
) -> Office | None:
    """Return whom the dialogue asks before it puts a caller through; None: nobody is named."""
    people = settings.people
    humans: Humans
    if people.queue:
        humans = queue = QueueWatch(ami, people.queue, people.talk_s)
        queue.start()
        stack.callback(queue.close)
    elif people.way is Way.EXTENSION:
        humans = ExtensionWatch(ami, people.extension, people.context)
    elif people.asked:
        humans = DeviceWatch(ami, people.ring)
    else:
        return None
    return Office(humans, Opening(settings.opening), people.voicemail, utc_now)


def _profiles(settings: Settings) -> dict[str, Profile]:
    return {
        name: Profile(profile, Understander(profile))
        for name, profile in settings.profiles.items()
    }


def _parts(
    settings: Settings,
    ami: AmiConnection,
    recognizer: RecognizerEngine,
    synthesizer: Synthesizer,
    erp: ErpDoor,
    *,
    heartbeat: Heartbeat,
    sink: Sink,
    humans: HumanSide,
    recordings: Recordings | None,
) -> Parts:
    return Parts(
        pbx=ami,
        recognizer=recognizer,
        synthesizer=synthesizer,
        erp=erp,
        heartbeat=heartbeat,
        media=settings.media,
        vad=settings.vad,
        endpointing=settings.endpointing,
        call=settings.call,
        today=date.today,
        people=settings.people,
        humans=humans,
        recordings=recordings,
        events=lambda session: CallEvents(sink, session, settings.people.record_link),
    )


def utc_now() -> datetime:
    """Return the time of the wall."""
    return datetime.now(timezone.utc)


def schedule(settings: Settings) -> Schedule:
    """Return when whose number may be called back."""
    office = Opening(settings.opening)
    return Schedule(settings.callbacks, office.zone, office.next_open)


class Notices:
    """Tells every bridge, by an event of AMI, that there is a new call-back.

    One that does not arrive costs time only: bridges look by themselves as well.
    """

    def __init__(self, ami: AmiConnection) -> None:
        self._ami = ami
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, key: str) -> None:
        """Tell of a call-back; returns at once."""
        task = asyncio.get_running_loop().create_task(self._send(key), name="tell of a call-back")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, key: str) -> None:
        try:
            await self._ami.action("UserEvent", UserEvent=NOTICE, Key=key)
        except AmiError as error:
            _log.warning("bridges see the call-back %s at their next look: %s", key, error)

    async def close(self) -> None:
        """End what is under way. May be called twice."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _prepare(settings: Settings, synthesizer: Synthesizer) -> None:
    await synthesizer.prepare(announcement.SENTENCES + whisper.SENTENCES)
    for profile in settings.profiles.values():
        desk = desk_wording.fixed_sentences() if settings.people.asked else ()
        await synthesizer.prepare((*fixed_phrases(profile), *desk))


def landscape(settings: Settings) -> Landscape:
    """Return the business systems of a configuration."""
    return Landscape(settings.erp, settings.systems)


async def open_erp(erp: Gateway) -> None:
    """Connect and log in to the systems. One that does not answer is logged, and tried again."""
    await erp.open(Deadline.after(asyncio.get_running_loop().time(), OPEN_ERP_S))


def voice_name(settings: Settings) -> str:
    """Return the name of this voice process in its beats: where its FastAGI listens."""
    return f"{settings.fastagi.host}:{settings.fastagi.port}"


def stop_signal() -> asyncio.Event:
    """Return an event that SIGTERM or SIGINT sets."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def serve(settings: Settings, ready: Callable[[FastAgiServer], None]) -> None:
    """Take calls until SIGTERM or SIGINT, then let those in progress finish."""
    stopping, systemd = stop_signal(), Notifier()
    monitor, shown = monitoring.voice_monitor(settings.events, settings.store), settings.monitoring
    doors = monitoring.doors(settings.systems, shown.host, shown.bridge_port)
    async with (
        open_parts(settings, monitor) as parts,
        monitor.shown(shown.host, shown.voice_port, doors),
    ):
        reception = Reception(
            settings.reception, _profiles(settings), settings.stories, parts
        )
        monitoring.watch_calls(monitor, lambda: reception.calls, settings.reception.calls_max)
        handle = _whisperer(settings, parts).beside(reception.handle)
        server = FastAgiServer(settings.fastagi, handle)
        memory.settle()  # It holds the loop for 0.1 s: before the first caller can be there.
        await server.start()
        small = memory.keep_small()
        keeping = asyncio.get_running_loop().create_task(small, name="keep memory small")
        try:
            ready(server)
            systemd.ready()
            async with systemd.alive(lambda: parts.heartbeat.well):
                await stopping.wait()
                systemd.stopping()
                monitor.board.note(monitoring.DRAINING, "the process is stopping")
                _log.info("stopping: %d calls in progress may finish", reception.calls)
                await reception.drain()
        finally:
            await server.close()
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


def _whisperer(settings: Settings, parts: Parts) -> Whisperer:
    return Whisperer(
        WhisperParts(
            pbx=parts.pbx,
            synthesizer=parts.synthesizer,
            heartbeat=parts.heartbeat,
            media=settings.media,
            people=settings.people,
            leg_s=settings.call.leg_s,
        )
    )


async def check(settings: Settings) -> list[Row]:
    """Try every dependency of a configuration, whether or not the others are well."""
    async with contextlib.AsyncExitStack() as stack:
        ami = AmiConnection(settings.ami)
        stack.push_async_callback(ami.close)
        await ami.start()
        erp = landscape(settings).gateway()
        stack.push_async_callback(erp.close)
        await open_erp(erp)
        port = await stack.enter_async_context(erp.for_call("check"))
        synthesizer = EspeakSynthesizer(settings.synthesizer)
        stack.push_async_callback(synthesizer.close)
        publishers = [route.publisher for route in make_routes(settings.webhook, settings.nats)]
        for publisher in publishers:
            stack.push_async_callback(publisher.close)
        entry, wanted = settings.dialplan, settings.check
        ami_at = f"{settings.ami.host}:{settings.ami.port}"
        return await run(
            [
                *checks.pbx_checks(
                    ami, ami_at, entry.context, entry.extension, settings.people.voicemail
                ),
                checks.fastagi_check(settings.fastagi.host, settings.fastagi.port),
                checks.media_check(settings.media),
                listener_check(listeners(settings), settings.fastagi.allow),
                checks.recognizer_check(lambda: open_recognizer(settings), _phrases(settings)),
                checks.synthesizer_check(synthesizer),
                *checks.erp_checks(port, wanted.item_number, wanted.phone),
                *map(_publisher_check, publishers),
            ]
        )


def _publisher_check(publisher: Publisher) -> Check:
    """The receiver of our events is there."""

    async def attempt() -> str:
        try:
            return await publisher.reach()
        except PublishError as error:
            raise NotWell(f"{error.why}: see docs/publishers.rst") from error

    return Check("events", publisher.name, attempt)


def listeners(settings: Settings) -> tuple[Listener, ...]:
    """Return what the processes of a configuration listen on."""
    guard = fastagi_guard(settings.fastagi.allow)
    return (
        Listener("fastagi.host", settings.fastagi.host, "calls", guard),
        Listener("media.host", settings.media.host, "audio", "the address that Asterisk told"),
        Listener("bridge.host", settings.bridge.host, "beats"),
        Listener("monitoring.host", settings.monitoring.host, "metrics and health"),
    )


def _phrases(settings: Settings) -> tuple[str, ...]:
    """Return all that any state of any profile listens for."""
    states = (
        replace(start(profile), name=name)
        for profile in settings.profiles.values()
        for name in StateName
    )
    return tuple({phrase for state in states for phrase in listening(state).phrases or ()})
