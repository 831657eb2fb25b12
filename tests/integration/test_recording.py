"""A real call that is recorded, and one whose caller refuses."""

from __future__ import annotations

import asyncio
import json
import wave
from pathlib import Path

import numpy as np
import pytest

from asterisk_agi.testcall.script import AfterAnswer, Press
from tests.integration.calls import call_only, said
from tests.integration.conftest import MakeLab
from tests.rig.lab import Lab

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]


@pytest.fixture
def recorded(make_lab: MakeLab, tmp_path: Path) -> Lab:
    lab = make_lab(
        voice_settings={
            "recording": {
                "enabled": True,
                "folder": str(tmp_path / "kept"),
                "consent": "This call is recorded. Press nine to refuse.",
            }
        }
    )
    lab.start()
    return lab


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "kept").rglob("*.wav"))


async def complete(story: Path) -> None:
    """Wait until the voice process has closed a recording."""
    for _ in range(200):
        if "ended_at" in await asyncio.to_thread(story.read_text, "utf-8"):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"it is never complete: {story}")


async def gone(lab: Lab, why: str) -> None:
    """Wait until the voice process says that it deleted a recording."""
    for _ in range(200):
        if f"deleted: {why}" in lab.log("voice"):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"nothing was deleted: {lab.log('voice')}")


async def test_both_voices_are_kept_and_a_refusal_leaves_nothing(
    recorded: Lab, tmp_path: Path
) -> None:
    status = recorded.status()
    await call_only(status, [said("do you have item four five two one")])
    (path,) = kept(tmp_path)
    await complete(path.with_suffix(".json"))
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    loud = np.abs(data.astype(int)).max(axis=0)
    print(f"{len(data) / 8000:.1f} s are kept, the loudest samples {loud}")
    assert len(data) > 3 * 8000
    assert all(loud > 1000), "caller and agent"
    story = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert story["session"] == path.stem
    assert path.stat().st_mode & 0o777 == 0o600

    await call_only(status, [Press("9", AfterAnswer())])
    await gone(recorded, "the caller pressed the key")
    assert kept(tmp_path) == [path]
