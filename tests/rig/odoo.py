"""Odoo 19 for the lab and the tests: fetched, initialised and seeded once, copied per use.

    ensure()  -> a database cluster in the user's cache (first time: two to three minutes)
    served()  -> a copy of it and an Odoo on it for a block, with dates moved to today and a key
                 of its own: about four seconds

Odoo is Debian's package, unpacked without installing it, on Python packages of its own: Debian's
are of another Python. The names in the cache carry digests of what they were made from: the demo
data, the seeding code, the Python packages, Odoo's and PostgreSQL's releases.

Source: Odoo 19 documentation (CLI; External JSON-2 API), and Odoo's source for `res.users.apikeys`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import hashlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp

from tests.rig import debs, demo_company, postgresql, venv
from tests.rig.database import Server, new_password
from tests.rig.debs import cache_folder, locked, say
from tests.rig.odoo_server import Odoo
from tests.rig.ports import free_ports

SERIES = "19"
SUITE = "sid"
PACKAGES = ("odoo-19",)
LEAVE_OUT = ("*/i18n/*",)
"""Translations: two thirds of the package."""

REQUIREMENTS = (
    "babel>=2.12,<3",
    "beautifulsoup4>=4.12,<5",
    "chardet>=5",
    "cryptography>=42",
    "decorator>=5,<6",
    "docutils>=0.20,<0.24",
    "idna>=3,<4",
    "jinja2>=3.1,<4",
    "libsass>=0.22,<1",
    "lxml>=5.2,<7",
    "lxml-html-clean<1",
    "markupsafe>=2.1,<4",
    "passlib>=1.7,<2",
    "pillow>=10",
    "polib>=1.1,<2",
    "psutil>=5.9",
    "psycopg2-binary>=2.9,<3",
    "pyopenssl>=24",
    "pypdf>=4",
    "python-dateutil>=2.8",
    "python-stdnum>=1.19,<3",
    "pytz",
    "reportlab>=4",
    "requests>=2.31,<3",
    "rjsmin>=1.2,<2",
    "urllib3>=2,<3",
    "werkzeug>=3.0,<3.1",
)
"""What these modules import; Odoo itself names twice as many."""

MODULES = ("account", "sale_management", "stock_delivery", "project")
"""With all that these depend on, and without what Odoo would add by itself."""

DATABASE = "demo"
ROLE = "odoo"
SEED_PROGRAM = Path(__file__).resolve().with_name("odoo_seed.py")
READY_TIMEOUT_S = 60.0
RETRY_INTERVAL_S = 0.05
KEY_BYTES = 20
KEY_INDEX_DIGITS = 8
KEY_ROUNDS = 6000
SALT_BYTES = 16

DATES = {
    "sale_order": ("date_order", "commitment_date", "effective_date", "validity_date"),
    "stock_picking": ("scheduled_date", "date_done", "date_deadline"),
    "stock_move": ("date", "date_deadline"),
    "stock_move_line": ("date",),
    "account_move": ("date", "invoice_date", "invoice_date_due"),
    "account_move_line": ("date", "invoice_date", "date_maturity"),
}
"""Every date of the demo that is relative to today."""


def ensure(progress: Callable[[str], None] = say) -> Path:
    """Fetch Odoo and make the seeded cluster where they are missing; return the cluster's folder.

    progress: called with one line for each step that takes a while.
    Raises FetchError, or subprocess.CalledProcessError when a step fails; its output went to
    standard error.
    """
    programs = postgresql.fetch(progress)
    with locked(_cache() / "lock"):
        with ThreadPoolExecutor(1, thread_name_prefix="odoo-pip") as beside:
            installed = beside.submit(_install, progress)
            folder = debs.ensure(
                "odoo", SUITE, PACKAGES, components=("main",), alone=True, leave_out=LEAVE_OUT,
                progress=progress,
            )  # fmt: skip
            installed.result()
        seeded = _seeded_path(folder, programs)
        if not seeded.exists():
            _make(folder, programs, seeded, progress)
    return seeded


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Odoo]:
    """Serve a fresh copy of the demo for a block, on free ports of 127.0.0.1.

    Not from within a running event loop.
    """
    seeded = ensure(say)
    folder.mkdir(parents=True, exist_ok=True)
    with postgresql.served(folder, kept=seeded) as database:
        odoo = prepare(folder.resolve(), database)
        odoo.start()
        try:
            asyncio.run(wait_ready(odoo.url))
            yield odoo
        finally:
            odoo.stop()


def prepare(folder: Path, database: Server) -> Odoo:
    """Make a copy of the seeded database fit for use: today's dates, and passwords of its own."""
    (port,) = free_ports(1)
    password, key = new_password(), secrets.token_hex(KEY_BYTES)
    database.run("\n".join([*_moved_dates(database), *_company_clock(), *_new_key(key)]), DATABASE)
    database.run(f"ALTER ROLE {ROLE} PASSWORD '{password}';")
    configuration = _write_configuration(folder, database.port, password, port)
    return Odoo(
        argv=[*_command(_software(), "server"), "-c", str(configuration)],
        env=_environment(_software()),
        url=f"http://127.0.0.1:{port}",
        database=DATABASE,
        key=key,
        log=folder / "odoo.log",
        server=database,
    )


