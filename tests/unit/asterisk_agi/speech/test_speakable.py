from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.speech.speakable import SENTENCE_MAX_CHARS, speakable


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Hello Martha, good morning.", "Hello Martha, good morning."),
        ("  one\r\n two\t", "one two"),
        ("<speak>Hi <break time='9s'/>there</speak>", "Hi there"),
        ("Ann \x01400R Lee", "Ann 400R Lee"),  # Ctrl-A begins espeak's own commands
        ("[[h@'loU]] Bob", "h@'loU Bob"),
        ("＜break/＞Eve", "Eve"),  # full-width brackets become plain ones
        ("zero\u200bwidth \ud800 right\u202eleft", "zero width right left"),
        ("a < b", "a b"),
        ("Zoë Müller & Søn", "Zoë Müller & Søn"),
        (" ... !? ", ""),
        ("", ""),
    ],
)
def test_what_is_left_to_speak(text: str, spoken: str) -> None:
    assert speakable(text) == spoken


def test_a_long_text_is_cut_between_words() -> None:
    spoken = speakable("word " * 1000)
    assert SENTENCE_MAX_CHARS - 5 < len(spoken) <= SENTENCE_MAX_CHARS
    assert spoken.endswith(" word")


def test_a_long_word_is_cut() -> None:
    assert speakable("a" * 100_000) == "a" * SENTENCE_MAX_CHARS


def test_a_text_that_grows_by_normalisation_is_cut() -> None:
    assert len(speakable("\ufdfa" * 10_000)) <= SENTENCE_MAX_CHARS


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_becomes_one_harmless_line(text: str) -> None:
    spoken = speakable(text)
    assert len(spoken) <= SENTENCE_MAX_CHARS
    assert not any(unicodedata.category(char).startswith("C") for char in spoken)
    assert not set("<>[]{}") & set(spoken)
    spoken.encode()
