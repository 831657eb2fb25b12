"""PostgreSQL by asyncpg: one transaction a question, with role and settings of its own.

    BEGIN READ ONLY
    SELECT set_config('statement_timeout', ...), set_config('app.account', ...),
           set_config('role', ...)
    the statement, prepared once a connection, fetched by a cursor
    ROLLBACK

A write is BEGIN READ WRITE, the same settings, the INSERT, what reads it back, COMMIT.

`set_config(..., true)` is SET LOCAL with parameters: the end of the transaction takes all of it
back, whatever happened in it. A question that is cancelled is cancelled at the server too (asyncpg
sends a CancelRequest), and the connection is kept.

Source: PostgreSQL documentation, "SET", "System Administration Functions", appendix A "Error
Codes"; asyncpg 0.32 API reference.
"""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, ClassVar

import asyncpg

from dialplan.reasons import Reason
from erp.connectors.engine import Value
from erp.connectors.sql.address import Address
from erp.connectors.sql.rows import Gathered, NothingWritten, Table, TooMuch
from erp.connectors.sql.section import SqlSection
from erp.connectors.sql.session import Asked, Question, Session
from erp.connectors.sql.wire import connecting, lost, resolve, tls_fault
from erp.errors import BackendBusy, BackendDown, BackendRefused, BackendSlow, BadAnswer, ErpError
from erp.settings import SystemSettings
from erp.trace import Trace

APPLICATION = "orderline"
CURSOR_ROWS = 64
"""Rows that are fetched at a time: most answers are one round trip."""

_TEXTS = frozenset({"text", "varchar", "bpchar", "char", "name", "unknown", "citext"})
_FITTING: tuple[tuple[tuple[type, ...], frozenset[str], Callable[[Any], object]], ...] = (
    ((int,), frozenset({"int2", "int4", "int8", "numeric"}), int),
    ((Decimal,), frozenset({"numeric"}), Decimal),
    ((int, Decimal), frozenset({"float4", "float8"}), float),
    ((datetime.date,), frozenset({"date"}), lambda day: day),
    (
        (datetime.date,),
        frozenset({"timestamp"}),
        lambda day: datetime.datetime.combine(day, datetime.time.min),
    ),
)
"""Which values go where, besides texts: their types, the server's types, how they are made."""

# Not an OSError before Python 3.11.
_LOST = (OSError, asyncio.TimeoutError, asyncpg.InterfaceError)

Statement = Any  # asyncpg.prepared_stmt.PreparedStatement, generic in its record class only
Connection = Any


class Misfit(Exception):
    """A value does not fit the type that the statement gives it; the text does not hold it."""

    reason: ClassVar[Reason] = Reason.BACKEND_BAD_ANSWER


class _NoRoleError(Exception):
    """The server has no role of this name."""


