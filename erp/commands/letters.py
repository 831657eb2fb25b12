"""`orderline events dead|replay`: what a publisher has given up, and sending it again.

Both work on the store alone: the bridge that runs beside them sends what is to be replayed.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING

from erp.commands.errors import CommandError
from erp.commands.table import table
from erp.events.letters import Letter, dead_letters, replay
from erp.store.errors import StoreError
from erp.store.settings import StoreSettings
from erp.store.store import Store

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

HEAD = ("event", "type", "call", "publisher", "attempts", "given up (UTC)", "why")

Load = Callable[[Path], StoreSettings]
Work = Callable[[Store, argparse.Namespace], Coroutine[None, None, None]]


def add_verbs(verbs: Verbs, load: Load, default_config: Path) -> None:
    """Add `dead` and `replay` to the verbs of `orderline events`. load: reads a configuration."""
    dead = verbs.add_parser("dead", help="list the events that a publisher has given up")
    again = verbs.add_parser("replay", help="have them sent again, with the same ids")
    again.add_argument("event", nargs="*", metavar="EVENT", help="ids; none: give --all")
    again.add_argument("--all", action="store_true", help="all that are dead")
    for parser, work in ((dead, _dead), (again, _replay)):
        parser.add_argument("--publisher", default="", help="only its own, as webhook:NAME")
        parser.add_argument(
            "--config", type=Path, default=default_config, help=f"default: {default_config}"
        )
        parser.set_defaults(run=_runner(load, work))


def _runner(load: Load, work: Work) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        asyncio.run(_with_store(load(arguments.config), arguments, work))
        return 0

    return run


async def _with_store(settings: StoreSettings, arguments: argparse.Namespace, work: Work) -> None:
    store = Store(settings)
    try:
        await work(store, arguments)
    except StoreError as error:
        raise CommandError(f"the store can't be used: {error}") from error
    finally:
        await store.close()


async def _dead(store: Store, arguments: argparse.Namespace) -> None:
    letters = await dead_letters(store, arguments.publisher)
    print(table(HEAD, [_row(letter) for letter in letters]) if letters else "no dead letters")


def _row(letter: Letter) -> tuple[str, ...]:
    at = f"{letter.at:%Y-%m-%d %H:%M:%S}"
    return (
        letter.event, letter.type, letter.session, letter.publisher, str(letter.attempts), at,
        letter.why,
    )  # fmt: skip


async def _replay(store: Store, arguments: argparse.Namespace) -> None:
    if bool(arguments.event) is arguments.all:
        raise CommandError("name the events to replay, or give --all")
    count = await replay(store, arguments.event, arguments.publisher)
    print(f"{count} to be sent again by the bridge")
