from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.dialogue.effects import EndpointProfile
from asterisk_agi.speech.endpointing import (
    BargeInDue,
    DecideSilences,
    Endpointer,
    EndpointEvent,
    EndpointSettings,
    PatienceSilences,
    PauseReached,
    SpeechBegan,
    TurnEnded,
)
from asterisk_agi.speech.vad import VoiceFrame

STEP_S = 0.01
SETTINGS = EndpointSettings(
    decide_ms=DecideSilences(open=200, short=100, dictation=300),
    patience_ms=PatienceSilences(open=1000, short=500, dictation=2000),
    min_speech_ms=50,
    barge_in_ms=150,
    longest_turn_s=10.0,
)


class Caller:
    """Speaks and is silent in steps of 10 ms, and keeps what the endpointer said."""

    def __init__(self, profile: EndpointProfile = EndpointProfile.OPEN) -> None:
        self.endpointer = Endpointer(SETTINGS)
        self.endpointer.set_profile(profile)
        self.steps = 0
        self.events: list[EndpointEvent] = []

    @property
    def now_s(self) -> float:
        return self.steps * STEP_S

    def speaks(self, seconds: float, speech: bool = True) -> list[EndpointEvent]:
        before = len(self.events)
        for _ in range(round(seconds / STEP_S)):
            self.steps += 1
            frame = VoiceFrame(speech, float(speech), STEP_S)
            self.events += self.endpointer.voice(frame, self.now_s)
        return self.events[before:]

    def is_silent(self, seconds: float) -> list[EndpointEvent]:
        return self.speaks(seconds, speech=False)

    def answers(self, complete: bool, serial: int) -> list[EndpointEvent]:
        new = list(self.endpointer.content(complete, self.now_s, serial))
        self.events += new
        return new


def kinds(events: Iterable[EndpointEvent]) -> list[type]:
    return [type(event) for event in events]


def test_a_complete_sentence_ends_the_turn_at_once() -> None:
    caller = Caller()
    caller.is_silent(0.5)
    began, barge_in = caller.speaks(1.0)
    assert isinstance(began, SpeechBegan)
    assert began.at_s == pytest.approx(0.5)
    assert isinstance(barge_in, BargeInDue)
    assert barge_in.at_s == pytest.approx(0.65)
    (pause,) = caller.is_silent(0.3)
    assert isinstance(pause, PauseReached)
    assert pause.at_s == pytest.approx(1.7)
    assert pause.speech_end_s == pytest.approx(1.5)
    assert caller.answers(True, pause.serial) == [TurnEnded(caller.now_s, pause.speech_end_s)]
    assert caller.is_silent(5.0) == []


def test_an_incomplete_sentence_is_asked_about_once_more_and_ends_by_patience() -> None:
    caller = Caller()
    caller.speaks(1.0)
    (first,) = caller.is_silent(0.25)
    assert isinstance(first, PauseReached)
    assert caller.answers(False, first.serial) == []
    (second,) = caller.is_silent(0.4)
    assert isinstance(second, PauseReached)
    assert second.at_s - second.speech_end_s == pytest.approx(0.6)
    assert caller.answers(False, second.serial) == []
    assert caller.is_silent(0.34) == []
    (ended,) = caller.is_silent(0.02)
    assert isinstance(ended, TurnEnded)
    assert ended.at_s - ended.speech_end_s == pytest.approx(1.0)


def test_the_second_question_may_end_the_turn() -> None:
    caller = Caller()
    caller.speaks(1.0)
    (first,) = caller.is_silent(0.2)
    assert isinstance(first, PauseReached)
    caller.answers(False, first.serial)
    (second,) = caller.is_silent(0.4)
    assert isinstance(second, PauseReached)
    assert kinds(caller.answers(True, second.serial)) == [TurnEnded]


def test_patience_ends_the_turn_though_nobody_answers() -> None:
    caller = Caller()
    caller.speaks(1.0)
    assert kinds(caller.is_silent(1.1)) == [PauseReached, TurnEnded]


def test_an_answer_after_the_caller_went_on_is_ignored() -> None:
    caller = Caller()
    caller.speaks(0.5)
    (first,) = caller.is_silent(0.2)
    assert isinstance(first, PauseReached)
    assert caller.speaks(0.3) == []
    assert caller.answers(True, first.serial) == []
    assert caller.endpointer.in_turn
    (second,) = caller.is_silent(0.2)
    assert isinstance(second, PauseReached)
    assert caller.answers(True, first.serial) == []
    assert kinds(caller.answers(True, second.serial)) == [TurnEnded]


def test_an_answer_that_was_given_before_is_ignored() -> None:
    caller = Caller()
    caller.speaks(0.5)
    (pause,) = caller.is_silent(0.2)
    assert isinstance(pause, PauseReached)
    caller.answers(False, pause.serial)
    assert caller.answers(True, pause.serial) == []
    assert caller.endpointer.in_turn


@pytest.mark.parametrize("serial", [0, 1, -1])
def test_an_answer_to_a_pause_that_never_was_is_our_bug(serial: int) -> None:
    with pytest.raises(ValueError, match="no pause"):
        Endpointer(SETTINGS).content(True, 1.0, serial)


def test_a_click_is_no_speech() -> None:
    caller = Caller()
    for _ in range(10):
        caller.speaks(0.04)
        caller.is_silent(0.1)
    assert caller.events == []
    assert not caller.endpointer.in_turn


def test_short_speech_opens_a_turn_but_does_not_barge_in() -> None:
    caller = Caller()
    assert kinds(caller.speaks(0.1)) == [SpeechBegan]
    caller.is_silent(0.1)
    assert kinds(caller.speaks(0.05)) == [BargeInDue]
    assert caller.speaks(1.0) == []


