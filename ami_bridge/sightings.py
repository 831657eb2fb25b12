"""Which calls are Orderline's, as AMI's events and lists show them. Pure.

A call is ours when its caller's channel runs `Dial(UnicastRTP/HOST:PORT/...)` to a voice host,
or `AGI()` of a voice host's address or of our script. Another product's AGI on the same host has
another port; ARI's external media also makes UnicastRTP channels, but no channel dials those.
A human who is whispered to is seen as well: their channel is held by us while a caller waits.
Source: Asterisk documentation, "Event DialBegin", "Event Newexten", "Action CoreShowChannels";
app_dial.c, chan_rtp.c.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dialplan.render import AGI_SCRIPT, WHISPER_SCRIPT

Row = Mapping[str, str]
"""One event, or one channel of CoreShowChannels."""


@dataclass(frozen=True)
class Sighting:
    """A call of ours, as it was seen."""

    uniqueid: str
    """Of the caller's channel; the beats name it."""
    channel: str
    """The caller's channel."""
    context: str
    extension: str
    """Where in the dialplan it is."""
    leg: str = ""
    """The channel of the media leg; empty while there is none, or it was not seen."""
    voice: str = ""
    """host:port of the voice process, where its address shows; as in its beats."""
    whisper: bool = False
    """True: it is no caller's channel but that of a human who is whispered to."""
    priority: str = ""
    """The step of the dialplan at which it is; what our AGI() runs is on the same."""
    waits: Sighting | None = None
    """The caller who waits for that human, as far as Asterisk listed them."""


@dataclass(frozen=True)
class VoiceHosts:
    """Where voice processes may be."""

    hosts: frozenset[str]
    """IP addresses (or names, as the dialplan spells them) of FastAGI and of the media legs."""
    port: int
    """TCP port of their FastAGI."""
    whisper_context: str = ""
    """Context of the dialplan in which humans are whispered to."""


_AGI = re.compile(r"h?agi://(\[[^\]]*\]|[^/:,]+)(?::(\d{1,5}))?(?:/([^,]*))?(?:,.*)?", re.DOTALL)
_LEG = re.compile(r"UnicastRTP/(.+):\d{1,5}-[0-9a-fx]+")
_DIAL = re.compile(r"(UnicastRTP/(.+):\d{1,5})/.*", re.DOTALL)
_DEFAULT_PORT = "4573"

CALLBACK_PREFIX = "orderline-cb-"
"""How the Uniqueid of the channel of a call-back's human begins; `originate` chooses it."""


def dialled(event: Row, voices: VoiceHosts) -> Sighting | None:
    """Return the call that a DialBegin event shows; None when it shows none of ours."""
    leg = event.get("DestChannel", "")
    if event.get("Event") != "DialBegin" or not event.get("Uniqueid") or not _is_leg(leg, voices):
        return None
    return _sighting(event, leg, whisper=_whispers(event, voices))


def entered(event: Row, voices: VoiceHosts) -> Sighting | None:
    """Return the call whose AGI() a Newexten event shows to begin; None: none of ours."""
    if event.get("Event") != "Newexten" or not event.get("Uniqueid"):
        return None
    data = event.get("AppData", "")
    if event.get("Application", "").lower() != "agi" or not _is_ours(data, voices):
        return None
    return _sighting(event, "", _voice_of(data), _is_whisper(data))


def present(rows: Sequence[Row], voices: VoiceHosts) -> list[Sighting]:
    """Return the calls of ours among the channels that Asterisk lists."""
    legs = {
        name.rpartition("-")[0]: name
        for name in (row.get("Channel", "") for row in rows)
        if _is_leg(name, voices)
    }
    found = []
    for row in rows:
        leg = _held_by(row, legs, voices)
        if leg is not None and row.get("Uniqueid"):
            data = row.get("ApplicationData", "")
            seen = _sighting(row, leg, _voice_of(data))
            if _is_whisper(data) or _whispers(row, voices):
                seen = replace(seen, whisper=True, waits=_waiting(row, rows))
            found.append(seen)
    return found


def _waiting(human: Row, rows: Sequence[Row]) -> Sighting | None:
    """Return the caller for whom a human was rung: the oldest channel of the call, if it rings."""
    ringing = [
        row
        for row in rows
        if row.get("Uniqueid") and row.get("Uniqueid") != human.get("Uniqueid")
        if row.get("Linkedid") == human.get("Linkedid")
        if row.get("Application", "").lower() in ("queue", "dial")
    ]
    # A call-back has no caller yet: without its human it is tried again.
    ringing = [row for row in ringing if not row.get("Linkedid", "").startswith(CALLBACK_PREFIX)]
    first = sorted(ringing, key=lambda row: row["Uniqueid"] != row.get("Linkedid"))
    return _sighting(first[0], "") if first else None


def _sighting(row: Row, leg: str, voice: str = "", whisper: bool = False) -> Sighting:
    return Sighting(
        uniqueid=row["Uniqueid"],
        channel=row.get("Channel", ""),
        context=row.get("Context", ""),
        extension=row.get("Exten", ""),
        leg=leg,
        voice=voice,
        whisper=whisper,
        priority=row.get("Priority", ""),
    )


def _is_leg(channel: str, voices: VoiceHosts) -> bool:
    found = _LEG.fullmatch(channel)
    return found is not None and found.group(1).strip("[]") in voices.hosts


def _held_by(row: Row, legs: Mapping[str, str], voices: VoiceHosts) -> str | None:
    """Return the leg (or "") that holds a channel; None when nothing of ours holds it."""
    application, data = row.get("Application", "").lower(), row.get("ApplicationData", "")
    if application == "dial":
        found = _DIAL.fullmatch(data)
        if found is not None and found.group(2).strip("[]") in voices.hosts:
            return legs.get(found.group(1), "")
    elif application == "agi" and _is_ours(data, voices):
        return ""
    return None


def _is_ours(agi: str, voices: VoiceHosts) -> bool:
    found = _AGI.fullmatch(agi)
    if found is None:
        return agi.partition(",")[0].rpartition("/")[2] == AGI_SCRIPT
    host, port, _ = found.groups()
    return host.strip("[]") in voices.hosts and int(port or _DEFAULT_PORT) == voices.port


def _is_whisper(agi: str) -> bool:
    found = _AGI.fullmatch(agi)
    return found is not None and found.group(3) == WHISPER_SCRIPT


def _whispers(row: Row, voices: VoiceHosts) -> bool:
    """Tell whether a channel is where humans are whispered to: Dial holds it by then, not AGI."""
    return bool(voices.whisper_context) and row.get("Context") == voices.whisper_context


def _voice_of(agi: str) -> str:
    found = _AGI.fullmatch(agi)
    return f"{found.group(1)}:{found.group(2) or _DEFAULT_PORT}" if found is not None else ""
