"""`orderline callbacks list|cancel`: what was agreed with callers, and what became of it.

It reads and changes the store only; a bridge that runs beside it sees a cancelled one by itself.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from dialplan.masking import masked_number
from erp.callbacks.book import Callback, CallbackBook
from erp.commands.errors import CommandError
from erp.commands.table import table
from erp.store.errors import StoreError
from erp.store.settings import StoreSettings
from erp.store.store import Store

LIST_MOST = 200
HEAD = ("key", "at (UTC)", "number", "state", "attempts", "why")

Load = Callable[[Path], StoreSettings]


def add_commands(parser: argparse.ArgumentParser, load: Load, default_config: Path) -> None:
    """Add the verbs of `orderline callbacks` to its parser. load: reads a configuration file."""
    parser.add_argument(
        "--config", type=Path, default=default_config, help=f"default: {default_config}"
    )
    verbs = parser.add_subparsers(required=True, metavar="list|cancel")
    listing = verbs.add_parser("list", help="the open ones and the last others")
    listing.set_defaults(run=lambda arguments: asyncio.run(_list(load(arguments.config))))
    cancelling = verbs.add_parser("cancel", help="cancel one that was not dialled yet")
    cancelling.add_argument("key", metavar="KEY")
    cancelling.set_defaults(
        run=lambda arguments: asyncio.run(_cancel(load(arguments.config), arguments.key))
    )


async def _list(settings: StoreSettings) -> int:
    store = Store(settings)
    try:
        rows = await CallbackBook(store).latest(LIST_MOST)
    except StoreError as error:
        raise CommandError(f"the store can't be read: {error}") from error
    finally:
        await store.close()
    print(shown(rows))
    return 0


async def _cancel(settings: StoreSettings, key: str) -> int:
    store = Store(settings)
    try:
        now = datetime.now(timezone.utc)
        done = await CallbackBook(store).cancel(key, "cancelled by command", now)
    except StoreError as error:
        raise CommandError(f"the store can't be written: {error}") from error
    finally:
        await store.close()
    print(f"orderline: {key} is cancelled" if done else f"orderline: no open call-back {key}")
    return 0 if done else 1


def shown(rows: list[Callback]) -> str:
    """Return a table of call-backs, their numbers masked."""
    cells = [
        (
            row.key,
            row.at.strftime("%Y-%m-%d %H:%M"),
            masked_number(row.number),
            row.state.value + (f" to {row.joined}" if row.joined else ""),
            str(row.attempts),
            row.why,
        )
        for row in rows
    ]
    return table(HEAD, cells) if cells else "no call-backs"
