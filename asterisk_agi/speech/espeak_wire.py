"""What the synthesizer and its worker processes say to each other over pipes.

Bytes to frames and back: no pipes, no processes, no clock.

     0        4        8    9
    +--------+--------+----+---------------+
    | length | job    |kind| body ...      |   big-endian; length counts the body only
    +--------+--------+----+---------------+
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

_HEADER = struct.Struct("!IIB")

BODY_MAX_BYTES = 4 * 1024 * 1024
"""Four minutes of telephone audio; the longest sentence that is taken makes about one."""


class Kind(IntEnum):
    """What a body is."""

    JOB = 1
    """To the worker: a sentence, in UTF-8."""
    SOUND = 2
    """From the worker: telephone audio, int16 little-endian, 8000 Hz mono."""
    FAILED = 3
    """From the worker: why the job was not done, in UTF-8. As job 0: why it does not start."""
    READY = 4
    """From the worker, once, as job 0: the engine is up."""


@dataclass(frozen=True)
class Frame:
    """One message."""

    job: int
    """Answers carry the number of the job that they answer."""
    kind: Kind
    body: bytes = b""

    def __bytes__(self) -> bytes:
        return _HEADER.pack(len(self.body), self.job, self.kind) + self.body


class FrameReader:
    """Cuts a byte stream into frames: `receive_data`, then `next_event` until it gives None."""

    def __init__(self) -> None:
        self._received = bytearray()

    def receive_data(self, data: bytes) -> None:
        """Take bytes in, however they were cut."""
        self._received += data

    def next_event(self) -> Frame | None:
        """Return the next whole frame; None when more bytes are needed.

        Raises ValueError for a body over BODY_MAX_BYTES or an unknown kind: the other side is no
        worker of ours, or broken; its stream can't be used any more.
        """
        if len(self._received) < _HEADER.size:
            return None
        length, job, kind = _HEADER.unpack_from(self._received)
        if length > BODY_MAX_BYTES:
            raise ValueError(f"a frame of {length} bytes; at most {BODY_MAX_BYTES} are taken")
        frame_kind = Kind(kind)
        end = _HEADER.size + length
        if len(self._received) < end:
            return None
        body = bytes(self._received[_HEADER.size : end])
        del self._received[:end]
        return Frame(job, frame_kind, body)
