"""Reads a spool, segment by segment, from wherever it was read to before.

Where it is read to is kept in memory only: whoever begins anew reads lines again that the store
has already, and the store knows them by their ids.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from erp.events.envelope import LINE_MAX_BYTES, Envelope, read
from erp.events.errors import UnreadableEvent
from erp.events.spool import segments

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batch:
    """Some events of a spool, and what was read for them."""

    events: Sequence[Envelope]
    segment: Path
    begin_bytes: int
    end_bytes: int

    @property
    def size_bytes(self) -> int:
        """How much of the segment it is."""
        return self.end_bytes - self.begin_bytes


class SegmentReader:
    """Reads one spool. ended: its process is dead; a last line without its end is torn."""

    def __init__(self, folder: Path, name: str, *, ended: bool = False) -> None:
        self._folder = folder
        self._name = name
        self._ended = ended
        self._segment: Path | None = None
        self._offset = 0

    def next(self, lines_max: int) -> Batch | None:
        """Return what comes next, or none when there is nothing now. Blocks for the disk.

        The same comes again until `done` is called. A segment that is over is removed.
        Raises OSError.
        """
        while True:
            present = segments(self._folder, self._name)
            if not present:
                return None
            if self._segment != present[0]:
                self._segment, self._offset = present[0], 0
            batch = self._read(present[0], lines_max, whole=self._ended or len(present) > 1)
            if batch is not None:
                return batch
            if len(present) == 1 and not self._ended:
                return None
            present[0].unlink()

    def done(self, batch: Batch) -> None:
        """Go on behind a batch: its events are in the store."""
        if batch.segment == self._segment:
            self._offset = batch.end_bytes

    def _read(self, segment: Path, lines_max: int, *, whole: bool) -> Batch | None:
        """Read up to so many lines. whole: nobody writes to this segment any more."""
        events: list[Envelope] = []
        with segment.open("rb") as file:
            file.seek(self._offset)
            for _ in range(lines_max):
                line = file.readline(LINE_MAX_BYTES)
                complete = line.endswith(b"\n")
                if not line or (not complete and len(line) < LINE_MAX_BYTES and not whole):
                    # Nothing, or a line that is just being written.
                    file.seek(-len(line), 1)
                    break
                if event := self._event(line, complete=complete):
                    events.append(event)
            end = file.tell()
        return Batch(events, segment, self._offset, end) if end > self._offset else None

    def _event(self, line: bytes, *, complete: bool) -> Envelope | None:
        if not line.strip():
            return None
        try:
            if not complete:
                raise UnreadableEvent("it is torn")
            return read(line)
        except UnreadableEvent as error:
            # Its content may be personal data: it does not go to the log.
            _log.warning("%s: a line of %d bytes is no event: %s", self._name, len(line), error)
            return None
