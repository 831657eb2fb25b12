from __future__ import annotations

import struct

import pytest

from asterisk_agi.testcall.track import TRACK_MAX_S, Track

ONE = struct.pack("<h", 1) * 160
TWO = struct.pack("<h", 2) * 160


def samples(track: Track) -> list[int]:
    return [value for (value,) in struct.iter_unpack("<h", track.pcm)]


def test_a_stream_is_laid_by_its_time_stamps_not_by_its_arrivals() -> None:
    track = Track()
    track.add(1, 2**32 - 160, ONE, 1.0)
    track.add(1, 0, TWO, 1.037)
    found = samples(track)
    assert found[:8000] == [0] * 8000
    assert found[8000:] == [1] * 160 + [2] * 160
    assert track.seconds == 1.04


def test_a_late_packet_is_heard_late() -> None:
    track = Track()
    track.add(1, 0, ONE, 1.0)
    track.add(1, 160, TWO, 1.060)
    assert track.passed_s(8010) == pytest.approx(8010 / 8000)
    assert track.passed_s(8170) == pytest.approx(8170 / 8000 + 0.040)


def test_lost_packets_leave_silence_and_reordered_ones_find_their_place() -> None:
    track = Track()
    for stamp, pcm, at_s in ((0, ONE, 0.0), (480, TWO, 0.06), (320, TWO, 0.061)):
        track.add(1, stamp, pcm, at_s)
    assert samples(track) == [1] * 160 + [0] * 160 + [2] * 320


@pytest.mark.parametrize(
    ("ssrc", "stamp"), [(2, 160), (1, 99999)], ids=["another source", "a jump of the time stamp"]
)
def test_a_new_stream_is_anchored_where_it_arrives(ssrc: int, stamp: int) -> None:
    track = Track()
    track.add(1, 0, ONE, 0.0)
    assert track.add(ssrc, stamp, TWO, 2.0) == 2.0


def test_a_stream_that_paused_is_anchored_anew() -> None:
    track = Track()
    track.add(1, 0, ONE, 0.0)
    assert track.add(1, 160, TWO, 5.0) == 5.0


def test_a_late_anchor_is_mended_by_the_first_packet_in_time() -> None:
    track = Track()
    track.add(1, 0, ONE, 0.5)
    assert track.add(1, 160, TWO, 0.45) == 0.45


def test_what_lies_outside_the_recording_is_left_out() -> None:
    track = Track()
    track.add(1, 0, ONE, -1.0)
    track.add(2, 0, ONE, TRACK_MAX_S)
    assert (track.pcm, track.packets) == (b"", 0)


def test_gaps_are_those_between_arrivals() -> None:
    track = Track()
    for number, came_s in enumerate((1.0, 1.02, 1.075, 1.08)):
        track.add(1, 160 * number, ONE, came_s)
    assert track.gaps_s() == pytest.approx([0.02, 0.055, 0.005])
    assert Track().gaps_s() == []
