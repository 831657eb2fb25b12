"""What `orderline check` tries, dependency by dependency.

The PBX is known by a protocol here, as everywhere in this room; `app.py` hands in the real one.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from typing import Protocol

from asterisk_agi.check import Check, NotWell
from asterisk_agi.media.leg import Leg, MediaSettings
from asterisk_agi.speech.port import RecognizerEngine, Synthesizer
from dialplan.check import examine
from erp.commands.known import known_customer, known_item
from erp.deadline import Deadline
from erp.model import NotFound
from erp.port import ErpPort

ERP_S = 5.0
"""Seconds for each operation of the ERP: more than a turn has, to tell slow from dead."""

RIGHTS = {
    "Hangup": "ends the media leg",
    "Getvar": "learns where Asterisk's end of the media leg listens",
    "CoreShowChannels": "asks for the present state after a reconnect",
    "ShowDialPlan": "lets this check read the dialplan",
}
"""AMI actions that our user needs, and what for."""


class Manager(Protocol):
    """What the checks need of AMI."""

    async def wait_connected(self, timeout_s: float | None = None) -> None:
        """Wait for the login."""

    async def action(self, name: str, **headers: str) -> Sequence[Mapping[str, str]]:
        """Send an action; returns the response and its events."""


def pbx_checks(
    ami: Manager, where: str, context: str, extension: str, voicemail: bool
) -> tuple[Check, ...]:
    """Login, rights, channel driver, dialplan entry with its fallback label.

    voicemail: whether callers are offered to leave a message.
    """

    async def login() -> str:
        await ami.wait_connected(timeout_s=5.0)
        return "logged in"

    async def rights() -> str:
        allowed = (await ami.action("ListCommands"))[0]
        lacking = [f"{name} ({use})" for name, use in RIGHTS.items() if name not in allowed]
        if lacking:
            raise NotWell(f"manager.conf: the user may not {', '.join(lacking)}: add the rights")
        return f"{len(RIGHTS)} actions allowed; that DTMF events come, the first key shows"

    async def driver() -> str:
        answer = await ami.action("Getvar", Variable="IFMODULE(chan_rtp.so)")
        value = answer[0].get("Value")
        if value == "0":
            raise NotWell("chan_rtp.so is not loaded: add `load = chan_rtp.so` to modules.conf")
        if value != "1":
            return "func_module.so is not loaded, so it can't be asked: the first call shows"
        return "chan_rtp.so is loaded"

    async def entry() -> str:
        steps = await ami.action("ShowDialPlan", Context=context)
        findings = examine(steps, context, extension, voicemail)
        ill = [finding for finding in findings if not finding.ok]
        if ill:
            raise NotWell("; ".join(f"{finding.what}: {finding.mend}" for finding in ill))
        return "; ".join(finding.what for finding in findings)

    place = f"{extension}@{context}"
    return (
        Check("AMI login", where, login),
        Check("AMI rights", where, rights),
        Check("media channel driver", where, driver),
        Check("dialplan entry and fallback", place, entry),
    )


def fastagi_check(host: str, port: int) -> Check:
    """The port on which Asterisk calls us is ours: free, or served already."""

    async def attempt() -> str:
        try:
            server = await asyncio.start_server(lambda reader, writer: None, host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "in use: by the voice process, if it runs"
            mend = f"fastagi.host {host}: {error.strerror}: write an address of this machine"
            raise NotWell(mend) from error
        server.close()
        await server.wait_closed()
        return "free"

    return Check("FastAGI port", f"{host}:{port}", attempt)


def media_check(settings: MediaSettings) -> Check:
    """An RTP port can be had."""

    async def attempt() -> str:
        leg = await Leg.open(settings, lambda chunk: None)
        port = leg.port
        await leg.close()
        return f"port {port} is free"

    span = f"{settings.port_first}-{settings.port_last}" if settings.port_first else "any port"
    return Check("RTP ports", f"{settings.host}:{span}", attempt)


def recognizer_check(
    load: Callable[[], Awaitable[RecognizerEngine]], phrases: tuple[str, ...]
) -> Check:
    """The model loads, decodes, and knows the words that the dialogue listens for."""

    async def attempt() -> str:
        engine = await load()
        try:
            session = engine.session()
            await session.finish()
            await session.close()
            unknown = engine.unknown_words(phrases)
        finally:
            await engine.close()
        if unknown:
            raise NotWell(f"the model can't hear {', '.join(unknown[:10])}: take a larger model")
        return f"{engine.name} knows every word of the dialogue"

    return Check("recogniser", "recognizer.model", attempt)


def synthesizer_check(synthesizer: Synthesizer) -> Check:
    """The voice speaks."""

    async def attempt() -> str:
        chunk = await synthesizer.speak("This is a test of the voice.")
        return f"{chunk.seconds:.1f} s of speech"

    return Check("voice", synthesizer.name, attempt)


def erp_checks(erp: ErpPort, item_number: str, phone: str) -> tuple[Check, ...]:
    """Login, then each operation with records of the company's own."""

    def deadline() -> Deadline:
        return Deadline.after(asyncio.get_running_loop().time(), ERP_S)

    async def login() -> str:
        await erp.ping(deadline())
        return "logged in"

    async def find_item() -> str:
        item = await known_item(erp, item_number, deadline())
        return f"item {item.number} is {item.name}, record {item.record_id}"

    async def availability() -> str:
        item = await known_item(erp, item_number, deadline())
        stock = await erp.availability(item, date.today(), deadline())
        return f"{stock.available.amount} {stock.available.unit} of item {item.number}"

    async def customer() -> str:
        return f"record {(await known_customer(erp, phone, deadline())).record_id}"

    async def last_order() -> str:
        order = await erp.last_order(await known_customer(erp, phone, deadline()), deadline())
        if isinstance(order, NotFound):
            return "this customer has no order"
        return f"order {order.number} is {order.state.value}"

    return (
        Check("ERP login", erp.system_of("ping"), login),
        Check("ERP find item", erp.system_of("find_item"), find_item),
        Check("ERP availability", erp.system_of("availability"), availability),
        Check("ERP customer by number", erp.system_of("customers_by_phone"), customer),
        Check("ERP last order", erp.system_of("last_order"), last_order),
    )
