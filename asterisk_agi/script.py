"""`orderline.agi`: relay one AGI session on the PBX host to a voice host.

For hosts and menus where `agi://` cannot be typed (ViciDial call menus). In the dialplan:
`AGI(orderline.agi,PROFILE)` or `AGI(orderline.agi,PROFILE,hosts=10.0.0.5:4573&10.0.0.6)`.
Without `hosts=` the voice hosts come from `orderline.agi.conf` beside this file, else from
`/etc/orderline/agi.conf`: one `host:port` a line, tried in order. A line `ca=/path/ca.pem` there
means TLS to every voice host, those of `hosts=` too: only a certificate that this CA has signed
for the host's address or name is talked to, never plain text. Whatever happens, the script ends
with status 0 and the dialplan goes on; when no voice host served the call, ORDERLINE_RESULT is
`unavailable`.

It knows nothing of calls: it sends the prelude on as FastAGI would (`agi_network: yes`, the
profile as `agi_network_script`), then passes bytes. What Asterisk tells a FastAGI peer by the
line HANGUP it tells a local script by SIGHUP (res_agi.c): here one becomes the other.

This file is Python 3.6 (openSUSE on ViciBox), standard library and pyst2 only, and imports
nothing of Orderline: `script_build` puts it into one zipapp. Hence no `from __future__ import
annotations` (3.7) and quoted annotations.

pyst2 0.5.1's AGI class reads the prelude in its constructor, and: writes all it reads, callers'
numbers too, to stderr; decodes strictly; loops for ever on an end of file within a usage block;
has no deadline; quotes without escaping. So it gets streams of ours, which see to that, and only
constants of ours to quote.
"""

import os
import select
import signal
import socket
import ssl
import sys
import time

from asterisk.agi import AGI, AGIException

RESULT_VARIABLE = "__ORDERLINE_RESULT"
REASON_VARIABLE = "__ORDERLINE_REASON"
RESULT_NAME = "ORDERLINE_RESULT"
UNAVAILABLE = "unavailable"
NO_VOICE_HOST = "no-voice-host"
# The same words as in dialplan/variables.py and reasons.py; a test keeps them in step.

DEFAULT_PORT = 4573
"""Asterisk's port for agi://."""

DEFAULT_PROFILE = "default"
SYSTEM_CONFIG = "/etc/orderline/agi.conf"

CONNECT_S = 1.0
"""Longest time for one voice host to take the connection, seconds. A name's look-up is not in it:
write addresses."""

FIRST_COMMAND_S = 3.0
"""Longest time from the prelude to a voice host's first command, seconds: its first act is to
set ORDERLINE_RESULT. One that says nothing is stuck; the next is tried."""

REPLY_S = 3.0
"""Longest time for Asterisk's reply to a command of our own, seconds."""

SEND_S = 5.0
"""Longest time that a voice host may take no bytes, seconds."""

KEEP_ALIVE_S = 10
"""A voice host whose machine is gone is noticed after about three times this, seconds."""

LINE_MAX_BYTES = 16 * 1024
PRELUDE_MAX_LINES = 300
CONFIG_MAX_BYTES = 64 * 1024
HOSTS_MAX = 16
CHUNK_BYTES = 16 * 1024


class PeerGone(AGIException):  # type: ignore[misc]
    """Asterisk closed its end, or did not answer in time. Under pyst2's own class of errors."""


class AsteriskReader:
    """Standard input for pyst2: a line at a time, with a deadline, nothing read ahead."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.lines: list[bytes] = []

    def readline(self) -> str:
        """Return one line, with its end. Raises PeerGone at the end of file or without one."""
        line = b""
        until = time.monotonic() + REPLY_S
        while not line.endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.descriptor], [], [], left)[0]:
                raise PeerGone("Asterisk does not answer")
            # Byte by byte: what follows the line is the relay's to read.
            byte = os.read(self.descriptor, 1)
            if not byte or len(line) >= LINE_MAX_BYTES:
                raise PeerGone("Asterisk closed the session")
            line += byte
        self.lines.append(line)
        if len(self.lines) > PRELUDE_MAX_LINES:
            raise PeerGone("the prelude does not end")
        return line.decode("utf-8", "replace")


class AsteriskWriter:
    """Standard output for pyst2: written at once, whatever the locale."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def write(self, text: str) -> None:
        """Write all of a text."""
        write_all(self.descriptor, text.encode("utf-8"))

    def flush(self) -> None:
        """Do nothing: nothing is held back."""


