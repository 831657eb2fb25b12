"""Tryton 8.2 for the lab and the tests: installed, initialised and seeded once, copied per use.

    ensure()  -> a template database in the user's cache (first time: about a minute)
    prepare() -> a copy of it in a folder, its dates moved to today, with passwords of its own
    wait_ready() -> returns when the server answers
    served()  -> all of that for a block of a test

Tryton lives in a virtual environment of its own, for it must not share the product's. The
template's name carries a digest of the demo data, of the seeding code and of Tryton's release:
a change makes a new one. Source: docs.tryton.org, trytond 8.2.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.rig import demo_company, venv
from tests.rig.debs import cache_folder, locked, say
from tests.rig.ports import free_ports

SERIES = "8.2"
REQUIREMENTS = (
    "trytond>=8.2,<8.3",
    "proteus>=8.2,<8.3",
    "trytond_account_credit_limit>=8.2,<8.3",
    "trytond_project>=8.2,<8.3",
    "trytond_sale>=8.2,<8.3",
    "trytond_sale_price_list>=8.2,<8.3",
    "trytond_stock_shipment_cost>=8.2,<8.3",
    "waitress>=3.0",
)
MODULES = (
    "sale", "sale_price_list", "account_credit_limit", "stock_shipment_cost", "project",
)  # fmt: skip
"""With all that these depend on: party, product, stock, account, carrier, company, currency."""

DATABASE = "demo"
USER = "orderline"
SEED_PROGRAM = "tests.rig.tryton_seed"
SEED_FILES = tuple(
    Path(__file__).resolve().with_name(f"tryton_{part}.py") for part in ("seed", "books", "client")
)
SERVE_PROGRAM = Path(__file__).resolve().with_name("tryton_serve.py")
REPOSITORY = Path(__file__).resolve().parents[2]
PASSWORD_BYTES = 18
READY_TIMEOUT_S = 30.0
RETRY_INTERVAL_S = 0.05
ERROR_LEVEL = 40
"""Python's logging.ERROR: Tryton's log names no request and no person."""

DATES = {
    "sale_sale": ("sale_date", "shipping_date", "quotation_date"),
    "stock_move": ("planned_date", "effective_date", "origin_planned_date"),
    "stock_shipment_in": ("planned_date", "effective_date", "origin_planned_date"),
    "stock_shipment_out": ("planned_date", "effective_date", "origin_planned_date"),
    "account_fiscalyear": ("start_date", "end_date"),
    "account_period": ("start_date", "end_date"),
    "account_move": ("date", "post_date"),
    "account_move_line": ("maturity_date",),
}
"""Every date of the demo that is relative to today."""

HASH_PROGRAM = r"""
import sys
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
print(*map(PasswordHash([Argon2Hasher()]).hash, sys.stdin.read().split()), sep="\n")
"""
"""As trytond.res.user does it, without loading all of Tryton."""


@dataclass(frozen=True)
class Launch:
    """How to start one Tryton server, and how to log in to it.

    The process serves until it is ended; it may be started again with the same arguments.
    """

    argv: list[str]
    env: dict[str, str] = field(repr=False)
    url: str
    database: str
    user: str
    password: str = field(repr=False)
    admin_password: str = field(repr=False)
    """Of the user `admin`, who may change everything: for tests that do."""
    settings: dict[str, object] = field(default_factory=dict)
    """Further keys of the product's `erp:` section."""


def ensure(progress: Callable[[str], None]) -> Path:
    """Install Tryton and make the template database where they are missing.

    progress: called with one line for each step that takes a while. Returns the template's path.
    Raises subprocess.CalledProcessError when a step fails; its output went to standard error.
    """
    template = _template_path()
    if template.exists() and _installed().exists():
        return template
    _cache().mkdir(parents=True, exist_ok=True)
    with locked(_cache() / "lock"):
        if not _installed().exists():
            _install(progress)
        if not template.exists():
            _make_template(template, progress)
    return template


