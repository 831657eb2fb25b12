"""The profiles in use: which version each system runs on now, which it ran on before.

    <folder>/<system>/<version>-<digest>.yaml    a copy of each profile that was ever in use
                      history.json               what was done, when; only ever appended to
                      lock                       held while one is switched

A system without a history runs on the profile that the configuration names. All calls read or
write files: call them in a thread, or where nothing else waits.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from erp.profiles.digest import SHORT
from erp.profiles.errors import ProfileError
from erp.profiles.load import checked
from erp.profiles.profile import Profile
from erp.profiles.source import read

_log = logging.getLogger(__name__)

HISTORY = "history.json"
HISTORY_MAX_BYTES = 1024 * 1024
"""Longest history, some four thousand switches."""

ACTIVATED = "activated"
ROLLED_BACK = "rolled back"

_SYSTEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_FILE = re.compile(r"[0-9]+-[0-9a-f]+\.yaml")

Fingerprint = tuple[tuple[str, int, int], ...]


class StoreError(ProfileError):
    """A profile can't be switched: one sentence that says why, and the mend."""


@dataclass(frozen=True)
class Entry:
    """One switch of one system."""

    action: str
    """ACTIVATED or ROLLED_BACK."""
    at: str
    """When: ISO 8601, UTC."""
    profile: str
    """Name of the profile that has been in use since; empty: the configuration's own."""
    version: int
    digest: str
    file: str
    """Name of its copy; empty: the configuration's own profile."""


class ProfileStore:
    """The folder of the profiles in use. Several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def activate(self, system: str, name_or_path: str | Path, at: datetime | None = None) -> Entry:
        """Put a profile in use. at: aware; None means now.

        Raises ProfileError when the profile can't be used, one of its examples fails, or it is in
        use already; then nothing has changed.
        """
        source = read(name_or_path)
        profile = checked(source)
        _demand_examples(profile)
        with self._switching(system) as entries:
            now = _current(entries)
            if now and (now.version, now.digest) == (profile.version, profile.digest):
                raise StoreError(f"{system} runs on {profile.label} already")
            file = f"{profile.version}-{profile.digest[:SHORT]}.yaml"
            entry = Entry(
                ACTIVATED, _stamp(at), profile.name, profile.version, profile.digest, file
            )
            _write(self._folder / system / file, source.text)
            self._append(system, entries, entry)
        return entry

    def rollback(self, system: str, at: datetime | None = None) -> Entry:
        """Go back to what was in use before, in the end to the configuration's own profile.

        Raises StoreError when there is nothing to go back to.
        """
        with self._switching(system) as entries:
            in_use = _in_use(entries)
            if not in_use:
                raise StoreError(f"{system} runs on the configuration's own profile: activate one")
            before = in_use[-2] if len(in_use) > 1 else Entry("", "", "", 0, "", "")
            entry = Entry(
                ROLLED_BACK, _stamp(at), before.profile, before.version, before.digest, before.file
            )
            self._append(system, entries, entry)
        return entry

    def current(self, system: str) -> Path | None:
        """Return the file of the profile in use; None: the one that the configuration names.

        A damaged history is logged, and counts as none.
        """
        try:
            entry = _current(self.history(system))
        except StoreError as error:
            _log.error("%s; using the configuration's own profile", error)
            return None
        path = self._folder / system / entry.file if entry else None
        if path and not path.is_file():
            _log.error("profile %s is gone; using the configuration's own profile", path)
            return None
        return path

    def history(self, system: str) -> tuple[Entry, ...]:
        """Return all switches of a system, oldest first. Raises StoreError when it is damaged."""
        path = self._place(system) / HISTORY
        try:
            with path.open("rb") as file:
                raw = file.read(HISTORY_MAX_BYTES + 1)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StoreError(f"history {path}: {error.strerror}: mend its rights") from error
        if len(raw) > HISTORY_MAX_BYTES:
            raise StoreError(f"history {path} is over {HISTORY_MAX_BYTES} bytes: move it away")
        try:
            return tuple(_entry(values) for values in json.loads(raw))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise StoreError(f"history {path} is damaged: mend it, or move it away") from error

    def fingerprint(self) -> Fingerprint:
        """Return what changes with every switch of any system; cheap enough for every second."""
        found = []
        try:
            with os.scandir(self._folder) as systems:
                names = sorted(entry.name for entry in systems)
        except OSError:
            return ()
        for name in names:
            path = self._folder / name / HISTORY
            if path.exists():
                status = path.stat()
                found.append((name, status.st_mtime_ns, status.st_ino))
        return tuple(found)

    def _place(self, system: str) -> Path:
        if _SYSTEM.fullmatch(system) is None:
            raise StoreError(f"system {system!r}: write letters, digits, -, _ and .")
        return self._folder / system

    @contextmanager
    def _switching(self, system: str) -> Iterator[tuple[Entry, ...]]:
        """Hold a system's lock, and give its history. Raises StoreError."""
        place = self._place(system)
        try:
            place.mkdir(parents=True, exist_ok=True)
            with (place / "lock").open("w", encoding="ascii") as lock:
                # The kernel lets go of it when we end, however we end.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield self.history(system)
        except BlockingIOError as error:
            raise StoreError(f"{system} is being switched by somebody else: try again") from error
        except OSError as error:
            raise StoreError(f"{place}: {error.strerror}: mend the folder or its rights") from error

    def _append(self, system: str, entries: Sequence[Entry], entry: Entry) -> None:
        lines = ",\n ".join(json.dumps(asdict(each)) for each in (*entries, entry))
        _write(self._folder / system / HISTORY, f"[{lines}]\n")
        _log.info("%s: %s profile %s version %d", system, entry.action,
                  entry.profile or "of the configuration", entry.version)


def _demand_examples(profile: Profile) -> None:
    for result in profile.checks().results:
        if not result.ok:
            raise ProfileError(
                f"profile {profile.label}: {result.where} gives {result.got!a}, and should "
                f"give {result.wanted!a}: mend the rule or the example"
            )


def _in_use(entries: Sequence[Entry]) -> list[Entry]:
    """Return what is in use and what was before it: a rollback takes back the last that counts."""
    stack: list[Entry] = []
    for entry in entries:
        if entry.action == ACTIVATED:
            stack.append(entry)
        elif stack:
            stack.pop()
    return stack


def _current(entries: Sequence[Entry]) -> Entry | None:
    in_use = _in_use(entries)
    return in_use[-1] if in_use else None


def _entry(values: dict[str, object]) -> Entry:
    entry = Entry(
        action=str(values["action"]),
        at=str(values["at"]),
        profile=str(values["profile"]),
        version=int(str(values["version"])),
        digest=str(values["digest"]),
        file=str(values["file"]),
    )
    if entry.action not in (ACTIVATED, ROLLED_BACK):
        raise ValueError("an unknown action")
    if entry.action == ACTIVATED and _FILE.fullmatch(entry.file) is None:
        raise ValueError("a file that we have not written")
    return entry


def _stamp(at: datetime | None) -> str:
    moment = at or datetime.now(timezone.utc)
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds")


def _write(path: Path, text: str) -> None:
    """Write a file such that it is there as a whole, or as it was before."""
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).chmod(0o644)
        Path(aside).replace(path)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
