"""The composition root of `orderline bridge`: settings in, a watched Asterisk out.

Here, in `app.py` and in `cli.py`, the rooms `asterisk_agi` and `ami_bridge` meet.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from ami_bridge.bridge import Bridge
from ami_bridge.connection import AmiConnection
from ami_bridge.sightings import VoiceHosts
from ami_bridge.watchdog import Fallback
from asterisk_agi.app import stop_signal, voice_name
from asterisk_agi.settings import Settings


async def watch(settings: Settings, ready: Callable[[], None]) -> None:
    """Watch the voice processes' calls until SIGTERM or SIGINT. Raises OSError: no port."""
    stopping = stop_signal()
    fallback = Fallback(settings.dialplan.context, settings.dialplan.extension)
    async with contextlib.AsyncExitStack() as stack:
        ami = AmiConnection(settings.ami)
        stack.push_async_callback(ami.close)
        bridge = Bridge(
            settings.bridge, ami, _voice_hosts(settings), voice_name(settings), fallback
        )
        stack.push_async_callback(bridge.close)
        await bridge.start()
        await ami.start()
        ready()
        await stopping.wait()


def _voice_hosts(settings: Settings) -> VoiceHosts:
    hosts = {settings.fastagi.host, settings.media.host, *settings.bridge.voice_hosts}
    return VoiceHosts(frozenset(hosts), settings.fastagi.port)
