"""`orderline erp matrix`: what each operation declares, and which system can do it.

It reads the tables of the code and the profiles; no system is asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from erp.commands.table import table
from erp.connector import Capabilities
from erp.operations import OPERATIONS, Freshness, Operation

DECLARED = ("operation", "sensitivity", "assurance", "freshness", "confirmed", "undone by")


def matrix(systems: Sequence[Capabilities]) -> str:
    """Return two tables: the operations and who can do them, and what each system declares."""
    operations = table(
        (*DECLARED, *(one.system for one in systems)),
        [
            (*_declared(operation), *(_ability(operation.name, one) for one in systems))
            for operation in OPERATIONS.values()
        ],
    )
    declared = table(
        ("system", "profile", "lock", "rollback", "hedged"),
        [
            (
                one.system,
                one.profile,
                one.lock.value,
                one.rollback.value,
                ", ".join(sorted(one.hedge)) or "-",
            )
            for one in systems
        ],
    )
    return f"{operations}\n\n{declared}"


def _declared(operation: Operation) -> tuple[str, ...]:
    return (
        operation.name,
        operation.sensitivity.value,
        str(operation.assurance),
        _freshness(operation.freshness) if not operation.write else "write",
        "yes" if operation.confirm else "no",
        operation.undo or "-",
    )


def _freshness(freshness: Freshness) -> str:
    return "live" if freshness.live else f"cached {freshness.max_age_s:.0f} s at most"


def _ability(operation: str, system: Capabilities) -> str:
    typical_ms = system.operations.get(operation)
    return "-" if typical_ms is None else f"{typical_ms:.0f} ms"
