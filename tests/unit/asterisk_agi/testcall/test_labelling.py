from __future__ import annotations

from collections.abc import Iterable

import pytest

from asterisk_agi.speech.port import Word
from asterisk_agi.testcall.labelling import LEAD_S, Phrases, labels

PHRASES = Phrases(
    {
        "One moment, I'm checking.": "filler",
        "Thank you for calling. Goodbye.": "fixed",
        "Is there anything else?": "fixed",
        "Please press the number on your keypad.": "fixed",
        "I'll put you through to a colleague now.": "fixed",
    },
    closing=("I'll put you through to a colleague now.",),
)


def words(text: str, length_s: float = 0.4) -> list[Word]:
    spoken = enumerate(text.split(), start=1)
    return [Word(word, 0.5 * n, 0.5 * n + length_s, 1.0) for n, word in spoken]


def kinds(heard: Iterable[Word]) -> list[str]:
    return [label.kind for label in labels(list(heard), (), PHRASES, 0.0)]


def test_a_phrase_is_known_and_what_stands_beside_it_is_the_fact() -> None:
    heard = words("one moment i'm checking [unk] two hundred [unk] thank you for calling goodbye")
    found = list(labels(heard, heard, PHRASES, begin_s=10.0))
    assert [(label.kind, label.text) for label in found] == [
        ("filler", "one moment i'm checking"),
        ("fact", "two hundred"),
        ("fixed", "thank you for calling goodbye"),
    ]
    assert found[1].begin_s == 10.0 + 2.5 - LEAD_S
    assert found[1].end_s == 10.0 + 4.0 + 0.4


def test_the_text_is_what_was_heard_without_a_grammar() -> None:
    heard = words("one moment i'm checking for a two [unk]")
    free = words("one moment i am eighty four pieces are")
    found = list(labels(heard, free, PHRASES, begin_s=0.0))
    assert [label.text for label in found] == ["one moment i am", "eighty four pieces are"]


def test_a_word_at_the_edge_of_two_labels_is_told_once() -> None:
    heard = words("one moment i'm checking [unk] [unk]", length_s=0.5)
    free = [Word("two", 2.35, 2.55, 1.0), Word("hundred", 2.55, 3.4, 1.0)]
    found = list(labels(heard, free, PHRASES, begin_s=0.0))
    assert [label.text for label in found] == ["two", "hundred"]


def test_a_phrase_may_be_heard_a_little_wrong() -> None:
    assert kinds(words("one moment i checking")) == ["filler"]
    assert kinds(words("one moment and i'm checking")) == ["filler"]


def test_a_word_of_the_fact_before_a_phrase_does_not_shift_the_phrase() -> None:
    assert kinds(words("[unk] for is help is there anything else")) == ["fact", "fixed"]


def test_half_a_phrase_in_a_fact_is_part_of_the_fact() -> None:
    assert kinds(words("[unk] one [unk] [unk] [unk]")) == ["fact"]


@pytest.mark.parametrize("said", ["thank you for calling goodbye else", "else is there anything"])
def test_a_single_word_beside_a_phrase_is_no_fact(said: str) -> None:
    assert kinds(words(said)) == ["fixed"]


def test_an_unknown_sound_beside_a_phrase_is_a_fact_when_it_is_long() -> None:
    assert kinds(words("is there anything else [unk]", length_s=0.2)) == ["fixed"]
    assert kinds(words("is there anything else [unk]", length_s=0.35)) == ["fixed", "fact"]
    assert kinds(words("[unk] is there anything else", length_s=0.2)) == ["fixed"]


def test_a_phrase_that_the_caller_cuts_off_is_no_fact() -> None:
    assert kinds(words("please press the number")) == ["fixed"]
    assert kinds(words("please press [unk] [unk] [unk] [unk]")) == ["fact"]


def test_after_the_agent_has_handed_over_nothing_is_its_own() -> None:
    heard = words("i'll put you through to a colleague now [unk] [unk] one is there anything else")
    assert kinds(heard) == ["fixed"]


def test_what_is_no_phrase_gets_the_kind_that_is_asked_for() -> None:
    found = labels(words("hello [unk] is there anything else"), (), PHRASES, 0.0, other="fixed")
    assert [label.kind for label in found] == ["fixed", "fixed"]


def test_silence_has_no_label() -> None:
    assert kinds(()) == []
