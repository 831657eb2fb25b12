"""Processes of the lab as Linux shows them in /proc: who belongs to what, and none left over."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

FOLDER_VARIABLE = "ORDERLINE_LAB_FOLDER"
"""In the environment of every process of a lab: the lab's folder."""

PR_SET_PDEATHSIG = 1
STAT_STATE, STAT_SESSION = 0, 3
"""Places in /proc/PID/stat after the command's name: state, then parent, group, session."""

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(number: int) -> None:
    """Have the kernel send this process a signal when its parent ends (prctl(2)).

    Raises OSError when the kernel refuses.
    """
    if _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def session_members(leader: int) -> list[int]:
    """Return the live processes of a session, its leader first."""
    members = [pid for pid, stat in _stats() if stat[STAT_SESSION] == str(leader)]
    return sorted(members, key=lambda pid: (pid != leader, pid))


def marked(folder: Path) -> list[int]:
    """Return the live processes that carry a lab's mark, but for this one."""
    mark = f"{FOLDER_VARIABLE}={folder}".encode()
    return [pid for pid, _ in _stats() if pid != os.getpid() and mark in _environment(pid)]


def end_marked(folder: Path, patience_s: float = 5.0) -> list[int]:
    """Kill every process that carries a lab's mark; return which there were.

    Raises TimeoutError when one is still there after patience_s.
    """
    found = marked(folder)
    for pid in found:
        _kill(pid)
    await_end(found, patience_s)
    return found


def await_end(pids: Iterable[int], patience_s: float) -> None:
    """Return when none of the processes lives. Raises TimeoutError after patience_s."""
    deadline_s = time.monotonic() + patience_s
    for pid in pids:
        _await_end(pid, deadline_s)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it ended by itself


def _await_end(pid: int, deadline_s: float) -> None:
    while any(pid == other for other, _ in _stats()):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"process {pid} does not end")
        time.sleep(0.02)


def _stats() -> Iterator[tuple[int, list[str]]]:
    """Yield each live process with its stat fields after the name; zombies are not alive."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text("utf-8", "replace")
        except OSError:
            continue  # it ended while we looked
        fields = text.rpartition(")")[2].split()
        if fields[STAT_STATE] not in ("Z", "X"):
            yield int(entry.name), fields


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []  # another user's, or it ended