class PostgresqlDriver:
    """Makes sessions on one PostgreSQL database."""

    def __init__(
        self,
        address: Address,
        settings: SystemSettings,
        section: SqlSection,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._address = address
        self._settings = settings
        self._tls = tls
        self._server_settings = {"application_name": APPLICATION}
        if section.charset:
            self._server_settings["client_encoding"] = section.charset

    async def connect(self, trace: Trace | None) -> Session:
        """Connect and log in; note the hops. Raises what `seam` knows."""
        await resolve(self._address, trace)
        password = self._settings.password
        with connecting(trace):
            connection = await asyncpg.connect(
                host=self._address.host,
                port=self._address.port,
                user=self._settings.user,
                # Never None: asyncpg would look for one in the environment.
                password=password.reveal() if password else "",
                database=self._address.database,
                ssl=self._tls or False,
                server_settings=self._server_settings,
                # Statements are kept by the session, which prepares them by name.
                statement_cache_size=0,
            )
        return PostgresqlSession(connection)

    @contextmanager
    def seam(self, asked: Asked) -> Iterator[None]:
        """Turn asyncpg's errors into ErpErrors: the only place where they are known."""
        try:
            yield
        except asyncpg.PostgresError as error:
            raise _server_fault(error, asked) from error
        except ssl.SSLError as error:
            raise tls_fault(error, asked) from error
        except _LOST as error:
            raise asked.error(BackendDown, _lost(error)) from error
        except _NoRoleError as error:
            told = "it has no such role: see `role` in the profile"
            raise asked.error(BackendRefused, told) from error
        except (Misfit, NothingWritten, TooMuch) as error:
            raise asked.error(BadAnswer, str(error)) from error
        except (UnicodeError, asyncpg.InternalClientError) as error:
            raise asked.error(BadAnswer, "its answer is not in its character set") from error
        except (ValueError, ArithmeticError) as error:
            # Its days go from 4713 BC to 5874897, Python's from 1 to 9999.
            raise asked.error(BadAnswer, "a date or number in its answer can't be read") from error


class PostgresqlSession:
    """One connection to PostgreSQL."""

    def __init__(self, connection: Connection) -> None:
        self.sure = True
        self._connection = connection
        self._statements: dict[str, Statement] = {}

    @property
    def usable(self) -> bool:
        """False when the connection is known to be gone."""
        return not self._connection.is_closed()

    async def ask(self, question: Question, timeout_s: float) -> Table:
        """Answer in a read-only transaction. timeout_s: the server gives up after it."""
        self.sure = False
        try:
            await self._connection.execute("BEGIN READ ONLY")
            await self._dress(question, timeout_s)
            table = await self._fetch(question)
        except (asyncpg.PostgresError, TooMuch, Misfit):
            # Prepared for columns that have changed since, perhaps.
            self._statements.pop(question.text.text, None)
            await self._roll_back()
            raise
        await self._roll_back()
        return table

    async def write(
        self, question: Question, find: Question, timeout_s: float, leaving: Callable[[], None]
    ) -> tuple[Table, bool]:
        """Insert in a transaction of its own, and read back by `find` in the same one."""
        self.sure = False
        try:
            await self._connection.execute("BEGIN READ WRITE")
            await self._dress(question, timeout_s)
            statement, values = await self._bound(question)
            await statement.fetch(*values)
            # "INSERT 0 1": an object's number of old, and how many rows.
            inserted = not statement.get_statusmsg().endswith(" 0")
            table = await self._fetch(find)
            table.demand_row()
        except (asyncpg.PostgresError, TooMuch, Misfit, NothingWritten):
            self._statements.pop(question.text.text, None)
            await self._roll_back()
            raise
        leaving()
        await self._connection.execute("COMMIT")
        self.sure = True
        return table, inserted

    async def greet(self, role: str, texts: Iterable[str]) -> None:
        """Ask for a trifle; under the role, make ready the statements that are asked often."""
        self.sure = False
        await self._connection.execute("BEGIN READ ONLY")
        # Without its role our user may not even see that the tables are there.
        await self._set_local([("role", role)] if role else [("statement_timeout", "0")])
        for text in texts:
            await self._statement(text)
        await self._roll_back()

    async def mend(self) -> bool:
        """Roll back. asyncpg waits first until the server has acknowledged a cancellation."""
        if not self.usable:
            return False
        await self._roll_back()
        return True

    async def close(self) -> None:
        """Take leave of the server, and close."""
        await self._connection.close()

    def abort(self) -> None:
        """Close at once, telling nobody."""
        self._connection.terminate()

    async def _roll_back(self) -> None:
        await self._connection.execute("ROLLBACK")
        self.sure = True

    async def _dress(self, question: Question, timeout_s: float) -> None:
        """Set time-out, settings and role; the role last, for it may do less."""
        wanted = [("statement_timeout", str(max(1, int(timeout_s * 1000)))), *question.settings]
        if question.role:
            wanted.append(("role", question.role))
        await self._set_local(wanted)

    async def _set_local(self, wanted: Sequence[tuple[str, str]]) -> None:
        """Set what the end of the transaction takes back."""
        places = range(1, 2 * len(wanted), 2)
        calls = ", ".join(f"set_config(${place}, ${place + 1}, true)" for place in places)
        statement = await self._statement(f"SELECT {calls}")
        try:
            await statement.fetchrow(*(word for pair in wanted for word in pair))
        except asyncpg.InvalidParameterValueError as error:
            await self._roll_back()
            raise _NoRoleError from error

    async def _statement(self, text: str) -> Statement:
        if text not in self._statements:
            self._statements[text] = await self._connection.prepare(text)
        return self._statements[text]

    async def _bound(self, question: Question) -> tuple[Statement, list[object]]:
        """Return the statement made ready, and its values as it takes them."""
        statement = await self._statement(question.text.text)
        values = [
            fitted(value, kind.name, name)
            for value, kind, name in zip(
                question.ordered(), statement.get_parameters(), question.text.names, strict=True
            )
        ]
        return statement, values

    async def _fetch(self, question: Question) -> Table:
        statement, values = await self._bound(question)
        gathered = Gathered(question.rows_max, question.bytes_max)
        prefetch = min(CURSOR_ROWS, question.rows_max)
        async for record in statement.cursor(*values, prefetch=prefetch):
            gathered.add(tuple(record))
            if gathered.full:
                break
        return gathered.table([column.name for column in statement.get_attributes()])


def fitted(value: Value, kind: str, name: str) -> object:
    """Return a value as asyncpg wants it for a type of the server's. Raises Misfit.

    A text goes only where the statement takes a text: `ORDNO = :order_number` on a column of
    numbers would fail for every caller who says a letter.
    """
    if value is None:
        return None
    if kind in _TEXTS:
        return value.isoformat() if isinstance(value, datetime.date) else str(value)
    for types, kinds, make in _FITTING:
        if isinstance(value, types) and kind in kinds and not isinstance(value, bool):
            return make(value)
    if isinstance(value, bool) and kind == "bool":
        return value
    word = "text" if isinstance(value, str) else type(value).__name__.lower()
    raise Misfit(
        f"parameter {name} is a {word}, and PostgreSQL takes it for {kind} there: write CAST("
        "... AS ...) around the column or the parameter"
    )


# Errors

_BY_STATE: dict[str, tuple[type[ErpError], str]] = {
    "57014": (BackendSlow, "it gave up after the time that was left"),
    "55P03": (BackendSlow, "a lock was not free in time"),
    "40P01": (BackendSlow, "it ended a deadlock by ending our question"),
    "57P01": (BackendDown, "it is shutting down"),
    "57P02": (BackendDown, "it crashed"),
    "57P03": (BackendDown, "it is starting up or shutting down"),
    "53300": (BackendBusy, "it has no connection left for us"),
    "25006": (BadAnswer, "the statement writes, and may only read"),
    "3D000": (BadAnswer, "it has no such database: see the end of the url"),
}
_BY_CLASS: dict[str, tuple[type[ErpError], str]] = {
    "08": (BackendDown, "the connection was lost"),
    "28": (BackendRefused, "it does not let our user in: see user and password"),
    "53": (BackendBusy, "it has no memory, disk or connection left"),
    "57": (BackendDown, "an operator ended our question"),
    "58": (BackendDown, "its disk fails"),
    # Messages of this class may quote a value.
    "22": (BadAnswer, "a value does not fit where the statement puts it"),
}


def _server_fault(error: asyncpg.PostgresError, asked: Asked) -> ErpError:
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return asked.error(BackendDown, "its tables have just changed")
    state = error.sqlstate or ""
    kind, told = _BY_STATE.get(state) or _BY_CLASS.get(state[:2]) or (BadAnswer, "")
    if state == "42501":
        kind = BackendRefused
    # Class 42 names tables and columns of the statement, which holds no values: they are apart.
    words = told or (str(error) if state.startswith("42") else "it did not answer the statement")
    return asked.error(kind, f"{words} (SQLSTATE {state})")


def _lost(error: Exception) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "it does not answer"
    if "SSL upgrade" in str(error):
        return "it does not offer TLS: set it up, or write ?tls=off behind the url"
    return lost(error)
