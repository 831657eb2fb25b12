"""MariaDB by asyncmy: every question in a read-only transaction, with role and variables.

    SET @`app.account` = ..., max_statement_time = ..., sql_select_limit = ...
    SET ROLE `calls_reader`
    the statement, read row by row
    SET ROLE NONE; SET @`app.account` = NULL

The session is read only from its first moment (SET SESSION TRANSACTION READ ONLY), and each
statement is a transaction. A write is one that says otherwise: START TRANSACTION READ WRITE, the
INSERT, the statement that reads it back, COMMIT. What was set is taken back before anybody else
uses the connection; one of which we are not sure, after a cancellation above all, is closed:
MariaDB has no way to cancel on the connection itself, and gives up by `max_statement_time`.

Why asyncmy and not aiomysql: it asks for TLS or fails, where aiomysql goes on in plain text with a
server that has none; it closes a connection whose read was cancelled; it is maintained (0.2.18 of
2026) and reads rows in C. Parameters are put in by the driver, escaped by the session's own rules.

Source: MariaDB Knowledge Base, "SET ROLE", "Aborting Statements that Exceed a Certain Time",
"MariaDB Error Codes"; asyncmy's source.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import asyncmy.connection
import asyncmy.cursors
from asyncmy import errors

from erp.connectors.sql.address import Address
from erp.connectors.sql.rows import Gathered, NothingWritten, Table, TooMuch
from erp.connectors.sql.section import SqlSection
from erp.connectors.sql.session import Asked, Question, Session
from erp.connectors.sql.wire import connecting, lost, resolve, tls_fault
from erp.errors import BackendBusy, BackendDown, BackendRefused, BackendSlow, BadAnswer, ErpError
from erp.settings import SystemSettings
from erp.trace import Trace

CHARSET = "utf8mb4"
UNSAFE_CHARSETS = frozenset({"sjis", "ujis"})
"""In which a character that is no backslash is sent as one: the driver escapes quotes before it
encodes, so such a character would end a value, and what follows would be read as SQL."""

LEFT_ROWS_MAX = 1000
"""Rows that are read and dropped to keep a connection; with more to come it is closed."""

CONNECT_TIMEOUT_S = 60
"""Longer than any deadline: the engine's own bound comes first."""

_CLIENT_ERRORS = range(2000, 3000)
"""Numbers of errors that the driver makes itself: the connection is no more."""

_connection: Any = asyncmy.connection.Connection
_cursor: Any = asyncmy.cursors.SSCursor


