from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import asterisk_agi.speech
from asterisk_agi.dialogue import grammar
from asterisk_agi.dialogue.events import LookupOutcome
from asterisk_agi.dialogue.spoken import MONTHS
from asterisk_agi.dialogue.state import Caller, CallState, StateName, start
from tests.unit.asterisk_agi.dialogue.builders import ANNA, BOB, SETTINGS

WORD_LIST = Path(asterisk_agi.speech.__file__).parent / "models/en-8k/graph/words.txt"
VOCABULARY = {line.split()[0] for line in WORD_LIST.read_text(encoding="utf-8").splitlines()}


def state(name: StateName) -> CallState:
    return replace(start(SETTINGS), name=name)


def words(name: StateName) -> set[str]:
    return {word for phrase in grammar.phrases(state(name)) for word in phrase.split()}


@pytest.mark.parametrize("name", StateName)
def test_every_word_is_one_that_the_model_can_hear(name: StateName) -> None:
    assert words(name) - VOCABULARY == set()


@pytest.mark.parametrize("name", StateName)
def test_phrases_are_unique_filled_and_not_too_many(name: StateName) -> None:
    phrases = grammar.phrases(state(name))
    assert len(phrases) == len(set(phrases)) <= grammar.PHRASES_MAX
    assert all(phrase and "{" not in phrase for phrase in phrases)


def test_an_item_number_is_heard_wherever_one_is_asked_for() -> None:
    numbers = {*grammar.DIGITS, *grammar.TEENS, *grammar.TENS, "double", "hundred", "thousand"}
    for name in (StateName.LISTENING, StateName.ASKING_ITEM, StateName.KEYPAD):
        assert numbers <= words(name)


def test_dates_are_heard_while_listening() -> None:
    dates = {*grammar.ORDINALS, "monday", "december", "tomorrow", "weeks", "month", "next"}
    assert dates <= words(StateName.LISTENING)


def test_every_pair_of_digits_stands_in_a_phrase() -> None:
    phrases = grammar.phrases(state(StateName.ASKING_ITEM))
    for first in grammar.DIGITS[:10]:
        for second in grammar.DIGITS[:10]:
            assert any(f"{first} {second}" in phrase for phrase in phrases), (first, second)


@pytest.mark.parametrize("name", [StateName.LISTENING, StateName.ASKING_ITEM])
def test_every_day_of_every_month_stands_after_it(name: StateName) -> None:
    pairs = {pair for phrase in grammar.phrases(state(name)) for pair in _pairs(phrase)}
    for month in MONTHS:
        assert any((before, month.lower()) in pairs for before in ("by", "on")), month
        for ordinal in (*grammar.ORDINALS, "twenty"):
            assert (month.lower(), ordinal) in pairs, (month, ordinal)


def _pairs(phrase: str) -> Iterator[tuple[str, str]]:
    return itertools.pairwise(phrase.split())


def test_common_sentences_stand_there_with_many_numbers() -> None:
    phrases = grammar.phrases(state(StateName.LISTENING))
    asked = [p for p in phrases if p.startswith("how many of item") and p.endswith("do you have")]
    assert len(asked) >= grammar.COMMON_TIMES


def test_a_full_question_is_heard_where_an_item_is_asked_for() -> None:
    listening = set(grammar.phrases(state(StateName.LISTENING)))
    assert listening <= set(grammar.phrases(state(StateName.ASKING_ITEM)))


def test_the_other_reads_are_heard_wherever_a_question_may_come() -> None:
    asked = {"price", "cost", "order", "orders", "track", "tracking", "owe", "balance", "credit"}
    for name in (StateName.LISTENING, StateName.ASKING_ITEM, StateName.ASKING_ORDER):
        assert asked <= words(name)


def test_an_order_number_is_heard_after_its_word() -> None:
    phrases = grammar.phrases(state(StateName.LISTENING))
    pairs = {pair for phrase in phrases for pair in _pairs(phrase)}
    heard = {first for before, first in pairs if before == "order"}
    assert len(heard & {*grammar.DIGITS, *grammar.TEENS, *grammar.TENS}) > len(grammar.DIGITS) // 2


def test_another_try_is_heard_where_it_is_offered() -> None:
    phrases = set(grammar.phrases(state(StateName.OFFERING_RETRY)))
    assert {"try again", "one", "press one", "a colleague"} <= phrases
    assert {"yes", "no", "zero"} <= words(StateName.OFFERING_RETRY)
    assert "stock" not in words(StateName.OFFERING_RETRY)


def test_a_choice_is_heard_as_what_it_is_where_there_is_none() -> None:
    phrases = grammar.phrases(state(StateName.OFFERING_HUMAN))
    assert {"one", "two", "the first one", "number two"} <= set(phrases)


@pytest.mark.parametrize("name", StateName)
def test_a_human_is_heard_everywhere(name: StateName) -> None:
    assert {"human", "colleague", "agent", "repeat", "goodbye", "no", "yes"} <= words(name)


def test_a_short_question_listens_for_few_words() -> None:
    assert len(words(StateName.OFFERING_HUMAN)) < 100
    assert "stock" not in words(StateName.OFFERING_HUMAN)


def test_names_are_heard_where_they_are_chosen_from() -> None:
    choosing = replace(
        state(StateName.CHOOSING_CONTACT), caller=Caller(LookupOutcome.DONE, (ANNA, BOB))
    )
    assert {"anna berg", "southwind", "the first one", "two"} <= set(grammar.phrases(choosing))


def test_words_that_sound_alike_are_listened_for_once() -> None:
    assert "know" not in words(StateName.LISTENING)
