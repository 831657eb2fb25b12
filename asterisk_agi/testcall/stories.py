"""Reads call stories: what the voice process wrote about a call, as JSON lines.

A story labels what a recording holds and tells the hops within the voice process; no time that
is reported as ear-to-ear comes from it. The format is that of `asterisk_agi/story.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asterisk_agi.testcall.errors import PhoneError

STORY_MAX_BYTES = 8 * 1024 * 1024
"""A call of half an hour writes about a tenth of it."""
FILES_LOOKED_AT = 500
"""The newest files among which a call's story is looked for."""


class StoryError(PhoneError, ValueError):
    """A file is no call story: look whether the folder is the voice process's own."""


@dataclass(frozen=True)
class Said:
    """A phrase that the agent spoke; times in seconds of the Unix clock."""

    begin: float
    end: float
    kind: str
    """`fixed`, `filler` or `fact`."""
    text: str
    turn: int


@dataclass(frozen=True)
class Story:
    """The events of one call, in order."""

    events: tuple[Mapping[str, Any], ...]

    def of(self, event: str) -> tuple[Mapping[str, Any], ...]:
        """Return the events of one name."""
        return tuple(entry for entry in self.events if entry.get("event") == event)

    @property
    def said(self) -> tuple[Said, ...]:
        """What the agent said, in the order of its begin."""
        entries = (
            Said(
                float(entry["begin"]),
                float(entry["end"]),
                str(entry.get("kind", "")),
                str(entry.get("text", "")),
                int(entry.get("turn") or 0),
            )
            for entry in self.of("said")
            if entry.get("begin") is not None and entry.get("end") is not None
        )
        return tuple(sorted(entries, key=lambda said: said.begin))


def find(folder: Path, call_id: str) -> Path | None:
    """Return the story of the call with this SIP Call-ID, if the folder has it."""
    try:
        files = sorted(folder.glob("*.jsonl"), key=_modified, reverse=True)
    except OSError as error:
        raise StoryError(f"{folder}: {error.strerror}: give the stories' folder") from error
    return next((path for path in files[:FILES_LOOKED_AT] if _names(path, call_id)), None)


def _modified(path: Path) -> float:
    return path.stat().st_mtime


def _names(path: Path, call_id: str) -> bool:
    with path.open("rb") as file:
        return json.dumps(call_id).encode() in file.readline(STORY_MAX_BYTES)


def read(path: Path) -> Story:
    """Read a story. Raises StoryError when the file is none."""
    try:
        with path.open("rb") as file:
            content = file.read(STORY_MAX_BYTES + 1)
    except OSError as error:
        raise StoryError(f"{path}: {error.strerror}") from error
    if len(content) > STORY_MAX_BYTES:
        raise StoryError(f"{path} is over {STORY_MAX_BYTES} bytes: no call story")
    return Story(tuple(_events(path, content)))


def _events(path: Path, content: bytes) -> Iterator[Mapping[str, Any]]:
    lines = content.split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):  # the last one may be half written
        try:
            event = json.loads(line)
        except ValueError as error:
            raise StoryError(f"{path} line {number}: this is not JSON") from error
        if not isinstance(event, dict):
            raise StoryError(f"{path} line {number}: this is no event")
        yield event
