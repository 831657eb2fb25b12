"""One database server of the tests: started, stopped, started again, and spoken to by its client.

What PostgreSQL and MariaDB share; `postgresql.py` and `mariadb.py` know the programs. A server
listens on 127.0.0.1 only and keeps nothing that its folder does not hold.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ADMIN = "admin"
"""Who may change everything: for the seed, and for tests that change data."""

PASSWORD_BYTES = 18
READY_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
RETRY_INTERVAL_S = 0.02
LOG_TAIL = 12


@dataclass(frozen=True)
class Programs:
    """The commands of one server, ready to run: the server itself, and its client."""

    serve: Sequence[str]
    ask: Sequence[str]
    """The client, as `admin`, reading statements from standard input and stopping at a mistake."""
    environment: Mapping[str, str] = field(repr=False)
    """Of both; it holds the password of `admin`."""
    database_option: str
    """What comes before the name of a database."""
    stop_signal: signal.Signals
    """Ends the server without waiting for its clients."""


class Server:
    """A server that runs from `start` to `stop`; both may be called again."""

    def __init__(
        self, scheme: str, port: int, admin_password: str, programs: Programs, log: Path
    ) -> None:
        self.scheme = scheme
        self.port = port
        self.admin_password = admin_password
        self._programs = programs
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str, host: str = "127.0.0.1") -> str:
        """Return the address of a database, as the product's configuration has it."""
        return f"{self.scheme}://{host}:{self.port}/{database}"

    def start(self) -> None:
        """Start it and wait until it answers. Raises TimeoutError with the end of its log."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._programs.serve,
                env=dict(self._programs.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while self._run("SELECT 1;", "").returncode != 0:
            if time.monotonic() > deadline_s or self._process.poll() is not None:
                self.stop()
                tail = self._log.read_text("utf-8", "replace").splitlines()[-LOG_TAIL:]
                raise TimeoutError("the database server does not start:\n" + "\n".join(tail))
            time.sleep(RETRY_INTERVAL_S)

    def stop(self) -> None:
        """End it in good order; it does not wait for its clients."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(self._programs.stop_signal)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def restart(self) -> None:
        """Stop it and start it again, on the same port and with the same data."""
        self.stop()
        self.start()

    def run(self, statements: str, database: str = "") -> str:
        """Run statements as `admin`; return what the client printed: rows, columns by tabs.

        Raises subprocess.CalledProcessError; the client's words go to standard error.
        """
        done = self._run(statements, database)
        if done.returncode != 0:
            sys.stderr.write(done.stdout + done.stderr)
            done.check_returncode()
        return done.stdout

    def _run(self, statements: str, database: str) -> subprocess.CompletedProcess[str]:
        command = list(self._programs.ask)
        if database:
            command += [f"{self._programs.database_option}{database}"]
        return subprocess.run(
            command,
            env=dict(self._programs.environment),
            input=statements,
            capture_output=True,
            text=True,
            check=False,
        )


def new_password() -> str:
    """Return a password that nobody has had yet."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def plain_environment(**added: str) -> dict[str, str]:
    """Return this process's environment, less what would steer a database program astray."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "MYSQL", "MARIADB"))
    }
    return {**own, "LC_ALL": "C", **added}
