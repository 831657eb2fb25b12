"""The engine `sql`: the statements of a profile, asked of PostgreSQL or MariaDB.

The driver is chosen by the scheme of the system's address. Every read is one read-only transaction
under the section's role and settings, with a time-out at the server that is a little shorter than
what is left; what the drivers do about it is in their modules. A write is one transaction too: an
INSERT, and the statement that reads it back.

It knows no vendor and no operation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import TypeVar

from erp.connector import Attempt
from erp.connectors.bounded import Bounded
from erp.connectors.engine import RawRow, Value, Written
from erp.connectors.sql import address as addresses
from erp.connectors.sql.mariadb import MariadbDriver
from erp.connectors.sql.pool import Pool
from erp.connectors.sql.postgresql import PostgresqlDriver
from erp.connectors.sql.rows import Row, Table
from erp.connectors.sql.section import read_section
from erp.connectors.sql.session import Asked, Driver, Question, Session
from erp.connectors.sql.statements import SqlRequest
from erp.deadline import Deadline
from erp.errors import BackendBusy, BackendDown, BackendRefused, BackendSlow, BadAnswer
from erp.settings import SystemSettings
from erp.tls import context
from erp.trace import Hop, Trace

_log = logging.getLogger(__name__)

T = TypeVar("T")

SERVER_MARGIN_S = 0.03
"""The server gives up so much before the deadline: then its error arrives, and the connection
is kept."""

SERVER_LEAST_S = 0.005
NO_ROLE = frozenset({"", "none"})
"""`SET ROLE none` takes the role away: the statement would run as our user itself."""

KNOWN_MAX = 200
"""Most statements that are kept ready on every connection: a profile has some twenty."""

_DRIVERS: dict[str, Callable[..., Driver]] = {
    "postgresql": PostgresqlDriver,
    "mariadb": MariadbDriver,
}


class SqlEngine:
    """One database. Belongs to one event loop."""

    def __init__(
        self,
        system: str,
        settings: SystemSettings,
        profile_section: Mapping[str, object],
        tls: str | None,
        parameters: Mapping[str, str],
    ) -> None:
        """Check what can be checked without I/O.

        profile_section: the profile's `sql`. tls: its `tls`. Raises ValueError.
        """
        self._system = system
        self._section = read_section(profile_section, "sql")
        self._address = addresses.parse(settings.url, self._section.tls)
        if not settings.user:
            raise ValueError("user is missing: write the database user, who may read and no more")
        self._parameters = dict(parameters)
        self._bytes_max = settings.answer_max_bytes
        secured = context(settings, tls) if self._address.tls else None
        self._driver = _DRIVERS[self._address.scheme](
            self._address, settings, self._section, secured
        )
        self._size = settings.connections
        self._pool: Pool | None = None
        self._bounded = Bounded()
        self._known: dict[str, None] = {}

    async def open(self, deadline: Deadline, trace: Trace | None = None) -> None:
        """Connect and log in, as often as there are connections. Raises ErpError."""
        if not self._address.tls and not self._address.loopback:
            _log.warning("system=%s tls=off in its url: all goes in plain text", self._system)
        await self._by(deadline, "open", self._ready().fill("open", trace))

    async def close(self) -> None:
        """Close every connection. May be called twice, and without `open`."""
        pool, self._pool = self._pool, None
        await self._bounded.close()
        if pool is not None:
            await pool.close()

    async def tend(self, deadline: Deadline) -> None:
        """Greet every connection that has no work, and replace the dead. Raises ErpError."""
        await self._by(deadline, "tend", self._tend())

    async def read(
        self, prepared: SqlRequest, values: Mapping[str, Value], attempt: Attempt
    ) -> Sequence[RawRow]:
        """Send one statement and return the rows of its answer. Raises ErpError."""
        operation = attempt.trace.operation
        question = self._question(prepared, values, operation)
        return await self._by(attempt.deadline, operation, self._read(question, attempt))

    async def write(
        self,
        prepared: SqlRequest,
        find: SqlRequest,
        values: Mapping[str, Value],
        attempt: Attempt,
    ) -> Written:
        """Insert, and read back by `find`, in one transaction. Raises ErpError."""
        operation = attempt.trace.operation
        question = self._question(prepared, values, operation)
        back = self._question(find, values, operation)
        return await self._by(attempt.deadline, operation, self._write(question, back, attempt))

    # Asking

    async def _read(self, question: Question, attempt: Attempt) -> Sequence[Row]:
        table = await self._on_session(
            lambda session: session.ask(question, self._server_s(attempt.deadline)),
            question.where,
            attempt,
        )
        self._remember(question.text.text)
        with attempt.trace.span(Hop.PARSE):
            return table.rows()

    async def _write(self, question: Question, find: Question, attempt: Attempt) -> Written:
        def leaving() -> None:
            attempt.trace.sent = True

        def write(session: Session) -> Awaitable[tuple[Table, bool]]:
            timeout_s = self._server_s(attempt.deadline)
            return session.write(question, find, timeout_s, leaving)

        table, inserted = await self._on_session(write, question.where, attempt)
        with attempt.trace.span(Hop.PARSE):
            return Written(table.rows(), by_find=True, existed=not inserted)

    async def _on_session(
        self, work: Callable[[Session], Awaitable[T]], where: str, attempt: Attempt
    ) -> T:
        """Do the work on a connection, and anew on a fresh one when that was dead."""
        asked = Asked(self._system, attempt.trace.operation, where)
        done = await self._once(work, asked, attempt, fresh=False)
        if done is None:
            done = await self._once(work, asked, attempt, fresh=True)
        if done is None:
            raise BackendDown(self._system, asked.operation, "the connection was lost")
        return done

    async def _once(
        self, work: Callable[[Session], Awaitable[T]], asked: Asked, attempt: Attempt, fresh: bool
    ) -> T | None:
        """Do it once. None: a connection that had been waiting turned out to be dead."""
        pool = self._ready()
        session, used = await pool.take(asked.operation, attempt.trace, fresh)
        try:
            with self._driver.seam(asked), attempt.trace.span(Hop.SERVER):
                return await work(session)
        except BackendBusy:
            raise
        except BackendDown as error:
            if not used or attempt.trace.sent:
                raise
            _log.info("asked anew: %s", error)
            return None
        finally:
            pool.give(session)

    def _question(
        self, request: SqlRequest, values: Mapping[str, Value], operation: str
    ) -> Question:
        asked = Asked(self._system, operation, request.where)
        server = self._address.scheme
        text = request.texts.get(server)
        if text is None:
            raise asked.error(BadAnswer, f"it has no text for {server}: write one beside the other")
        known: dict[str, Value] = {**self._parameters, **values}
        for name in text.names:
            if name not in known:
                raise asked.error(BadAnswer, f"parameter {name} has no value here")
        role = self._section.role
        taken = "" if role is None else role.value(known)
        if role is not None and taken in NO_ROLE:
            raise asked.error(BackendRefused, f"sql.role names {role.name}, which gives no role")
        return Question(
            where=request.where,
            text=text,
            values=known,
            role=taken,
            settings=tuple((name, said.value(known)) for name, said in self._section.settings),
            rows_max=request.rows_max,
            bytes_max=self._bytes_max,
        )

    async def _tend(self) -> None:
        pool = self._ready()
        role = self._section.role
        # Statements are made ready only under a role that is the same for every question.
        fixed = role is None or bool(role.value(self._parameters))
        name = "" if role is None else role.value(self._parameters)
        await pool.greet("tend", name, self._known if fixed else ())
        await pool.fill("tend")

    def _remember(self, text: str) -> None:
        if len(self._known) < KNOWN_MAX:
            self._known[text] = None

    def _ready(self) -> Pool:
        if self._pool is None:
            self._pool = Pool(self._system, self._driver, self._size)
        return self._pool

    # Time

    def _server_s(self, deadline: Deadline) -> float:
        left_s = deadline.remaining_s(asyncio.get_running_loop().time())
        return max(SERVER_LEAST_S, left_s - SERVER_MARGIN_S)

    async def _by(
        self, deadline: Deadline, operation: str, work: Coroutine[object, object, T]
    ) -> T:
        try:
            return await self._bounded.run(f"sql {operation}", work, deadline)
        except asyncio.TimeoutError as error:
            raise BackendSlow(
                self._system, operation, "the database did not answer in time"
            ) from error
