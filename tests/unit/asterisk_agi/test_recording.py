"""Recording: nothing before the consent, nothing after a refusal, nobody else may read it."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import stat
import wave
from collections.abc import AsyncIterator
from datetime import date, datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from asterisk_agi import recording as module
from asterisk_agi.media.formats import FRAME_SAMPLES, encode_ulaw
from asterisk_agi.media.player import Player
from asterisk_agi.recording import (
    REFUSE_KEY_S,
    Phase,
    Recording,
    Recordings,
    RecordingSettings,
)
from asterisk_agi.recording_command import add_commands
from asterisk_agi.recording_files import RecordingRefused, Shelf, WavFile

CALLER = np.full(FRAME_SAMPLES, 1000, "<i2").tobytes()
AGENT = encode_ulaw(np.full(FRAME_SAMPLES, -3000, "<i2").tobytes())


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Recordings]:
    recordings = Recordings(settings(tmp_path))
    await recordings.start()
    yield recordings
    await recordings.close()
    await recordings.close()


def settings(tmp_path: Path, **changes: object) -> RecordingSettings:
    return RecordingSettings(
        enabled=True, folder=tmp_path / "kept", **changes  # type: ignore[arg-type]
    )


def talk(recording: Recording, frames: int = 100) -> None:
    for _ in range(frames):
        recording.caller(CALLER)
        recording.agent(AGENT)


def consented(recording: Recording) -> Recording:
    recording.heard(recording.consent, True)
    return recording


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "kept").rglob("*.*"))


def samples(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


async def test_both_voices_are_kept_with_the_story_of_the_consent(
    made: Recordings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    recording = consented(made.of_call("call-1"))
    talk(recording)
    recording.agent(None)
    await recording.close()
    await recording.close()
    assert files(tmp_path) == ["call-1.json", "call-1.wav"]
    (wav,) = (tmp_path / "kept").rglob("*.wav")
    both = samples(wav)
    assert len(both) == 101 * FRAME_SAMPLES
    assert set(both[: 100 * FRAME_SAMPLES, 0]) == {1000}
    assert abs(int(both[50, 1]) + 3000) < 150, "u-law is nearly that"
    assert not both[100 * FRAME_SAMPLES :, 1].any()
    story = json.loads(wav.with_suffix(".json").read_text("utf-8"))
    assert story["session"] == "call-1"
    assert story["channels"] == ["caller", "agent"]
    assert story["consent_by"] == "the sentence was heard to its end"
    assert story["seconds"] == 2.02
    assert "recording call-1 created" in caplog.text


async def test_nothing_is_kept_before_the_consent_was_heard_whole(
    made: Recordings, tmp_path: Path
) -> None:
    recording = made.of_call("call-1")
    talk(recording)
    recording.heard(recording.consent, False)
    recording.heard("Good morning.", True)
    talk(recording)
    await recording.close()
    assert files(tmp_path) == []
    assert recording.phase is Phase.OVER


async def test_what_was_said_before_is_not_in_it(made: Recordings, tmp_path: Path) -> None:
    recording = made.of_call("call-1")
    talk(recording)
    talk(consented(recording), 10)
    await recording.close()
    (wav,) = (tmp_path / "kept").rglob("*.wav")
    assert len(samples(wav)) == 10 * FRAME_SAMPLES


@pytest.mark.parametrize(
    "words", ["no recording", "Please do not record", "don't record this", "stop recording please"]
)
async def test_words_refuse_at_any_time_and_what_there_is_is_deleted(
    made: Recordings, tmp_path: Path, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    recording = consented(made.of_call("call-1"))
    talk(recording)
    assert recording.said(words)
    talk(recording)
    assert not recording.said(words), "once"
    await recording.close()
    assert files(tmp_path) == []
    assert "recording call-1 deleted: the caller said so" in caplog.text


@pytest.mark.parametrize("words", ["record my order", "", "recording", "no"])
async def test_other_words_do_not_refuse(made: Recordings, words: str) -> None:
    recording = consented(made.of_call("call-1"))
    assert not recording.said(words)
    assert recording.phase is Phase.ON
    await recording.close()


async def test_the_key_refuses_while_the_sentence_is_spoken(
    made: Recordings, tmp_path: Path
) -> None:
    recording = made.of_call("call-1")
    assert recording.key("9")
    talk(consented(recording))
    await recording.close()
    assert files(tmp_path) == []


async def test_the_key_refuses_shortly_after_and_is_a_digit_later(
    tmp_path: Path, made: Recordings
) -> None:
    for later_s, refuses in ((REFUSE_KEY_S - 1, True), (REFUSE_KEY_S + 1, False)):
        times = [100.0]
        recording = Recording(settings(tmp_path), f"call{later_s}", made._pool, times.pop)
        consented(recording)
        times.append(100.0 + later_s)
        assert recording.key("9") is refuses
        await recording.close()


async def test_a_nine_within_a_number_is_a_digit(made: Recordings) -> None:
    recording = consented(made.of_call("call-1"))
    assert not recording.key("4")
    assert not recording.key("9")
    assert recording.phase is Phase.ON
    await recording.close()


async def test_a_nine_is_a_digit_though_the_sentence_was_broken_off(
    tmp_path: Path, made: Recordings
) -> None:
    """A caller who spoke into it is not recorded, and keys in a number all the same."""
    times = [100.0]
    late = Recording(settings(tmp_path), "late", made._pool, lambda: times[0])
    late.heard(late.consent, False)
    times[0] += REFUSE_KEY_S + 1
    assert not late.key("9")
    within = made.of_call("within")
    assert not within.key("4")
    assert not within.key("9")
    talk(within)
    for recording in (late, within):
        await recording.close()
    assert files(tmp_path) == []


async def test_a_track_that_lags_is_filled_up(made: Recordings, tmp_path: Path) -> None:
    recording = consented(made.of_call("call-1"))
    for _ in range(100):
        recording.agent(AGENT)
    await recording.close()
    (wav,) = (tmp_path / "kept").rglob("*.wav")
    both = samples(wav)
    assert len(both) == 100 * FRAME_SAMPLES
    assert not both[:, 0].any()


async def test_a_call_is_recorded_no_longer_than_configured(tmp_path: Path) -> None:
    recordings = Recordings(settings(tmp_path, longest_s=2))
    recording = consented(recordings.of_call("call-1"))
    talk(recording, 500)
    await recording.close()
    await recordings.close()
    (wav,) = (tmp_path / "kept").rglob("*.wav")
    assert len(samples(wav)) == 2 * 8000


async def test_a_disk_that_is_full_costs_the_recording_only(
    made: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    def full(self: WavFile, block: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(WavFile, "write", full)
    recording = consented(made.of_call("call-1"))
    talk(recording, 200)
    await recording.close()
    assert "No space left" in caplog.text
    assert len(files(tmp_path)) == 2, "complete, and short"


async def test_a_folder_that_vanished_costs_the_recording_only(
    made: Recordings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "kept").rmdir()
    (tmp_path / "kept").write_text("", "utf-8")
    recording = consented(made.of_call("call-1"))
    talk(recording)
    await recording.close()
    assert "recording call-1 failed" in caplog.text


async def test_a_disk_that_is_too_slow_ends_the_recording(
    made: Recordings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "BEHIND_MAX", 1)
    recording = consented(made.of_call("call-1"))
    talk(recording, 200)
    assert recording.phase is Phase.OVER
    await recording.close()
    assert "too slow" in caplog.text


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("group", "file", "folder"), [("", 0o600, 0o700), ("root", 0o640, 0o750)])
def test_access(tmp_path: Path, group: str, file: int, folder: int) -> None:
    if group and os.getuid():
        group = str(__import__("grp").getgrgid(os.getgid()).gr_name)
    shelf = Shelf(tmp_path / "kept", group)
    shelf.demand_private()
    made = WavFile(shelf, "call-1", datetime.now(timezone.utc), "x")
    made.close(datetime.now(timezone.utc))
    kept = list((tmp_path / "kept").rglob("*.*"))
    assert {mode(path) for path in kept} == {file}
    assert {mode(path) for path in (tmp_path / "kept", kept[0].parent)} == {folder}


async def test_a_folder_that_everybody_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept").chmod(0o755)
    recordings = Recordings(settings(tmp_path))
    with pytest.raises(RecordingRefused, match=r"recording\.folder .*0755.*chmod o-rwx"):
        await recordings.start()
    await recordings.close()


async def test_a_group_that_is_not_there_is_refused(tmp_path: Path) -> None:
    recordings = Recordings(settings(tmp_path, group="no-such-group"))
    with pytest.raises(RecordingRefused, match="no-such-group"):
        await recordings.start()
    await recordings.close()


def kept(tmp_path: Path, day: str, session: str) -> Path:
    folder = tmp_path / "kept" / day
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{session}.wav").write_bytes(b"RIFF")
    text = json.dumps({"session": session, "consent_at": f"{day}T10:00:00+00:00"})
    (folder / f"{session}.json").write_text(text, "utf-8")
    return folder


def test_what_is_over_its_retention_is_deleted_with_a_line_for_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    old, new = kept(tmp_path, "2026-10-01", "call-1"), kept(tmp_path, "2026-10-02", "call-2")
    other = kept(tmp_path, "not-a-day", "call-3")
    assert Shelf(tmp_path / "kept").purge(date(2026, 11, 1), 30) == 1
    assert [path.exists() for path in (old, new, other)] == [False, True, True]
    assert "recording call-1 deleted: over 30 days old" in caplog.text


async def test_the_process_deletes_by_itself(tmp_path: Path) -> None:
    old = kept(tmp_path, "2020-01-01", "call-1")
    (tmp_path / "kept").chmod(0o700)
    recordings = Recordings(settings(tmp_path))
    await recordings.start()
    while old.exists():
        await asyncio.sleep(0.01)
    await recordings.close()


def test_the_command(tmp_path: Path) -> None:
    kept(tmp_path, "2020-01-01", "call-1")
    today = date.today().isoformat()
    kept(tmp_path, today, "call-2")
    said: list[str] = []

    def run(*arguments: str) -> int:
        parser = argparse.ArgumentParser()
        add_commands(parser, lambda _: settings(tmp_path), tmp_path, said.append)
        parsed = parser.parse_args(arguments)
        return int(parsed.run(parsed))

    assert run("list") == 0
    assert len(said) == 2
    assert run("purge") == 0
    assert said[-1] == "orderline: 1 recordings deleted"
    assert run("purge", "--session", "call-2") == 0
    assert run("purge", "--session", "../call-2") == 1
    assert files(tmp_path) == []


@pytest.mark.parametrize("changes", [{"retention_days": 0}, {"longest_s": 0}, {"consent": " "}])
def test_settings_that_can_not_work(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="write"):
        settings(tmp_path, **changes)


def test_it_is_off_by_default() -> None:
    assert not RecordingSettings().enabled


def test_a_player_tells_each_frame_and_each_silence() -> None:
    told: list[bytes | None] = []
    player = Player(0.0, told.append)
    assert player.take_frame(0.0) is None
    assert told == [None]
