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
from datetime import date

from ami_bridge.connection import AmiConnection
from asterisk_agi import checks
from asterisk_agi.call import Parts, Profile
from asterisk_agi.check import Row, run
from asterisk_agi.dialogue.machine import listening, start
from asterisk_agi.dialogue.phrases import fixed_phrases
from asterisk_agi.dialogue.state import StateName
from asterisk_agi.dialogue.understanding import Understander
from asterisk_agi.heartbeat import Heartbeat
from asterisk_agi.reception import Reception
from asterisk_agi.server import FastAgiServer
from asterisk_agi.settings import Settings
from asterisk_agi.speech.espeak_engine import EspeakSynthesizer
from asterisk_agi.speech.models import locate
from asterisk_agi.speech.port import RecognizerEngine, Synthesizer
from asterisk_agi.speech.vosk_engine import VoskEngine
from erp.deadline import Deadline
from erp.gateway import Gateway
from erp.landscape import Landscape
from erp.port import ErpDoor

_log = logging.getLogger(__name__)

OPEN_ERP_S = 5.0
"""Seconds for the first login at the ERP; a process that starts before its ERP serves anyway."""


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
        heartbeat = Heartbeat(settings.heartbeat, voice_name(settings), ami)
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
    stopping = stop_signal()
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
