"""The story of one call: a JSON object a line, for the caller's side, the demo and measurements.

It goes through the call beside `events`, which are for everybody and hold no speech.
It is off unless `stories.folder` is set, for it holds what was said: whoever turns it on keeps
personal data in that folder. Times (`at`, `begin`, `end`) are seconds of the Unix clock.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from asterisk_agi.call_events import CallEvents, Nobody

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StorySettings:
    """Whether and where call stories are written."""

    folder: Path | None = None
    """Folder for one JSON-lines file a call; none: no story is written. They hold speech."""


class Story:
    """Writes the events of one call, each at once, so that they can be followed.

    events: those of the event stream, for whoever holds the story.
    """

    def __init__(
        self, folder: Path | None, session: str, events: CallEvents | None = None
    ) -> None:
        self.events = events or CallEvents(Nobody(), session)
        self._file: IO[str] | None = None
        self._offset_s = time.time() - time.monotonic()
        if folder is not None:
            self._open(folder, session)

    def _open(self, folder: Path, session: str) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{session}.jsonl"
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._file = os.fdopen(handle, "w", encoding="utf-8", buffering=1)
        except OSError as error:
            # A full or missing disk costs the story, never the call.
            _log.warning("no story is written: %s: %s", folder, error.strerror)

    def unix_s(self, monotonic_s: float) -> float:
        """Turn a time of the event loop's clock into one of the Unix clock."""
        return round(monotonic_s + self._offset_s, 4)

    def tell(self, event: str, **fields: object) -> None:
        """Write one event; fields must be JSON values."""
        if self._file is None:
            return
        line = {"event": event, "at": round(time.time(), 4), **fields}
        try:
            self._file.write(json.dumps(line) + "\n")
        except OSError as error:
            _log.warning("the story ends here: %s", error.strerror)
            self.close()

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._file is not None:
            file, self._file = self._file, None
            with contextlib.suppress(OSError):  # Closing writes what is left: the disk is full.
                file.close()
