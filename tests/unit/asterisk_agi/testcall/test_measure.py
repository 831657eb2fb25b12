from __future__ import annotations

import pytest

from asterisk_agi.testcall.measure import Label, labelled, labels_of, measure, percentile
from asterisk_agi.testcall.record import Utterance
from asterisk_agi.testcall.stories import Story
from tests.unit.asterisk_agi.testcall.sounds import record, track

ASKED = Utterance("do you have it", "speech", 2.0, 3.2)
CALLER = track((2.1, 3.0), seconds=10)


def test_the_fact_is_timed_from_the_last_word_and_a_filler_does_not_count() -> None:
    agent = track((3.7, 4.4), (4.9, 6.0), seconds=10)
    labels = [Label(3.69, 4.4, "filler", "one moment"), Label(4.89, 6.0, "fact", "two hundred")]
    (turn,) = measure(record(CALLER, agent, ASKED), labels).turns
    assert turn.begin_s == 2.1
    assert turn.end_s == pytest.approx(3.0, abs=0.001)
    assert turn.first_sound_ms == pytest.approx(700, abs=0.2)
    assert turn.latency_ms == pytest.approx(1900, abs=0.2)
    assert turn.answer_kind == "fact"
    assert [sound.kind for sound in turn.sounds] == ["filler", "fact"]


def test_an_answer_without_a_fact_has_a_first_sound_only() -> None:
    agent = track((3.5, 4.0), seconds=10)
    measured = measure(record(CALLER, agent, ASKED), [Label(3.49, 4.0, "fixed", "sorry")])
    (turn,) = measured.turns
    assert (turn.latency_ms, turn.answer_kind) == (None, "fixed")
    assert turn.first_sound_ms == pytest.approx(500, abs=0.2)
    assert measured.latencies_ms == ()


def test_no_answer_is_no_time() -> None:
    (turn,) = measure(record(CALLER, track(seconds=10), ASKED), []).turns
    assert (turn.first_sound_ms, turn.latency_ms, turn.answer_kind) == (None, None, "none")


def test_a_late_packet_counts_as_heard_late() -> None:
    agent = track((4.0, 5.0), seconds=10, late_s=0.05)
    (turn,) = measure(record(CALLER, agent, ASKED), [Label(3.9, 5.0, "fact", "x")]).turns
    assert turn.latency_ms == pytest.approx(1050, abs=0.2)


def test_the_greeting_is_no_answer_and_turns_end_where_the_next_begins() -> None:
    caller = track((2.1, 3.0), (6.1, 7.0), seconds=10)
    agent = track((0.5, 1.5), (3.4, 4.0), (7.3, 8.0), seconds=10)
    again = Utterance("and now", "speech", 6.0, 7.2)
    measured = measure(record(caller, agent, ASKED, again), [])
    assert [s.begin_s for s in measured.greeting] == [0.5]
    assert [[s.begin_s for s in turn.sounds] for turn in measured.turns] == [[3.4], [7.3]]
    assert [s.kind for s in measured.greeting] == ["unknown"]


def test_a_burst_of_two_phrases_is_cut_and_the_cut_is_late() -> None:
    agent = track((3.5, 6.0), seconds=10)
    labels = [Label(3.5, 4.5, "filler", "a"), Label(4.5, 6.0, "fact", "b")]
    sounds = labelled(agent, labels)
    assert [(s.kind, s.begin_s) for s in sounds] == [
        ("filler", 3.5),
        ("fact", pytest.approx(4.52, abs=0.011)),
    ]


def test_a_tone_right_after_a_phrase_is_none_of_it() -> None:
    sounds = labelled(track((3.5, 6.0), seconds=10), [Label(3.5, 4.5, "fixed", "bye")])
    assert [sound.kind for sound in sounds] == ["fixed", "unknown"]


def test_the_release_of_the_last_consonant_ends_the_word() -> None:
    caller = track((2.1, 2.9), (3.05, 3.06), seconds=10)
    (turn,) = measure(record(caller, track(seconds=10), ASKED), []).turns
    assert turn.end_s == pytest.approx(3.06, abs=0.001)


def test_sound_that_the_caller_interrupts_is_no_answer() -> None:
    agent = track((1.0, 2.25), (3.6, 4.0), seconds=10)
    (turn,) = measure(record(CALLER, agent, ASKED), []).turns
    assert not turn.spoken_over
    assert turn.first_sound_ms == pytest.approx(600, abs=0.2)


def test_an_agent_who_does_not_let_the_caller_end_is_told() -> None:
    agent = track((2.6, 4.0), seconds=10)
    (turn,) = measure(record(CALLER, agent, ASKED), []).turns
    assert turn.spoken_over
    assert turn.sounds == ()


def test_keys_end_when_they_are_released() -> None:
    pressed = Utterance("0", "keys", 2.0, 2.16)
    (turn,) = measure(record(track(seconds=10), track((2.5, 3.0), seconds=10), pressed), []).turns
    assert turn.first_sound_ms == pytest.approx(340, abs=0.2)


STORY = Story(
    (
        {"event": "said", "at": 1001, "turn": 0, "kind": "fixed", "text": "hello"},
        {"event": "heard", "at": 1003.2, "turn": 1, "text": "do you have it"},
        {"event": "said", "at": 1005, "turn": 1, "kind": "fact", "text": "yes",
         "begin": 1003.5, "end": 1005.0},
        {"event": "hops", "at": 1008.5, "turn": 1, "endpoint_ms": 200, "erp_ms": 31.5},
        {"event": "heard", "at": 1008.4, "turn": 2, "text": "stop"},
    )
)  # fmt: skip


def test_a_story_labels_and_adds_what_was_heard_and_the_hops_by_number() -> None:
    caller = track((2.1, 3.0), (8.0, 8.3), seconds=10)
    barge_in = Utterance("stop", "speech", 7.9, 8.4)
    made = record(caller, track((3.52, 5.0), seconds=10), ASKED, barge_in)
    labels = labels_of(STORY, made.zero_unix_s)
    assert labels == (Label(3.5, 5.0, "fact", "yes"),)
    first, second = measure(made, labels, STORY).turns
    assert (first.heard, dict(first.hops)) == ("do you have it", {"endpoint": 200, "erp": 31.5})
    assert (second.heard, dict(second.hops)) == ("stop", {})
    assert first.latency_ms == pytest.approx(520, abs=0.2)


def test_percentiles_interpolate() -> None:
    assert percentile([400, 100, 300, 200], 50) == 250
    assert percentile(list(range(1, 102)), 95) == 96
    assert percentile([7], 95) == 7
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)
