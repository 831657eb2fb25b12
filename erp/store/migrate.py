"""Brings the tables of a store to what this release needs, under a lock.

Processes that open a new store at the same moment wait for the first, then find it done.
A store that a newer release has changed is refused: its rows may mean something else.
Source: Alembic's documentation, "Programmatic API use (connection sharing)".
"""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection

from erp.store.errors import StoreError

SCRIPTS = Path(__file__).with_name("migrations")
LOCK = 0x6F726465
"""Key of the advisory lock in PostgreSQL; any number that no other program takes."""

_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps what it is doing in global variables; the stores of a process open in threads."""


def upgrade(connection: Connection) -> None:
    """Run what steps are missing. connection: in a transaction, which the caller commits.

    In SQLite that transaction must have begun IMMEDIATE: it is the lock.
    Raises StoreError when the store belongs to a newer release.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    scripts = ScriptDirectory(SCRIPTS)
    present = MigrationContext.configure(connection).get_current_revision()
    if present == scripts.get_current_head():
        return
    known = {step.revision for step in scripts.walk_revisions()}
    if present is not None and present not in known:
        raise StoreError(f"the store is of a newer release (step {present}): install that one")
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    with _ONE_AT_A_TIME:
        command.upgrade(config, "head")

