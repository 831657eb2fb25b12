from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.rig.follow import follow, until_ended


def line(**event: object) -> str:
    return json.dumps(event) + "\n"


async def test_events_are_followed_while_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "story.jsonl"
    path.write_text(line(event="started"))
    events = follow(path)
    assert (await anext(events))["event"] == "started"
    with path.open("a") as file:
        file.write(line(event="said"))
        file.flush()
        assert (await asyncio.wait_for(anext(events), 5))["event"] == "said"
        file.write(line(event="ended") + line(event="never"))
    assert [event["event"] async for event in events] == ["ended"]


async def test_a_story_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "story.jsonl"
    path.write_text(line(event="started"))
    assert not await until_ended(path, 0.2)
    path.write_text(line(event="ended"))
    assert await until_ended(path, 5)
