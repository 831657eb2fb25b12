from __future__ import annotations

from pathlib import Path

import pytest

from asterisk_agi.errors import SpeechError
from asterisk_agi.speech.models import (
    PACKAGED,
    cache_folder,
    cached_models,
    describe,
    locate,
)


def make_model(folder: Path, mfcc: str = "--sample-frequency=8000\n", graph: str = "HCLG") -> Path:
    files = ["am/final.mdl", *(f"graph/{name}.fst" for name in graph.split())]
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"1234")
    (folder / "conf").mkdir()
    (folder / "conf" / "mfcc.conf").write_text(mfcc)
    return folder


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_without_anything_it_is_the_packaged_model(environ: dict[str, str]) -> None:
    assert locate(None, environ) == PACKAGED
    packaged = describe(locate())
    assert (packaged.rate_hz, packaged.dynamic_graph, packaged.name) == (8000, True, "en-8k")
    assert packaged.bytes_on_disk > 10_000_000
    assert packaged.is_packaged


def test_the_packaged_model_says_what_it_is() -> None:
    about = (PACKAGED.parent / "ABOUT.rst").read_text()
    for owed in ("version 0", "CC BY-SA 4.0", "CC BY 4.0", "Free Spoken Digit Dataset"):
        assert owed in about


def test_the_configuration_goes_first_then_the_environment_then_the_cache(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    cached = make_model(cache_folder(environ) / "cached")
    assert locate(None, environ) == cached
    environ["VOSK_MODEL_PATH"] = str(make_model(tmp_path / "environment"))
    assert locate(None, environ) == tmp_path / "environment"
    configured = make_model(tmp_path / "configured")
    assert locate(configured, environ) == configured


def test_a_bare_name_is_looked_for_in_our_cache_then_in_vosks(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    vosks = make_model(tmp_path / ".cache" / "vosk" / "model-a")
    assert locate(Path("model-a"), environ) == vosks
    ours = make_model(cache_folder(environ) / "model-a")
    assert locate(Path("model-a"), environ) == ours


def test_what_is_named_and_not_there_is_an_error(environ: dict[str, str]) -> None:
    with pytest.raises(SpeechError, match=r"recognizer\.model names .*/orderline/models/nowhere"):
        locate(Path("nowhere"), environ)
    with pytest.raises(SpeechError, match=r"VOSK_MODEL_PATH names .* /nowhere"):
        locate(None, environ | {"VOSK_MODEL_PATH": "/nowhere"})


def test_several_cached_models_are_none(environ: dict[str, str]) -> None:
    for name in ("b", "a"):
        make_model(cache_folder(environ) / name)
    (cache_folder(environ) / "c.zip.part").touch()
    assert [path.name for path in cached_models(environ)] == ["a", "b"]
    assert locate(None, environ) == PACKAGED


def test_without_xdg_the_cache_is_in_the_home_folder() -> None:
    assert cache_folder({"HOME": "/home/x"}) == Path("/home/x/.cache/orderline/models")


@pytest.mark.parametrize(
    ("mfcc", "graph", "told"),
    [
        ("--sample-frequency=16000\n--allow-upsample=true # 8 kHz\n", "HCLG", (16000, True, False)),
        ("--num-ceps=40\n", "HCLr Gr", (16000, False, True)),
        ("# --sample-frequency=1\n--sample-frequency=8000.0\n", "HCLG", (8000, False, False)),
        ("--allow-upsample\n--sample-frequency = 44100", "HCLG Gr", (44100, True, False)),
    ],
)
def test_a_folder_tells_its_kind(
    tmp_path: Path, mfcc: str, graph: str, told: tuple[int, bool, bool]
) -> None:
    found = describe(make_model(tmp_path / "model", mfcc, graph))
    assert (found.rate_hz, found.upsamples, found.dynamic_graph) == told
    assert not found.is_packaged


def test_a_folder_that_is_no_model_says_what_it_lacks(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model", graph="Gr")
    with pytest.raises(SpeechError, match=r"it has no graph/HCLr\.fst and graph/Gr\.fst"):
        describe(folder)
    (folder / "am" / "final.mdl").unlink()
    with pytest.raises(SpeechError, match=r"it has no am/final\.mdl, no graph"):
        describe(folder)


def test_a_rate_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="sample-frequency is 'fast'"):
        describe(make_model(tmp_path / "model", "--sample-frequency=fast"))
