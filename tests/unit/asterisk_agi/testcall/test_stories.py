from __future__ import annotations

import json
from pathlib import Path

import pytest

from asterisk_agi.testcall import stories
from asterisk_agi.testcall.stories import Said, StoryError


def write(path: Path, *events: dict[str, object], tail: str = "") -> Path:
    path.write_text("".join(json.dumps(e) + "\n" for e in events) + tail, encoding="utf-8")
    return path


def test_a_story_is_found_by_its_call_id(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", {"event": "started", "sip_call_id": "one@h"})
    wanted = write(tmp_path / "b.jsonl", {"event": "started", "sip_call_id": "two@h"})
    write(tmp_path / "c.jsonl", {"event": "started"}, {"event": "x", "sip_call_id": "two@h"})
    assert stories.find(tmp_path, "two@h") == wanted
    assert stories.find(tmp_path, "o@h") is None


def test_what_was_said_comes_in_the_order_of_its_begin(tmp_path: Path) -> None:
    def said(begin: float, text: str) -> dict[str, object]:
        times = {"begin": begin, "end": begin + 1}
        return {"event": "said", "kind": "fact", "text": text, "turn": 1, **times}

    story = stories.read(write(tmp_path / "a.jsonl", said(5, "b"), said(2, "a")))
    assert story.said == (Said(2, 3, "fact", "a", 1), Said(5, 6, "fact", "b", 1))


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"event": "started"}, tail='{"event": "sa')
    assert len(stories.read(path).events) == 1


@pytest.mark.parametrize("tail", ["no json\n", "[1]\n"])
def test_what_is_no_story_is_refused_with_its_line(tmp_path: Path, tail: str) -> None:
    path = write(tmp_path / "a.jsonl", {"event": "started"}, tail=tail)
    with pytest.raises(StoryError, match="line 2"):
        stories.read(path)


def test_a_file_over_the_cap_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stories, "STORY_MAX_BYTES", 10)
    with pytest.raises(StoryError, match="over 10 bytes"):
        stories.read(write(tmp_path / "a.jsonl", {"event": "started"}))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoryError, match=r"gone\.jsonl"):
        stories.read(tmp_path / "gone.jsonl")
