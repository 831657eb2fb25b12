"""INSERTs of rows that may be there already, in the words of either database."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


def insert_new(connection: AsyncConnection, table: Table) -> Insert:
    """Return an INSERT that does nothing where the row's key is taken."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def insert_or_update(
    connection: AsyncConnection, table: Table, where: ColumnElement[bool]
) -> Insert:
    """Return an INSERT that changes a row which is there already, if it is as `where` says."""
    keys = list(table.primary_key.columns)
    others = [column.name for column in table.columns if not column.primary_key]
    if connection.dialect.name == "postgresql":
        new = postgresql.insert(table)
        values = {name: new.excluded[name] for name in others}
        return new.on_conflict_do_update(index_elements=keys, set_=values, where=where)
    made = sqlite.insert(table)
    values = {name: made.excluded[name] for name in others}
    return made.on_conflict_do_update(index_elements=keys, set_=values, where=where)
