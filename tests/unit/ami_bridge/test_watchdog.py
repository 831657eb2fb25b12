"""The watchdog's decisions: every transition, and that time alone can't end a healthy call."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge import watchdog
from ami_bridge.sightings import Sighting
from ami_bridge.watchdog import (
    TABLE,
    Act,
    AskPresent,
    BridgeSettings,
    Fallback,
    Forget,
    FreeHuman,
    HangUpLeg,
    RedirectCaller,
    Rescue,
    Sign,
    State,
    Watchdog,
)
from dialplan.beat import Beat

VOICE = "127.0.0.1:4573"
SETTINGS = BridgeSettings(stale_s=1.0, settle_s=0.2, grace_s=1.5)
FALLBACK = Fallback("orderline", "600")
LEG = "UnicastRTP/127.0.0.1:40010-0x1"
ON_LEG = Sighting("1.1", "PJSIP/a-1", "from-trunk", "600", LEG)
IN_AGI = Sighting("1.1", "PJSIP/a-1", "from-trunk", "600")
HANG_UP = [Rescue(ON_LEG), HangUpLeg(LEG)]
ASK = [AskPresent()]
REDIRECT = [RedirectCaller("PJSIP/a-1", "from-trunk", "600", "human")]
RESCUE = [Rescue(IN_AGI), *REDIRECT]
FORGET = [Forget("PJSIP/a-1")]
ALIVE = Beat(VOICE, ("1.1",))


def running() -> Watchdog:
    """One whose grace is over at second 0."""
    dog = Watchdog(SETTINGS, VOICE, FALLBACK, -10.0)
    assert dog.ami_up(-10.0) == ASK
    return dog


def with_call(seen: Sighting = ON_LEG) -> Watchdog:
    dog = running()
    if seen.leg:
        assert dog.dialled(seen, 0.0) == []
    else:
        assert dog.present([seen], 0.0, 0.0) == []
    return dog


def test_every_state_has_an_answer_to_every_sign() -> None:
    states = set(State) - {State.GONE}
    assert set(TABLE) == set(product(states, Sign))
    assert all((state is State.GONE) == (act is Act.FORGET) for state, act in TABLE.values())


def test_a_leg_whose_voice_dies_is_hung_up_and_the_caller_is_gone() -> None:
    dog = with_call()
    dog.beat(ALIVE, 0.9)
    assert dog.tick(1.89) == []
    assert dog.next_s() == pytest.approx(1.9)
    assert dog.tick(1.9) == HANG_UP
    assert dog.hung_up(LEG, "1.2", 1.95) == []
    assert dog.tick(2.09) == []
    assert dog.tick(2.1) == ASK
    assert dog.present([], 2.1, 2.11) == FORGET
    assert len(dog) == 0
    assert dog.next_s() is None


WHISPER_LEG = replace(ON_LEG, uniqueid="1.3", channel="PJSIP/anna-1", context="w", whisper=True)
WHISPERED = replace(WHISPER_LEG, leg="", waits=IN_AGI)


@pytest.mark.parametrize("seen", [WHISPER_LEG, replace(WHISPER_LEG, leg="")])
def test_a_whisper_that_stands_still_frees_the_human_and_is_no_rescue(seen: Sighting) -> None:
    dog = running()
    assert (dog.dialled if seen.leg else dog.entered)(seen, 0.0) == []
    assert dog.tick(1.0) == ([HangUpLeg(LEG)] if seen.leg else ASK)
    if seen.leg:
        assert dog.tick(1.2) == ASK
    free = FreeHuman("PJSIP/anna-1", RedirectCaller("PJSIP/a-1", "from-trunk", "600", "human"))
    assert dog.present([WHISPERED], 1.2, 1.21) == [free]
    assert dog.hung_up("PJSIP/anna-1", "1.3", 1.3) == [Forget("PJSIP/anna-1")]


def test_a_caller_who_has_no_label_human_goes_to_the_entry_the_second_time() -> None:
    dog = running()
    dog.entered(replace(WHISPER_LEG, leg=""), 0.0)
    placed = []
    for at_s in (1.0, 2.0, 3.0):
        assert dog.tick(at_s) == ASK
        (free,) = dog.present([WHISPERED], at_s, at_s)
        assert isinstance(free, FreeHuman)
        assert free.caller is not None
        placed.append(free.caller.context)
        assert dog.tick(at_s + 0.99) == []
    assert placed == ["from-trunk", "orderline", "from-trunk"]


def test_a_whisper_for_nobody_is_ended() -> None:
    dog = running()
    dog.entered(replace(WHISPER_LEG, leg=""), 0.0)
    assert dog.tick(1.0) == ASK
    alone = replace(WHISPERED, waits=None)
    assert dog.present([alone], 1.0, 1.0) == [FreeHuman("PJSIP/anna-1", None)]


def test_a_whisper_that_is_over_is_forgotten() -> None:
    dog = running()
    dog.entered(replace(WHISPER_LEG, leg=""), 0.0)
    assert dog.tick(1.0) == ASK
    assert dog.present([], 1.0, 1.0) == [Forget("PJSIP/anna-1")]


def test_a_caller_who_is_held_all_the_same_is_redirected() -> None:
    dog = with_call()
    assert dog.tick(1.0) == HANG_UP
    assert dog.tick(1.2) == ASK
    assert dog.present([IN_AGI], 1.2, 1.21) == REDIRECT
    assert dog.state_of("1.1") is State.REDIRECTED
    assert dog.tick(2.21) == ASK
    assert dog.present([], 2.21, 2.22) == FORGET


def test_a_redirect_that_does_not_help_is_tried_at_the_entry_then_again() -> None:
    dog = with_call(IN_AGI)
    places = []
    for second in range(1, 8, 2):
        assert dog.tick(second) == ASK
        *noted, order = dog.present([IN_AGI], second, second)
        assert isinstance(order, RedirectCaller)
        assert noted == ([Rescue(IN_AGI)] if second == 1 else []), "it is noted once"
        places.append(order.context)
    assert places == ["from-trunk", "orderline", "from-trunk", "orderline"]


def test_a_caller_whose_place_is_not_known_goes_to_the_entry() -> None:
    nowhere = Sighting("1.1", "PJSIP/a-1", "", "")
    dog = with_call(nowhere)
    assert dog.tick(1.0) == ASK
    _, order = dog.present([nowhere], 1.0, 1.0)
    assert order == RedirectCaller("PJSIP/a-1", "orderline", "600", "human")


def test_a_caller_who_waits_without_a_leg_is_asked_after_before_anything_is_done() -> None:
    dog = with_call(IN_AGI)
    assert dog.tick(1.0) == ASK
    assert dog.present([IN_AGI], 1.0, 1.01) == RESCUE


def test_a_question_that_is_not_answered_is_asked_again() -> None:
    dog = with_call(IN_AGI)
    assert dog.tick(1.0) == ASK
    assert dog.tick(2.0) == ASK


def test_an_answer_from_before_the_question_says_nothing() -> None:
    dog = with_call()
    assert dog.tick(1.0) == HANG_UP
    assert dog.present([], 0.9, 1.1) == []
    assert dog.tick(1.2) == ASK
    assert dog.present([IN_AGI], 1.1, 1.3) == []
    assert dog.state_of("1.1") is State.DOUBTFUL


def test_a_call_that_ends_as_it_should_is_asked_after_once_and_forgotten() -> None:
    dog = with_call()
    assert dog.hung_up(LEG, "1.2", 0.5) == []
    assert dog.state_of("1.1") is State.OFF_LEG
    assert dog.tick(1.4) == []
    assert dog.tick(1.5) == ASK
    assert dog.present([], 1.5, 1.5) == FORGET


def test_a_caller_who_hangs_up_is_forgotten_at_once() -> None:
    dog = with_call()
    assert dog.hung_up("PJSIP/a-1", "1.1", 0.5) == FORGET
    assert dog.hung_up(LEG, "1.2", 0.5) == []
    assert dog.tick(10.0) == []


def test_other_channels_that_end_are_nothing_to_us() -> None:
    dog = with_call()
    assert dog.hung_up("PJSIP/b-1", "2.1", 0.5) == []
    assert dog.state_of("1.1") is State.ON_LEG


def test_several_calls_that_are_due_make_one_question() -> None:
    dog = running()
    others = [Sighting(f"1.{n}", f"PJSIP/a-{n}", "c", "1") for n in range(5)]
    dog.present(others, 0.0, 0.0)
    assert dog.tick(1.0) == ASK


def test_a_second_leg_of_the_same_caller_is_watched_anew() -> None:
    dog = with_call()
    dog.hung_up(LEG, "1.2", 0.5)
    second = Sighting("1.1", "PJSIP/a-1", "from-trunk", "600", LEG + "2")
    assert dog.dialled(second, 0.6) == []
    assert dog.state_of("1.1") is State.ON_LEG
    assert dog.tick(1.6) == [Rescue(second), HangUpLeg(LEG + "2")]


# AMI comes and goes...


def test_calls_in_progress_are_found_by_asking_and_have_a_grace() -> None:
    dog = Watchdog(SETTINGS, VOICE, FALLBACK, 0.0)
    assert dog.ami_up(1.0) == ASK
    assert dog.present([ON_LEG], 1.0, 1.1) == []
    assert dog.tick(2.49) == []
    assert dog.tick(2.5) == HANG_UP


def test_without_ami_nothing_is_due_and_after_it_there_is_a_grace() -> None:
    dog = with_call()
    dog.ami_down()
    assert dog.next_s() is None
    assert dog.tick(5.0) == []
    assert dog.ami_up(6.0) == ASK
    assert dog.present([ON_LEG], 6.0, 6.1) == []
    assert dog.tick(7.4) == []
    assert dog.tick(7.5) == HANG_UP


def test_a_call_that_ended_while_ami_was_lost_is_forgotten() -> None:
    dog = with_call()
    dog.ami_down()
    dog.ami_up(6.0)
    assert dog.present([], 6.0, 6.1) == FORGET


# Who waits for a process that stands still...


def test_callers_are_looked_for_while_a_voice_process_is_silent() -> None:
    dog = running()
    dog.beat(Beat(VOICE, ()), 0.0)
    assert not dog.must_poll(1.0)
    assert dog.must_poll(1.1)
    dog.beat(Beat(VOICE, ()), 1.2)
    assert not dog.must_poll(1.3)
    dog.ami_down()
    assert not dog.must_poll(9.0)


def test_a_caller_of_a_process_that_is_silent_already_is_redirected_at_once() -> None:
    dog = running()
    dog.beat(Beat(VOICE, ()), 0.0)
    dog.beat(Beat("10.0.0.7:4573", ()), 2.0)
    silent = Sighting("1.1", "PJSIP/a-1", "from-trunk", "600", voice=VOICE)
    well = Sighting("2.1", "PJSIP/b-1", "from-trunk", "600", voice="10.0.0.7:4573")
    script = Sighting("3.1", "PJSIP/c-1", "from-trunk", "600")
    assert dog.present([silent, well, script], 2.0, 2.0) == []
    assert dog.tick(2.0) == ASK
    assert dog.present([silent, well, script], 2.0, 2.0) == [Rescue(silent), *REDIRECT]


def test_a_further_process_that_falls_silent_is_noticed_up_to_a_cap() -> None:
    dog = running()
    for n in range(watchdog.VOICES_MAX + 10):
        dog.beat(Beat(f"10.0.0.{n}:4573", ()), 0.0)
    dog.beat(Beat(VOICE, ()), 5.0)
    assert dog.must_poll(5.0)
    for n in range(watchdog.VOICES_MAX):
        dog.beat(Beat(f"10.0.0.{n}:4573", ()), 5.0)
    assert not dog.must_poll(5.0)


def test_only_so_many_calls_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "CALLS_MAX", 2)
    dog = running()
    for n in range(3):
        seen = Sighting(f"1.{n}", f"PJSIP/a-{n}", "c", "1", f"{LEG}{n}")
        assert dog.dialled(seen, 0.0) == []
    assert len(dog) == 2
    assert sum(isinstance(order, HangUpLeg) for order in dog.tick(1.0)) == 2


# The clock starts at AGI()...

ENTERED = Sighting("1.1", "PJSIP/a-1", "from-trunk", "600", voice=VOICE)
BEATS_ONLY = Beat(VOICE, ())


def beats(dog: Watchdog, begin_s: float, end_s: float, *calls: str) -> None:
    """Beat and tick as a running process does; nothing may be done meanwhile."""
    for n in range(round((end_s - begin_s) / 0.2) + 1):
        dog.beat(Beat(VOICE, calls), begin_s + 0.2 * n)
        assert dog.tick(begin_s + 0.2 * n + 0.1) == []


def test_a_call_that_a_beating_process_never_names_is_rescued() -> None:
    dog = running()
    dog.beat(BEATS_ONLY, 0.0)
    assert dog.entered(ENTERED, 0.0) == []
    beats(dog, 0.0, 3.8)
    dog.beat(BEATS_ONLY, 4.0)
    assert dog.tick(4.0) == ASK
    assert dog.present([ENTERED], 4.0, 4.01) == [Rescue(ENTERED), *REDIRECT]


def test_a_call_that_is_named_late_is_left_alone_for_ever() -> None:
    dog = running()
    dog.beat(BEATS_ONLY, 0.0)
    dog.entered(ENTERED, 0.0)
    beats(dog, 0.0, 3.6)
    beats(dog, 3.8, 30.0, "1.1")


def test_a_named_call_that_is_named_no_more_is_not_kept_by_its_process() -> None:
    dog = running()
    dog.entered(ENTERED, 0.0)
    dog.beat(ALIVE, 0.1)
    beats(dog, 0.2, 0.8)
    dog.beat(BEATS_ONLY, 1.0)
    assert dog.tick(1.1) == ASK


def test_a_process_that_falls_silent_before_it_names_a_call_costs_a_second() -> None:
    dog = running()
    dog.beat(BEATS_ONLY, -0.3)
    dog.entered(ENTERED, 0.0)
    assert dog.tick(0.99) == []
    assert dog.tick(1.0) == ASK


def test_a_process_that_is_silent_already_is_not_waited_for() -> None:
    dog = running()
    dog.beat(BEATS_ONLY, -5.0)
    dog.entered(ENTERED, 0.0)
    assert dog.tick(0.0) == ASK


def test_the_script_names_no_process_so_any_beat_keeps_its_call() -> None:
    dog = running()
    dog.beat(BEATS_ONLY, 0.0)
    dog.entered(IN_AGI, 0.0)
    beats(dog, 0.0, 3.6)


def test_another_process_keeps_no_call_of_this_one() -> None:
    dog = running()
    dog.beat(BEATS_ONLY, 0.0)
    dog.entered(ENTERED, 0.0)
    dog.beat(Beat("10.0.0.7:4573", ()), 0.9)
    assert dog.tick(1.0) == ASK


def test_an_agi_that_is_told_of_again_changes_nothing() -> None:
    """AMI tells of AGI() again when Dial returns to it."""
    dog = with_call()
    dog.beat(ALIVE, 0.5)
    assert dog.entered(ENTERED, 0.6) == []
    assert dog.state_of("1.1") is State.ON_LEG
    assert HangUpLeg(LEG) in dog.tick(1.5)


def test_a_bridge_that_was_late_itself_waits_longer_for_a_beat_and_forgets_it() -> None:
    dog = with_call()
    dog.lagged(0.4, 0.5)
    dog.lagged(0.0, 0.7)
    assert dog.next_s() == pytest.approx(1.4)
    assert dog.tick(1.39) == []
    assert dog.tick(1.4) == HANG_UP
    assert dog.next_s() == pytest.approx(1.6), "what is under way is not put off"
    dog = with_call()
    dog.lagged(0.4, 0.5)
    dog.lagged(0.0, 0.5 + watchdog.LAG_MEMORY_S + 0.1)
    assert dog.next_s() == pytest.approx(1.0)


def test_a_late_bridge_puts_nothing_off_for_ever() -> None:
    dog = with_call()
    for n in range(100):
        dog.lagged(60.0, 0.01 * n)
    assert dog.next_s() == pytest.approx(1.0 + watchdog.LAG_MAX_S)


def test_the_processes_that_beat_are_told() -> None:
    dog = running()
    dog.beat(BEATS_ONLY, 0.0)
    assert dog.voices(0.9) == {VOICE: True}
    assert dog.voices(1.1) == {VOICE: False}


# Time...

GAPS = st.lists(st.floats(0.0, 0.95), min_size=1, max_size=40)
TICKS = st.floats(0.005, 0.3)


@settings(max_examples=100)
@given(GAPS, TICKS, st.booleans())
def test_a_call_with_regular_beats_is_never_ended(
    gaps: list[float], tick_s: float, ami_is_lost: bool
) -> None:
    dog = with_call()
    now_s = next_tick_s = 0.0
    for number, gap_s in enumerate(gaps):
        dog.beat(ALIVE, now_s)
        while next_tick_s <= now_s + gap_s:
            assert dog.tick(next_tick_s) == []
            next_tick_s += tick_s
        if ami_is_lost and number % 5 == 4:
            dog.ami_down()
            dog.ami_up(now_s)
            assert dog.present([ON_LEG], now_s, now_s) == []
        now_s += gap_s


@settings(max_examples=100)
@given(GAPS, TICKS)
def test_a_call_without_beats_is_always_ended_in_time(gaps: list[float], tick_s: float) -> None:
    dog = with_call()
    now_s = 0.0
    for gap_s in gaps:
        dog.beat(ALIVE, now_s)
        now_s += gap_s
    last_s = now_s - gaps[-1]
    next_tick_s = last_s
    while not (orders := dog.tick(next_tick_s)):
        next_tick_s += tick_s
        assert next_tick_s < last_s + 10
    assert orders == HANG_UP
    late_s = max(0.0, max(gaps) - watchdog.BEAT_GAP_S)
    assert next_tick_s <= last_s + SETTINGS.stale_s + late_s + tick_s + 1e-6


@pytest.mark.parametrize(
    ("key", "value"), [("port", 0), ("stale_s", 0.0), ("settle_s", -1.0), ("poll_s", 0.0)]
)
def test_wrong_settings_name_the_key(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=key):
        BridgeSettings(**{key: value})  # type: ignore[arg-type]


def test_a_process_that_beats_late_and_lives_is_given_more_time() -> None:
    dog = with_call()
    for at_s in (0.2, 0.9, 1.8):
        assert dog.tick(at_s) == []
        dog.beat(ALIVE, at_s)
    # The last beat but one was 0.5 s later than usual.
    assert dog.tick(1.8 + SETTINGS.stale_s + 0.49) == []
    assert dog.tick(1.8 + SETTINGS.stale_s + 0.51) == HANG_UP


@pytest.mark.parametrize("silent_s", [0.39, 5.0])
def test_neither_a_usual_beat_nor_a_new_process_makes_it_wait_longer(silent_s: float) -> None:
    dog = running()
    dog.beat(Beat(VOICE, ()), 0.0)
    dog.beat(Beat(VOICE, ()), silent_s)
    dog.dialled(ON_LEG, silent_s)
    assert dog.tick(silent_s + 1.0) == HANG_UP
