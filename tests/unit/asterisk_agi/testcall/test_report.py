from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from asterisk_agi.testcall import picture
from asterisk_agi.testcall.measure import Measured, Sound, Turn
from asterisk_agi.testcall.record import save
from asterisk_agi.testcall.report import Report, document, hops, latency, table, times
from tests.unit.asterisk_agi.testcall.sounds import record, track

FACT = Sound(3.5, 5.0, "fact", "two hundred pieces")
FILLER = Sound(3.3, 3.4, "filler", "one moment")
ASKED = Turn(
    "do you have it", "speech", 2.1, 3.0, (FILLER, FACT), False, "you have it", {"erp": 31.0}
)
PRESSED = Turn("0", "keys", 6.0, 6.1)


@pytest.fixture
def report(tmp_path: Path) -> Report:
    made = record(track((2.1, 3.0), seconds=10), track((3.5, 5.0), seconds=10))
    measured = Measured((Sound(0.2, 1.0, "fixed", "hello"),), (ASKED, PRESSED))
    files = save(made, tmp_path, "call")
    return Report(made, measured, ("one moment two hundred pieces", ""), "story", files)


def test_the_document_is_json_with_every_turn(report: Report) -> None:
    told = json.loads(json.dumps(document(report)))
    assert (told["answered"], told["call_id"], told["ended_by"]) == (True, "call@host", "far side")
    first, second = told["turns"]
    assert (first["said"], first["latency_ms"], first["first_sound_ms"]) == (
        "do you have it",
        500.0,
        300.0,
    )
    assert (first["answer_kind"], first["hops_ms"]) == ("fact", {"erp": 31.0})
    assert (second["kind"], second["latency_ms"], second["answer_kind"]) == ("keys", None, "none")
    assert told["latency"] == {"turns": 1, "p50_ms": 500.0, "p95_ms": 500.0}
    assert Path(told["files"]["both"]).is_file()


def test_the_table_tells_what_a_person_wants_to_know(report: Report) -> None:
    told = table(report)
    assert "1. said: do you have it" in told
    assert "heard: you have it" in told
    assert "ear to ear 500 ms (first sound, no fact: 300 ms)" in told
    assert "hops: erp 31" in told
    assert "2. pressed: 0" in told
    assert "p50 500 ms, p95 500 ms" in told


def test_times_of_every_kind_of_answer() -> None:
    fixed = replace(ASKED, sounds=(Sound(3.5, 4.0, "fixed", "sorry"),), spoken_over=True)
    assert times(fixed) == "first sound 500 ms (fixed, no fact), the agent spoke over the caller"
    assert times(PRESSED) == "no answer"


def test_latency_of_nothing_is_nothing() -> None:
    assert latency(()) == {"turns": 0, "p50_ms": None, "p95_ms": None}


def test_hops_keep_their_order() -> None:
    assert hops({"erp": 30.2, "endpoint": 200.0, "first_packet": 4.4}) == (
        "endpoint 200, erp 30, first packet 4"
    )


def test_the_picture_explains_every_colour_and_the_unknown_is_grey(report: Report) -> None:
    heard = replace(report.measured, greeting=(Sound(0.2, 1.0, "unknown", ""),))
    figure = picture.figure_of(replace(report, measured=heard))
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [entry.get_text() for entry in legend.get_texts()] == [
        *("fact", "fixed phrase", "filler", "unknown"),
    ]
    colour = picture.KIND_COLOURS["unknown"]
    assert colour[1:3] == colour[3:5] == colour[5:7]
    assert len(set(picture.KIND_COLOURS.values())) == 4


def test_a_kind_that_a_newer_story_may_tell_is_drawn_as_unknown(report: Report) -> None:
    strange = replace(report.measured, greeting=(Sound(0.2, 1.0, "song", "la la"),))
    assert picture.figure_of(replace(report, measured=strange)).axes


@pytest.mark.parametrize("empty", [False, True])
def test_a_picture_is_drawn_whatever_there_is(report: Report, tmp_path: Path, empty: bool) -> None:
    if empty:
        nothing = record(track(seconds=0), track(seconds=0))
        report = replace(report, record=nothing, measured=Measured((), ()), answers=())
    path = tmp_path / "new folder" / "call.png"
    picture.draw(report, path)
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")) == (1600, 900)
