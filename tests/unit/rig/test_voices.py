from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from asterisk_agi.testcall.loudness import bursts, rms
from tests.rig import voices
from tests.unit.asterisk_agi.testcall.sounds import pcm
from tests.unit.asterisk_agi.testcall.test_command import wav


@pytest.fixture
def copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> voices.Voice:
    """An engine that says the same whatever the text: half a second of tone between silences."""
    monkeypatch.setattr("tests.rig.debs.cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(voices, "_environment", lambda: {"PATH": "/usr/bin:/bin"})
    said = wav(tmp_path / "said.wav", pcm((1.0, 1.5), seconds=3.0))
    return voices.Voice("cp", "x", lambda voice, text, out: ("cp", str(said), str(out)))


def test_speech_is_trimmed_levelled_and_kept(copying: voices.Voice, tmp_path: Path) -> None:
    speech = voices.speak(copying, "hello")
    assert speech.seconds == pytest.approx(0.5 + 2 * voices.MARGIN_S)
    (burst,) = bursts(speech.data)
    assert rms(speech.data[2 * burst.begin : 2 * burst.end]) > voices.LEVEL
    assert rms(speech.data) == pytest.approx(voices.LEVEL, rel=0.01)
    (tmp_path / "said.wav").unlink()
    assert voices.speak(copying, "hello") == speech, "spoken once, it comes from the cache"


def test_an_engine_that_fails_is_named(copying: voices.Voice, tmp_path: Path) -> None:
    (tmp_path / "said.wav").unlink()
    with pytest.raises(voices.VoiceError, match="cp/x could not speak"):
        voices.speak(copying, "something new")


@pytest.mark.usefixtures("copying")
def test_an_engine_that_cannot_be_had_is_told_with_the_mend() -> None:
    missing = voices.Voice("nosuch", "x", lambda voice, text, out: ("nosuch-engine", text))
    with pytest.raises(voices.VoiceError, match=r"nosuch-engine is not .*: install nosuch"):
        voices.speak(missing, "hello")


def test_an_engine_that_writes_no_sound_is_told(copying: voices.Voice, tmp_path: Path) -> None:
    for content, complaint in (("no wave", "made no speech"), (None, "silence")):
        if content is None:
            wav(tmp_path / "said.wav", bytes(1600))
        else:
            (tmp_path / "said.wav").write_text(content)
        with pytest.raises(voices.VoiceError, match=complaint):
            voices.speak(copying, "hello")


def test_neighbours_are_of_different_engines() -> None:
    engines = [voice.engine for voice in voices.VOICES[:6]]
    assert all(a != b for a, b in itertools.pairwise(engines))
    assert len(set(engines[:3])) == 3


def test_festival_gets_text_that_cannot_leave_its_string() -> None:
    command = voices.VOICES[1].command("voice_x", 'a" (quit) "b\\', Path("/tmp/o.wav"))
    assert '(Utterance Text "a (quit) b")' in command[-1]
