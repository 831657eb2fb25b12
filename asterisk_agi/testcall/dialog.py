"""One SIP dialog as its caller sees it: names, tags, route, and the requests made of them.

Pure values and text; when to send what is `user_agent.py`. Source: RFC 3261 sections 8.1.1, 12.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from asterisk_agi.testcall.errors import PhoneUsageError
from asterisk_agi.testcall.sip_message import Headers, Request, Response, parameter, uri_of
from erp.secrets import Secret

ROUTES_MAX = 8
"""Proxies between us and Asterisk; there is normally none."""

_NAME = re.compile(r"[A-Za-z0-9+*#_.~-]{1,64}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}", re.ASCII)


@dataclass(frozen=True)
class Account:
    """The SIP account that calls are placed with."""

    host: str
    """Host name or IPv4 address of the server."""
    port: int
    """UDP port of the server."""
    user: str
    """Name for the digest authentication; also the From name when no number is given."""
    password: Secret
    number: str = ""
    """The caller's number, as the From header tells it; empty: the user's name."""

    def __post_init__(self) -> None:
        checked_name("user", self.user)
        if self.number:
            checked_name("number", self.number)
        if not _HOST.fullmatch(self.host):
            raise PhoneUsageError(f"{self.host!r} is no SIP host name or IPv4 address")


def checked_name(what: str, value: str) -> str:
    """Return the value when it can stand in a SIP URI, else raise PhoneUsageError."""
    if not _NAME.fullmatch(value):
        raise PhoneUsageError(f"the {what} {value!r} has characters that a SIP address cannot have")
    return value


@dataclass
class Dialog:
    """The state that both ends share; `cseq` is the number of our last request."""

    contact: tuple[str, int]
    """Our own address: (IPv4 address, UDP port)."""
    call_id: str
    local_uri: str
    local_tag: str
    remote_uri: str
    target: str
    """Where requests go: the callee's URI, later its Contact."""
    remote_tag: str = ""
    routes: tuple[str, ...] = ()
    cseq: int = 0

    def next_request(
        self, method: str, branch: str, extra: Headers = (), body: bytes = b""
    ) -> Request:
        """Make a request with the next sequence number."""
        self.cseq += 1
        return self.request(method, branch, self.cseq, extra, body)

    def request(
        self, method: str, branch: str, cseq: int, extra: Headers = (), body: bytes = b""
    ) -> Request:
        """Make a request with a given sequence number (ACK, CANCEL)."""
        host, port = self.contact
        remote_tag = f";tag={self.remote_tag}" if self.remote_tag else ""
        headers = (
            ("Via", f"SIP/2.0/UDP {host}:{port};rport;branch={branch}"),
            ("Max-Forwards", "70"),
            *(("Route", route) for route in self.routes),
            ("From", f"<{self.local_uri}>;tag={self.local_tag}"),
            ("To", f"<{self.remote_uri}>{remote_tag}"),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<sip:{host}:{port}>"),
            ("User-Agent", "orderline call"),
            *extra,
        )
        return Request(method, self.target, headers, body)

    def confirm(self, response: Response) -> None:
        """Take the far side's tag, contact and route from its 2xx."""
        self.remote_tag = parameter(response.first("to"), "tag")
        self.target = uri_of(response.first("contact")) or self.target
        self.routes = tuple(reversed(response.all("record-route")[:ROUTES_MAX]))


def acknowledge_refusal(request: Request, response: Response) -> Request:
    """Make the ACK of a final response >= 300: the same branch, the response's To."""
    number = request.first("cseq").split()[0]
    kept = ("Via", "Max-Forwards", "Route", "From", "Call-ID")
    headers = tuple((name, value) for name, value in request.headers if name in kept)
    to = (("To", response.first("to")), ("CSeq", f"{number} ACK"))
    return Request("ACK", request.uri, headers + to)


def cancel_of(request: Request) -> Request:
    """Make the CANCEL of a request: the same branch, To without tag, the same number."""
    number = request.first("cseq").split()[0]
    kept = ("Via", "Max-Forwards", "Route", "From", "To", "Call-ID")
    headers = tuple((name, value) for name, value in request.headers if name in kept)
    return Request("CANCEL", request.uri, (*headers, ("CSeq", f"{number} CANCEL")))


def reply(
    request: Request, status: int, phrase: str, extra: Headers = (), body: bytes = b""
) -> Response:
    """Make the response to a request of the far side."""
    kept = [("Via", via) for via in request.all("via")]
    kept += [(name, request.first(name)) for name in ("From", "To", "Call-ID", "CSeq")]
    return Response(status, phrase, (*kept, *extra), body)
