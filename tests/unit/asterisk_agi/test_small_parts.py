"""Timers, tasks, story, log lines and the table of checks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from pathlib import Path

import pytest

from asterisk_agi import check
from asterisk_agi.check import Check, NotWell
from asterisk_agi.logs import SessionFilter, current_session
from asterisk_agi.story import Story
from asterisk_agi.tasks import Tasks
from asterisk_agi.timers import Timers


async def test_setting_a_timer_again_replaces_it() -> None:
    timers, fired = Timers(), asyncio.Queue[str]()
    timers.set("a", 0, lambda: fired.put_nowait("first"))
    timers.set("a", 0, lambda: fired.put_nowait("second"))
    assert await asyncio.wait_for(fired.get(), 1) == "second"
    assert fired.empty()


async def test_a_cancelled_timer_does_not_fire() -> None:
    timers, fired = Timers(), asyncio.Queue[str]()
    timers.set("a", 0, lambda: fired.put_nowait("a"))
    timers.set("b", 0, lambda: fired.put_nowait("b"))
    timers.cancel("a")
    timers.cancel("never set")
    assert await asyncio.wait_for(fired.get(), 1) == "b"
    timers.set("c", 0, lambda: fired.put_nowait("c"))
    timers.close()
    await asyncio.sleep(0.01)
    assert fired.empty()


async def test_a_task_that_fails_is_reported_and_none_is_left() -> None:
    failures: list[BaseException] = []
    tasks = Tasks(failures.append)
    before = asyncio.all_tasks()

    async def fail() -> None:
        raise ValueError("broken")

    tasks.start(asyncio.Event().wait(), "for ever")
    await asyncio.wait((tasks.start(fail(), "fails"),))
    await asyncio.sleep(0)
    assert [str(failure) for failure in failures] == ["broken"]
    await tasks.close()
    assert asyncio.all_tasks() == before
    assert len(failures) == 1


async def test_a_task_that_swallows_a_cancellation_is_gone_all_the_same() -> None:
    """asyncio.wait_for does so before Python 3.12, when its result comes at the same moment."""

    async def deaf_once() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    tasks = Tasks(lambda error: None)
    deaf = tasks.start(deaf_once(), "deaf once")
    await asyncio.sleep(0)
    await asyncio.wait_for(tasks.close(), 5)
    assert deaf.cancelled()


def test_a_story_is_one_json_object_a_line_at_once(tmp_path: Path) -> None:
    story = Story(tmp_path / "stories", "s-1")
    story.tell("said", text="hello", turn=1)
    path = tmp_path / "stories" / "s-1.jsonl"
    told = json.loads(path.read_text())
    assert (told["event"], told["text"], told["turn"]) == ("said", "hello", 1)
    assert path.stat().st_mode & 0o077 == 0
    story.close()
    story.close()


def test_a_story_that_cant_be_written_costs_no_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    story = Story(tmp_path / "file", "s-1")
    story.tell("said", text="hello")
    story.close()
    assert "no story is written" in caplog.text


def test_without_a_folder_nothing_is_written(tmp_path: Path) -> None:
    Story(None, "s-1").tell("said", text="hello")
    assert list(tmp_path.iterdir()) == []


def test_a_record_has_its_session_and_stays_on_one_line() -> None:
    current_session.set("s-7")
    record = logging.LogRecord("x", logging.INFO, "", 0, "caller %s", ("Bob\nERROR forged",), None)
    assert SessionFilter().filter(record)
    assert record.session == "s-7"  # type: ignore[attr-defined]
    assert record.getMessage() == "caller Bob ERROR forged"


async def test_a_failed_check_stops_none_of_the_others_and_shows_its_mend() -> None:
    async def well() -> str:
        return "found"

    async def ill() -> str:
        raise NotWell("set the key")

    async def broken() -> str:
        raise ConnectionRefusedError(111, "Connection refused")

    rows = await check.run([Check("a", "a", ill), Check("b", "b", broken), Check("c", "c", well)])
    assert [(row.well, row.finding) for row in rows] == [
        (False, "set the key"),
        (False, "[Errno 111] Connection refused"),
        (True, "found"),
    ]
    text = check.table(rows)
    assert "MEND" in text.splitlines()[1]
    assert text.splitlines()[-1] == "check: 1 of 3 ok"
