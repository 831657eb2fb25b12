"""A Tryton database as a client sees it: for the programs that fill one.

Runs in Tryton's own Python environment, never in the product's. Every record is made as a client
would make it (`proteus` calls the methods that are open to RPC), so what Tryton refuses to a
client it refuses here.
"""

from __future__ import annotations

from typing import Any

from proteus import config as proteus_config


class Tryton:
    """The database, as a client sees it: create, search and call with one context."""

    def __init__(self, config_file: str, database: str) -> None:
        self._config = proteus_config.set_trytond(
            f"sqlite:///{database}", user="admin", config_file=config_file
        )
        self._config.skip_warning = True
        self.context: dict[str, Any] = dict(self._config.context)

    def call(self, model: str, method: str, *arguments: Any) -> Any:
        return getattr(self._config.get_proxy(model), method)(*arguments, self.context)

    def create(self, model: str, rows: list[dict[str, Any]]) -> list[int]:
        created: list[int] = self.call(model, "create", rows)
        return created

    def create_one(self, model: str, **values: Any) -> int:
        return self.create(model, [values])[0]

    def search(self, model: str, *domain: list[Any]) -> list[int]:
        found: list[int] = self.call(model, "search", list(domain), 0, None, None)
        return found

    def the_one(self, model: str, *domain: list[Any]) -> int:
        found = self.search(model, *domain)
        if len(found) != 1:
            raise LookupError(f"{model} {domain}: {len(found)} records where one is needed")
        return found[0]

    def record(self, model: str, record_id: int, *fields: str) -> dict[str, Any]:
        rows: list[dict[str, Any]] = self.call(model, "read", [record_id], list(fields))
        return rows[0]

    def wear(self, company: int) -> None:
        """Act for this company from now on."""
        user = self._config.user
        self.call("res.user", "write", [user], {"companies": [("add", [company])]})
        self.call("res.user", "write", [user], {"company": company})
        self.context = {**self.call("res.user", "get_preferences", True), "company": company}
