"""The profiles in use: switched as a whole, taken back, and never lost."""

from __future__ import annotations

import fcntl
import logging
import os
from datetime import datetime, timezone
from pathlib import Path

import pytest

from erp.profiles import ProfileError, load, store
from erp.profiles.store import HISTORY_MAX_BYTES, ProfileStore, StoreError
from tests.unit.erp.tiny_engine import FIND_ITEM, HEAD

AT = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


def version(tmp_path: Path, number: int, text: str = FIND_ITEM) -> Path:
    """Write a profile's file with this version."""
    path = tmp_path / f"tiny-{number}.yaml"
    change = f"changes:\n  - {{version: {number}, on: 2026-11-22, what: more}}\n"
    head = HEAD.replace("version: 2\nchanges:\n", f"version: {number}\n{change}")
    path.write_text(head + text, "utf-8")
    return path


def test_a_profile_is_put_in_use_and_taken_back(tmp_path: Path, folder: Path) -> None:
    kept = ProfileStore(folder)
    assert kept.current("erp") is None
    first = kept.activate("erp", version(tmp_path, 3), AT)
    second = kept.activate("erp", version(tmp_path, 4), AT)
    assert (first.action, first.at, first.version) == ("activated", "2026-11-21T12:00:00+00:00", 3)
    current = kept.current("erp")
    assert current == folder / "erp" / f"4-{second.digest[:12]}.yaml"
    assert load(current).digest == second.digest
    back = kept.rollback("erp", AT)
    assert (back.action, back.version, back.file) == ("rolled back", 3, first.file)
    assert kept.current("erp") == folder / "erp" / first.file
    assert kept.rollback("erp", AT).file == ""
    assert kept.current("erp") is None
    assert [entry.action for entry in ProfileStore(folder).history("erp")] == [
        "activated", "activated", "rolled back", "rolled back",
    ]
    with pytest.raises(StoreError, match="erp runs on the configuration's own profile"):
        kept.rollback("erp", AT)


def test_after_a_rollback_the_way_goes_on_from_there(tmp_path: Path, folder: Path) -> None:
    kept = ProfileStore(folder)
    for number in (3, 4):
        kept.activate("erp", version(tmp_path, number))
    kept.rollback("erp")
    kept.activate("erp", version(tmp_path, 5))
    assert kept.rollback("erp").version == 3


def test_systems_are_apart(tmp_path: Path, folder: Path) -> None:
    kept = ProfileStore(folder)
    kept.activate("erp", version(tmp_path, 3))
    assert kept.current("finance") is None
    with pytest.raises(StoreError, match="write letters, digits"):
        kept.activate("../erp", version(tmp_path, 3))


def test_what_is_in_use_is_not_put_in_use_again(tmp_path: Path, folder: Path) -> None:
    kept = ProfileStore(folder)
    kept.activate("erp", version(tmp_path, 3))
    with pytest.raises(StoreError, match=r"erp runs on tiny v3 \([0-9a-f]{12}\) already"):
        kept.activate("erp", version(tmp_path, 3))
    assert len(kept.history("erp")) == 1
    # The same version with another content is another profile; `diff` warns of it.
    kept.activate("erp", version(tmp_path, 3, FIND_ITEM.replace("piece", "case")))
    assert len(list((folder / "erp").glob("3-*.yaml"))) == 2


def test_a_profile_that_is_wrong_changes_nothing(tmp_path: Path, folder: Path) -> None:
    kept = ProfileStore(folder)
    kept.activate("erp", version(tmp_path, 3))
    before = kept.fingerprint()
    with pytest.raises(ProfileError, match="typical_ms"):
        kept.activate("erp", version(tmp_path, 4, FIND_ITEM.replace("typical_ms", "typical")))
    wrong = FIND_ITEM.replace(
        "{from: NAME}", "{join: [NAME], examples: [{given: {NAME: a}, gives: b}]}"
    )
    with pytest.raises(ProfileError, match=r"fields\.name\.examples\.0 gives 'a', and should give"):
        kept.activate("erp", version(tmp_path, 4, wrong))
    assert kept.fingerprint() == before
    assert len(kept.history("erp")) == 1


