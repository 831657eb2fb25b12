"""Follows a call's story while it is written: one event after the other, as they happen.

`tail --follow` waits for the file to grow (inotify), so nothing is polled.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any


async def follow(path: Path) -> AsyncIterator[Mapping[str, Any]]:
    """Yield a story's events, those already written first; ends after the `ended` line.

    Cancel the task that iterates, or close the iterator, to stop earlier.
    """
    tail = await asyncio.create_subprocess_exec(
        "tail", "--lines=+1", "--follow", str(path),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert tail.stdout is not None
        async for line in tail.stdout:
            event = json.loads(line)
            yield event
            if event.get("event") == "ended":
                return
    finally:
        tail.terminate()
        await tail.communicate()


async def until_ended(path: Path, limit_s: float) -> bool:
    """Wait for a story's `ended` line; False when it was not written within limit_s."""

    async def read() -> None:
        async for _ in follow(path):
            pass

    try:
        await asyncio.wait_for(read(), limit_s)
    except asyncio.TimeoutError:
        return False
    return True
