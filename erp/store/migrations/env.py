"""Run by Alembic: takes the connection of `erp.store.migrate`, which holds the lock.

Whoever merely imports it (a test that looks at all modules) is outside of Alembic: then nothing
is done.
"""

from __future__ import annotations

from alembic import context

from erp.store.tables import metadata

if hasattr(context, "config"):
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        # One transaction for all steps, that of the caller: half a step is never left behind.
        transaction_per_migration=False,
    )
    context.run_migrations()