def test_the_fingerprint_changes_with_every_switch(tmp_path: Path, folder: Path) -> None:
    kept = ProfileStore(folder)
    seen = {kept.fingerprint()}
    kept.activate("erp", version(tmp_path, 3))
    seen.add(kept.fingerprint())
    kept.activate("finance", version(tmp_path, 3))
    seen.add(kept.fingerprint())
    kept.rollback("erp")
    seen.add(ProfileStore(folder).fingerprint())
    assert len(seen) == 4
    assert kept.fingerprint() in seen


def test_two_at_once_are_refused(tmp_path: Path, folder: Path) -> None:
    kept = ProfileStore(folder)
    kept.activate("erp", version(tmp_path, 3))
    with (folder / "erp" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        with pytest.raises(StoreError, match="erp is being switched by somebody else: try again"):
            kept.rollback("erp")
    assert kept.rollback("erp").version == 0


@pytest.mark.parametrize(
    "text",
    ["", "{", "{}x", "[1]", "[{}]", '[{"action": "activated"}]', "[" * 100_000, "\xff"],
)
def test_a_damaged_history_counts_as_none_and_is_not_written_to(
    tmp_path: Path, folder: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept = ProfileStore(folder)
    kept.activate("erp", version(tmp_path, 3))
    (folder / "erp" / "history.json").write_bytes(text.encode("latin-1"))
    with caplog.at_level(logging.ERROR):
        assert kept.current("erp") is None
    assert "damaged: mend it, or move it away; using the configuration's own" in caplog.text
    with pytest.raises(StoreError, match="damaged"):
        kept.activate("erp", version(tmp_path, 4))
    with pytest.raises(StoreError, match="damaged"):
        kept.rollback("erp")
    assert (folder / "erp" / "history.json").read_bytes() == text.encode("latin-1")


def test_a_history_cannot_point_elsewhere(tmp_path: Path, folder: Path) -> None:
    kept = ProfileStore(folder)
    file = kept.activate("erp", version(tmp_path, 3)).file
    history = folder / "erp" / "history.json"
    history.write_text(history.read_text().replace(file, "../../secret.yaml"))
    with pytest.raises(StoreError, match="damaged"):
        kept.history("erp")


def test_a_history_that_is_too_long_is_refused(tmp_path: Path, folder: Path) -> None:
    kept = ProfileStore(folder)
    kept.activate("erp", version(tmp_path, 3))
    history = folder / "erp" / "history.json"
    history.write_bytes(history.read_bytes().ljust(HISTORY_MAX_BYTES))
    assert len(kept.history("erp")) == 1
    history.write_bytes(history.read_bytes() + b" ")
    with pytest.raises(StoreError, match="over 1048576 bytes: move it away"):
        kept.history("erp")


def test_a_copy_that_is_gone_is_told(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = ProfileStore(folder)
    (folder / "erp" / kept.activate("erp", version(tmp_path, 3)).file).unlink()
    assert kept.current("erp") is None
    assert "is gone; using the configuration's own profile" in caplog.text


def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ProfileStore(folder)
    kept.activate("erp", version(tmp_path, 3))
    before = sorted(path.name for path in (folder / "erp").iterdir())

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device"):
        kept.activate("erp", version(tmp_path, 4))
    assert sorted(path.name for path in (folder / "erp").iterdir()) == before
    assert len(kept.history("erp")) == 1


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    kept = ProfileStore(tmp_path / "store")
    with pytest.raises(StoreError, match="Not a directory: mend the folder"):
        kept.activate("erp", version(tmp_path, 3))
    assert kept.fingerprint() == ()
    assert store.ACTIVATED == "activated"
