"""`orderline erp matrix`: what each operation declares, and which system can do it.

It reads the tables of the code and the profiles; no system is asked. As a program it writes the
page `docs/erp_matrix.rst`, of the packaged profiles.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from erp.commands.table import table
from erp.connector import Capabilities
from erp.operations import OPERATIONS, Freshness, Operation
from erp.profiles import load
from erp.profiles.source import packaged

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


PAGE = """\
What the systems can do
=======================

This page is made of the code by ``make docs``; ``orderline erp matrix`` prints the same for the
systems of a configuration. A time is what the profile's author saw: the typical latency of the
operation. Of the writes, those with a time are run; the others are declared, and run by nobody yet.

::

"""


def page() -> str:
    """Return the page of the documentation: the matrix of the packaged profiles."""
    systems = [load(name).capabilities(name) for name in packaged()]
    indented = (f"   {line}".rstrip() for line in matrix(systems).splitlines())
    return PAGE + "\n".join(indented) + "\n"


def main(arguments: list[str]) -> int:
    """Write the page to the path that is given."""
    Path(arguments[0]).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