async def wait_ready(url: str, timeout_s: float = READY_TIMEOUT_S) -> None:
    """Wait until Odoo has its database at hand. Raises TimeoutError when it has not in time."""
    try:
        await asyncio.wait_for(_until_it_answers(f"{url}/json/2/res.users/read"), timeout_s)
    except asyncio.TimeoutError as error:
        raise TimeoutError(f"Odoo at {url} does not answer within {timeout_s} s") from error


async def _until_it_answers(url: str) -> None:
    """Ask without a key: the refusal comes from the database's own users."""
    async with aiohttp.ClientSession(headers={"X-Odoo-Database": DATABASE}) as session:
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with session.post(url, json={}) as answer:
                    if answer.status == 401:
                        return
            await asyncio.sleep(RETRY_INTERVAL_S)


# Installing


def _cache() -> Path:
    return cache_folder() / f"odoo-{SERIES}"


def _software() -> Path:
    return debs.prefix_path("odoo", SUITE, PACKAGES, LEAVE_OUT)


def _environment_folder() -> Path:
    digest = hashlib.sha256("\n".join(REQUIREMENTS).encode()).hexdigest()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return _cache() / f"venv-{version}-{digest[:10]}"


def _installed() -> Path:
    """The mark that an environment is complete."""
    return _environment_folder() / "complete"


def _install(progress: Callable[[str], None]) -> None:
    if _installed().exists():
        return
    folder = _environment_folder()
    progress(f"Odoo {SERIES}: installing its Python packages into {folder}")
    venv.create(folder)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    _run([*pip, "--disable-pip-version-check", "--only-binary", ":all:", *REQUIREMENTS])
    _installed().touch()


# Making the database


def _seeded_path(software: Path, programs: Path) -> Path:
    files = [demo_company.DEMO_FOLDER / f"{name}.yaml" for name in demo_company.FILES]
    files += [SEED_PROGRAM, Path(demo_company.__file__)]
    return _named_by_content("seeded", software, programs, *files)


def _empty_path(software: Path, programs: Path) -> Path:
    """The modules and no data: kept, for a change of the demo needs no new one."""
    return _named_by_content("empty", software, programs)


def _named_by_content(kind: str, software: Path, programs: Path, *files: Path) -> Path:
    release = software / "usr/lib/python3/dist-packages/odoo/release.py"
    version = programs.parent.name  # .../postgresql/15/bin
    digest = hashlib.sha256("\n".join((*REQUIREMENTS, *MODULES, version)).encode())
    for file in (release, *files):
        digest.update(file.read_bytes())
    return _cache() / f"{kind}-{digest.hexdigest()[:16]}"


def _make(
    software: Path, programs: Path, seeded: Path, progress: Callable[[str], None]
) -> None:
    """Initialise and seed a cluster aside; each is moved to its place in one step."""
    with tempfile.TemporaryDirectory(dir=_cache(), prefix="making-") as name:
        folder, empty = Path(name), _empty_path(software, programs)
        if not empty.exists():
            progress(f"Odoo {SERIES}: making the database (about a minute)")
            with postgresql.served(folder, programs=programs, keep=folder / "empty") as server:
                _initialise(folder, software, server)
            (folder / "empty").rename(empty)
        progress(f"Odoo {SERIES}: seeding the demo company")
        with postgresql.served(
            folder, programs=programs, kept=empty, keep=folder / "seeded"
        ) as server:
            _seed(folder, software, server)
        (folder / "seeded").rename(seeded)


