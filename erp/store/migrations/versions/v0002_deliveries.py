"""What became of each event at each publisher, and the leases under which they work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from erp.store.tables import UtcTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "deliveries",
        sa.Column("publisher", sa.String(80), primary_key=True),
        sa.Column("event", sa.String(64), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("session", sa.String(64), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", UtcTime),
        sa.Column("changed_at", UtcTime, nullable=False),
        sa.Column("why", sa.String(200), nullable=False),
    )
    op.create_index(
        "deliveries_by_state", "deliveries", ["publisher", "state", "session", "seq"]
    )
    op.create_table(
        "cursors",
        sa.Column("publisher", sa.String(80), primary_key=True),
        sa.Column("floor", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("holder", sa.String(255), nullable=False),
        sa.Column("until", UtcTime, nullable=False),
    )
