"""The store: an SQL database that every process of Orderline opens by itself.

A SQLite file for one host, PostgreSQL for several. It gives out transactions and knows no table;
errors of database and driver become `StoreError` here, and nowhere else.
Source: SQLAlchemy 2 documentation, "SQLite: serializable isolation / savepoints / transactional
DDL"; SQLite documentation, "Write-Ahead Logging", "PRAGMA busy_timeout".
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from erp.store import migrate
from erp.store.errors import StoreError
from erp.store.settings import StoreSettings

_log = logging.getLogger(__name__)

BUSY_MS = 5000
"""How long SQLite waits for another process's write, milliseconds."""

CONNECT_S = 5.0
"""How long a connection to PostgreSQL may take, seconds."""

STATEMENT_S = 10.0
"""How long PostgreSQL may take for one statement, seconds."""

READS = "orderline_reads"


class Store:
    """Transactions on one database. It opens by itself at the first use; `open` does so now."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._engine: AsyncEngine | None = None
        self._opening = asyncio.Lock()

    @classmethod
    async def open(cls, settings: StoreSettings) -> Store:
        """Open it, with all its tables. Raises StoreError."""
        store = cls(settings)
        try:
            await store._opened()
        except SQLAlchemyError as error:
            raise _mapped(error) from error
        return store

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection in a transaction that may write: committed at the end of the block.

        In SQLite one at a time, over all processes: do nothing slow in the block.
        Raises StoreError when the store cannot be reached or refuses; then nothing was kept.
        """
        async with self._transaction(reads=False) as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection that only reads, which waits for nobody. Raises StoreError."""
        async with self._transaction(reads=True) as connection:
            yield connection

    async def close(self) -> None:
        """Close all connections. May be called twice; it may be used again afterwards."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.dispose()

    @contextlib.asynccontextmanager
    async def _transaction(self, *, reads: bool) -> AsyncIterator[AsyncConnection]:
        try:
            engine = await self._opened()
            async with _connected(engine) as connection:
                await connection.execution_options(**{READS: reads})
                async with connection.begin():
                    yield connection
        except SQLAlchemyError as error:
            raise _mapped(error) from error

    async def _opened(self) -> AsyncEngine:
        if self._engine is not None:
            return self._engine
        async with self._opening:
            if self._engine is None:
                self._engine = await _open(self._settings)
        return self._engine


async def _open(settings: StoreSettings) -> AsyncEngine:
    file = settings.file
    engine = _engine(settings)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        async with _alone(file):
            # Alembic computes for a second: in a thread, for calls may be in progress here.
            await asyncio.to_thread(asyncio.run, _upgrade(settings))
        async with _connected(engine):
            stack.pop_all()
    _log.info("the store is %s", engine.url.render_as_string(hide_password=True))
    return engine


def _engine(settings: StoreSettings) -> AsyncEngine:
    file = settings.file
    engine = create_async_engine(settings.address, **_options(file))
    if file is not None:
        _prepare_sqlite(engine)
    return engine


async def _upgrade(settings: StoreSettings) -> None:
    """Bring the tables up to date; runs on an event loop of its own, with its own connection."""
    engine = _engine(settings)
    try:
        async with _connected(engine) as connection, connection.begin():
            await connection.run_sync(migrate.upgrade)
    finally:
        await engine.dispose()


def _options(file: Path | None) -> dict[str, Any]:
    if file is not None:
        return {"connect_args": {"timeout": BUSY_MS / 1000}}
    limits = {"timeout": CONNECT_S, "command_timeout": STATEMENT_S}
    return {"connect_args": limits, "pool_pre_ping": True}


@contextlib.asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Connect; what the network raises of itself is mapped here, not what the block raises."""
    try:
        connection = await engine.connect()
    except (OSError, asyncio.TimeoutError) as error:
        raise _mapped(error) from error
    try:
        yield connection
    finally:
        await connection.close()


# SQLite...


@contextlib.asynccontextmanager
async def _alone(file: Path | None) -> AsyncIterator[None]:
    """Open a SQLite file alone: its change to write-ahead logging waits for nobody, but fails."""
    if file is None:
        yield
        return
    try:
        lock = await asyncio.to_thread(_locked, file)
    except OSError as error:
        raise _mapped(error) from error
    try:
        yield
    finally:
        os.close(lock)


def _locked(file: Path) -> int:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Made here, for SQLite would make it readable for everybody.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError:
        os.close(lock)
        raise
    return lock


def _prepare_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _: object) -> None:
        # The driver would begin transactions at moments of its own choice.
        connection.isolation_level = None
        cursor = connection.cursor()
        for setting in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        # A write that begins as a read may fail, whatever the time that it may wait.
        reads = connection.get_execution_options().get(READS, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _mapped(error: Exception) -> StoreError:
    """Return our error for theirs, in one line and without the values of the statement."""
    cause: BaseException = getattr(error, "orig", None) or error
    first = str(cause).strip().splitlines()[:1]
    return StoreError(f"{type(cause).__name__}: {first[0] if first else 'no reason given'}")
