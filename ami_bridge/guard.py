"""What may be sent to AMI, and how much is taken from it.

panoramisk writes whatever it is given: a value with a line end in it would add headers, or whole
actions, of somebody else's choosing. Everything is checked here before it gets there.
Source: Asterisk's manager.c (a header line ends with CR LF, a message with an empty line).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ami_bridge.errors import AmiDown, AmiUsageError

HEADER_MAX_BYTES = 1024
"""Longest header line that is sent, with its end: manager.c reads into 1,025 bytes."""

HEADERS_SENT_MAX = 127
"""Most headers of one action (manager.h, AST_MAX_MANHEADERS is 128)."""

LINE_MAX_BYTES = 64 * 1024
"""Longest line that is received; a `VarSet` event carries a whole channel variable."""

MESSAGE_MAX_BYTES = 512 * 1024
"""Longest message that is received; the output of a console command is the longest."""

HEADERS_MAX = 4096
"""Most headers of one received message."""

END = b"\r\n\r\n"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,79}")
_REFUSED = re.compile(r"[\x00-\x1f\x7f]")

HeaderValue = str | Sequence[str]
"""One value, or several of the same name (`Variable`)."""


def checked(name: str, headers: Mapping[str, HeaderValue]) -> dict[str, str | list[str]]:
    """Return the headers of an action, `Action` among them, as they may be sent.

    Raises AmiUsageError, our own fault, when a name is no name, a value holds a control
    character or is no text, or there is more than Asterisk reads. It never shows a value.
    """
    action: dict[str, str | list[str]] = {"Action": _value("Action", name)}
    for header, value in headers.items():
        if not _NAME.fullmatch(header) or header.lower() in {"action", "actionid"}:
            raise AmiUsageError("a header's name is not a name of AMI's, or is ours to set")
        if isinstance(value, str):
            action[header] = _value(header, value)
        else:
            action[header] = [_value(header, one) for one in value]
    lines = sum(1 if isinstance(value, str) else len(value) for value in action.values())
    if lines >= HEADERS_SENT_MAX:
        raise AmiUsageError(f"an action has at most {HEADERS_SENT_MAX} headers")
    return action


def _value(header: str, value: str) -> str:
    if _REFUSED.search(value):
        raise AmiUsageError(f"{header}: a control character cannot be sent to AMI")
    try:
        size = len(f"{header}: {value}\r\n".encode())
    except UnicodeEncodeError as error:
        raise AmiUsageError(f"{header}: not text: it has a lone surrogate") from error
    if size > HEADER_MAX_BYTES:
        raise AmiUsageError(f"{header}: over {HEADER_MAX_BYTES} bytes")
    return value


class MessageBuffer:
    """Bytes in, whole messages out, with caps. panoramisk's own buffer has none.

    It also keeps a character whose bytes come in two reads in one piece: panoramisk decodes each
    read by itself and drops both halves.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> bytes:
        """Store bytes; return the whole messages that are complete now, in wire order.

        Raises AmiDown when a line or message is over its cap: drop the connection.
        """
        self._bytes += data
        messages = bytearray()
        while (end := self._bytes.find(END, self._searched)) >= 0:
            message = self._bytes[: end + len(END)]
            _check(message)
            messages += message
            del self._bytes[: end + len(END)]
            self._searched = 0
        self._searched = max(0, len(self._bytes) - len(END) + 1)
        self._check_unfinished()
        return bytes(messages)

    def _check_unfinished(self) -> None:
        if len(self._bytes) > MESSAGE_MAX_BYTES:
            raise AmiDown(f"Asterisk sent a message over {MESSAGE_MAX_BYTES} bytes")
        if len(self._bytes) - (self._bytes.rfind(b"\n") + 1) > LINE_MAX_BYTES:
            raise AmiDown(f"Asterisk sent a line over {LINE_MAX_BYTES} bytes")


def _check(message: bytearray) -> None:
    if len(message) > MESSAGE_MAX_BYTES:
        raise AmiDown(f"Asterisk sent a message over {MESSAGE_MAX_BYTES} bytes")
    lines = message.split(b"\n")
    if len(lines) > HEADERS_MAX:
        raise AmiDown(f"Asterisk sent a message of over {HEADERS_MAX} headers")
    if max(map(len, lines)) > LINE_MAX_BYTES:
        raise AmiDown(f"Asterisk sent a line over {LINE_MAX_BYTES} bytes")