class MariadbDriver:
    """Makes sessions on one MariaDB database."""

    def __init__(
        self,
        address: Address,
        settings: SystemSettings,
        section: SqlSection,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._address = address
        self._settings = settings
        self._charset = section.charset or CHARSET
        if self._charset.lower() in UNSAFE_CHARSETS:
            raise ValueError(f"sql.charset is {self._charset!r}: write utf8mb4, or cp932")
        self._tls = tls

    async def connect(self, trace: Trace | None) -> Session:
        """Connect and log in; note the hops. Raises what `seam` knows."""
        await resolve(self._address, trace)
        password = self._settings.password
        connection = _connection(
            host=self._address.host,
            port=self._address.port,
            user=self._settings.user,
            password=password.reveal() if password else "",
            database=self._address.database,
            charset=self._charset,
            ssl=self._tls,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            init_command="SET SESSION TRANSACTION READ ONLY",
        )
        with connecting(trace):
            await connection.connect()
        return MariadbSession(connection)

    @contextmanager
    def seam(self, asked: Asked) -> Iterator[None]:
        """Turn asyncmy's errors into ErpErrors: the only place where they are known."""
        try:
            yield
        except errors.MySQLError as error:
            if isinstance(error.__cause__, ssl.SSLError):
                raise tls_fault(error.__cause__, asked) from error
            raise _fault(error, asked) from error
        except ssl.SSLError as error:
            raise tls_fault(error, asked) from error
        except OSError as error:
            raise asked.error(BackendDown, lost(error)) from error
        except (NothingWritten, TooMuch) as error:
            raise asked.error(BadAnswer, str(error)) from error
        except (ValueError, LookupError, ArithmeticError) as error:
            raise asked.error(BadAnswer, "its answer can't be read") from error


class MariadbSession:
    """One connection to MariaDB."""

    def __init__(self, connection: Any) -> None:
        self.sure = True
        self._connection = connection

    @property
    def usable(self) -> bool:
        """False when the connection is known to be gone."""
        return bool(self._connection.connected)

    async def ask(self, question: Question, timeout_s: float) -> Table:
        """Answer in a read-only transaction. timeout_s: the server gives up after it."""
        self.sure = False
        try:
            await self._dress(question, timeout_s)
            table = await self._fetch(question)
        except errors.MySQLError as error:
            if _number(error) not in _CLIENT_ERRORS and self.usable:
                await self._undress(question)
            raise
        await self._undress(question)
        return table

    async def write(
        self, question: Question, find: Question, timeout_s: float, leaving: Callable[[], None]
    ) -> tuple[Table, bool]:
        """Insert in a transaction of its own, and read back by `find` in the same one."""
        self.sure = False
        try:
            await self._dress(question, timeout_s)
            await self._run("START TRANSACTION READ WRITE", ())
            inserted = await self._run(question.text.text, question.ordered()) > 0
            table = await self._fetch(find)
            # Raised through: the connection is closed then, which takes the transaction back.
            table.demand_row()
        except errors.MySQLError as error:
            if _number(error) not in _CLIENT_ERRORS and self.usable:
                await self._run("ROLLBACK", ())
                await self._undress(question)
            raise
        leaving()
        await self._run("COMMIT", ())
        await self._undress(question)
        return table, inserted

    async def greet(self, role: str, texts: Iterable[str]) -> None:
        """Ask for a trifle; nothing is made ready, for nothing is kept at the server."""
        self.sure = False
        await self._connection.ping(reconnect=False)
        self.sure = True

    async def mend(self) -> bool:
        """Return False: nobody knows what the server is still going to send."""
        return False

    async def close(self) -> None:
        """Take leave of the server, and close."""
        await self._connection.ensure_closed()

    def abort(self) -> None:
        """Close at once, telling nobody."""
        self._connection.close()

    async def _dress(self, question: Question, timeout_s: float) -> None:
        """Set variables, time-out, most rows and role."""
        names = [f"@`{name}` = %s" for name, _ in question.settings]
        values = [value for _, value in question.settings]
        await self._set(
            [*names, "max_statement_time = %s", "sql_select_limit = %s"],
            [*values, max(0.001, timeout_s), question.rows_max],
        )
        if question.role:
            quoted = question.role.replace("`", "``").replace("%", "%%")
            await self._run(f"SET ROLE `{quoted}`", ())

    async def _undress(self, question: Question) -> None:
        """Take all of it back. What is left is set anew by every question."""
        if not self.usable:
            return  # too much was left to read
        if question.role:
            await self._run("SET ROLE NONE", ())
        if question.settings:
            await self._set([f"@`{name}` = NULL" for name, _ in question.settings], [])
        self.sure = self.usable

    async def _set(self, words: list[str], values: list[object]) -> None:
        await self._run(f"SET {', '.join(words)}", tuple(values))

    async def _run(self, text: str, values: tuple[object, ...]) -> int:
        """Run what gives no rows; return how many it changed."""
        cursor = _cursor(self._connection)
        await cursor.execute(text, values)
        changed: int = cursor.rowcount
        await cursor.close()
        return changed

    async def _fetch(self, question: Question) -> Table:
        cursor = _cursor(self._connection)
        await cursor.execute(question.text.text, question.ordered())
        columns = [column[0] for column in cursor.description]
        gathered = Gathered(question.rows_max, question.bytes_max)
        while not gathered.full and (row := await cursor.fetchone()) is not None:
            gathered.add(row)
        if gathered.full:
            await self._pass_over(cursor)
        return gathered.table(columns)

    async def _pass_over(self, cursor: Any) -> None:
        """Read what nobody wants, for it must be read before the next question; or give up."""
        for _ in range(LEFT_ROWS_MAX):
            if await cursor.fetchone() is None:
                return
        self.abort()


# Errors

_BY_NUMBER: dict[int, tuple[type[ErpError], str]] = {
    1969: (BackendSlow, "it gave up after the time that was left"),
    1205: (BackendSlow, "a lock was not free in time"),
    1213: (BackendSlow, "it ended a deadlock by ending our question"),
    1317: (BackendDown, "an operator ended our question"),
    1927: (BackendDown, "an operator ended our connection"),
    1053: (BackendDown, "it is shutting down"),
    1040: (BackendBusy, "it has no connection left"),
    1203: (BackendBusy, "our user has no connection left"),
    1226: (BackendBusy, "our user has used up what it may"),
    1044: (BackendRefused, "our user may not use this database: see its rights"),
    1045: (BackendRefused, "it does not let our user in: see user and password"),
    1698: (BackendRefused, "it does not let our user in: see user and password"),
    1142: (BackendRefused, "our user may not read this table: see its rights"),
    1143: (BackendRefused, "our user may not read this column: see its rights"),
    1227: (BackendRefused, "our user may not do this: see its rights"),
    1356: (BackendRefused, "a view, or its owner, may not read its own tables"),
    1370: (BackendRefused, "our user may not run this function: see its rights"),
    1959: (BackendRefused, "our user has not been granted the role: see `role` in the profile"),
    1049: (BadAnswer, "it has no such database: see the end of the url"),
    1792: (BadAnswer, "the statement writes, and may only read"),
    2003: (BackendDown, "it can't be reached: is it running, and on this port?"),
    2026: (BackendRefused, "it does not offer TLS: set it up, or write ?tls=off behind the url"),
}
_NAMING = frozenset({1046, 1051, 1052, 1054, 1055, 1060, 1064, 1109, 1111, 1146, 1305, 1582})
"""Errors whose message names columns, tables or functions, and what stands near the mistake."""

# What stands near a mistake may hold a parameter's value, for the driver has put it in.
_NEAR = re.compile(r"(; check the manual.*?)? near '.*'( at line \d+)?$", re.DOTALL)


def _number(error: errors.MySQLError) -> int:
    number = error.args[0] if error.args else 0
    return number if isinstance(number, int) else 0


def _fault(error: errors.MySQLError, asked: Asked) -> ErpError:
    number = _number(error)
    if number in _BY_NUMBER:
        kind, told = _BY_NUMBER[number]
    elif number in _CLIENT_ERRORS or isinstance(error, errors.InterfaceError):
        kind, told = BackendDown, "the connection was lost"
    elif number in _NAMING:
        kind, told = BadAnswer, _NEAR.sub(r"\2", str(error.args[-1]))
    else:
        kind, told = BadAnswer, "it did not answer the statement"
    return asked.error(kind, f"{told} (error {number})")
