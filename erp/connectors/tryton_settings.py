"""What the Tryton connector must be told."""

from __future__ import annotations

from dataclasses import dataclass

from erp.limits import demand_above_zero
from erp.secrets import Secret


@dataclass(frozen=True)
class TrytonSettings:
    """How to reach one Tryton database, and as whom."""

    url: str
    """Where Tryton answers, without the database: `https://erp.example.com:8000`."""
    database: str
    """Name of the database."""
    user: str
    """Login of a user that may read products, stock, parties and sales, and nothing more."""
    password: Secret
    """Its password."""
    system: str = "tryton"
    """Kind of the system; tryton is the only one yet."""
    warehouses: tuple[str, ...] = ()
    """Names of the warehouses whose stock is promised; none means all."""
    calling_code: str = "1"
    """Calling code of the company's own country, digits: how national numbers are read."""
    connections: int = 8
    """Most connections at once; they are kept open between queries."""
    read_attempts: int = 3
    """How often a read is tried in all when the connection fails."""
    answer_max_bytes: int = 4_000_000
    """Longest answer, in bytes after decompression; a longer one is refused."""

    def __post_init__(self) -> None:
        if self.system != "tryton":
            raise ValueError(f"system is {self.system!r}: write tryton, the only one yet")
        # aiohttp takes 0 connections for any number of them.
        demand_above_zero(self, "connections", "read_attempts", "answer_max_bytes")
