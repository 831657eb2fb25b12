"""Talk to a running supervisor over its Unix socket (see `supervisor.py`)."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.rig.processes import FOLDER_VARIABLE
from tests.rig.supervisor import Spec

SOCKET_PATH_MAX = 90
"""Linux takes 107 bytes; Asterisk's own socket lies in the same folder."""

ROOT = Path(__file__).resolve().parents[2]


class LabError(RuntimeError):
    """The lab cannot do what was asked; the message says why."""


def run_folder(folder: Path) -> Path:
    """Return a folder for Unix sockets: in the lab's own, or in /tmp when that path is too long.

    Raises LabError when somebody else owns the one in /tmp.
    """
    inside = folder / "run"
    if len(str(inside)) > SOCKET_PATH_MAX:
        digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        inside = Path("/tmp") / f"orderline-{os.getuid()}-{digest}"
    inside.mkdir(mode=0o700, parents=True, exist_ok=True)
    if inside.stat().st_uid != os.getuid():
        raise LabError(f"{inside} belongs to another user: remove it, or use another lab folder")
    return inside


class Control:
    """The control socket of one lab."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = run_folder(folder) / "control"
        self._process: subprocess.Popen[bytes] | None = None

    def alive(self) -> bool:
        """Tell whether a supervisor answers."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self._path)) == 0

    def start(self, spec: Spec, log: Path) -> None:
        """Start a supervisor; it accepts requests from the moment this returns."""
        path = self._folder / "state" / "spec.json"
        path.touch(mode=0o600)
        path.write_text(spec.dump(), "utf-8")
        self._path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener, log.open("ab") as output:
            listener.bind(str(self._path))
            listener.listen()
            number = listener.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.rig.supervisor", str(path), str(number)],
                cwd=ROOT,
                env={**os.environ, FOLDER_VARIABLE: str(self._folder), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[number],
                start_new_session=True,
            )

    def wait(self, tell: Callable[[str], None], patience_s: float) -> None:
        """Wait until everything is ready.

        tell: gets the lines of progress.
        Raises LabError when something cannot start, or takes longer than patience_s.
        """
        for answer in self._answers({"do": "wait"}, patience_s):
            if "line" in answer:
                tell(answer["line"])
            if "failed" in answer:
                raise LabError(answer["failed"])
            if "ready" in answer:
                return
        raise LabError("the supervisor ended: see logs/supervisor.log in the lab's folder")

    def ask(self, what: str, name: str = "", patience_s: float = 60.0) -> dict[str, Any]:
        """Make one request and return its answer, {} when the supervisor ended instead.

        Raises LabError when no supervisor answers.
        """
        return next(self._answers({"do": what, "name": name}, patience_s), {})

    def stop(self, patience_s: float) -> None:
        """Have everything ended, and wait for it; harmless when nothing runs.

        Raises LabError when it takes longer than patience_s.
        """
        if self.alive():
            list(self._answers({"do": "stop"}, patience_s))
        if self._process:
            self._process.wait(patience_s)
            self._process = None

    def _answers(self, request: dict[str, str], patience_s: float) -> Iterator[dict[str, Any]]:
        with socket.socket(socket.AF_UNIX) as wire:
            wire.settimeout(patience_s)
            try:
                wire.connect(str(self._path))
                wire.sendall(json.dumps(request).encode() + b"\n")
                with wire.makefile("rb") as lines:
                    for line in lines:
                        yield json.loads(line)
            except TimeoutError as error:
                raise LabError(f"no answer to {request} within {patience_s:.0f} s") from error
            except (FileNotFoundError, ConnectionRefusedError) as error:
                raise LabError("the lab is not up: run `make lab`") from error
            except ConnectionResetError:
                return  # it ended, as `stop` asks
