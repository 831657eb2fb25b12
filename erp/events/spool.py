"""The spool of one process: a file that holds each event the moment it is told.

`append` returns when the operating system has the line, so that a killed process has lost
nothing that it told; after a power cut the last second may be missing. A spool is a row of
segments, `NAME.000001.jsonl` and so on, and `NAME.lock`, which its process holds locked for as
long as it lives: whoever gets that lock may take the spool of a dead process over. Who carries
the lines on is `carrier.py`.
"""

from __future__ import annotations

import fcntl
import logging
import os
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from erp.events.errors import SpoolError

_log = logging.getLogger(__name__)

SEGMENT_BYTES = 1024 * 1024
"""Size at which a new segment is begun; one that is carried on is removed as a whole."""

HELD_MAX = 1000
"""Events that wait in memory while the disk takes none."""

RIGHTS = 0o600


class Spool:
    """Where one process writes its events. Not for several threads.

    lost: how many events could neither be written nor held.
    """

    def __init__(self, folder: Path, role: str, max_bytes: int) -> None:
        """Begin a spool. Raises SpoolError, one sentence, when the folder can't be used."""
        self.folder = folder
        self.name = f"{role}-{uuid.uuid4().hex[:12]}"
        self.lost = 0
        self.on_line: Callable[[], None] = _nothing
        """Called after each line."""
        self._max_bytes = max_bytes
        self._bytes = 0
        self._held: deque[bytes] = deque()
        self._torn = False
        self._segment = 0
        self._segment_bytes = 0
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _lock_new(folder, self.name)
            self._file = self._next_file()
        except OSError as error:
            raise SpoolError(
                f"events.spool is {folder}: {error.strerror}: make that folder, or name another"
            ) from error

    @property
    def waiting(self) -> bool:
        """Whether the disk did not take something yet."""
        return bool(self._held)

    def append(self, line: bytes) -> None:
        """Write one line, which ends with a line break. Never raises."""
        if self._bytes + len(line) > self._max_bytes or len(self._held) >= HELD_MAX:
            self._lose()
            return
        self._bytes += len(line)
        self._held.append(line)
        self.flush()
        self.on_line()

    def flush(self) -> None:
        """Write what the disk did not take before. Never raises."""
        while self._held:
            line = self._held[0]
            try:
                self._write(line)
            except OSError as error:
                if len(self._held) == 1:
                    _log.error("events wait in memory: %s: %s", self.folder, error.strerror)
                return
            self._held.popleft()

    def carried(self, size_bytes: int) -> None:
        """Take note that so many bytes are in the store now."""
        self._bytes = max(0, self._bytes - size_bytes)

    def close(self) -> None:
        """End the spool; its files go when all of it is in the store. May be called twice."""
        if self._lock < 0:
            return
        if self._bytes == 0:
            for path in (*segments(self.folder, self.name), lock_file(self.folder, self.name)):
                path.unlink(missing_ok=True)
        os.close(self._file)
        os.close(self._lock)
        self._lock = self._file = -1

    def _lose(self) -> None:
        self.lost += 1
        if self.lost == 1:
            _log.error("events are lost from now on: %s holds all it may", self.folder)

    def _write(self, line: bytes) -> None:
        if self._segment_bytes >= SEGMENT_BYTES:
            fresh = self._next_file()
            os.close(self._file)
            self._file = fresh
        # What a full disk took only half of stays behind as a line that is no event.
        whole = b"\n" + line if self._torn else line
        written = os.write(self._file, whole)
        self._segment_bytes += written
        if written < len(whole):
            # It will be read, and counted as carried, beside the line that is written again.
            self._bytes += written
            self._torn = True
            raise OSError(28, "No space left on device")
        self._bytes += len(whole) - len(line)
        self._torn = False

    def _next_file(self) -> int:
        path = self.folder / f"{self.name}.{self._segment + 1:06d}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        file = os.open(path, flags, RIGHTS)
        self._segment += 1
        self._segment_bytes = 0
        self._torn = False
        return file


def _nothing() -> None:
    """Wake nobody."""


def lock_file(folder: Path, name: str) -> Path:
    """Return the file that the process of a spool holds locked."""
    return folder / f"{name}.lock"


def segments(folder: Path, name: str) -> list[Path]:
    """Return the segments of a spool, the oldest first."""
    return sorted(folder.glob(f"{name}.*.jsonl"))


def _lock_new(folder: Path, name: str) -> int:
    """Make the lock file; nobody ever sees it unlocked while we live."""
    draft = folder / f".{name}"
    lock = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, RIGHTS)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.rename(lock_file(folder, name))
    except OSError:
        os.close(lock)
        raise
    return lock


def abandoned(folder: Path) -> Iterator[str]:
    """Yield the spools of processes that are dead; each is ours until the next is asked for.

    A spool whose files are all gone by then is forgotten.
    """
    for path in sorted(folder.glob("*.lock")):
        lock = _take(path)
        if lock is None:
            continue
        try:
            yield path.stem
            if not segments(folder, path.stem):
                path.unlink(missing_ok=True)
        finally:
            os.close(lock)


def is_abandoned(folder: Path, name: str) -> bool:
    """Tell whether a spool is here and its process is dead; one of another host is not here."""
    lock = _take(lock_file(folder, name)) if name else None
    if lock is None:
        return False
    os.close(lock)
    return True


def _take(path: Path) -> int | None:
    """Lock a file that nobody holds; none when somebody does, or it has gone."""
    try:
        lock = os.open(path, os.O_RDWR)
    except (FileNotFoundError, PermissionError):
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
