"""The distributor without any API, for the lab and the tests: its database, on either server.

`served` starts a server, makes the tables and the user of the product, and fills in the demo
company with today's dates: about two seconds on PostgreSQL or MariaDB.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from erp.secrets import Secret
from erp.settings import SystemSettings
from tests.rig import demo_company, distributor_seed, mariadb, postgresql
from tests.rig.database import Server, new_password
from tests.rig.debs import Progress, say
from tests.rig.postgresql import Tls

KINDS = ("postgresql", "mariadb")
FOLDER = demo_company.DEMO_FOLDER / "distributor"
PROFILE = "distributor"
USER = "orderline"
DATABASE = "northgate"
"""Where the tables are."""

CALLS_DATABASE = {"postgresql": "northgate", "mariadb": "northgate_calls"}
"""Where the product's user reads: on MariaDB the views."""


@dataclass(frozen=True)
class Distributor:
    """A running distributor: what the configuration needs, and what tests need to change it."""

    server: Server
    user: str
    password: Secret = field(repr=False)
    database: str

    @property
    def kind(self) -> str:
        """`postgresql` or `mariadb`."""
        return self.server.scheme

    @property
    def url(self) -> str:
        """The system's address, as the configuration has it."""
        return self.server.url(self.database)

    @property
    def admin_password(self) -> str:
        """Of the user `admin`, who may change everything."""
        return self.server.admin_password

    def system(self, **changes: object) -> SystemSettings:
        """Return the product's settings of this system. changes: further or other fields."""
        values: dict[str, object] = {
            "profile": PROFILE,
            "url": self.url,
            "user": self.user,
            "password": self.password,
            "calling_code": str(demo_company.data()["company"]["calling_code"]),
        }
        return SystemSettings(**{**values, **changes})  # type: ignore[arg-type]

    def section(self, password_reference: str) -> dict[str, object]:
        """Return the same as a configuration file has it, with the password by reference."""
        return {
            "profile": PROFILE,
            "url": self.url,
            "user": self.user,
            "password": password_reference,
            "calling_code": str(demo_company.data()["company"]["calling_code"]),
        }

    def change(self, statements: str) -> str:
        """Run statements on the tables as `admin`; return the rows as text, columns by tabs."""
        return self.server.run(statements, DATABASE)

    def restart(self) -> None:
        """Stop the server and start it again, on the same port and with the same data."""
        self.server.restart()

    def stop(self) -> None:
        """Stop the server; `restart` brings it back."""
        self.server.stop()


def fetch(progress: Progress = say) -> None:
    """Fetch both servers where they are missing. Raises FetchError."""
    postgresql.fetch(progress)
    mariadb.fetch(progress)


@contextlib.contextmanager
def served(
    folder: Path, kind: str = "postgresql", *, tls: Tls | None = None
) -> Iterator[Distributor]:
    """Serve the demo company for a block. kind: one of KINDS. tls: None: without TLS."""
    if kind == "postgresql":
        servers = postgresql.served(folder, tls=tls)
    elif kind == "mariadb":
        servers = mariadb.served(folder, tls=tls)
    else:
        raise ValueError(f"kind is {kind!r}: write {' or '.join(KINDS)}")
    with servers as server:
        password = new_password()
        fill(server, password)
        yield Distributor(server, USER, Secret(password), CALLS_DATABASE[kind])


def fill(server: Server, password: str) -> None:
    """Make the database, its rights, the product's user and the demo company's rows."""
    server.run(f"CREATE DATABASE {DATABASE};")
    server.run((FOLDER / "tables.sql").read_text("utf-8"), DATABASE)
    server.run((FOLDER / f"{server.scheme}.sql").read_text("utf-8"), DATABASE)
    server.run(_user(server.scheme, password), DATABASE)
    server.run(distributor_seed.statements(date.today()), DATABASE)


def _user(kind: str, password: str) -> str:
    if kind == "postgresql":
        return (
            f"CREATE ROLE {USER} LOGIN NOINHERIT PASSWORD '{password}';"
            f"GRANT calls_reader TO {USER};"
        )
    return (
        f"CREATE USER {USER} IDENTIFIED BY '{password}'; GRANT calls_reader TO {USER};"
        f"GRANT SELECT ON {CALLS_DATABASE[kind]}.CTLPAR TO {USER};"
    )
