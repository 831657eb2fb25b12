"""`orderline recordings list|purge`: what was recorded, and deleting it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from asterisk_agi.recording import RecordingSettings
from asterisk_agi.recording_files import Shelf

Load = Callable[[Path], RecordingSettings]
Say = Callable[[str], None]


def add_commands(
    parser: argparse.ArgumentParser, load: Load, default_config: Path, say: Say
) -> None:
    """Add the verbs of `orderline recordings` to its parser. say: prints a line."""
    parser.add_argument(
        "--config", type=Path, default=default_config, help=f"default: {default_config}"
    )
    verbs = parser.add_subparsers(required=True, metavar="list|purge")
    listing = verbs.add_parser("list", help="the recordings that there are")
    listing.set_defaults(run=lambda arguments: _list(load(arguments.config), say))
    purging = verbs.add_parser("purge", help="delete what is over its retention, or one call's")
    purging.add_argument("--session", default="", help="the call whose recording is deleted")
    purging.set_defaults(
        run=lambda arguments: _purge(load(arguments.config), arguments.session, say)
    )


def _list(settings: RecordingSettings, say: Say) -> int:
    shelf = Shelf(settings.folder, settings.group)
    for _, folder in shelf.days():
        for path in sorted(folder.glob("*.json")):
            story = json.loads(path.read_text("utf-8"))
            seconds = story.get("seconds", "not complete")
            say(f"{story['session']}  consent {story['consent_at']}  {seconds} s")
    return 0


def _purge(settings: RecordingSettings, session: str, say: Say) -> int:
    shelf = Shelf(settings.folder, settings.group)
    if session:
        done = shelf.delete(session, "by command")
        say(f"orderline: {session}: " + ("deleted" if done else "there is no recording"))
        return 0 if done else 1
    gone = shelf.purge(datetime.now(timezone.utc).date(), settings.retention_days)
    say(f"orderline: {gone} recordings deleted")
    return 0
