"""The way to a database server: its name, the connection, and what TLS finds wrong with it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from erp.connectors.sql.address import Address
from erp.connectors.sql.session import Asked
from erp.errors import BackendDown, BackendRefused, ErpError
from erp.trace import Hop, Trace

_HUNG_UP = (ssl.SSLEOFError, ssl.SSLZeroReturnError)


async def resolve(address: Address, trace: Trace | None) -> None:
    """Note how long the server's name takes to resolve; the driver resolves it once more.

    Raises OSError (socket.gaierror) when nobody knows it.
    """
    if address.loopback:
        return
    loop = asyncio.get_running_loop()
    with nullcontext() if trace is None else trace.span(Hop.RESOLVE):
        await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)


@contextmanager
def connecting(trace: Trace | None) -> Iterator[None]:
    """Note the hop CONNECT: the drivers don't tell TCP, TLS and the login from each other."""
    with nullcontext() if trace is None else trace.span(Hop.CONNECT):
        yield


def lost(error: Exception) -> str:
    """Return what is told of a connection that could not be made, or was lost."""
    if isinstance(error, socket.gaierror):
        return "its host name is not known: see the url"
    if isinstance(error, ConnectionRefusedError):
        return "it refuses connections: is it running, and on this port?"
    return "the connection was lost"


def tls_fault(error: ssl.SSLError, asked: Asked) -> ErpError:
    """Return the ErpError of a TLS handshake that failed."""
    # OpenSSL's errors carry these; Python's own don't.
    if isinstance(error, ssl.SSLCertVerificationError):
        told = str(getattr(error, "verify_message", "") or "it could not be checked")
        return asked.error(BackendRefused, f"its certificate can't be trusted: {told}")
    if isinstance(error, _HUNG_UP):
        return asked.error(BackendDown, "it hung up in the TLS handshake")
    reason = str(getattr(error, "reason", "") or "the handshake failed")
    return asked.error(BackendRefused, f"no TLS with it: {reason.lower().replace('_', ' ')}")