class Nowhere:
    """Standard error for pyst2, which would show callers' numbers on Asterisk's console."""

    def write(self, text: str) -> None:
        """Forget it."""


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes to a descriptor."""
    while data:
        data = data[os.write(descriptor, data) :]


# What to do...


def options(arguments: "list[str]") -> "tuple[str, list[str], list[str]]":
    """Return the profile, the voice hosts that `hosts=` names, and what else was given."""
    profile = DEFAULT_PROFILE
    hosts: list[str] = []
    others: list[str] = []
    for position, argument in enumerate(arguments):
        if argument.startswith("hosts="):
            hosts.extend(argument[len("hosts=") :].replace("&", " ").split())
        elif position == 0:
            profile = argument.strip("/") or DEFAULT_PROFILE
        else:
            others.append(argument)
    return profile, hosts, others


def configured(script: str) -> "tuple[list[str], str]":
    """Return the voice hosts of the configuration, and its `ca=` ('': plain text)."""
    hosts: list[str] = []
    authority = ""
    for line in configured_lines(script):
        if line.startswith("ca="):
            authority = line[len("ca=") :].strip()
        else:
            hosts.append(line)
    return hosts, authority


def configured_lines(script: str) -> "list[str]":
    """Return the lines of the first configuration file that can be read."""
    for path in (os.path.realpath(script) + ".conf", SYSTEM_CONFIG):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
                text = file.read(CONFIG_MAX_BYTES)
        except OSError:
            continue
        lines = [line.partition("#")[0].strip() for line in text.splitlines()]
        return [line for line in lines if line]
    return []


def address(host: str) -> "tuple[str, int] | None":
    """Split `name`, `name:port`, `[IPv6]:port`; None when it is none of them."""
    name, port = host, str(DEFAULT_PORT)
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        port = rest[1:] if rest.startswith(":") else port
    elif host.count(":") == 1:
        name, _, port = host.partition(":")
    if not name or not port.isdigit() or not 0 < int(port) < 65536:
        return None
    return name, int(port)


def network_prelude(lines: "list[bytes]", profile: str, others: "list[str]") -> bytes:
    """Return the prelude that a voice host gets: ours, as FastAGI would have sent it."""
    kept = [b"agi_network: yes\n", b"agi_network_script: " + one_line(profile)]
    for line in lines:
        name = line.partition(b":")[0]
        if line.strip() and not name.startswith((b"agi_network", b"agi_arg_")):
            kept.append(line)
    for number, other in enumerate(others, 1):
        kept.append(b"agi_arg_%d: " % number + one_line(other))
    return b"".join(kept) + b"\n"


def one_line(text: str) -> bytes:
    """Return a value as one line: an argument of AGI() cannot hold a line end, but who knows."""
    plain = "".join(character for character in text if character.isprintable())
    return plain.encode("utf-8", "replace") + b"\n"


# Relaying...


class Owed:
    """Counts the replies that Asterisk owes: only with none owed may we ask it ourselves."""

    def __init__(self) -> None:
        self.commands = 0
        self.replies = 0
        self._line = b""
        self._usage = False

    @property
    def any(self) -> bool:
        """True while a reply is owed."""
        return self.commands > self.replies

    def sent(self, data: bytes) -> None:
        """Take bytes that went to Asterisk."""
        self.commands += data.count(b"\n")

    def received(self, data: bytes) -> None:
        """Take bytes that came from Asterisk."""
        lines = (self._line + data).split(b"\n")
        # Only a line's beginning and end tell what it is.
        self._line = lines.pop()[-LINE_MAX_BYTES:]
        for line in lines:
            self._take(line)

    def _take(self, line: bytes) -> None:
        if line.startswith(b"520-"):
            self._usage = True
        elif self._usage:
            if line.endswith(b"520 End of proper usage."):
                self._usage = False
                self.replies += 1
        elif line[:1] in (b"2", b"5"):
            self.replies += 1


class Relay:
    """Passes bytes between Asterisk and one voice host, until either closes."""

    def __init__(self, asterisk: "tuple[int, int]", host: "socket.socket", wake: int) -> None:
        self.from_asterisk, self.to_asterisk = asterisk
        self.host = host
        self.wake = wake
        self.owed = Owed()
        self.asterisk_gone = False
        self._command = b""
        self._at_line_start = True
        self._hangup_due = False

    @property
    def served(self) -> bool:
        """True once the voice host has sent a command."""
        return self.owed.commands > 0

    def run(self) -> None:
        """Relay until an end closes; nothing is raised for a broken connection."""
        try:
            while self._step():
                pass
        except OSError:
            # A broken pipe or connection is one of the two ends closing, no more.
            return

    def _step(self) -> bool:
        first_s = None if self.served else FIRST_COMMAND_S
        host = self.host.fileno()
        ready = select.select([self.from_asterisk, host, self.wake], [], [], first_s)[0]
        if self.wake in ready:
            os.read(self.wake, CHUNK_BYTES)
            self._hangup_due = True
        if self.from_asterisk in ready and not self._to_host():
            self.asterisk_gone = True
            return False
        if self._hangup_due and self._at_line_start:
            self._hangup_due = False
            self.host.sendall(b"HANGUP\n")
        if host in ready:
            return self._to_asterisk()
        return bool(ready)

    def _to_host(self) -> bool:
        data = os.read(self.from_asterisk, CHUNK_BYTES)
        self.owed.received(data)
        self._at_line_start = data.endswith(b"\n")
        self.host.sendall(data)
        return bool(data)

    def _to_asterisk(self) -> bool:
        """Pass whole commands only: half of one, from a host that dies, would spoil ours."""
        data = received(self.host)
        if data is None:
            return True
        whole, end, self._command = (self._command + data).rpartition(b"\n")
        write_all(self.to_asterisk, whole + end)
        self.owed.sent(whole + end)
        return bool(data) and len(self._command) <= LINE_MAX_BYTES

    def settle(self) -> bool:
        """Read the reply that Asterisk owes to a voice host that is gone; False: it did not come.

        Not waited for long: `Dial` goes on for as long as the call, and ends by itself.
        """
        until = time.monotonic() + REPLY_S
        while self.owed.any:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.from_asterisk], [], [], left)[0]:
                return False
            data = os.read(self.from_asterisk, CHUNK_BYTES)
            if not data:
                return False
            self.owed.received(data)
        return True


def received(host: "socket.socket") -> "bytes | None":
    """Read what there is, without waiting; None: of TLS, nothing for us yet (a ticket, a half)."""
    if not isinstance(host, ssl.SSLSocket):
        return host.recv(CHUNK_BYTES)
    host.settimeout(0)
    try:
        data = host.recv(CHUNK_BYTES)
        # What was decrypted already does not wake select().
        while host.pending():
            data += host.recv(CHUNK_BYTES)
    except ssl.SSLWantReadError:
        return None
    finally:
        host.settimeout(SEND_S)
    return data


def trust(authority: str) -> "ssl.SSLContext":
    """Return TLS settings that trust one CA's file only. Raises OSError: it cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if hasattr(context, "minimum_version"):
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    else:
        # Python 3.6.
        context.options |= ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1
    context.load_verify_locations(cafile=authority)
    return context


