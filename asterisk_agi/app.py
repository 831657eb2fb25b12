"""The composition root of voice process and bridge: settings in, joined parts out.

Here, and in `cli.py`, the rooms `asterisk_agi` and `ami_bridge` meet.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from ami_bridge.bridge import Bridge
from ami_bridge.connection import AmiConnection, AmiSettings
from ami_bridge.sightings import VoiceHosts
from ami_bridge.watchdog import BridgeSettings, Fallback
from asterisk_agi import checks, config, reference
from asterisk_agi.call import Parts, Profile
from asterisk_agi.check import Row, run
from asterisk_agi.conversation import CallSettings
from asterisk_agi.dialogue.machine import DialogueSettings, listening, start
from asterisk_agi.dialogue.phrases import fixed_phrases
from asterisk_agi.dialogue.state import StateName
from asterisk_agi.dialogue.understanding import Understander
from asterisk_agi.heartbeat import Heartbeat, HeartbeatSettings
from asterisk_agi.media.leg import MediaSettings
from asterisk_agi.reception import DEFAULT_PROFILE, Reception, ReceptionSettings
from asterisk_agi.server import FastAgiServer, FastAgiSettings
from asterisk_agi.speech.endpointing import EndpointSettings
from asterisk_agi.speech.espeak_engine import EspeakSettings, EspeakSynthesizer
from asterisk_agi.speech.models import locate
from asterisk_agi.speech.port import RecognizerEngine, Synthesizer
from asterisk_agi.speech.vad import VadSettings
from asterisk_agi.speech.vosk_engine import VoskEngine, VoskSettings
from asterisk_agi.story import StorySettings
from erp.deadline import Deadline
from erp.gateway import Gateway
from erp.landscape import Landscape
from erp.port import ErpDoor
from erp.settings import GatewaySettings, SystemSettings

_log = logging.getLogger(__name__)

OPEN_ERP_S = 5.0
"""Seconds for the first login at the ERP; a process that starts before its ERP serves anyway."""

LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class DialplanSettings:
    """The dialplan entry that calls us, for `orderline check` and `orderline dialplan`."""

    context: str = "orderline"
    """The context of the entry."""
    extension: str = "600"
    """The extension of the entry."""
    profile: str = DEFAULT_PROFILE
    """The profile that the entry names."""
    human: str = "Queue(support)"
    """The step at which a person takes over."""


@dataclass(frozen=True)
class CheckSettings:
    """What `orderline check` asks the ERP for; take records of your own."""

    item_number: str = ""
    """Number of an item that exists."""
    phone: str = ""
    """Telephone number of a customer who has an order."""


@dataclass(frozen=True)
class LogSettings:
    """What is logged, to standard error."""

    level: str = "info"
    """debug, info, warning or error."""

    def __post_init__(self) -> None:
        if self.level not in LOG_LEVELS:
            raise ValueError(f"level is {self.level!r}: write one of {', '.join(LOG_LEVELS)}")


@dataclass(frozen=True)
class Settings:
    """The whole configuration; each field is a section of the file."""

    ami: AmiSettings
    erp: GatewaySettings
    systems: Mapping[str, SystemSettings]
    fastagi: FastAgiSettings
    media: MediaSettings
    call: CallSettings
    recognizer: VoskSettings
    synthesizer: EspeakSettings
    vad: VadSettings
    endpointing: EndpointSettings
    reception: ReceptionSettings
    stories: StorySettings
    heartbeat: HeartbeatSettings
    bridge: BridgeSettings
    dialplan: DialplanSettings
    check: CheckSettings
    log: LogSettings
    profiles: Mapping[str, DialogueSettings] = field(
        default_factory=lambda: {DEFAULT_PROFILE: DialogueSettings()}
    )


def load(path: Path) -> Settings:
    """Read a configuration file. Raises ConfigError, one sentence with the mend."""
    return config.build(Settings, config.read_file(path))


async def open_recognizer(settings: Settings) -> RecognizerEngine:
    """Load the model that the configuration, or the first of its fallbacks, names."""
    path = locate(settings.recognizer.model, os.environ)
    return await VoskEngine.load(settings.recognizer, path)


@contextlib.asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Open what all calls share, and close it all at the end."""
    async with contextlib.AsyncExitStack() as stack:
        recognizer = await open_recognizer(settings)
        stack.push_async_callback(recognizer.close)
        synthesizer = EspeakSynthesizer(settings.synthesizer)
        stack.push_async_callback(synthesizer.close)
        erp = landscape(settings).gateway()
        stack.push_async_callback(erp.close)
        ami = AmiConnection(settings.ami)
        stack.push_async_callback(ami.close)
        await ami.start()
        await _prepare(settings, synthesizer)
        await open_erp(erp)
        heartbeat = Heartbeat(settings.heartbeat, _voice_name(settings), ami)
        stack.push_async_callback(heartbeat.close)
        await heartbeat.start()
        yield _parts(settings, ami, recognizer, synthesizer, erp, heartbeat=heartbeat)


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
    )


