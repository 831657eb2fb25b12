"""What aiohttp, TLS and the sockets raise, told as a failure: the one place where that is done.

Retrying mends a connection that was refused or reset, and a name server that did not answer. It
does not mend a certificate or a protocol version: somebody has to. So those are `refused`, which
the gateway neither tries again nor counts as an outage that will pass.

Source: aiohttp "Client exceptions"; OpenSSL x509_vfy.h (the codes of a verification).
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Iterator

import aiohttp

from erp.connectors.http.failure import Failure, Means, too_late

_CERTIFICATES = {
    9: "is not valid yet",
    10: "has expired",
    18: "is signed by itself",
    19: "comes from an authority that we do not know: name it in ca_file",
    20: "comes from an authority that we do not know: name it in ca_file",
    21: "comes without its chain of authorities",
    23: "was revoked",
    62: "is for another name",
    64: "is for another address",
}
"""Sentences for OpenSSL's X509_V_ERR_... codes."""

_TLS_REASONS = {
    "TLSV1_ALERT_PROTOCOL_VERSION": 'has no TLS version that we accept: see `tls` in the profile',
    "UNSUPPORTED_PROTOCOL": 'has no TLS version that we accept: see `tls` in the profile',
    "WRONG_VERSION_NUMBER": "does not speak TLS at this port: mend its url",
    "HTTP_REQUEST": "does not speak TLS at this port: mend its url",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "wants a certificate of ours: give client_certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "does not accept our certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "does not accept our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "does not accept our certificate: it has expired",
}

_UNREACHABLE = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ENETUNREACH: "no way to its network",
    errno.EHOSTUNREACH: "no way to its host",
    errno.ETIMEDOUT: "no answer to our connection",
    errno.EMFILE: "we have no file descriptors left",
}


def failure_of(error: BaseException) -> Failure:
    """Return what an error of aiohttp or a socket means. Never shows an address or a value."""
    # The system's own ETIMEDOUT is a TimeoutError too, and no deadline of ours.
    if isinstance(error, asyncio.TimeoutError) and not getattr(error, "errno", None):
        return too_late()
    causes = tuple(_causes(error))
    for kind, told in _TOLD:
        # The innermost says most: aiohttp's own errors of TLS carry no reason.
        for cause in reversed(causes):
            if isinstance(cause, kind):
                return told(cause)
    return Failure(Means.BAD, f"cannot be asked: {type(error).__name__}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what is behind it, each once."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        inner = getattr(found, "os_error", None) or getattr(found, "certificate_error", None)
        found = inner if isinstance(inner, BaseException) else found.__cause__


def _certificate(error: BaseException) -> Failure:
    told = _CERTIFICATES.get(getattr(error, "verify_code", 0), "can't be trusted")
    return Failure(Means.REFUSED, f"its certificate {told}")


def _tls(error: BaseException) -> Failure:
    reason = str(getattr(error, "reason", "") or "")
    told = _TLS_REASONS.get(reason, f"no TLS with it: {reason.lower() or 'handshake failed'}")
    return Failure(Means.REFUSED, told)


def _socket(error: BaseException) -> Failure:
    number = getattr(error, "errno", None) or 0
    told = _UNREACHABLE.get(number, errno.errorcode.get(number, type(error).__name__))
    return Failure(Means.DOWN, f"cannot be reached: {told}")


def _down(sentence: str) -> Callable[[BaseException], Failure]:
    return lambda _: Failure(Means.DOWN, f"cannot be reached: {sentence}")


_TOLD: tuple[tuple[type[BaseException], Callable[[BaseException], Failure]], ...] = (
    (ssl.SSLCertVerificationError, _certificate),
    # The other side hung up in the handshake: that is a reset.
    (ssl.SSLEOFError, _down("connection closed in the TLS handshake")),
    (ssl.SSLZeroReturnError, _down("connection closed in the TLS handshake")),
    (ssl.SSLError, _tls),
    (aiohttp.ClientPayloadError, _down("the answer broke off")),
    (
        aiohttp.ClientResponseError,
        lambda _: Failure(Means.BAD, "answered with what is not HTTP"),
    ),
    (socket.gaierror, _down("its name is not known")),
    (aiohttp.ServerDisconnectedError, _down("connection closed before the answer")),
    (ConnectionResetError, _down("connection reset")),
    (OSError, _socket),
    (aiohttp.ClientConnectionError, _down("connection closed before the answer")),
)
"""What each kind of error means; the first that is among the causes counts."""
