from __future__ import annotations

from pathlib import Path

import pytest

from asterisk_agi.errors import SpeechError
from asterisk_agi.speech.port import Word
from asterisk_agi.testcall.transcribe import LEAD_S, SecondEar, labels, plain, text_of

PHRASES = {"One moment, I'm checking.": "filler", "Thank you for calling. Goodbye.": "fixed"}


def words(text: str) -> list[Word]:
    return [Word(word, 0.5 * n, 0.5 * n + 0.4, 1.0) for n, word in enumerate(text.split(), start=1)]


def test_a_phrase_is_known_and_what_stands_beside_it_is_the_fact() -> None:
    heard = words("one moment i'm checking [unk] two hundred [unk] thank you for calling goodbye")
    found = list(labels(heard, PHRASES, begin_s=10.0))
    assert [(label.kind, label.text) for label in found] == [
        ("filler", "one moment i'm checking"),
        ("fact", "two hundred"),
        ("fixed", "thank you for calling goodbye"),
    ]
    assert found[1].begin_s == 10.0 + 2.5 - LEAD_S
    assert found[1].end_s == 10.0 + 4.0 + 0.4


def test_a_phrase_may_be_heard_a_little_wrong() -> None:
    found = list(labels(words("one moment i checking"), PHRASES, begin_s=0.0))
    assert [label.kind for label in found] == ["filler"]


def test_half_a_phrase_in_a_fact_is_part_of_the_fact() -> None:
    found = list(labels(words("[unk] one [unk] [unk] [unk]"), PHRASES, begin_s=0.0))
    assert [label.kind for label in found] == ["fact"]


def test_text_as_a_recogniser_writes_it() -> None:
    assert plain("One moment, I'm checking 42.") == "one moment i'm checking 4 2"
    assert text_of(words("[unk] yes [unk]")) == "yes"


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpeechError, match="holds no Vosk model"):
        SecondEar(tmp_path)
