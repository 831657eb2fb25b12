"""The engine `sql`: any PostgreSQL or MariaDB database, asked by the statements of a profile."""

from erp.connectors.sql.engine import SqlEngine
from erp.connectors.sql.section import check_section
from erp.connectors.sql.statements import SqlRequest, prepare, prepare_write

__all__ = ["SqlEngine", "SqlRequest", "check_section", "prepare", "prepare_write"]
