from __future__ import annotations

from pathlib import Path

import pytest

from asterisk_agi.errors import SpeechError
from asterisk_agi.speech.port import Word
from asterisk_agi.testcall.transcribe import SecondEar, plain, text_of


def words(text: str) -> list[Word]:
    return [Word(word, 0.5 * n, 0.5 * n + 0.4, 1.0) for n, word in enumerate(text.split(), start=1)]


def test_text_as_a_recogniser_writes_it() -> None:
    assert plain("One moment, I'm checking 42.") == "one moment i'm checking 4 2"
    assert text_of(words("[unk] yes [unk]")) == "yes"


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="holds no Vosk model"):
        SecondEar(tmp_path)