def prepare(folder: Path, port: int) -> Launch:
    """Put a copy of the template into a folder, fit to be served on 127.0.0.1:port.

    folder: made when missing; an older copy in it is replaced. Call `ensure` before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()  # The server may be started from elsewhere.
    database_file = folder / f"{DATABASE}.sqlite"
    for leftover in folder.glob(f"{DATABASE}.sqlite*"):
        leftover.unlink()
    shutil.copyfile(_template_path(), database_file)
    passwords = {name: secrets.token_urlsafe(PASSWORD_BYTES) for name in (USER, "admin")}
    with contextlib.closing(sqlite3.connect(database_file)) as database:
        move_dates(database, datetime.date.today())
        database.executemany(
            "UPDATE res_user SET password_hash = ? WHERE login = ?",
            zip(_hashes(passwords.values()), passwords, strict=True),
        )
        database.commit()
    return Launch(
        argv=[
            str(_python()), str(SERVE_PROGRAM), str(_write_config(folder)), DATABASE, str(port)
        ],
        env=_environment(),
        url=f"http://127.0.0.1:{port}",
        database=DATABASE,
        user=USER,
        password=passwords[USER],
        admin_password=passwords["admin"],
        settings={"calling_code": str(demo_company.data()["company"]["calling_code"])},
    )


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Launch]:
    """Serve a fresh copy of the demo for a block, on a free port: for tests and benchmarks.

    Not from within a running event loop.
    """
    ensure(say)
    (port,) = free_ports(1)
    launch = prepare(folder, port)
    with subprocess.Popen(launch.argv, env=launch.env) as process:
        try:
            asyncio.run(wait_ready(launch.url))
            yield launch
        finally:
            process.terminate()


async def wait_ready(url: str, timeout_s: float = READY_TIMEOUT_S) -> None:
    """Wait until Tryton answers at url. Raises TimeoutError when it does not in timeout_s."""
    try:
        await asyncio.wait_for(_until_it_answers(f"{url}/rpc/"), timeout_s)
    except asyncio.TimeoutError as error:
        raise TimeoutError(f"Tryton at {url} does not answer within {timeout_s} s") from error


async def _until_it_answers(url: str) -> None:
    question = {"id": 1, "method": "common.server.version", "params": []}
    async with aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with session.post(url, json=question) as answer:
                    if (await answer.json())["result"] == SERIES:
                        return
            await asyncio.sleep(RETRY_INTERVAL_S)


# Installing


def _cache() -> Path:
    return cache_folder() / f"tryton-{SERIES}"


def _environment_folder() -> Path:
    digest = hashlib.sha256("\n".join(REQUIREMENTS).encode()).hexdigest()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return _cache() / f"venv-{version}-{digest[:10]}"


def _installed() -> Path:
    """The mark that an environment is complete."""
    return _environment_folder() / "complete"


def _python() -> Path:
    return _environment_folder() / "bin" / "python"


def _install(progress: Callable[[str], None]) -> None:
    folder = _environment_folder()
    progress(f"Tryton {SERIES}: installing into {folder}")
    venv.create(folder)  # a fresh Debian's own `-m venv` fails for want of ensurepip
    _run([str(_python()), "-m", "pip", "install", "--quiet", *REQUIREMENTS])
    _installed().touch()


# Making the template


def _template_path() -> Path:
    files = [demo_company.DEMO_FOLDER / f"{name}.yaml" for name in demo_company.FILES]
    return _named_by_content("template", *files, *SEED_FILES)


def _empty_path() -> Path:
    """A database with its modules and no data: kept, for a change of the demo needs no new one."""
    return _named_by_content("empty")


def _named_by_content(kind: str, *files: Path) -> Path:
    digest = hashlib.sha256("\n".join((*REQUIREMENTS, *MODULES)).encode())
    for file in files:
        digest.update(file.read_bytes())
    return _cache() / f"{kind}-{digest.hexdigest()[:16]}.sqlite"


def _make_template(template: Path, progress: Callable[[str], None]) -> None:
    """Initialise and seed a database aside; each is moved to its place in one step."""
    with tempfile.TemporaryDirectory(dir=_cache(), prefix="making-") as name:
        folder = Path(name)
        database_file = folder / f"{DATABASE}.sqlite"
        config = _write_config(folder)
        if not _empty_path().exists():
            progress(f"Tryton {SERIES}: making the database (about half a minute)")
            database_file.touch()
            _initialise(config, folder)
            _into_one_file(database_file)
            database_file.replace(_empty_path())
        shutil.copyfile(_empty_path(), database_file)
        progress(f"Tryton {SERIES}: seeding the demo company")
        _seed(config, database_file)
        database_file.replace(template)


def _seed(config: Path, database_file: Path) -> None:
    today = datetime.date.today()
    _run(
        [str(_python()), "-m", SEED_PROGRAM, str(config), DATABASE],
        stdin=json.dumps({**demo_company.data(), "today": today.isoformat()}),
        PYTHONPATH=str(REPOSITORY),
    )
    _into_one_file(database_file)
    with contextlib.closing(sqlite3.connect(database_file)) as database:
        database.execute("CREATE TABLE orderline_seed (day TEXT NOT NULL)")
        database.execute("INSERT INTO orderline_seed VALUES (?)", (today.isoformat(),))
        database.commit()


def _into_one_file(database_file: Path) -> None:
    """Leave no write-ahead log beside a database: its file alone is copied."""
    with contextlib.closing(sqlite3.connect(database_file)) as database:
        database.execute("PRAGMA journal_mode = DELETE")


def _initialise(config: Path, folder: Path) -> None:
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_urlsafe(PASSWORD_BYTES), "utf-8")
    admin = str(_python().with_name("trytond-admin"))
    _run(
        [
            admin, "-c", str(config), "-d", DATABASE, "--email", "admin@example.com",
            "--activate-dependencies", "-u", *MODULES,
        ],
        TRYTONPASSFILE=str(password_file),
    )


def _write_config(folder: Path) -> Path:
    """Write a configuration that knows the databases of this folder only."""
    path = folder / "trytond.conf"
    path.write_text(
        f"[database]\nuri = sqlite://\npath = {folder.resolve()}\nlist = False\n", "utf-8"
    )
    return path


def _run(argv: list[str], stdin: str = "", **environment: str) -> str:
    # A failed tool's words go to standard error: standard output may be somebody's JSON.
    done = subprocess.run(
        argv,
        input=stdin,
        env=_environment() | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout + done.stderr)
        raise subprocess.CalledProcessError(done.returncode, argv, done.stdout, done.stderr)
    return done.stdout


def _environment() -> dict[str, str]:
    """This process's own environment, less what would steer Tryton or its Python astray."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TRYTON", "DB_", "PYTHON")) and name != "VIRTUAL_ENV"
    }
    return {**own, "TRYTOND_LOGGING_LEVEL": str(ERROR_LEVEL), "PYTHONUNBUFFERED": "1"}


# Making a copy fit for use


def _hashes(passwords: Iterable[str]) -> list[str]:
    return _run([str(_python()), "-c", HASH_PROGRAM], stdin="\n".join(passwords)).split()


def move_dates(database: sqlite3.Connection, today: datetime.date) -> None:
    """Move every date by the template's age, so that it lies as far from today as it did."""
    ((seeded,),) = database.execute("SELECT day FROM orderline_seed").fetchall()
    age_days = (today - datetime.date.fromisoformat(seeded)).days
    if age_days:
        for table, columns in DATES.items():
            moved = ", ".join(f"{column} = date({column}, :days)" for column in columns)
            database.execute(f"UPDATE {table} SET {moved}", {"days": f"{age_days:+d} days"})
    database.execute("UPDATE orderline_seed SET day = ?", (today.isoformat(),))