async def _prepare(settings: Settings, synthesizer: Synthesizer) -> None:
    for profile in settings.profiles.values():
        await synthesizer.prepare(fixed_phrases(profile))


def landscape(settings: Settings) -> Landscape:
    """Return the business systems of a configuration."""
    return Landscape(settings.erp, settings.systems)


async def open_erp(erp: Gateway) -> None:
    """Connect and log in to the systems. One that does not answer is logged, and tried again."""
    await erp.open(Deadline.after(asyncio.get_running_loop().time(), OPEN_ERP_S))


def _voice_name(settings: Settings) -> str:
    """Return the name of this voice process in its beats: where its FastAGI listens."""
    return f"{settings.fastagi.host}:{settings.fastagi.port}"


def _voice_hosts(settings: Settings) -> VoiceHosts:
    hosts = {settings.fastagi.host, settings.media.host, *settings.bridge.voice_hosts}
    return VoiceHosts(frozenset(hosts), settings.fastagi.port)


def _stop_signal() -> asyncio.Event:
    """Return an event that SIGTERM or SIGINT sets."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def watch(settings: Settings, ready: Callable[[], None]) -> None:
    """Watch the voice processes' calls until SIGTERM or SIGINT. Raises OSError: no port."""
    stopping = _stop_signal()
    fallback = Fallback(settings.dialplan.context, settings.dialplan.extension)
    async with contextlib.AsyncExitStack() as stack:
        ami = AmiConnection(settings.ami)
        stack.push_async_callback(ami.close)
        bridge = Bridge(
            settings.bridge, ami, _voice_hosts(settings), _voice_name(settings), fallback
        )
        stack.push_async_callback(bridge.close)
        await bridge.start()
        await ami.start()
        ready()
        await stopping.wait()


async def serve(settings: Settings, ready: Callable[[FastAgiServer], None]) -> None:
    """Take calls until SIGTERM or SIGINT, then let those in progress finish."""
    stopping = _stop_signal()
    async with open_parts(settings) as parts:
        reception = Reception(
            settings.reception, _profiles(settings), settings.stories, parts
        )
        server = FastAgiServer(settings.fastagi, reception.handle)
        await server.start()
        try:
            ready(server)
            await stopping.wait()
            _log.info("stopping: %d calls in progress may finish", reception.calls)
            await reception.drain()
        finally:
            await server.close()


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
        entry, wanted = settings.dialplan, settings.check
        ami_at = f"{settings.ami.host}:{settings.ami.port}"
        return await run(
            [
                *checks.pbx_checks(ami, ami_at, entry.context, entry.extension),
                checks.fastagi_check(settings.fastagi.host, settings.fastagi.port),
                checks.media_check(settings.media),
                checks.recognizer_check(lambda: open_recognizer(settings), _phrases(settings)),
                checks.synthesizer_check(synthesizer),
                *checks.erp_checks(port, wanted.item_number, wanted.phone),
            ]
        )


def _phrases(settings: Settings) -> tuple[str, ...]:
    """Return all that any state of any profile listens for."""
    states = (
        replace(start(profile), name=name)
        for profile in settings.profiles.values()
        for name in StateName
    )
    return tuple({phrase for state in states for phrase in listening(state).phrases or ()})


EXAMPLES = {
    "ami.user": "orderline",
    "ami.secret": "env:ORDERLINE_AMI_SECRET",
    "profile": "tryton-8.2",
    "url": "http://127.0.0.1:8000",
    "user": "orderline",
    "password": "env:ORDERLINE_ERP_PASSWORD",
    "parameters": "{database: company}",
    "company": '"the company"',
}
"""What stands in `etc/orderline.yaml` for the keys that have no default."""


def reference_file() -> str:
    """Return `etc/orderline.yaml`: every key with its unit and its default."""
    return reference.reference(Settings, EXAMPLES)