@pytest.mark.parametrize(
    ("profile", "decide_s", "patience_s"),
    [
        (EndpointProfile.OPEN, 0.2, 1.0),
        (EndpointProfile.SHORT, 0.1, 0.5),
        (EndpointProfile.DICTATION, 0.3, 2.0),
    ],
)
def test_each_profile_has_its_silences(
    profile: EndpointProfile, decide_s: float, patience_s: float
) -> None:
    caller = Caller(profile)
    caller.speaks(0.5)
    pause, ended = caller.is_silent(2.1)
    assert isinstance(pause, PauseReached)
    assert isinstance(ended, TurnEnded)
    assert pause.at_s - 0.5 == pytest.approx(decide_s)
    assert ended.at_s - 0.5 == pytest.approx(patience_s)


def test_a_new_profile_counts_for_the_turn_that_is_open() -> None:
    caller = Caller(EndpointProfile.DICTATION)
    caller.speaks(0.5)
    assert caller.is_silent(0.15) == []
    caller.endpointer.set_profile(EndpointProfile.SHORT)
    assert kinds(caller.is_silent(0.01)) == [PauseReached]


def test_speech_without_end_is_cut_into_turns() -> None:
    caller = Caller()
    events = caller.speaks(25.0)
    ends = [event.at_s for event in events if isinstance(event, TurnEnded)]
    assert ends == [pytest.approx(10.0, abs=0.02), pytest.approx(20.0, abs=0.02)]
    assert kinds(events).count(SpeechBegan) == 3


def test_a_turn_of_many_pauses_is_not_longer_either() -> None:
    caller = Caller()
    while not any(isinstance(event, TurnEnded) for event in caller.events):
        caller.speaks(0.1)
        caller.is_silent(0.15)
    assert caller.now_s == pytest.approx(10.0, abs=0.26)


def test_a_telephone_that_sends_nothing_in_silence_ends_its_turns_too() -> None:
    caller = Caller()
    caller.speaks(0.5)
    assert kinds(caller.endpointer.passed(0.7)) == [PauseReached]
    assert kinds(caller.endpointer.passed(3.0)) == [TurnEnded]


def test_reset_drops_the_turn_without_an_event() -> None:
    caller = Caller()
    caller.speaks(0.5)
    (pause,) = caller.is_silent(0.2)
    assert isinstance(pause, PauseReached)
    caller.endpointer.reset()
    assert caller.answers(True, pause.serial) == []
    assert caller.is_silent(2.0) == []


def test_talking_is_told() -> None:
    caller = Caller()
    told = [caller.endpointer.talking]
    for seconds, speech in ((0.02, True), (0.2, True), (0.05, False), (0.05, True)):
        caller.speaks(seconds, speech)
        told.append(caller.endpointer.talking)
    assert told == [False, False, True, False, True]


@pytest.mark.parametrize(
    "wrong",
    [
        {"decide_ms": DecideSilences(short=700)},
        {"patience_ms": PatienceSilences(dictation=350)},
        {"min_speech_ms": 0},
        {"barge_in_ms": 80},
        {"longest_turn_s": 0.0},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="endpointing: "):
        dataclasses.replace(EndpointSettings(), **wrong)  # type: ignore[arg-type]


def test_the_defaults_stop_playback_in_time() -> None:
    # Three frames of 32 ms: with Silero's 56 ms to see an onset, 120 ms after it.
    endpointer = Endpointer()
    events = [endpointer.voice(VoiceFrame(True, 1.0), n * 0.032) for n in range(1, 4)]
    assert [kinds(found) for found in events] == [[], [], [SpeechBegan, BargeInDue]]


MOVES = st.one_of(
    st.tuples(st.just("speaks"), st.integers(1, 40)),
    st.tuples(st.just("is_silent"), st.integers(1, 60)),
    st.tuples(st.just("complete"), st.integers(0, 3)),
    st.tuples(st.just("incomplete"), st.integers(0, 3)),
)


def played(moves: list[tuple[str, int]], profile: EndpointProfile) -> Caller:
    """Play a call; an answer goes to the newest pause or one of some before it."""
    caller = Caller(profile)
    for kind, amount in moves:
        pauses = [event.serial for event in caller.events if isinstance(event, PauseReached)]
        if kind in ("speaks", "is_silent"):
            caller.speaks(amount * 4 * STEP_S, kind == "speaks")
        elif len(pauses) > amount:
            caller.answers(kind == "complete", pauses[-1 - amount])
    return caller


@settings(max_examples=150, deadline=None)
@given(moves=st.lists(MOVES, max_size=25), profile=st.sampled_from(EndpointProfile))
def test_events_come_in_their_order(moves: list[tuple[str, int]], profile: EndpointProfile) -> None:
    in_turn, pauses = False, 0
    for event in played(moves, profile).events:
        if isinstance(event, SpeechBegan):
            assert not in_turn
            in_turn, pauses, barged_in = True, 0, False
        elif isinstance(event, BargeInDue):
            assert in_turn
            assert not barged_in
            barged_in = True
        elif isinstance(event, PauseReached):
            assert in_turn
            assert event.serial > pauses
            pauses = event.serial
        else:
            assert in_turn
            in_turn = False


@settings(max_examples=150, deadline=None)
@given(moves=st.lists(MOVES, max_size=25), profile=st.sampled_from(EndpointProfile))
def test_a_turn_ends_within_patience(
    moves: list[tuple[str, int]], profile: EndpointProfile
) -> None:
    caller = played(moves, profile)
    patience_s = SETTINGS.patience_ms.of(profile)
    caller.is_silent(patience_s)
    assert not caller.endpointer.in_turn
    for event in caller.events:
        if isinstance(event, TurnEnded):
            assert event.at_s - event.speech_end_s <= patience_s + STEP_S
