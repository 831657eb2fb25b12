"""All tables of the store, in one MetaData; how they came to be stands in `migrations`.

A test compares the two: whoever changes a table here adds a migration.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata = MetaData()

Serial = BigInteger().with_variant(Integer, "sqlite")
"""The type of a primary key that counts; SQLite counts only what is called INTEGER."""


class UtcTime(TypeDecorator[datetime]):
    """An aware time: kept in UTC, read in UTC. SQLite itself would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse a time without a zone, for nobody knows when that is."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        in_utc = value.astimezone(timezone.utc)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the time with its zone."""
        if not isinstance(value, datetime):
            return None
        if value.tzinfo is None:
            return value.replace(tzinfo=timezone.utc)
        return value.astimezone(timezone.utc)


outbox = Table(
    "outbox",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("type", String(64), nullable=False),
    Column("session", String(64), nullable=False),
    Column("source", String(255), nullable=False),
    Column("time", UtcTime, nullable=False),
    Column("stored_at", UtcTime, nullable=False),
    Column("body", Text, nullable=False),
    Index("outbox_by_session", "session", "seq"),
    Index("outbox_by_time", "stored_at"),
    # A number is never given twice, also after the last row was pruned: readers keep numbers.
    sqlite_autoincrement=True,
)
"""Every event, in the order in which it became known; `body` is what publishers send."""

calls = Table(
    "calls",
    metadata,
    Column("session", String(64), primary_key=True),
    Column("uniqueid", String(150), nullable=False, default=""),
    Column("sip_call_id", String(255), nullable=False, default=""),
    Column("profile", String(80), nullable=False, default=""),
    Column("process", String(255), nullable=False, default=""),
    Column("caller", String(80), nullable=False, default=""),
    Column("extension", String(80), nullable=False, default=""),
    Column("account", String(80), nullable=False, default=""),
    Column("turns", Integer, nullable=False, default=0),
    Column("started_at", UtcTime),
    Column("escalated_at", UtcTime),
    Column("escalated_by", String(16), nullable=False, default=""),
    Column("way", String(16), nullable=False, default=""),
    Column("human", String(150), nullable=False, default=""),
    Column("waited_s", Float),
    Column("ended_at", UtcTime),
    Column("lasted_s", Float),
    Column("result", String(32), nullable=False, default=""),
    Column("reason", String(64), nullable=False, default=""),
    Column("disposition", String(6), nullable=False, default=""),
    Column("last_at", UtcTime, nullable=False),
    Column("last_sequence", Integer, nullable=False, default=0),
    Index("calls_by_start", "started_at"),
    Index("calls_by_end", "ended_at"),
)
"""One row a call, kept by the events that are put into `outbox`, in the same transaction."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("publisher", String(80), primary_key=True),
    Column("event", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("session", String(64), nullable=False),
    Column("state", String(8), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_at", UtcTime),
    Column("changed_at", UtcTime, nullable=False),
    Column("why", String(200), nullable=False, default=""),
    Index("deliveries_by_state", "publisher", "state", "session", "seq"),
)
"""What became of an event at a publisher: done, waiting or dead. No row: it was not tried yet."""

cursors = Table(
    "cursors",
    metadata,
    Column("publisher", String(80), primary_key=True),
    Column("floor", BigInteger, nullable=False),
)
"""Up to which `outbox.seq` a publisher has looked at everything."""

leases = Table(
    "leases",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("holder", String(255), nullable=False),
    Column("until", UtcTime, nullable=False),
)
"""Who alone may do something now, and until when."""

callbacks = Table(
    "callbacks",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("session", String(64), nullable=False),
    Column("number", String(20), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("name", String(200), nullable=False, default=""),
    Column("account", String(80), nullable=False, default=""),
    Column("summary", Text, nullable=False, default=""),
    Column("state", String(24), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("claimed_by", String(255), nullable=False, default=""),
    Column("until", UtcTime),
    Column("why", String(255), nullable=False, default=""),
    Column("joined", String(64), nullable=False, default=""),
    Column("booked_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Index("callbacks_by_state", "state", "at"),
    Index(
        "callbacks_one_open",
        "number",
        unique=True,
        sqlite_where=text("state = 'agreed'"),
        postgresql_where=text("state = 'agreed'"),
    ),
)
"""Call-backs, one row for each that was agreed; who dials one claims it by its `state`."""

callback_tasks = Table(
    "callback_tasks",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("callback", String(64), nullable=False),
    Column("title", String(100), nullable=False),
    Column("body", Text, nullable=False),
    Column("due", UtcTime, nullable=False),
    Column("after", UtcTime),
    Column("attempts", Integer, nullable=False, default=0),
    Column("system", String(80), nullable=False, default=""),
    Column("record", String(150), nullable=False, default=""),
    Index("callback_tasks_by_time", "after"),
)
"""Tasks for humans in the business system; `after` is none when it is written there."""
