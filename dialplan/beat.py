"""A sign of life of a voice process: what it says, by UDP and as an AMI event. Pure.

It names the voice process (by the address of its FastAGI) and the calls that are alive in it, by
the Uniqueid of the caller's channel. A call that stalls is simply not named. The voice process
(`asterisk_agi`) writes it, the watchdog (`ami_bridge`) reads it; neither room knows the other.
There is no login: a forged beat can keep a dead call from being rescued, and do nothing else, so
the port belongs on loopback or on a network of the PBX's own.

    datagram    orderline-beat 1 127.0.0.1:4573 1763742041.12,1763742044.15
    AMI         UserEvent: OrderlineBeat
                Beat: <the same text>
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

DEFAULT_PORT = 4574
"""UDP port of the bridge; next to FastAGI's 4573."""

BEAT_MAX_BYTES = 960
"""Longest beat: fits a header line of AMI (1,024 bytes) and every network's datagram. A process
with more calls than fit sends several."""

USER_EVENT = "OrderlineBeat"
USER_HEADER = "Beat"

_MAGIC = "orderline-beat 1"
_BEAT = re.compile(rf"{_MAGIC} ([A-Za-z0-9.\[\]:_-]{{1,255}}) ([A-Za-z0-9._~%,-]*)")


@dataclass(frozen=True)
class Beat:
    """One sign of life."""

    voice: str
    """host:port of the voice process's FastAGI."""
    calls: tuple[str, ...]
    """Uniqueids of the callers' channels whose calls are alive."""


def texts(voice: str, calls: Iterable[str]) -> Sequence[str]:
    """Return the beats of a process, each within BEAT_MAX_BYTES; at least one."""
    beats = [f"{_MAGIC} {voice} "]
    for call in calls:
        quoted = quote(call, safe="")
        longer = f"{beats[-1]},{quoted}" if not beats[-1].endswith(" ") else beats[-1] + quoted
        if len(longer) <= BEAT_MAX_BYTES:
            beats[-1] = longer
        else:
            beats.append(f"{_MAGIC} {voice} {quoted}")
    return beats


def read(text: str) -> Beat:
    """Return what a beat says. Raises ValueError when it is none."""
    found = _BEAT.fullmatch(text) if len(text) <= BEAT_MAX_BYTES else None
    if found is None:
        raise ValueError("not a beat")
    voice, calls = found.groups()
    return Beat(voice, tuple(unquote(call) for call in calls.split(",") if call))


def read_datagram(data: bytes) -> Beat:
    """Return what a datagram says. Raises ValueError when it is no beat."""
    try:
        return read(data.decode("ascii"))
    except UnicodeDecodeError as error:
        raise ValueError("not a beat") from error


def read_event(event: Mapping[str, str]) -> Beat | None:
    """Return what an AMI event says; None when it is another event, or garbled."""
    if event.get("Event") != "UserEvent" or event.get("UserEvent") != USER_EVENT:
        return None
    try:
        return read(event.get(USER_HEADER, ""))
    except ValueError:
        return None


def split_address(where: str) -> tuple[str, int]:
    """Split IP:PORT (IPv6 in brackets). Raises ValueError when it is something else."""
    host, _, port = where.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        raise ValueError(f"{where!r} is no address: write IP:PORT") from error
    if not port.isdecimal() or not 0 < int(port) < 2**16:
        raise ValueError(f"{where!r} has no port: write IP:PORT")
    return host, int(port)
