"""Bytes in, whole lines out: the receive buffer of the AGI core.

It knows the end of a line and its cap, nothing of AGI. Asterisk ends lines with LF (res_agi.c,
`ast_agi_send`); one CR before it is taken off too, since relays add it.
"""

from __future__ import annotations

from asterisk_agi.errors import AgiPeerError

LINE_MAX_BYTES = 16 * 1024
"""Longest line that is read. h11 allows 16 KiB for a whole head; AGI lines are far shorter:
only the value in a `GET FULL VARIABLE` reply has no bound of its own in Asterisk."""


class LineBuffer:
    """Bytes that have come in and have not yet been read as lines."""

    def __init__(self, line_max_bytes: int = LINE_MAX_BYTES) -> None:
        self._line_max_bytes = line_max_bytes
        self._bytes = bytearray()
        self._searched = 0

    def __len__(self) -> int:
        return len(self._bytes)

    def feed(self, data: bytes) -> None:
        """Store bytes; nothing is read yet."""
        self._bytes += data

    def clear(self) -> None:
        """Forget every byte that was not read."""
        self._bytes.clear()
        self._searched = 0

    def starts_like(self, beginning: bytes) -> bool:
        """Return whether the unread bytes can still become a line that begins like this."""
        return beginning.startswith(self._bytes[: len(beginning)])

    def next_line(self) -> bytes | None:
        """Take the next whole line, without its end; None while there is none.

        Raises AgiPeerError when a line is longer than the cap, finished or not.
        """
        end = self._bytes.find(b"\n", self._searched, self._line_max_bytes + 1)
        if end < 0:
            # What was searched once is not searched again: a line that comes byte by byte
            # would cost the square of its length.
            self._searched = len(self._bytes)
            if len(self._bytes) > self._line_max_bytes:
                raise AgiPeerError(f"a line is longer than {self._line_max_bytes} bytes")
            return None
        line = bytes(self._bytes[:end])
        del self._bytes[: end + 1]
        self._searched = 0
        return line[:-1] if line.endswith(b"\r") else line
