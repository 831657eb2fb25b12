"""Finds a UDP port for a leg: any free one, or an even one of a configured range.

RTP takes even ports by custom (RFC 3550 section 11). The odd neighbour, RTCP's, is not used.
"""

from __future__ import annotations

import errno
import socket

from asterisk_agi.errors import MediaError


def bind_udp(host: str, first: int, last: int) -> socket.socket:
    """Return a non-blocking UDP socket on `host`, on the first free even port of first..last.

    first 0: any free port. Raises MediaError when there is none, or the host is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ports = range(first + first % 2, last + 1, 2) if first else (0,)
    for port in ports:
        bound = _bind(family, host, port)
        if bound is not None:
            return bound
    raise MediaError(
        f"no free UDP port from media.port_first {first} to media.port_last {last}"
        f" on media.host {host}: widen the range"
    )


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket | None:
    try:
        udp = socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:
        raise MediaError(f"no socket for a media leg: {error.strerror}") from error
    try:
        udp.setblocking(False)
        udp.bind((host, port))
    except OSError as error:
        udp.close()
        if error.errno == errno.EADDRINUSE and port:
            return None
        raise MediaError(
            f"can't bind port {port} of media.host {host} ({error.strerror}): use an address"
            " of this machine and ports that its user may bind"
        ) from error
    return udp