def _initialise(folder: Path, software: Path, server: Server) -> None:
    password = new_password()
    server.run(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{password}';")
    server.run(f"CREATE DATABASE {DATABASE} OWNER {ROLE};")
    configuration = _write_configuration(folder, server.port, password, 0)
    _run(
        [
            *_command(software, "server"), "-c", str(configuration), "-i", ",".join(MODULES),
            "--skip-auto-install", "--stop-after-init", "--no-http",
        ],
        env=_environment(software),
    )  # fmt: skip


def _seed(folder: Path, software: Path, server: Server) -> None:
    password, today = new_password(), datetime.datetime.now(datetime.timezone.utc).date()
    server.run(f"ALTER ROLE {ROLE} PASSWORD '{password}';")
    configuration = _write_configuration(folder, server.port, password, 0)
    data = folder / "data.json"
    orders = [{**order.values, "number": order.number} for order in demo_company.orders()]
    today_text = today.isoformat()
    data.write_text(
        json.dumps({**demo_company.data(), "orders": orders, "today": today_text}), "utf-8"
    )
    program = (
        f"import sys; sys.path.insert(0, {str(SEED_PROGRAM.parent)!r})\n"
        f"import odoo_seed; odoo_seed.main(env, {str(data)!r})\n"
    )
    _run(
        [*_command(software, "shell"), "-c", str(configuration), "--no-http"],
        stdin=program,
        env=_environment(software),
    )
    server.run(
        "CREATE TABLE orderline_seed (day date NOT NULL);"
        f"INSERT INTO orderline_seed VALUES ('{today_text}');",
        DATABASE,
    )


def _command(software: Path, command: str) -> list[str]:
    return [str(_environment_folder() / "bin" / "python"), str(software / "usr/bin/odoo"), command]


def _write_configuration(folder: Path, database_port: int, password: str, port: int) -> Path:
    """Write Odoo's configuration. No cron jobs: they would mail, and change the demo."""
    path = folder / "odoo.conf"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    values = {
        "db_host": "127.0.0.1",
        "db_port": database_port,
        "db_user": ROLE,
        "db_password": password,
        "db_name": DATABASE,
        "data_dir": folder / "data",
        "admin_passwd": new_password(),
        "http_interface": "127.0.0.1",
        "http_port": port,
        "list_db": False,
        "log_level": "warn",
        "max_cron_threads": 0,
        "workers": 0,
        "without_demo": True,
    }
    lines = [f"{name} = {value}\n" for name, value in values.items()]
    path.write_text("".join(["[options]\n", *lines]), "utf-8")
    return path


def _environment(software: Path) -> dict[str, str]:
    """This process's own environment, less what would steer Odoo or its Python astray."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ODOO", "PG", "PYTHON")) and name not in ("VIRTUAL_ENV", "TZ")
    }
    packages = software / "usr/lib/python3/dist-packages"
    return {**own, "PYTHONPATH": str(packages)}


def _run(argv: list[str], *, stdin: str = "", env: dict[str, str] | None = None) -> None:
    # A failed tool's words go to standard error: standard output may be somebody's JSON.
    done = subprocess.run(
        argv, input=stdin, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout + done.stderr)
        raise subprocess.CalledProcessError(done.returncode, argv, done.stdout, done.stderr)


# Making a copy fit for use


def _moved_dates(database: Server) -> Iterator[str]:
    """Yield what moves every date by the seed's age, so that it lies as far from today."""
    day = database.run("SELECT day FROM orderline_seed;", DATABASE).strip()
    age_days = (datetime.date.today() - datetime.date.fromisoformat(day)).days
    if age_days:
        age = f"interval '{age_days} days'"
        for table, columns in DATES.items():
            moved = ", ".join(f"{column} = {column} + {age}" for column in columns)
            yield f"UPDATE {table} SET {moved};"


def _company_clock() -> Iterator[str]:
    """Yield what sets the company's clock by this machine's: the tests compare dates."""
    link = os.path.realpath("/etc/localtime")
    zone = link.partition("/zoneinfo/")[2] or "UTC"
    yield f"UPDATE resource_calendar SET tz = '{'UTC' if zone == 'Etc/UTC' else zone}';"


def _new_key(key: str) -> Iterator[str]:
    """Yield what gives the product's user an API key, as res.users.apikeys does."""
    yield "DELETE FROM res_users_apikeys;"
    yield (
        "INSERT INTO res_users_apikeys (name, user_id, scope, key, index, create_date)"
        f" SELECT 'orderline', id, 'rpc', '{_hashed(key)}', '{key[:KEY_INDEX_DIGITS]}', now()"
        " FROM res_users WHERE login = 'orderline';"
    )


def _hashed(key: str) -> str:
    """Hash a key as passlib's pbkdf2_sha512 writes it, by which Odoo reads it."""
    salt = secrets.token_bytes(SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", key.encode(), salt, KEY_ROUNDS)
    shown = [base64.b64encode(part, b"./").rstrip(b"=").decode() for part in (salt, digest)]
    return f"$pbkdf2-sha512${KEY_ROUNDS}${shown[0]}${shown[1]}"
