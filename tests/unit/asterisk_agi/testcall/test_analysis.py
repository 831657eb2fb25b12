"""Calls without a story, as a recording tells them: the real model on recorded answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asterisk_agi.media.formats import decode_ulaw
from asterisk_agi.testcall.analysis import analyse
from asterisk_agi.testcall.record import Utterance
from asterisk_agi.testcall.report import Report, document, latency, table
from asterisk_agi.testcall.track import Track
from tests.unit.asterisk_agi.testcall.sounds import pcm, record, track

ANSWERS = Path(__file__).parent / "answers"
ASKED = Utterance("a question", "speech", 3.0, 4.2)
CALLER = track((3.1, 4.0), seconds=5)
ANSWER_S = 4.5


def agent(greeting: str | None, answer: str | None) -> Track:
    """A track with one recording before the question and one after it."""
    made, data = Track(), bytearray(pcm(seconds=12))
    for name, begin_s in ((greeting, 0.1), (answer, ANSWER_S)):
        sound = decode_ulaw((ANSWERS / f"{name}.ulaw").read_bytes()) if name else b""
        begin = 2 * round(begin_s * 8000)
        data[begin : begin + len(sound)] = sound
    for at in range(0, len(data), 320):
        made.add(1, at // 2, bytes(data[at : at + 320]), at / 16000)
    return made


async def report(
    folder: Path, greeting: str | None, answer: str | None, *utterances: Utterance
) -> Report:
    return await analyse(record(CALLER, agent(greeting, answer), *utterances), folder, None, None)


@pytest.mark.parametrize("greeting", [None, "goodbye"])
async def test_a_call_in_which_the_caller_said_nothing_is_told(
    tmp_path: Path, greeting: str | None
) -> None:
    told = await report(tmp_path, greeting, None)
    assert json.loads(json.dumps(document(told)))["turns"] == []
    assert "ended by the far side" in table(told)
    assert {sound.kind for sound in told.measured.greeting} == ({"fixed"} if greeting else set())


@pytest.mark.parametrize(
    ("name", "text"), [("goodbye", "thank you for calling goodbye"), ("put_through", "you for")]
)
async def test_a_recorded_answer_of_fixed_phrases_has_no_time_to_the_fact(
    tmp_path: Path, name: str, text: str
) -> None:
    told = await report(tmp_path, None, name, ASKED)
    (turn,) = told.measured.turns
    assert turn.latency_ms is None
    assert turn.answer_kind == "fixed"
    assert "fact" not in {sound.kind for sound in turn.sounds}
    assert latency(told.measured.latencies_ms)["turns"] == 0
    assert text in turn.sounds[0].text


async def test_a_recorded_fact_is_timed_and_told_in_its_own_words(tmp_path: Path) -> None:
    told = await report(tmp_path, "goodbye", "in_stock", ASKED)
    (turn,) = told.measured.turns
    assert turn.answer_kind == "fact"
    assert turn.latency_ms == pytest.approx(1000 * (ANSWER_S - 4.0) + 250, abs=60)
    first, last = turn.sounds[0], turn.sounds[-1]
    assert first.text.startswith("ten pieces are available of item four five two")
    assert (last.kind, last.text) == ("fixed", "is there anything else")
    assert {sound.kind for sound in told.measured.greeting} == {"fixed"}
