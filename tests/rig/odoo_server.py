"""One running Odoo of the tests: started, stopped, started again, and what its users need.

It knows neither how Odoo is fetched nor how its database is made: see `odoo.py`.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from erp.secrets import Secret
from erp.settings import SystemSettings
from tests.rig import demo_company
from tests.rig.database import Server

PROFILE = "odoo-19"


@dataclass
class Odoo:
    """How to start one Odoo, and how to ask it. The database must run while it does."""

    argv: list[str]
    env: dict[str, str] = field(repr=False)
    url: str
    database: str
    key: str = field(repr=False)
    """The product's user's own key; made for this copy."""
    log: Path
    server: Server = field(repr=False)
    """Its PostgreSQL: `server.run(statements, database)` changes the data behind Odoo's back."""
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def system(self, **changes: object) -> SystemSettings:
        """Return the product's settings of this system. changes: further or other fields."""
        values = {**self.section(""), "password": Secret(self.key), **changes}
        return SystemSettings(**values)  # type: ignore[arg-type]

    def section(self, password_reference: str) -> dict[str, object]:
        """Return the same as a configuration file has it, with the key by reference."""
        return {
            "profile": PROFILE,
            "url": self.url,
            "password": password_reference,
            "parameters": {"database": self.database},
            "calling_code": str(demo_company.data()["company"]["calling_code"]),
        }

    def start(self) -> None:
        """Start it; `tests.rig.odoo.wait_ready` returns when it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.argv, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def stop(self) -> None:
        """End it; an answer that it is at work on is lost. May be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()  # asked to end, it takes three seconds
        process.wait()
