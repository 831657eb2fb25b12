"""The decoder with the packaged model, and with a recogniser that guards libvosk's rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import vosk

from asterisk_agi.audio import TELEPHONE
from asterisk_agi.speech.models import PACKAGED
from asterisk_agi.speech.vosk_decoder import VoskDecoder
from tests.unit.asterisk_agi.speech.recordings import (
    ITEM,
    MARGIN_S,
    ORDER,
    item_4521,
    noise,
    where_is_my_order,
)

GRAMMAR = json.dumps([ITEM, ORDER, "[unk]"])
ONLY_ORDER = json.dumps([ORDER, "[unk]"])


@pytest.fixture(scope="module")
def model() -> Iterator[Any]:
    vosk.SetLogLevel(-1)
    yield vosk.Model(str(PACKAGED))


def decoder_of(model: Any, rate_hz: int = TELEPHONE.rate_hz) -> VoskDecoder:
    decoder = VoskDecoder(lambda: vosk.KaldiRecognizer(model, rate_hz), rate_hz)
    decoder.set_grammar(GRAMMAR)
    return decoder


def test_a_turn_is_all_its_segments(model: Any) -> None:
    decoder = decoder_of(model)
    decoder.feed(item_4521().data, 0)
    assert decoder.close_segment().text == ITEM
    decoder.feed(where_is_my_order().data, 0)
    turn = decoder.end_turn()
    assert (turn.text, turn.final) == (f"{ITEM} {ORDER}", True)
    assert len(turn.words) == len(turn.text.split())
    assert turn.confidence > 0.8
    assert decoder.turn().text == ""


def test_a_segment_that_vosk_closes_itself_is_kept(model: Any) -> None:
    decoder = decoder_of(model)
    decoder.feed(item_4521().data, 0)
    for _ in range(20):
        turn = decoder.feed(noise(0.1).data, 0)
    assert (turn.text, turn.final) == (ITEM, False)
    decoder.feed(where_is_my_order().data, 0)
    assert decoder.end_turn().text == f"{ITEM} {ORDER}"


def test_a_partial_has_fresh_text_and_word_times(model: Any) -> None:
    decoder = decoder_of(model)
    turn = decoder.feed(item_4521().data[:24000], 0)
    assert turn.text.startswith("is item four five")
    turn = decoder.feed(item_4521().data[24000:], 0)
    assert turn.text.startswith("is item four five two one")
    assert turn.words[0].text == "is"
    assert turn.words[0].start_s == pytest.approx(MARGIN_S, abs=0.08)


def test_word_times_are_those_of_the_call(model: Any) -> None:
    decoder = decoder_of(model)
    decoder.feed(item_4521().data, 0)
    first = decoder.end_turn().words[-1]
    decoder.set_grammar(ONLY_ORDER)
    decoder.feed(where_is_my_order().data, 0)
    second = decoder.end_turn().words
    speech_s = item_4521().seconds - MARGIN_S
    assert first.end_s == pytest.approx(speech_s, abs=0.1)
    assert second[0].start_s == pytest.approx(item_4521().seconds + MARGIN_S, abs=0.1)


def test_audio_that_was_dropped_keeps_its_place(model: Any) -> None:
    decoder = decoder_of(model)
    decoder.feed(noise(0.5).data, 0)
    decoder.feed(where_is_my_order().data, 7.0)
    in_the_turn = decoder.end_turn().words[0].start_s
    decoder.feed(where_is_my_order().data, 0)
    in_the_next = decoder.end_turn().words[0].start_s
    assert in_the_turn == pytest.approx(7.5 + MARGIN_S, abs=0.1)
    assert in_the_next == pytest.approx(in_the_turn + where_is_my_order().seconds, abs=0.1)


def test_a_model_of_another_rate_gets_its_own(model: Any) -> None:
    decoder = decoder_of(model, 16000)
    for _ in range(2):
        decoder.feed(item_4521().data, 0)
        assert decoder.end_turn().text == ITEM


def test_free_speech_comes_back_after_a_grammar(model: Any) -> None:
    decoder = decoder_of(model)
    decoder.set_grammar(ONLY_ORDER)
    decoder.feed(item_4521().data, 0)
    assert "four five two one" not in decoder.end_turn().text
    decoder.set_grammar("[]")
    decoder.feed(item_4521().data, 0)
    assert "four five two one" in decoder.end_turn().text


class StrictRecognizer:
    """As libvosk: a grammar while audio is being decoded is fatal. Hears what it is told to."""

    def __init__(self) -> None:
        self.decoding = False
        self.heard = ""
        self.found_at_the_end = ""
        self.grammars: list[str] = []

    def SetWords(self, enable_words: bool) -> None: ...
    def SetPartialWords(self, enable_partial_words: bool) -> None: ...

    def SetGrammar(self, grammar: str) -> None:
        assert not self.decoding, "libvosk would abort the process"
        self.grammars.append(grammar)

    def AcceptWaveform(self, data: bytes) -> int:
        self.decoding = True
        return 0

    def Result(self) -> str:
        return self.FinalResult()

    def PartialResult(self) -> str:
        return json.dumps({"partial": self.heard})

    def FinalResult(self) -> str:
        text, self.heard = self.heard or self.found_at_the_end, ""
        self.found_at_the_end = ""
        return json.dumps({"text": text})

    def Reset(self) -> None:
        self.decoding = False


def test_a_grammar_waits_for_the_end_of_a_turn_that_has_words() -> None:
    strict = StrictRecognizer()
    decoder = VoskDecoder(lambda: strict, TELEPHONE.rate_hz)
    strict.heard = "where is"
    decoder.feed(b"\0\0", 0)
    decoder.set_grammar("first")
    decoder.set_grammar("second")
    assert strict.grammars == []
    decoder.close_segment()
    assert strict.grammars == []
    assert decoder.end_turn().text == "where is"
    assert strict.grammars == ["second"]


def test_a_grammar_is_taken_at_once_in_silence_and_only_once() -> None:
    strict = StrictRecognizer()
    decoder = VoskDecoder(lambda: strict, TELEPHONE.rate_hz)
    decoder.feed(b"\0\0", 0)
    decoder.set_grammar("first")
    decoder.feed(b"\0\0", 0)
    decoder.set_grammar("first")
    decoder.end_turn()
    assert strict.grammars == ["first"]


def test_words_that_come_to_light_by_a_new_grammar_stay_in_the_turn() -> None:
    strict = StrictRecognizer()
    decoder = VoskDecoder(lambda: strict, TELEPHONE.rate_hz)
    decoder.feed(b"\0\0", 0)
    strict.found_at_the_end = "yes"
    decoder.set_grammar("first")
    assert (decoder.turn().text, strict.grammars) == ("yes", [])
    decoder.end_turn()
    assert strict.grammars == ["first"]
