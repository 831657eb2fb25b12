"""Who may come in to FastAGI, and how: the allow-list, TLS, and a log that can't be flooded.

FastAGI has no login: whoever connects may play Asterisk. So a peer's address is looked at before
a byte of its is read. Asterisk itself speaks no TLS for AGI; `orderline.agi` (script.py) on the
PBX host does. Everything here is decided without a socket; `server.py` holds the connections.
Sources: RFC 8446 (TLS 1.3), Python's `ssl` (MemoryBIO, SSLObject).
"""

from __future__ import annotations

import ipaddress
import logging
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

LOOPBACK = ("127.0.0.0/8", "::1/128")
"""The networks of this machine alone."""

REPEAT_S = 60.0
"""A warning about strangers is repeated no more often, seconds: a flood must not fill the disk."""

TLS_CHUNK_BYTES = 64 * 1024
"""Plain bytes read from the TLS layer at a time."""


# Addresses...


class AllowList:
    """IP addresses and networks from which peers are taken."""

    def __init__(self, networks: Sequence[str]) -> None:
        """Read the list; empty: everybody. Raises ValueError, one sentence with the mend."""
        self._networks = [_network(entry) for entry in networks]

    @property
    def everybody(self) -> bool:
        """True when nobody is refused."""
        return not self._networks

    @property
    def loopback_only(self) -> bool:
        """True when only this machine may come."""
        return bool(self._networks) and all(net.is_loopback for net in self._networks)

    def allows(self, address: str) -> bool:
        """Tell whether a peer may come in. address: as the socket tells it."""
        if self.everybody:
            return True
        try:
            peer = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        # A socket for both families shows an IPv4 peer in IPv6's clothes.
        plain = getattr(peer, "ipv4_mapped", None) or peer
        return any(plain.version == net.version and plain in net for net in self._networks)


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        raise ValueError(
            f"allow has {entry!r}: write IP addresses or networks, as in [10.0.0.0/24]"
        ) from None


# The log...


class Strangers:
    """Warns of peers that were turned away: one line a minute for each kind, with a count."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float]) -> None:
        self._log = log
        self._clock = clock
        self._said_s: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def refused(self, why: str, peer: str) -> None:
        """Count a peer, and say so unless it was said just now. why: one of a few sentences."""
        now_s = self._clock()
        if now_s - self._said_s.get(why, -REPEAT_S) < REPEAT_S:
            self._unsaid[why] = self._unsaid.get(why, 0) + 1
            return
        self._said_s[why] = now_s
        more = self._unsaid.pop(why, 0)
        self._log.warning("%s: closed: %s%s", peer, why, f" ({more} more)" if more else "")


# TLS...


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the server's TLS settings: TLS 1.2 or later, no renegotiation.

    certificate: PEM, with its chain. Raises ValueError that names the file when it can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        # An encrypted key would be asked for on the terminal of a service: refuse it.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:
        raise ValueError(
            f"tls_certificate {certificate} with tls_key {key} can't be used ({error}):"
            " give a PEM certificate and its key without a password, readable by this user"
        ) from error
    return context


class TlsLayer:
    """The server's end of one TLS connection: encrypted bytes in and out, no socket."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._open = False

    def receive_data(self, data: bytes) -> bytes:
        """Take encrypted bytes; return the plain ones. Call `to_send` afterwards, in any case.

        Raises ssl.SSLError when the peer does not speak TLS as it must: drop it.
        """
        self._incoming.write(data)
        plain = bytearray()
        try:
            if not self._open:
                self._tls.do_handshake()
                self._open = True
            while chunk := self._tls.read(TLS_CHUNK_BYTES):
                plain += chunk
        except ssl.SSLWantReadError:
            return bytes(plain)
        return bytes(plain)

    def encrypt(self, data: bytes) -> bytes:
        """Return the encrypted form of plain bytes, after the handshake."""
        self._tls.write(data)
        return self.to_send()

    def to_send(self) -> bytes:
        """Return what the peer must get now: handshake, tickets, alerts."""
        return self._outgoing.read()
