"""A driver without a server: what it is asked, it notes; what it shall do, the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from erp.connectors.sql.rows import Columns, Table
from erp.connectors.sql.session import Asked, Question, Session
from erp.errors import BackendDown
from erp.trace import Hop, Trace


class LostError(Exception):
    """The driver's own word for a connection that is gone."""


class FakeSession:
    """One connection that answers one row."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.sure = True
        self.usable = True
        self.mends = True
        self.asked: list[Question] = []
        self.greeted: list[tuple[str, list[str]]] = []
        self.end = ""
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        """Between a commit and its answer."""
        self.inserts = True
        self.gate: asyncio.Event | None = None

    async def ask(self, question: Question, timeout_s: float) -> Table:
        self.sure = False
        self.asked.append(question)
        self.before()
        if self.gate is not None:
            await self.gate.wait()
        self.sure = True
        return Table(Columns(["N"]), [(self.number,)])

    async def write(
        self, question: Question, find: Question, timeout_s: float, leaving: Callable[[], None]
    ) -> tuple[Table, bool]:
        self.sure = False
        self.asked += [question, find]
        self.before()
        leaving()
        self.after()
        self.sure = True
        return Table(Columns(["N"]), [(self.number,)]), self.inserts

    async def greet(self, role: str, texts: Iterable[str]) -> None:
        self.sure = False
        self.before()
        self.greeted.append((role, list(texts)))
        self.sure = True

    async def mend(self) -> bool:
        self.sure = self.mends
        return self.mends

    async def close(self) -> None:
        self.end = "closed"

    def abort(self) -> None:
        self.end = "aborted"


class FakeDriver:
    """Makes fake sessions, numbered from 1."""

    def __init__(self) -> None:
        self.sessions: list[FakeSession] = []
        self.tries = 0
        self.most = 100
        self.shape: Callable[[FakeSession], None] = lambda session: None

    async def connect(self, trace: Trace | None) -> Session:
        self.tries += 1
        await asyncio.sleep(0)
        if len(self.sessions) >= self.most:
            raise LostError
        if trace is not None:
            trace.add(Hop.CONNECT, 0.001)
        session = FakeSession(len(self.sessions) + 1)
        self.shape(session)
        self.sessions.append(session)
        return session

    @contextmanager
    def seam(self, asked: Asked) -> Iterator[None]:
        try:
            yield
        except LostError as error:
            raise asked.error(BackendDown, "lost") from error


def lost() -> None:
    """Fail as a broken connection does."""
    raise LostError
