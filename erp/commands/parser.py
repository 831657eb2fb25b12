"""The command line of `orderline erp`: arguments in, text out.

Exit codes: 0 all well, 1 something is not (it was said what). What is wrong with the configuration
or the arguments is raised as a ValueError of one sentence; the caller shows it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from erp.commands import latency, profiles, try_task
from erp.commands.ask import QUESTIONS, answer, shown
from erp.commands.configured import Asked, Configured, port
from erp.commands.matrix import matrix
from erp.commands.shapes import shapes
from erp.errors import ErpError
from erp.landscape import Landscape

ROUNDS = 30
ROUNDS_MAX = 10_000

Run = Callable[[Configured, argparse.Namespace], int]


def add_commands(
    parser: argparse.ArgumentParser, load: Callable[[Path], Configured], default_config: Path
) -> None:
    """Add the verbs of `orderline erp` to its parser. load: reads a configuration file."""
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")

    def configured(name: str, about: str, run: Run) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=about)
        added.add_argument(
            "--config", type=Path, default=default_config, help=f"default: {default_config}"
        )
        added.set_defaults(run=lambda arguments: run(load(arguments.config), arguments))
        return added

    configured("matrix", "which system can do what", _matrix)
    ask = configured("ask", "ask one question, as a call would", _ask)
    ask.add_argument("operation", choices=QUESTIONS, metavar="OPERATION", help=", ".join(QUESTIONS))
    ask.add_argument("arguments", nargs="*", metavar="ARGUMENT")
    trial = configured("try-task", "write one task for a human, as a call would", _try_task)
    trial.add_argument("--account", default="", help="number of the customer; none: not known")
    trial.add_argument("--phone", default="", help="number to call back")
    trial.add_argument("--yes", action="store_true", help="don't ask before it is written")
    measure = configured("latency", "where the time of each read goes", _latency)
    measure.add_argument("--rounds", type=_rounds, default=ROUNDS, help=f"default: {ROUNDS}")
    profiles.add_commands(verbs, configured)
    plain = verbs.add_parser("shapes", help="what a profile must give, and may use")
    plain.set_defaults(run=lambda arguments: _show(shapes()))


def _rounds(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= ROUNDS_MAX:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text[:20]!r}: write 1 to {ROUNDS_MAX}")


def _show(text: str) -> int:
    print(text)
    return 0


def _matrix(settings: Configured, arguments: argparse.Namespace) -> int:
    connectors = Landscape(settings.erp, settings.systems).connectors()
    return _show(matrix([connector.capabilities for connector in connectors.values()]))


def _ask(settings: Configured, arguments: argparse.Namespace) -> int:
    async def ask() -> str:
        asked: Asked = []
        async with port(settings, asked) as erp:
            found = await answer(erp, arguments.operation, arguments.arguments, settings.soon())
        return f"{shown(found)}\n\n{latency.report(asked)}"

    return _run(ask())


def _try_task(settings: Configured, arguments: argparse.Namespace) -> int:
    place = try_task.where(settings)
    question = f"A trial task will be written to {place}. Write it? [y/N] "
    if not arguments.yes and not _agreed(question):
        return _show("Nothing was written.")
    return _run(try_task.write(settings, arguments.account, arguments.phone))


def _agreed(question: str) -> bool:
    """Ask for a yes; the end of the input is a no."""
    print(question, end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _latency(settings: Configured, arguments: argparse.Namespace) -> int:
    connectors = Landscape(settings.erp, settings.systems).connectors()

    def able(system: str, operation: str) -> bool:
        return operation in connectors[system].capabilities.operations

    async def measure() -> str:
        asked: Asked = []
        item, phone = settings.item_number, settings.phone
        async with port(settings, asked) as erp:
            openings = asked[:]
            await latency.rounds(erp, item, phone, 1, able)  # warm
            asked[:] = openings
            await latency.rounds(erp, item, phone, arguments.rounds, able)
        return latency.report(asked)

    return _run(measure())


def _run(work: Coroutine[Any, Any, str]) -> int:
    try:
        return _show(asyncio.run(work))
    except ErpError as error:
        print(f"orderline: {error}", file=sys.stderr)
        return 1
