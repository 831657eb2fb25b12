from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from asterisk_agi.errors import SpeechError
from asterisk_agi.speech import model_archive
from asterisk_agi.speech.model_archive import unpack

MODEL = {
    "model-a/am/final.mdl": b"mdl",
    "model-a/conf/mfcc.conf": b"--sample-frequency=8000\n",
    "model-a/graph/HCLG.fst": b"fst" * 1000,
}


def make_zip(path: Path, files: Mapping[str, bytes], mode: int = 0o644) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            packed.writestr(entry, content)
    return path


def test_a_model_appears_under_its_name(tmp_path: Path) -> None:
    unpack(make_zip(tmp_path / "a.zip", MODEL), tmp_path / "renamed")
    assert (tmp_path / "renamed" / "graph" / "HCLG.fst").read_bytes() == b"fst" * 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "renamed"]


@pytest.mark.parametrize(
    ("files", "mode", "sentence"),
    [
        ({"../evil": b""}, 0o644, "leads out of its folder"),
        ({"model-a/../../evil": b""}, 0o644, "leads out of its folder"),
        ({"/tmp/evil": b""}, 0o644, "leads out of its folder"),
        ({"model-a\\..\\..\\evil": b""}, 0o644, "leads out of its folder"),
        ({"model-a/link": b"/etc/passwd"}, 0o120777, "leads out of its folder"),
        ({"a/x": b"", "b/x": b""}, 0o644, "holds 2 things"),
        ({"file": b""}, 0o644, "holds 1 things"),
        ({"a/x": b""}, 0o644, "no Vosk model"),
        ({"model-a/big": b"0" * 5000}, 0o644, "more than a model has"),
    ],
)
def test_what_is_no_model_or_does_harm_is_refused(
    tmp_path: Path, files: dict[str, bytes], mode: int, sentence: str
) -> None:
    packed = make_zip(tmp_path / "a.zip", files, mode)
    into = tmp_path / "inner" / "cache"
    into.mkdir(parents=True)
    with pytest.raises(SpeechError, match=sentence):
        unpack(packed, into / "model", unpacked_max_bytes=4999)
    assert list(into.iterdir()) == []
    assert [path.name for path in into.parent.iterdir()] == ["cache"]


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_archive, "FILES_MAX", 2)
    with pytest.raises(SpeechError, match="3 files in the archive"):
        unpack(make_zip(tmp_path / "a.zip", MODEL), tmp_path / "model")


@pytest.mark.parametrize("damage", [b"no zip at all", b""])
def test_what_is_no_zip_is_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(damage)
    with pytest.raises(SpeechError, match="no zip file"):
        unpack(tmp_path / "a.zip", tmp_path / "model")


def test_a_damaged_file_within_is_refused(tmp_path: Path) -> None:
    packed = make_zip(tmp_path / "a.zip", MODEL)
    data = bytearray(packed.read_bytes())
    at = data.index(b"graph/HCLG.fst") + len(b"graph/HCLG.fst")
    data[at + 4] ^= 0xFF
    packed.write_bytes(data)
    with pytest.raises(SpeechError, match="no zip file"):
        unpack(packed, tmp_path / "model")
    assert not (tmp_path / "model").exists()
