"""Every ERP that the tests and the demo can serve, alike: by its kind, as a configuration has it.

    with served("odoo", folder) as section: ...   # what stands below `systems.odoo`
    with served_whole("odoo", folder) as system: ...   # the same, and what was written to it

The kinds are four real systems that hold the same demo company (`demo_company.py`).
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rig import distributor, odoo, tryton

Section = dict[str, Any]

KINDS = ("tryton", "odoo", "postgresql", "mariadb")


@dataclass(frozen=True)
class KeptTask:
    """A task as it lies in a system's own database, read there and not through its interface."""

    title: str
    text: str
    """With what the profile puts around it; Odoo keeps HTML."""
    customer: str
    """Name or number of the customer; empty when there is none."""


@dataclass(frozen=True)
class System:
    """One running system."""

    section: Section
    """What a configuration has below `systems`."""
    tasks: Callable[[str], list[KeptTask]]
    """The tasks that lie there, of those whose text or key field holds a key."""


@contextlib.contextmanager
def served(kind: str, folder: Path) -> Iterator[Section]:
    """Serve one system for a block; yield what a configuration has below `systems`.

    Its password is in a file of the folder. Not from within a running event loop.
    """
    with served_whole(kind, folder) as system:
        yield system.section


@contextlib.contextmanager
def served_whole(kind: str, folder: Path) -> Iterator[System]:
    """Serve one system as `served`; yield what tests need besides its section."""
    folder.mkdir(parents=True, exist_ok=True)

    def reference(password: str) -> str:
        return secret_file(folder / "password", password)

    if kind == "tryton":
        with tryton.served(folder) as launch:
            file = folder / f"{launch.database}.sqlite"
            section = tryton_section(launch, reference(launch.password))
            yield System(section, lambda key: _tryton_tasks(file, key))
    elif kind == "odoo":
        with odoo.served(folder) as odoo_server:
            server, database = odoo_server.server, odoo_server.database
            section = odoo_server.section(reference(odoo_server.key))
            yield System(section, lambda key: _read(server.run(_ODOO_TASKS % key, database)))
    else:
        with distributor.served(folder, kind) as company:
            section = company.section(reference(company.password.reveal()))
            statement = _DISTRIBUTOR_TASKS[kind]
            yield System(section, lambda key: _read(company.change(statement % key)))


def _tryton_tasks(file: Path, key: str) -> list[KeptTask]:
    statement = (
        "SELECT w.name, w.comment, COALESCE(p.code, '') FROM project_work w"
        " LEFT JOIN party_party p ON p.id = w.party WHERE w.comment LIKE '%' || ?"
    )
    with contextlib.closing(sqlite3.connect(file)) as database:
        return [KeptTask(*row) for row in database.execute(statement, (key,)).fetchall()]


_ODOO_TASKS = """
SELECT encode(convert_to(t.name, 'UTF8'), 'hex'), encode(convert_to(t.description, 'UTF8'), 'hex'),
    encode(convert_to(COALESCE(p.ref, ''), 'UTF8'), 'hex')
FROM project_task t LEFT JOIN res_partner p ON p.id = t.partner_id
WHERE t.description LIKE '%%%s%%';
"""
_DISTRIBUTOR_TASKS = {
    "postgresql": """
SELECT encode(convert_to(TITLE, 'UTF8'), 'hex'), encode(convert_to(TSKTX, 'UTF8'), 'hex'),
    encode(convert_to(TRIM(COALESCE(CUSNO, '')), 'UTF8'), 'hex')
FROM CALTSK WHERE TSKKY = '%s';
""",
    "mariadb": """
SELECT HEX(TITLE), HEX(TSKTX), HEX(TRIM(COALESCE(CUSNO, ''))) FROM CALTSK WHERE TSKKY = '%s';
""",
}
"""In hex, for the clients print a text's own tabs and lines in ways of their own."""


def _read(printed: str) -> list[KeptTask]:
    lines = [line for line in printed.splitlines() if line.strip()]
    return [
        KeptTask(*(bytes.fromhex(word).decode("utf-8") for word in line.split("\t")))
        for line in lines
    ]


def tryton_section(launch: tryton.Launch, password_reference: str) -> Section:
    """Return what a configuration has of a Tryton server."""
    return {
        "profile": "tryton-8.2",
        "url": launch.url,
        "user": launch.user,
        "password": password_reference,
        "parameters": {"database": launch.database},
        **launch.settings,
    }


def secret_file(path: Path, secret: str) -> str:
    """Write a secret to a file that only we may read; return the reference to it."""
    path.touch(mode=0o600)
    path.write_text(secret + "\n", "utf-8")
    return f"file:{path.resolve()}"


def fetch_all(progress: Callable[[str], None]) -> None:
    """Fetch and make what the systems need, side by side. Raises FetchError."""
    makers: tuple[Callable[[Callable[[str], None]], object], ...] = (
        tryton.ensure, odoo.ensure, distributor.fetch,
    )  # fmt: skip
    with ThreadPoolExecutor(thread_name_prefix="fetch-erp") as pool:
        for making in [pool.submit(make, progress) for make in makers]:
            making.result()
