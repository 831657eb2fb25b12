"""`orderline events tail`: shows the events of all processes while they happen.

It reads the outbox of the store, so it may run on any host that reaches the store. What is
personal is masked unless it is asked for: the fields that no log shows either.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from erp.commands.errors import CommandError
from erp.events.describe import KINDS
from erp.events.envelope import type_of
from erp.events.model import CallIds
from erp.events.outbox import Outbox, Stored
from erp.store.errors import StoreError
from erp.store.settings import StoreSettings
from erp.store.store import Store

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

POLL_S = 0.2
MASK = "***"
TYPES = {kind.type: type_of(kind) for kind in KINDS}
PERSONAL = frozenset(
    field.name for kind in KINDS for field in dataclasses.fields(kind) if not field.repr
)
"""The fields that are shown only when they are asked for."""

_ID_FIELDS = frozenset(field.name for field in dataclasses.fields(CallIds))
_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

Load = Callable[[Path], StoreSettings]


def add_verb(verbs: Verbs, load: Load, default_config: Path) -> None:
    """Add `tail` to the verbs of `orderline events`. load: reads a configuration file."""
    parser = verbs.add_parser("tail", help="show events while they happen")
    parser.add_argument(
        "--config", type=Path, default=default_config, help=f"default: {default_config}"
    )
    parser.add_argument("--session", help="only of this call")
    parser.add_argument("--type", choices=sorted(TYPES), help="only of this type")
    parser.add_argument(
        "--since", type=_since, metavar="TIME", help="also from before: 10m, 2h, 2026-05-31T14:00"
    )
    parser.add_argument("--json", action="store_true", help="whole events, one a line")
    parser.add_argument("--personal", action="store_true", help="do not mask personal data")
    parser.set_defaults(run=lambda arguments: run(load(arguments.config), arguments))


def _since(text: str) -> datetime:
    """Read a time, or how long ago it was; one without a zone is meant in the host's."""
    if ago := _AGO.fullmatch(text):
        return datetime.now(timezone.utc) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text[:30]!r}: write 10m, 2h or a date") from error


def run(settings: StoreSettings, arguments: argparse.Namespace) -> int:
    """Show events until Ctrl-C, which is no failure, or until nobody reads any more."""
    try:
        asyncio.run(_tail(settings, arguments))
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        # What Python would still write at its end has no reader either.
        sys.stdout = open("/dev/null", "w")  # noqa: SIM115, PTH123
        return 0
    return 0


async def _tail(settings: StoreSettings, arguments: argparse.Namespace) -> None:
    store = Store(settings)
    outbox = Outbox(store)
    try:
        since = arguments.since
        begin = await outbox.last() if since is None else await outbox.since(since)
        async for event in outbox.follow(begin, POLL_S):
            if wanted(event, arguments):
                print(shown(event, arguments), flush=True)
    except StoreError as error:
        raise CommandError(f"the store can't be read: {error}") from error
    finally:
        await store.close()


def wanted(event: Stored, arguments: argparse.Namespace) -> bool:
    """Tell whether an event is one that was asked for."""
    if arguments.session and event.session != arguments.session:
        return False
    return not arguments.type or event.type == TYPES[arguments.type]


def shown(event: Stored, arguments: argparse.Namespace) -> str:
    """Return an event as one line."""
    document = json.loads(event.body)
    data = document["data"]
    if not arguments.personal:
        data = masked(data)
    if arguments.json:
        return json.dumps({**document, "data": data})
    at = f"{event.time.astimezone():%H:%M:%S.%f}"[:-3]
    fields = " ".join(
        f"{name}={_word(value)}"
        for name, value in data.items()
        if name not in _ID_FIELDS and value not in ("", {})
    )
    return f"{at}  {event.session or '-':22}  {event.type.rpartition('.')[2]:11}  {fields}".rstrip()


def masked(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an event without what is personal."""
    return {
        name: MASK if name in PERSONAL and value else value for name, value in data.items()
    }


def _word(value: Any) -> str:
    """Return a value as it stands in a line; a terminal obeys nothing in it."""
    if isinstance(value, str) and value.isprintable() and " " not in value and value:
        return value
    return json.dumps(value)
