"""`orderline erp shapes`: what a profile must give for each operation, and what it may use."""

from __future__ import annotations

from erp.commands.table import table
from erp.shapes import PARAMETERS, SHAPES, Part


def shapes() -> str:
    """Return the operations, their parts, the fields of each part and the parameters."""
    rows = []
    for operation, parts in SHAPES.items():
        given = ", ".join(PARAMETERS[operation]) or "-"
        for number, part in enumerate(parts):
            first = (operation, given) if number == 0 else ("", "")
            rows.append((*first, part.name, _fields(part)))
    note = "A * marks a field that may be left out. Everywhere: today, and what is learned."
    return f"{table(('operation', 'may use', 'part', 'fields'), rows)}\n\n{note}"


def _fields(part: Part) -> str:
    fields = (
        f"{field.name} ({field.kind.value}){'' if field.required else '*'}"
        for field in part.fields
    )
    return ", ".join(fields) or "-"
