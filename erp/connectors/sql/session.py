"""What a driver is to the engine: it makes sessions, and a session answers questions.

A session is one connection. `sure` tells whether it is known to be as it was when it was new: no
transaction, no role, no settings, nothing left unread. Only such a one goes back to the pool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from erp.connectors.engine import Value
from erp.connectors.sql.rows import Table
from erp.connectors.sql.statements import Text
from erp.errors import ErpError
from erp.trace import Trace

DETAIL_MAX_CHARACTERS = 160


@dataclass(frozen=True)
class Question:
    """One statement, complete."""

    where: str
    """The statement's place in the profile."""
    text: Text
    values: Mapping[str, Value] = field(repr=False)
    """By parameter, at least those that the statement names."""
    role: str
    """The role to take on, or empty."""
    settings: tuple[tuple[str, str], ...] = field(repr=False)
    rows_max: int
    bytes_max: int

    def ordered(self) -> tuple[Value, ...]:
        """Return the values in the order of their places."""
        return tuple(self.values[name] for name in self.text.names)


@dataclass(frozen=True)
class Asked:
    """Who asks what, for errors: names only."""

    system: str
    operation: str
    where: str = ""

    def error(self, kind: type[ErpError], what: str) -> ErpError:
        """Return an error of this kind whose detail is short, plain and on one line."""
        plain = ascii(" ".join(what.split()))[1:-1].replace("\\'", "'")
        if len(plain) > DETAIL_MAX_CHARACTERS:
            plain = f"{plain[:DETAIL_MAX_CHARACTERS]}..."
        detail = f"{self.where}: {plain}" if self.where else plain
        return kind(self.system, self.operation, detail)


class Session(Protocol):
    """One connection. Used by one question at a time."""

    sure: bool

    @property
    def usable(self) -> bool:
        """False when the connection is known to be gone."""

    async def ask(self, question: Question, timeout_s: float) -> Table:
        """Answer in a read-only transaction. timeout_s: the server gives up after it.

        Raises what the driver's `seam` knows.
        """

    async def write(
        self, question: Question, find: Question, timeout_s: float, leaving: Callable[[], None]
    ) -> tuple[Table, bool]:
        """Insert in a transaction of its own, and read back by `find` in the same one.

        leaving: called just before it is committed. Returns what was read back, and whether
        anything was inserted. Raises what the driver's `seam` knows.
        """

    async def greet(self, role: str, texts: Iterable[str]) -> None:
        """Ask for a trifle; under the role, make ready the statements that are asked often."""

    async def mend(self) -> bool:
        """Bring the connection back to what it was; False when that can't be done."""

    async def close(self) -> None:
        """Take leave of the server, and close."""

    def abort(self) -> None:
        """Close at once, telling nobody."""


class Driver(Protocol):
    """One kind of server."""

    async def connect(self, trace: Trace | None) -> Session:
        """Connect and log in; note the hops. Raises what `seam` knows."""

    def seam(self, asked: Asked) -> AbstractContextManager[None]:
        """Turn the driver's own errors into ErpErrors: the only place where they are known."""
