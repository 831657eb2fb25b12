"""The files of recordings: a folder for each day, and in it a WAV file and its story in JSON.

All of it blocks: it is called in a thread of its own. Access is by mode and group alone: files
0600 and folders 0700, with a group 0640 and 0750; a folder that others may enter is refused.
Source: Microsoft's "Multiple channel audio data and WAVE files" (the RIFF header).
"""

from __future__ import annotations

import grp
import json
import logging
import os
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)

RATE_HZ, CHANNELS, WIDTH_BYTES = 8000, 2, 2
FRAME_BYTES = CHANNELS * WIDTH_BYTES
HEADER_BYTES = 44

_FORBIDDEN = 0o007


class RecordingRefused(OSError):
    """Recordings can't be kept as configured: one sentence with the mend."""


def wav_header(data_bytes: int) -> bytes:
    """Return the header of a file with so many bytes of samples."""
    rate = RATE_HZ * FRAME_BYTES
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", HEADER_BYTES - 8 + data_bytes, b"WAVE",
        b"fmt ", 16, 1, CHANNELS, RATE_HZ, rate, FRAME_BYTES, WIDTH_BYTES * 8,
        b"data", data_bytes,
    )  # fmt: skip


@dataclass(frozen=True)
class Shelf:
    """Where recordings lie. group: who may read them besides the owner; empty: nobody."""

    folder: Path
    group: str = ""

    def demand_private(self) -> None:
        """Make the folder, or raise RecordingRefused when it can't be used."""
        try:
            self._make(self.folder)
            mode = self.folder.stat().st_mode & 0o777
        except (OSError, LookupError) as error:
            raise RecordingRefused(f"recording.folder {self.folder}: {error}") from error
        if mode & _FORBIDDEN:
            raise RecordingRefused(
                f"recording.folder {self.folder} is open to everybody (mode {mode:04o}):"
                " take their rights away, as by chmod o-rwx"
            )

    def day(self, when: date) -> Path:
        """Return the folder of a day, made."""
        path = self.folder / when.isoformat()
        self._make(path)
        return path

    def _make(self, path: Path) -> None:
        if not path.exists():
            path.mkdir(parents=True, mode=0o700, exist_ok=True)
            self._give(path, 0o700, 0o750)

    def opened(self, path: Path) -> int:
        """Return a new file to write. Raises OSError."""
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            self._give(path, 0o600, 0o640)
        except (OSError, LookupError):
            os.close(file)
            raise
        return file

    def _give(self, path: Path, alone: int, shared: int) -> None:
        if self.group:
            os.chown(path, -1, grp.getgrnam(self.group).gr_gid)
        path.chmod(shared if self.group else alone)

    def days(self) -> Iterator[tuple[date, Path]]:
        """Yield the days with recordings, the oldest first; what is no day is none of ours."""
        for path in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
            try:
                yield date.fromisoformat(path.name), path
            except ValueError:
                continue

    def purge(self, today: date, retention_days: int) -> int:
        """Delete the days that are older than the retention; return how many recordings."""
        gone = 0
        for day, path in list(self.days()):
            if day < today - timedelta(days=retention_days):
                names = [file.stem for file in path.glob("*.wav")]
                shutil.rmtree(path)
                for name in names:
                    _log.info("recording %s deleted: over %d days old", name, retention_days)
                gone += len(names)
        return gone

    def delete(self, session: str, why: str) -> bool:
        """Delete the recording of one call; False when there is none."""
        found = False
        for _, path in self.days():
            for file in (path / f"{session}.wav", path / f"{session}.json"):
                if file.is_file() and file.parent == path:
                    file.unlink()
                    found = True
        if found:
            _log.info("recording %s deleted: %s", session, why)
        return found


class WavFile:
    """One recording while it grows, and its story beside it."""

    def __init__(self, shelf: Shelf, session: str, consent: datetime, by: str) -> None:
        """Make both files. Raises OSError."""
        folder = shelf.day(consent.date())
        self._wav, self._json = folder / f"{session}.wav", folder / f"{session}.json"
        self._story: dict[str, Any] = {
            "session": session,
            "consent_at": consent.isoformat(),
            "consent_by": by,
            "channels": ["caller", "agent"],
            "rate_hz": RATE_HZ,
        }
        self._size = 0
        self._file = shelf.opened(self._wav)
        try:
            os.write(self._file, wav_header(0))
            note = shelf.opened(self._json)
            try:
                os.write(note, json.dumps(self._story).encode())
            finally:
                os.close(note)
        except (OSError, LookupError):
            self.remove("it could not be begun")
            raise
        _log.info("recording %s created", session)

    def write(self, samples: bytes) -> None:
        """Append interleaved samples. Raises OSError, a full disk among them."""
        view = memoryview(samples)
        while view:
            view = view[os.write(self._file, view) :]
        self._size += len(samples)

    def close(self, ended: datetime) -> None:
        """Complete both files. Raises OSError."""
        try:
            os.pwrite(self._file, wav_header(self._size), 0)
        finally:
            os.close(self._file)
        seconds = self._size / (RATE_HZ * FRAME_BYTES)
        story = {**self._story, "ended_at": ended.isoformat(), "seconds": round(seconds, 2)}
        self._json.write_text(json.dumps(story), "utf-8")

    def remove(self, why: str) -> None:
        """Close and delete both files. Raises OSError."""
        os.close(self._file)
        self._wav.unlink(missing_ok=True)
        self._json.unlink(missing_ok=True)
        _log.info("recording %s deleted: %s", self._story["session"], why)