def secured(connection: "socket.socket", host: str, authority: str) -> "socket.socket | None":
    """Return the connection over TLS; None when the peer is not who the CA says."""
    where = address(host)
    connection.settimeout(CONNECT_S)
    try:
        # ssl.CertificateError of Python 3.6 is a ValueError.
        safe = trust(authority).wrap_socket(connection, server_hostname=where and where[0])
    except (OSError, ValueError):
        connection.close()
        return None
    safe.settimeout(SEND_S)
    return safe


def connect(host: str, authority: str = "") -> "socket.socket | None":
    """Return a connection to a voice host; None when it cannot be had in time.

    authority: the CA's file, for TLS.
    """
    where = address(host)
    if where is None:
        return None
    try:
        connection = socket.create_connection(where, CONNECT_S)
    except OSError:
        return None
    connection.settimeout(SEND_S)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEP_ALIVE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEP_ALIVE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return secured(connection, host, authority) if authority else connection


def serve(
    hosts: "list[str]", authority: str, prelude: bytes, asterisk: "tuple[int, int]", wake: int
) -> "Relay | None":
    """Relay to the first voice host that serves the call; None when none did."""
    for host in hosts[:HOSTS_MAX]:
        connection = connect(host, authority)
        if connection is None:
            continue
        with connection:
            relay = Relay(asterisk, connection, wake)
            try:
                connection.sendall(prelude)
            except OSError:
                continue
            relay.run()
        if relay.served or relay.asterisk_gone:
            return relay
    return None


def finish(agi: "AGI", relay: "Relay | None") -> None:
    """See to it that ORDERLINE_RESULT has a value. Raises AGIException, OSError: Asterisk left."""
    if relay is not None:
        if relay.asterisk_gone or not relay.settle():
            return
        # The voice host sets it first of all; one that died before gets the same result.
        if agi.get_variable(RESULT_NAME):
            return
    agi.set_variable(RESULT_VARIABLE, UNAVAILABLE)
    agi.set_variable(REASON_VARIABLE, NO_VOICE_HOST)


def wake_descriptor() -> int:
    """Return a descriptor that becomes readable at a signal: select() alone sleeps on."""
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable)
    return readable


def main(arguments: "list[str]") -> int:
    """Serve one AGI session on standard input and output; return 0, always."""
    wake = wake_descriptor()
    reader = AsteriskReader(0)
    try:
        # pyst2 takes SIGHUP; Python itself ignores SIGPIPE.
        agi = AGI(stdin=reader, stdout=AsteriskWriter(1), stderr=Nowhere())
        profile, hosts, others = options(arguments[1:])
        prelude = network_prelude(reader.lines, profile, others)
        reader.lines.clear()
        known, authority = configured(arguments[0])
        relay = serve(hosts or known, authority, prelude, (0, 1), wake)
        finish(agi, relay)
    except (AGIException, OSError, ValueError):
        # Asterisk is gone, refuses, or (ValueError, from pyst2) answers no AGI: nobody to tell.
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
