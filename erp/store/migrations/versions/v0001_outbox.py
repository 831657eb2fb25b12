"""The outbox of events, and the calls that they tell of."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from erp.store.tables import Serial, UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "outbox",
        sa.Column("seq", Serial, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("session", sa.String(64), nullable=False),
        sa.Column("source", sa.String(255), nullable=False),
        sa.Column("time", UtcTime, nullable=False),
        sa.Column("stored_at", UtcTime, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_by_session", "outbox", ["session", "seq"])
    op.create_index("outbox_by_time", "outbox", ["stored_at"])
    op.create_table("calls", *_calls())
    op.create_index("calls_by_start", "calls", ["started_at"])
    op.create_index("calls_by_end", "calls", ["ended_at"])


def _calls() -> list[sa.Column[Any]]:
    texts = {
        "uniqueid": 150, "sip_call_id": 255, "profile": 80, "process": 255, "caller": 80,
        "extension": 80, "account": 80, "escalated_by": 16, "way": 16, "human": 150,
        "result": 32, "reason": 64, "disposition": 6,
    }  # fmt: skip
    times = ("started_at", "escalated_at", "ended_at")
    return [
        sa.Column("session", sa.String(64), primary_key=True),
        *(sa.Column(name, sa.String(size), nullable=False) for name, size in texts.items()),
        *(sa.Column(name, UtcTime) for name in times),
        *(sa.Column(name, sa.Float) for name in ("waited_s", "lasted_s")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("turns", "last_sequence")),
        sa.Column("last_at", UtcTime, nullable=False),
    ]
