"""One field at a time: compiles a rule as a part of one field, and applies it to a row."""

from __future__ import annotations

from collections.abc import Mapping

from erp.mapping import RecordMapper, Tables, compile_record
from erp.shapes import Field, Kind, Part

WHERE = "operations.o.p.fields"
NO_TABLES = Tables.compile({}, {})


def mapper(
    kind: Kind, rule: object, *, required: bool = True, tables: Tables = NO_TABLES
) -> RecordMapper:
    """Compile one field, `f`, of a part `p`."""
    part = Part("p", (Field("f", kind, required),))
    return compile_record({"f": rule}, part, tables, WHERE)


def mapped(
    kind: Kind,
    rule: object,
    row: Mapping[str, object],
    *,
    required: bool = True,
    tables: Tables = NO_TABLES,
) -> object:
    """Return what a rule makes of a row."""
    return mapper(kind, rule, required=required, tables=tables)(row)["f"]
