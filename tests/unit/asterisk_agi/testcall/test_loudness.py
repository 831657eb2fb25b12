from __future__ import annotations

import pytest

from asterisk_agi.testcall.ear import Ear
from asterisk_agi.testcall.loudness import GAP_S, Burst, bursts, rms
from tests.unit.asterisk_agi.testcall.sounds import pcm, tone


def test_edges_are_exact_to_the_sample() -> None:
    data = pcm((0.50125, 0.90125), seconds=2.0)
    assert bursts(data) == (Burst(4010, 7210),)


def test_a_short_gap_joins_and_a_longer_one_divides() -> None:
    joined = pcm((0.5, 0.8), (0.8 + GAP_S - 0.02, 1.2), seconds=2.0)
    divided = pcm((0.5, 0.8), (0.8 + GAP_S + 0.03, 1.2), seconds=2.0)
    assert len(bursts(joined)) == 1
    assert [(b.begin_s, b.end_s) for b in bursts(divided)] == [(0.5, 0.8), (0.95, 1.2)]


def test_a_gap_of_ones_own_choice() -> None:
    assert len(bursts(pcm((0.5, 0.8), (1.0, 1.2), seconds=2.0), gap_s=0.3)) == 1


def test_noise_and_clicks_are_no_sound() -> None:
    assert bursts(tone(1.0, level=120)) == ()
    assert bursts(pcm((0.5, 0.51), seconds=1.0)) == ()
    assert len(bursts(pcm((0.5, 0.51), seconds=1.0), min_s=0.0)) == 1
    assert bursts(b"") == ()


def test_a_sound_may_end_with_the_track() -> None:
    assert bursts(pcm((0.5, 1.003), seconds=1.003))[0].end_s == 1.003


def test_rms() -> None:
    assert rms(tone(0.1, level=300)) == pytest.approx(300)
    assert rms(b"") == 0.0


def test_an_answer_is_over_after_silence_and_only_after_sound() -> None:
    ear = Ear()
    assert ear.settled_s(1.2) is None
    assert not ear.hear(bytes(320), 0.5)
    assert ear.hear(tone(0.02), 1.0)
    assert not ear.hear(tone(0.02), 1.5)
    assert (ear.began_s, ear.settled_s(1.2)) == (1.0, 2.7)
    ear.mark()
    assert ear.settled_s(1.2) is None
