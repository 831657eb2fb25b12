from __future__ import annotations

import dataclasses
import weakref
from pathlib import Path

import numpy as np
import pytest

from asterisk_agi.audio import AudioFormat, PcmChunk
from asterisk_agi.speech.vad import FRAME_S, VadSettings, VoiceActivity, VoiceFrame
from tests.unit.asterisk_agi.speech.recordings import (
    MARGIN_S,
    item_4521,
    joined,
    noise,
    packets,
)


def judged(voice: VoiceActivity, audio: PcmChunk) -> list[VoiceFrame]:
    return [frame for packet in packets(audio) for frame in voice.accept(packet)]


def test_speech_is_found_where_it_is() -> None:
    call = joined(noise(1.0), item_4521(), noise(1.0))
    frames = judged(VoiceActivity(), call)
    spoken = [at for at, frame in enumerate(frames, 1) if frame.speech]
    begin_s, end_s = 1.0 + MARGIN_S, 1.0 + item_4521().seconds - MARGIN_S
    assert begin_s - FRAME_S < spoken[0] * FRAME_S < begin_s + 0.15
    assert end_s - 0.1 < spoken[-1] * FRAME_S < end_s + 0.15


@pytest.mark.parametrize("level", [0.0, 4.0, 30.0, 300.0])
def test_steady_noise_is_no_speech(level: float) -> None:
    assert not any(frame.speech for frame in judged(VoiceActivity(), noise(2.0, level)))


def test_the_cutting_into_packets_does_not_matter() -> None:
    whole = VoiceActivity().accept(item_4521())
    odd = VoiceActivity()
    pieces = [frame for packet in packets(item_4521(), 62) for frame in odd.accept(packet)]
    assert [f.probability for f in pieces] == pytest.approx([f.probability for f in whole])
    assert len(whole) == int(item_4521().seconds / FRAME_S)


def test_reset_forgets_the_audio_and_the_noise() -> None:
    voice = VoiceActivity(VadSettings(noise_margin=0.499))
    first = judged(voice, item_4521())
    voice.accept(PcmChunk(b"\x01" * 100))
    voice.reset()
    assert voice.threshold == 0.5
    assert judged(voice, item_4521()) == first


def test_a_noisy_line_raises_the_threshold_only_so_far() -> None:
    voice = VoiceActivity(VadSettings(threshold=0.1, hysteresis=0.05, noise_margin=0.9))
    judged(voice, noise(0.9, 100.0))
    assert voice.threshold == 0.1
    judged(voice, noise(0.2, 100.0))
    assert voice.threshold == 0.8


def test_a_caller_who_speaks_at_once_does_not_raise_the_threshold() -> None:
    voice = VoiceActivity(VadSettings(noise_margin=0.499, calibration_s=0.5))
    speech = PcmChunk(item_4521().data[4000:])
    judged(voice, speech)
    assert voice.threshold == 0.5


def test_hysteresis_holds_speech_longer() -> None:
    call = joined(item_4521(), noise(1.0))
    sharp = judged(VoiceActivity(VadSettings(hysteresis=0.0, drop_db=0)), call)
    held = judged(VoiceActivity(VadSettings(hysteresis=0.49, drop_db=0)), call)
    assert all(h.speech for s, h in zip(sharp, held, strict=True) if s.speech)
    assert sum(frame.speech for frame in held) > sum(frame.speech for frame in sharp)


def test_the_end_of_speech_is_seen_when_it_falls_silent() -> None:
    call = joined(item_4521(), noise(1.0))
    usual = judged(VoiceActivity(VadSettings(drop_db=0)), call)
    quick = judged(VoiceActivity(VadSettings()), call)
    last = [max(n for n, frame in enumerate(each) if frame.speech) for each in (usual, quick)]
    assert last[1] < last[0], "the network alone goes on after the last word"
    assert all(u.speech for u, q in zip(usual, quick, strict=True) if q.speech)


def test_a_quiet_caller_is_heard_as_a_loud_one_is() -> None:
    """What is far quieter is told by the caller's own loudness, not by a level."""
    loud = np.frombuffer(item_4521().data, dtype="<i2")
    quiet = PcmChunk((loud // 16).astype("<i2").tobytes())
    calls = (item_4521(), quiet)
    heard = [sum(frame.speech for frame in judged(VoiceActivity(), call)) for call in calls]
    assert heard[1] > 0.8 * heard[0]


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="16000"):
        VoiceActivity().accept(PcmChunk(b"", AudioFormat(16000)))


@pytest.mark.parametrize("wrong", [{"threshold": 0.9}, {"hysteresis": 0.6}, {"threshold": 0.0}])
def test_settings_that_cannot_work_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="vad: need"):
        dataclasses.replace(VadSettings(), **wrong)


def test_the_network_starts_no_threads() -> None:
    # Four that spin for each other at every frame are what the package asks for.
    before = len(list(Path("/proc/self/task").iterdir()))
    VoiceActivity().accept(item_4521())
    assert len(list(Path("/proc/self/task").iterdir())) == before


def test_closed_it_frees_the_network_and_judges_nothing() -> None:
    # It costs megabytes; a call's objects are a circle that the collector may not reach for long.
    voice = VoiceActivity()
    network = weakref.ref(voice._network)
    voice.close()
    voice.close()
    assert network() is None
    assert voice.accept(item_4521()) == []
