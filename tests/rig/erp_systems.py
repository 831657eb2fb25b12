"""Every ERP that the tests and the demo can serve, alike: by its kind, as a configuration has it.

    with served("odoo", folder) as section: ...   # what stands below `systems.odoo`

The kinds are four real systems that hold the same demo company (`demo_company.py`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.rig import distributor, odoo, tryton

Section = dict[str, Any]

KINDS = ("tryton", "odoo", "postgresql", "mariadb")


@contextlib.contextmanager
def served(kind: str, folder: Path) -> Iterator[Section]:
    """Serve one system for a block; yield what a configuration has below `systems`.

    Its password is in a file of the folder. Not from within a running event loop.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def reference(password: str) -> str:
        return secret_file(folder / "password", password)

    if kind == "tryton":
        with tryton.served(folder) as launch:
            yield tryton_section(launch, reference(launch.password))
    elif kind == "odoo":
        with odoo.served(folder) as server:
            yield server.section(reference(server.key))
    else:
        with distributor.served(folder, kind) as company:
            yield company.section(reference(company.password.reveal()))


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
