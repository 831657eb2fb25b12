"""Call-backs that were agreed, and the tasks that are written for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from erp.store.tables import UtcTime

revision = "0003"
down_revision = "0002"

OPEN = sa.text("state = 'agreed'")


def upgrade() -> None:
    """Make both tables. A number has at most one call-back that is still to be dialled."""
    op.create_table(
        "callbacks",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("session", sa.String(64), nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("account", sa.String(80), nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claimed_by", sa.String(255), nullable=False),
        sa.Column("until", UtcTime),
        sa.Column("why", sa.String(255), nullable=False),
        sa.Column("joined", sa.String(64), nullable=False),
        sa.Column("booked_at", UtcTime, nullable=False),
        sa.Column("changed_at", UtcTime, nullable=False),
    )
    op.create_index("callbacks_by_state", "callbacks", ["state", "at"])
    op.create_index(
        "callbacks_one_open",
        "callbacks",
        ["number"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_table(
        "callback_tasks",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("callback", sa.String(64), nullable=False),
        sa.Column("title", sa.String(100), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("due", UtcTime, nullable=False),
        sa.Column("after", UtcTime),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("system", sa.String(80), nullable=False),
        sa.Column("record", sa.String(150), nullable=False),
    )
    op.create_index("callback_tasks_by_time", "callback_tasks", ["after"])
