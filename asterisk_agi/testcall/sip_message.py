"""SIP messages: bytes to values and back, as far as a calling telephone needs it.

One datagram is one message (UDP only). It does not know dialogs or transactions, and it keeps
headers that it does not know. Source: RFC 3261 sections 7 and 20.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from asterisk_agi.testcall.errors import PhoneUsageError, SipPeerError

MESSAGE_MAX_BYTES = 16 * 1024
"""Far above what Asterisk sends (about 1 KiB); a larger datagram is refused."""
HEADERS_MAX = 128
"""Asterisk sends about fifteen."""

Headers = tuple[tuple[str, str], ...]

_COMPACT = {
    "c": "content-type", "e": "content-encoding", "f": "from", "i": "call-id",
    "k": "supported", "l": "content-length", "m": "contact", "s": "subject",
    "t": "to", "v": "via",
}  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_STATUS = re.compile(r"SIP/2\.0 ([1-6]\d\d) ?(.*)", re.ASCII)
_REQUEST = re.compile(r"([A-Z]{1,32}) (\S+) SIP/2\.0", re.ASCII)


class _Lookup:
    """Reads headers by their full name, in any case, compact forms included."""

    headers: Headers

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a header, in wire order."""
        wanted = name.lower()
        return tuple(value for key, value in self.headers if _full_name(key) == wanted)

    def first(self, name: str) -> str:
        """Return the first value of a header; empty when there is none."""
        return next(iter(self.all(name)), "")


@dataclass(frozen=True)
class Request(_Lookup):
    """A SIP request."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""

    def __bytes__(self) -> bytes:
        return _serialise(f"{self.method} {self.uri} SIP/2.0", self.headers, self.body)


@dataclass(frozen=True)
class Response(_Lookup):
    """A SIP response."""

    status: int
    phrase: str
    headers: Headers
    body: bytes = b""

    def __bytes__(self) -> bytes:
        return _serialise(f"SIP/2.0 {self.status} {self.phrase}", self.headers, self.body)


def _full_name(name: str) -> str:
    lower = name.lower()
    return _COMPACT.get(lower, lower)


def _serialise(start: str, headers: Headers, body: bytes) -> bytes:
    lines = [start, *(f"{name}: {value}" for name, value in headers)]
    for line in lines:
        if _CONTROL.search(line):
            raise PhoneUsageError("a control character cannot go into a SIP header")
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def parse(datagram: bytes) -> Request | Response:
    """Read one message.

    datagram: the whole UDP payload. Raises SipPeerError when it is no SIP message or is over
    the caps; such a datagram is best dropped, with a line in the log.
    """
    if len(datagram) > MESSAGE_MAX_BYTES:
        raise SipPeerError(f"a SIP message of {len(datagram)} bytes is over our cap")
    head, found, rest = datagram.partition(b"\r\n\r\n")
    if not found:
        raise SipPeerError("a SIP message without an empty line after its headers")
    start, *lines = head.decode("utf-8", "replace").split("\r\n")
    headers = tuple(_headers(lines))
    body = _body(headers, rest)
    if status := _STATUS.fullmatch(start):
        return Response(int(status[1]), status[2], headers, body)
    if request := _REQUEST.fullmatch(start):
        return Request(request[1], request[2], headers, body)
    raise SipPeerError("a SIP message whose first line is neither request nor status")


def _headers(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in _unfolded(lines):
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise SipPeerError("a SIP header line without a name")
        yield name.strip(), value.strip()


def _unfolded(lines: list[str]) -> list[str]:
    """Join continuation lines (RFC 3261 section 7.3.1)."""
    joined: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and joined:
            joined[-1] += " " + line.strip()
        else:
            joined.append(line)
        if len(joined) > HEADERS_MAX:
            raise SipPeerError(f"a SIP message with more than {HEADERS_MAX} headers")
    return joined


def _body(headers: Headers, rest: bytes) -> bytes:
    """Cut the body to Content-Length; over UDP a missing length means all the rest."""
    told = next((value for name, value in headers if _full_name(name) == "content-length"), "")
    if not told:
        return rest
    if not (told.isascii() and told.isdecimal() and int(told[:9]) <= len(rest)):
        raise SipPeerError("a SIP message whose Content-Length is not its length")
    return rest[: int(told)]


def parameter(value: str, name: str) -> str:
    """Return a header parameter such as `tag` or `branch`; empty when it is missing."""
    _, _, after = value.rpartition(">")
    for part in after.split(";")[1:] if ">" in value else value.split(";")[1:]:
        key, _, content = part.partition("=")
        if key.strip().lower() == name:
            return content.strip()
    return ""


def uri_of(value: str) -> str:
    """Return the URI of a From, To, Contact or Record-Route value."""
    if "<" in value:
        return value.partition("<")[2].partition(">")[0]
    return value.partition(";")[0].strip()
