"""MariaDB for the tests: Debian's packages unpacked into the cache, run as whoever we are.

`served` makes a data folder by the server's own bootstrap and serves it for a block; there are no
accounts but `admin`. Source: mariadb.com/kb: mariadbd options, mariadb-install-db, --init-file.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.rig import debs
from tests.rig.database import ADMIN, Programs, Server, new_password, plain_environment
from tests.rig.debs import Progress, say
from tests.rig.ports import free_ports
from tests.rig.postgresql import Tls

PACKAGES = ("mariadb-server-core", "mariadb-client-core")
SYSTEM_TABLES = ("mysql_system_tables", "mysql_performance_tables", "mysql_system_tables_data")
SPEED = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=8M",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--performance-schema=off",
)
"""The tests' data may be lost with the machine; nothing is waited for."""


def fetch(progress: Progress = say) -> Path:
    """Return the folder in which MariaDB is unpacked. Raises FetchError when it can't be had."""
    return debs.ensure("mariadb", "", PACKAGES, progress=progress)


@contextlib.contextmanager
def served(folder: Path, *, tls: Tls | None = None) -> Iterator[Server]:
    """Serve a new, empty data folder for a block. folder: takes the data and the log."""
    prefix = fetch()
    folder.mkdir(parents=True, exist_ok=True)
    server = _make(prefix, folder.resolve(), tls)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _make(prefix: Path, folder: Path, tls: Tls | None) -> Server:
    port, password = free_ports(1)[0], new_password()
    libraries = os.pathsep.join(map(str, debs.library_folders(prefix)))
    environment = plain_environment(LD_LIBRARY_PATH=libraries, MYSQL_PWD=password)
    base = _base_command(prefix, folder)
    _bootstrap(prefix, base, environment)
    init_file = folder / "init.sql"
    init_file.touch(mode=0o600)
    init_file.write_text(
        f"CREATE USER IF NOT EXISTS {ADMIN}@'%' IDENTIFIED BY '{password}';\n"
        f"GRANT ALL ON *.* TO {ADMIN}@'%' WITH GRANT OPTION;\n"
        "utf-8",
    )
    return Server(
        "mariadb",
        port,
        password,
        Programs(
            serve=[
                *base,
                f"--port={port}",
                "--bind-address=127.0.0.1",
                f"--socket={folder / 'mariadb.sock'}",
                f"--init-file={init_file}",
                f"--pid-file={folder / 'mariadb.pid'}",
                *_tls_options(tls),
            ],
            ask=[
                str(prefix / "usr/bin/mariadb"),
                "--no-defaults",
                "--batch",
                "--skip-column-names",
                "--protocol=tcp",
                "--host=127.0.0.1",
                f"--port={port}",
                f"--user={ADMIN}",
                "--default-character-set=utf8mb4",
                "--connect-timeout=2",
            ],
            environment=environment,
            database_option="--database=",
            stop_signal=signal.SIGTERM,
        ),
        folder / "mariadb.log",
    )


def _tls_options(tls: Tls | None) -> list[str]:
    if tls is None:
        return []
    return [f"--ssl-cert={tls.certificate}", f"--ssl-key={tls.key}", "--tls-version=TLSv1.3"]


def _base_command(prefix: Path, folder: Path) -> list[str]:
    return [
        str(prefix / "usr" / "sbin" / "mariadbd"),
        "--no-defaults",
        f"--user={getpass.getuser()}",
        f"--basedir={prefix / 'usr'}",
        f"--lc-messages-dir={prefix / 'usr' / 'share' / 'mysql'}",
        f"--character-sets-dir={prefix / 'usr' / 'share' / 'mysql' / 'charsets'}",
        f"--datadir={folder / 'data'}",
        f"--tmpdir={folder}",
        "--character-set-server=utf8mb4",
        *SPEED,
    ]


def _bootstrap(prefix: Path, base: list[str], environment: dict[str, str]) -> None:
    scripts = prefix / "usr" / "share" / "mysql"
    words = ["CREATE DATABASE mysql;", "USE mysql;", "SET @auth_root_socket=NULL;"]
    words += [(scripts / f"{name}.sql").read_text("utf-8") for name in SYSTEM_TABLES]
    words.append("DELETE FROM global_priv WHERE User IN ('root', '');")
    data = next(Path(word.partition("=")[2]) for word in base if word.startswith("--datadir="))
    data.mkdir(mode=0o700)
    done = subprocess.run(
        [*base, "--bootstrap", "--skip-networking", "--max-allowed-packet=8M"],
        env=environment,
        input="\n".join(words),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"MariaDB's bootstrap failed:\n{done.stderr}")
