"""PostgreSQL for the tests: the machine's own programs, or Debian's unpacked into the cache.

`served` makes a cluster in a few hundred milliseconds and serves it for a block. PostgreSQL
refuses to run as root: then it runs as `nobody`, its files in a folder which that user may enter.
Source: PostgreSQL 15 documentation, initdb(1), postgres(1), chapter 20.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.rig import debs
from tests.rig.database import ADMIN, Programs, Server, new_password, plain_environment
from tests.rig.debs import Progress, say
from tests.rig.ports import free_ports

MACHINE = Path("/usr/lib/postgresql")
PACKAGES = ("postgresql",)
UNPRIVILEGED = "nobody"
SPEED = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=32MB",
    "wal_recycle=off",
)
"""The tests' data may be lost with the machine; nothing is waited for."""

KEY_MODE = 0o600


@dataclass(frozen=True)
class Tls:
    """The server's certificate and key, PEM."""

    certificate: Path
    key: Path


def fetch(progress: Progress = say) -> Path:
    """Return the folder of PostgreSQL's programs; fetch them where the machine has none.

    Raises FetchError when they cannot be fetched.
    """
    return _newest(MACHINE) or fetch_private(progress)


def fetch_private(progress: Progress = say) -> Path:
    """Return the folder of PostgreSQL's programs as Debian's package has them, in the cache."""
    prefix = debs.ensure("postgresql", "", PACKAGES, progress=progress)
    found = _newest(prefix / "usr" / "lib" / "postgresql")
    if found is None:
        raise debs.FetchError(f"{prefix} has no PostgreSQL: remove that folder and run again")
    return found


def _newest(folder: Path) -> Path | None:
    found = sorted(folder.glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else None


@contextlib.contextmanager
def served(
    folder: Path,
    *,
    tls: Tls | None = None,
    programs: Path | None = None,
    kept: Path | None = None,
    keep: Path | None = None,
) -> Iterator[Server]:
    """Serve a new, empty cluster for a block.

    folder: takes the log and, but for root, the data. programs: what `fetch` returned.
    kept: such a cluster as `keep` left behind: a copy of it is served instead of an empty one.
    keep: a new folder, which holds the cluster after a block that ended well; it is as good as
    its data for the same release of PostgreSQL only.
    """
    programs = fetch() if programs is None else programs
    with _place(folder) as place:
        programs = _enterable(programs, place)
        server = _make(programs, place, folder / "postgresql.log", tls, kept)
        server.start()
        try:
            yield server
        finally:
            server.stop()
        if keep is not None:
            _keep(place / "data", server.admin_password, keep)


def _keep(data: Path, password: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    shutil.copytree(data, folder / "data", symlinks=True)
    _write_password(folder / "password", password)


def _copy(kept: Path, place: Path) -> str:
    """Put a copy of a kept cluster into a place; return the password of `admin`."""
    shutil.copytree(kept / "data", place / "data", symlinks=True)
    for folder, _, files in os.walk(place / "data"):
        _give(Path(folder))
        for name in files:
            _give(Path(folder, name))
    return (kept / "password").read_text("utf-8")


@contextlib.contextmanager
def _place(folder: Path) -> Iterator[Path]:
    """Yield a folder for the data, which belongs to whoever runs the server."""
    folder.mkdir(parents=True, exist_ok=True)
    parent = None if os.getuid() == 0 else folder
    with tempfile.TemporaryDirectory(prefix="postgresql-", dir=parent) as name:
        place = Path(name)
        _give(place)
        yield place


def _give(path: Path) -> None:
    if os.getuid() == 0:
        user = pwd.getpwnam(UNPRIVILEGED)
        os.chown(path, user.pw_uid, user.pw_gid)


def _enterable(programs: Path, place: Path) -> Path:
    """Return the programs, or a copy of them when root's cache is closed to the other user."""
    if os.getuid() != 0 or all(_open_to_all(folder) for folder in programs.parents):
        return programs
    root = programs.parents[4]  # of usr/lib/postgresql/15/bin
    shutil.copytree(root / "usr", place / "usr", symlinks=True)
    return place / programs.relative_to(root)


def _open_to_all(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)


def _make(
    programs: Path, place: Path, log: Path, tls: Tls | None, kept: Path | None
) -> Server:
    port, password = free_ports(1)[0], new_password() if kept is None else _copy(kept, place)
    environment = plain_environment(PGPASSWORD=password, PGCONNECT_TIMEOUT="2")
    if not programs.is_relative_to(MACHINE):
        libraries = debs.library_folders(programs.parents[4])
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, libraries))
    data = place / "data"
    if kept is None:
        _initialise(programs, place, password, environment)
    options = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", *SPEED]
    if tls is not None:
        options += _tls_options(tls, place)
    return Server(
        "postgresql",
        port,
        password,
        Programs(
            serve=[
                *_as_other_user(),
                str(programs / "postgres"),
                "-D",
                str(data),
                *(word for option in options for word in ("-c", option)),
            ],
            ask=_client(programs, port),
            environment=environment,
            database_option="--dbname=",
            stop_signal=signal.SIGINT,
        ),
        log,
    )


def _client(programs: Path, port: int) -> list[str]:
    return [
        str(programs / "psql"), "--no-psqlrc", "--quiet", "--no-align", "--tuples-only",
        "--field-separator=\t", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1", f"--port={port}",
        f"--username={ADMIN}", "--dbname=postgres",
    ]  # fmt: skip


def _write_password(file: Path, password: str) -> None:
    file.touch(mode=KEY_MODE)
    file.write_text(password, "utf-8")


def _initialise(
    programs: Path, place: Path, password: str, environment: dict[str, str]
) -> None:
    password_file = place / "password"
    _write_password(password_file, password)
    _give(password_file)
    command = [
        *_as_other_user(), str(programs / "initdb"), f"--pgdata={place / 'data'}",
        f"--username={ADMIN}", f"--pwfile={password_file}", "--auth=scram-sha-256",
        "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
    ]  # fmt: skip
    done = subprocess.run(
        command, env=environment, cwd=place, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{done.stderr}")


def _tls_options(tls: Tls, place: Path) -> list[str]:
    """Copy certificate and key to where the server's user may read them, and nobody else."""
    options = ["ssl=on"]
    for option, source in (("ssl_cert_file", tls.certificate), ("ssl_key_file", tls.key)):
        copy = place / source.name
        copy.touch(mode=KEY_MODE)
        copy.write_bytes(source.read_bytes())
        _give(copy)
        options.append(f"{option}={copy}")
    return options


def _as_other_user() -> Sequence[str]:
    """Return what makes a command run as the unprivileged user: nothing unless we are root."""
    if os.getuid() != 0:
        return ()
    user = pwd.getpwnam(UNPRIVILEGED)
    return ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
