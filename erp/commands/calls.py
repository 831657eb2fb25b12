"""`orderline calls`: present and past calls with their outcome, and a day of them as CSV.

What it knows it has from the event stream. A present call whose process is dead is shown as lost
at once; the bridge writes its end within seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

from erp.commands.errors import CommandError
from erp.commands.table import table
from erp.events.call_list import CallLine, Kind, between, past, present
from erp.events.spool import is_abandoned
from erp.store.errors import StoreError
from erp.store.settings import StoreSettings
from erp.store.store import Store

LAST = 20
LAST_MAX = 10_000
HEAD = ("began", "session", "caller", "account", "what", "why", "seconds", "turns", "human")
REPORT = (
    "time", "session", "caller", "account", "class", "why", "disposition", "seconds", "turns",
    "waited_s",
)  # fmt: skip


@dataclass(frozen=True)
class CallsOf:
    """The part of a configuration that this command needs."""

    store: StoreSettings
    spool: Path
    zone: ZoneInfo
    """In which a day begins, and times are shown."""


Load = Callable[[Path], CallsOf]


def add_command(parser: argparse.ArgumentParser, load: Load, default_config: Path) -> None:
    """Add the options of `orderline calls` to its parser. load: reads a configuration file."""
    parser.add_argument(
        "--config", type=Path, default=default_config, help=f"default: {default_config}"
    )
    parser.add_argument(
        "--last", type=_count, default=LAST, metavar="N", help=f"past calls; default: {LAST}"
    )
    parser.add_argument(
        "--report", metavar="DAY", help="the calls of a day as CSV: 2026-05-31, today, yesterday"
    )
    parser.set_defaults(run=lambda arguments: asyncio.run(_run(load(arguments.config), arguments)))


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= LAST_MAX:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text[:20]!r}: write 0 to {LAST_MAX}")


async def _run(settings: CallsOf, arguments: argparse.Namespace) -> int:
    store = Store(settings.store)
    try:
        print(await _text(store, settings, arguments), end="")
    except StoreError as error:
        raise CommandError(f"the store can't be read: {error}") from error
    finally:
        await store.close()
    return 0


async def _text(store: Store, settings: CallsOf, arguments: argparse.Namespace) -> str:
    if arguments.report:
        begin, end = day(arguments.report, settings.zone, datetime.now(timezone.utc))
        return report(await between(store, begin, end), settings.zone)
    now = await present(store)
    lost = {one.session for one in now if is_abandoned(settings.spool, one.process)}
    ended = await past(store, arguments.last) if arguments.last else []
    return listing(now, ended, lost, settings.zone)


def day(text: str, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """Return the begin and the end of a day of the office. Raises CommandError."""
    today = now.astimezone(zone).date()
    try:
        named = {"today": today, "yesterday": today - timedelta(days=1)}
        wanted = named.get(text) or date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f"--report {text[:20]!r} is no day: write 2026-05-31, today or yesterday"
        ) from error
    begin = datetime.combine(wanted, time(), zone)
    return begin, datetime.combine(wanted + timedelta(days=1), time(), zone)


def listing(
    now: Sequence[CallLine], ended: Sequence[CallLine], lost: set[str], zone: ZoneInfo
) -> str:
    """Return the table of calls, the present ones last. lost: sessions that nobody serves."""
    rows = [_row(one, one.kind.value, zone) for one in ended]
    for one in now:
        what = "lost" if one.session in lost else "with a human" if one.human else "present"
        rows.append(_row(one, what, zone))
    return table(HEAD, rows) + "\n" if rows else "no calls\n"


def _row(one: CallLine, what: str, zone: ZoneInfo) -> tuple[str, ...]:
    seconds = "" if one.lasted_s is None else f"{one.lasted_s:.0f}"
    return (
        _local(one.started_at, zone), one.session, one.caller, one.account or "-", what,
        one.reason or "-", seconds, str(one.turns), one.human or "-",
    )  # fmt: skip


def _local(at: datetime | None, zone: ZoneInfo) -> str:
    return "-" if at is None else at.astimezone(zone).isoformat(" ", "seconds")


def report(lines: Sequence[CallLine], zone: ZoneInfo) -> str:
    """Return calls as CSV (RFC 4180), one line each, which no spreadsheet takes for formulas."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(REPORT)
    for one in lines:
        ended = one.kind is not Kind.PRESENT
        writer.writerow(
            [
                _local(one.started_at, zone),
                guarded(one.session),
                guarded(one.caller),
                guarded(one.account),
                one.kind.value,
                guarded(one.reason),
                guarded(one.disposition),
                f"{one.lasted_s or 0:.1f}" if ended else "",
                one.turns,
                "" if one.waited_s is None else f"{one.waited_s:.1f}",
            ]
        )
    return text.getvalue()


FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a cell a formula in a spreadsheet, at its start."""


def guarded(cell: str) -> str:
    """Return a text that a spreadsheet shows as it is, and does not compute."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
