"""Keeps what floods the machine apart from the calls of the other test processes.

`pytest -n 2` runs two files at once. A flood of packets on loopback takes the processor from the
calls next door, which is no finding about them. So each test holds a lock that all may share, and a
flood (marker `alone`) has it for itself.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

WAIT_S = 240.0
"""So long a test that shall run alone waits for the others' to end; then it runs beside them."""
PROBE_S = 0.05


@contextmanager
def turn(run: str, *, alone: bool) -> Iterator[None]:
    """Hold the lock for a block. run: names this run of all processes."""
    folder = Path(tempfile.gettempdir())
    with ExitStack() as stack:
        # Who waits to be alone keeps the gate closed, so that nobody new comes in before.
        gate = stack.enter_context((folder / f"orderline-{run}.gate").open("wb"))
        room = stack.enter_context((folder / f"orderline-{run}.room").open("wb"))
        fcntl.flock(gate, fcntl.LOCK_EX)
        if alone:
            _wait(room)
        else:
            fcntl.flock(room, fcntl.LOCK_SH)
            fcntl.flock(gate, fcntl.LOCK_UN)
        yield


def _wait(room: IO[bytes]) -> None:
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        try:
            fcntl.flock(room, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(PROBE_S)  # flock has no time limit of its own


def this_run() -> str | None:
    """Return the name of the run that this process has a part in; None: it runs by itself."""
    return os.environ.get("PYTEST_XDIST_TESTRUNUID")
