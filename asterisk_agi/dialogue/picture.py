"""Writes `docs/dialogue.rst`: the state machine's picture and table, made of `machine.TABLE`.

`python -m asterisk_agi.dialogue.picture docs/dialogue.rst` writes the page; a test fails when
the page in the repository is not what the table gives.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from asterisk_agi.dialogue.machine import TABLE, Rule
from asterisk_agi.dialogue.state import StateName

_HEAD = """\
The dialogue
============

.. This page is made by ``python -m asterisk_agi.dialogue.picture``; do not edit it.

A call is in one of fifteen states. An event that changes nothing in a state is not shown in the
picture; the table below has every event. ``machine.py`` has the rules in words.

"""


def page() -> str:
    """Return the whole page in reStructuredText."""
    return f"{_HEAD}{_graph()}\n{_table()}"


def _graph() -> str:
    lines = [".. graphviz::", "", "   digraph dialogue {", "      rankdir=LR; node [shape=box];"]
    lines.extend(f"      {name.name} [label={_quoted(name.value)}];" for name in StateName)
    lines.extend(
        f"      {source} -> {target} [label={label}];" for source, target, label in _edges()
    )
    return "\n".join([*lines, "   }", ""])


def _edges() -> list[tuple[str, str, str]]:
    """Return one edge for each pair of states, with all events that lead along it."""
    events: dict[tuple[str, str], list[str]] = {}
    for (source, event), rule in TABLE.items():
        for target in StateName:
            if target in rule.targets and target is not source:
                events.setdefault((source.name, target.name), []).append(event.__name__)
    return [
        (source, target, _quoted("\\n".join(names))) for (source, target), names in events.items()
    ]


def _quoted(text: str) -> str:
    return f'"{text}"'


def _table() -> str:
    lines = [
        ".. list-table:: Every event in every state",
        "   :header-rows: 1",
        "",
        *_row("State", "Event", "What it does", "Leads to"),
    ]
    for (source, event), rule in TABLE.items():
        lines.extend(_row(source.value, event.__name__, _meaning(rule), _targets(rule)))
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> list[str]:
    return [f"   {'*' if number == 0 else ' '} - {cell}" for number, cell in enumerate(cells)]


def _meaning(rule: Rule) -> str:
    handler: Any = rule.handler
    return str(handler.__doc__).splitlines()[0].replace("*", "\\*")


def _targets(rule: Rule) -> str:
    return ", ".join(name.value for name in StateName if name in rule.targets)


def main(arguments: list[str]) -> int:
    """Write the page to the path that is given."""
    Path(arguments[0]).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
