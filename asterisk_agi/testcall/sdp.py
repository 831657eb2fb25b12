"""The one media line of a test call: G.711 mu-law and telephone events, as SDP.

Video, encryption and other codecs are not offered. Source: RFC 8866 (SDP), RFC 3264 (offer and
answer), RFC 4733 section 2.4 (telephone-event).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from asterisk_agi.testcall.errors import SipPeerError

ULAW_PAYLOAD_TYPE = 0
"""Static, RFC 3551."""
EVENT_PAYLOAD_TYPE = 101
"""What we offer for telephone events; the answer may name another."""
LINES_MAX = 200
"""Asterisk sends about fifteen."""

_EVENT_MAP = re.compile(r"a=rtpmap:(\d{1,3}) telephone-event/8000\s*", re.IGNORECASE | re.ASCII)
_AUDIO = re.compile(r"m=audio (\d{1,5}) \S+((?: \d{1,3})+)\s*", re.ASCII)
_CONNECTION = re.compile(r"c=IN IP4 (\d{1,3}(?:\.\d{1,3}){3})(?:/\d+)?\s*", re.ASCII)


@dataclass(frozen=True)
class RemoteMedia:
    """Where the far side wants our packets."""

    host: str
    """IPv4 address; `0.0.0.0` while on hold."""
    port: int
    """0 when the far side wants no audio."""
    event_payload_type: int | None
    """Payload type for telephone events; none when it takes none."""


def describe(host: str, port: int, version: int = 0) -> bytes:
    """Return our offer, which is our answer as well: mu-law and telephone events, 20 ms.

    host: our IPv4 address. port: our RTP port. version: counts changes within a dialog.
    """
    events = EVENT_PAYLOAD_TYPE
    lines = (
        "v=0",
        f"o=- 1 {version + 1} IN IP4 {host}",
        "s=orderline",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {ULAW_PAYLOAD_TYPE} {events}",
        f"a=rtpmap:{ULAW_PAYLOAD_TYPE} PCMU/8000",
        f"a=rtpmap:{events} telephone-event/8000",
        f"a=fmtp:{events} 0-15",
        "a=ptime:20",
        "a=sendrecv",
    )
    return ("\r\n".join(lines) + "\r\n").encode()


def read(body: bytes) -> RemoteMedia:
    """Read the far side's description.

    Raises SipPeerError when it has no audio line with mu-law over IPv4.
    """
    lines = body.decode("utf-8", "replace").splitlines()
    if len(lines) > LINES_MAX:
        raise SipPeerError(f"a session description of more than {LINES_MAX} lines")
    audio = next(filter(None, map(_AUDIO.fullmatch, lines)), None)
    if audio is None or str(ULAW_PAYLOAD_TYPE) not in audio[2].split():
        raise SipPeerError("the far side's session description has no G.711 mu-law audio")
    start = lines.index(audio[0])
    host = _connection(_section(lines, start)) or _connection(lines[:start])
    if not host:
        raise SipPeerError("the far side's session description has no IPv4 address")
    events = next(filter(None, map(_EVENT_MAP.fullmatch, lines)), None)
    offered = events is not None and events[1] in audio[2].split()
    return RemoteMedia(
        host, int(audio[1]), int(events[1]) if events is not None and offered else None
    )


def _section(lines: list[str], start: int) -> list[str]:
    """Return the lines of one media section, without those of the next."""
    after = (at for at in range(start + 1, len(lines)) if lines[at].startswith("m="))
    return lines[start : next(after, len(lines))]


def _connection(lines: list[str]) -> str:
    found = next(filter(None, map(_CONNECTION.fullmatch, lines)), None)
    return found[1] if found else ""
