"""The jitter buffer on a lossy pipe: packets as (number, time stamp, payload), time as a float."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from aiortc.rtp import RtpPacket
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.media.formats import FRAME_SAMPLES, SILENCE, halve_ulaw
from asterisk_agi.media.jitter import (
    FILL_MAX_S,
    HELD_PACKETS_MAX,
    JUMP_PACKETS,
    JitterBuffer,
)

REORDER_S = 0.040
QUIET_S = 0.100
SILENT = SILENCE * FRAME_SAMPLES


def voice(index: int) -> bytes:
    """A frame that tells its own number; never silence."""
    return bytes([index % 100]) * FRAME_SAMPLES


@dataclass
class Pipe:
    """Feeds a buffer with numbered frames, the first one being 0."""

    first_seq: int = 100
    first_ts: int = 4000
    ssrc: int = 7
    buffer: JitterBuffer = field(default_factory=lambda: JitterBuffer(REORDER_S, QUIET_S, 0.0))
    out: list[bytes] = field(default_factory=list)

    def packet(self, index: int, payload_type: int = 0, skip_samples: int = 0) -> RtpPacket:
        return RtpPacket(
            payload_type=payload_type,
            sequence_number=(self.first_seq + index) & 0xFFFF,
            timestamp=(self.first_ts + index * FRAME_SAMPLES + skip_samples) & 0xFFFFFFFF,
            ssrc=self.ssrc,
            payload=voice(index),
        )

    def put(
        self,
        *indices: int,
        at_s: float | None = None,
        payload_type: int = 0,
        skip_samples: int = 0,
    ) -> list[bytes]:
        """Feed frames (in time, if `at_s` is not given) and return what came out."""
        out = []
        for index in indices:
            packet = self.packet(index, payload_type, skip_samples)
            out += self.buffer.receive_packet(packet, 0.02 * index if at_s is None else at_s)
        self.out += out
        return out

    def tick(self, now_s: float) -> list[bytes]:
        out = self.buffer.receive_time(now_s)
        self.out += out
        return out


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


def test_packets_in_order_are_passed_on_at_once(pipe: Pipe) -> None:
    for index in range(5):
        assert pipe.put(index) == [voice(index)]
    assert pipe.buffer.statistics.received == 5


@pytest.mark.parametrize(("first_seq", "first_ts"), [(65534, 0), (0, 2**32 - 200)])
def test_numbers_wrap(first_seq: int, first_ts: int) -> None:
    pipe = Pipe(first_seq, first_ts)
    assert pipe.put(0, 1, 2, 4, 3, 5) == [voice(index) for index in range(6)]
    assert pipe.buffer.statistics.resynchronised == 0
    assert pipe.buffer.statistics.filled_s == 0


def test_a_reordered_packet_is_put_in_its_place(pipe: Pipe) -> None:
    pipe.put(0)
    assert pipe.put(2, at_s=0.02) == []
    assert pipe.put(1, at_s=0.03) == [voice(1), voice(2)]
    assert pipe.buffer.statistics.reordered == 1
    assert pipe.buffer.statistics.lost == 0


def test_a_gap_is_held_open_for_as_long_as_configured_and_no_longer(pipe: Pipe) -> None:
    pipe.put(0)
    pipe.put(2, at_s=1.0)
    assert pipe.tick(1.0 + REORDER_S - 0.001) == []
    assert pipe.tick(1.0 + REORDER_S) == [halve_ulaw(voice(0)), voice(2)]
    assert pipe.buffer.statistics.lost == 1


def test_the_wait_also_ends_when_a_packet_comes(pipe: Pipe) -> None:
    pipe.put(0)
    pipe.put(2, at_s=1.0)
    assert pipe.put(3, at_s=1.05) == [halve_ulaw(voice(0)), voice(2), voice(3)]


def test_no_wait_when_none_is_configured() -> None:
    pipe = Pipe(buffer=JitterBuffer(0.0, QUIET_S, 0.0))
    pipe.put(0)
    assert pipe.put(2) == [halve_ulaw(voice(0)), voice(2)]


def test_a_second_gap_has_its_own_wait(pipe: Pipe) -> None:
    pipe.put(0)
    pipe.put(2, at_s=1.00)
    pipe.put(4, at_s=1.02)
    assert pipe.tick(1.04) == [halve_ulaw(voice(0)), voice(2)]
    assert pipe.put(3, at_s=1.05) == [voice(3), voice(4)]


def test_a_long_loss_fades_into_silence(pipe: Pipe) -> None:
    pipe.put(0)
    pipe.put(6, at_s=1.0)
    faded = [halve_ulaw(voice(0))]
    faded.append(halve_ulaw(faded[-1]))
    faded.append(halve_ulaw(faded[-1]))
    assert pipe.tick(1.04) == [*faded, SILENT, SILENT, voice(6)]
    assert pipe.buffer.statistics.lost == 5
    assert pipe.buffer.statistics.filled_s == pytest.approx(0.04)


def test_a_packet_that_was_given_up_is_late(pipe: Pipe) -> None:
    pipe.put(0)
    pipe.put(2, at_s=1.0)
    pipe.tick(1.04)
    assert pipe.put(1, at_s=1.05) == []
    assert pipe.buffer.statistics.late == 1
    pipe.put(1, at_s=1.06)
    assert pipe.buffer.statistics.doubled == 1


def test_doubled_packets_are_dropped(pipe: Pipe) -> None:
    pipe.put(0, 0, 1, 0)
    pipe.put(3, 3, at_s=0.05)
    assert pipe.out == [voice(0), voice(1)]
    assert pipe.buffer.statistics.doubled == 3


def test_what_comes_from_before_the_first_packet_is_late(pipe: Pipe) -> None:
    pipe.put(1, at_s=0.0)
    assert pipe.put(0, at_s=0.001) == []
    assert pipe.buffer.statistics.late == 1


def test_held_packets_are_capped() -> None:
    pipe = Pipe(buffer=JitterBuffer(10.0, QUIET_S, 0.0))
    pipe.put(0)
    pipe.put(*range(2, 2 + HELD_PACKETS_MAX), at_s=0.1)
    assert pipe.out == [voice(0)]
    pipe.put(2 + HELD_PACKETS_MAX, at_s=0.1)
    assert len(pipe.out) == 3 + HELD_PACKETS_MAX
    assert pipe.out[2] == voice(2)


# Silence suppression...


def test_a_hole_in_the_time_stamps_alone_becomes_silence(pipe: Pipe) -> None:
    pipe.put(0)
    assert pipe.put(1, at_s=0.09, skip_samples=3 * FRAME_SAMPLES + 40) == [
        SILENT,
        SILENT,
        SILENT,
        SILENCE * 40,
        voice(1),
    ]
    assert pipe.buffer.statistics.lost == 0


@pytest.mark.parametrize("samples", [int(FILL_MAX_S * 8000) + 1, -FRAME_SAMPLES])
def test_a_jump_of_the_time_stamps_is_a_new_origin(pipe: Pipe, samples: int) -> None:
    pipe.put(0, 1)
    assert pipe.put(2, skip_samples=samples) == [voice(2)]
    assert pipe.put(3, skip_samples=samples) == [voice(3)]
    assert pipe.buffer.statistics.resynchronised == 1
    assert pipe.buffer.statistics.filled_s == 0


def test_silence_is_filled_in_from_the_clock_while_nothing_comes(pipe: Pipe) -> None:
    pipe.put(0, at_s=10.0)
    assert pipe.tick(10.09) == []
    assert pipe.tick(10.10) == [SILENT] * 4
    assert pipe.tick(10.11) == []
    assert pipe.tick(10.12) == [SILENT]


def test_a_peer_that_never_sends_is_silence(pipe: Pipe) -> None:
    pipe.buffer.start(5.0)
    assert pipe.tick(5.05) == []
    for step in range(1, 51):
        pipe.tick(5.0 + 0.02 * step)
    assert len(pipe.out) == 49


def test_silence_of_the_clock_is_not_filled_in_again_from_the_time_stamps(pipe: Pipe) -> None:
    pipe.put(0, at_s=0.0)
    for step in range(1, 26):
        pipe.tick(0.02 * step)
    assert len(pipe.out) == 25
    assert pipe.put(1, at_s=0.54, skip_samples=26 * FRAME_SAMPLES) == [SILENT, SILENT, voice(1)]


def test_a_stall_of_the_network_loses_no_speech(pipe: Pipe) -> None:
    pipe.put(0)
    pipe.tick(0.2)
    assert pipe.put(*range(1, 10), at_s=0.21) == [voice(index) for index in range(1, 10)]


def test_a_loss_during_which_silence_was_filled_in_keeps_the_time_line(pipe: Pipe) -> None:
    pipe.put(0, at_s=0.0)
    for step in range(1, 30):
        pipe.tick(0.02 * step)
    pipe.put(30, at_s=0.60)
    pipe.tick(0.64)
    assert len(pipe.out) == 31
    assert pipe.out[-1] == voice(30)
    assert set(pipe.out[1:-1]) == {SILENT}


# Other payloads...


def test_other_payloads_take_a_number_but_are_not_heard(pipe: Pipe) -> None:
    pipe.put(0)
    assert pipe.put(1, payload_type=13) == []
    assert pipe.put(2) == [SILENT, voice(2)]
    assert pipe.buffer.statistics.other_payload == 1
    assert pipe.buffer.statistics.lost == 0


def test_the_clock_fills_in_during_a_long_telephone_event(pipe: Pipe) -> None:
    pipe.put(0)
    for index in range(1, 31):
        pipe.put(index, payload_type=101)
    pipe.tick(0.62)
    assert pipe.out == [voice(0), *[SILENT] * 30]


def test_a_stream_does_not_begin_with_another_payload(pipe: Pipe) -> None:
    assert pipe.put(0, payload_type=101) == []
    assert pipe.put(1) == [voice(1)]


# Another stream...


def test_a_jump_is_followed_when_it_goes_on(pipe: Pipe) -> None:
    pipe.put(0)
    far = JUMP_PACKETS + 2
    assert pipe.put(far) == []
    assert pipe.put(far + 1) == [voice(far), voice(far + 1)]
    assert pipe.put(far + 2) == [voice(far + 2)]
    assert pipe.buffer.statistics.resynchronised == 1


def test_a_lone_stray_packet_changes_nothing(pipe: Pipe) -> None:
    pipe.put(0)
    assert pipe.put(5000) == []
    assert pipe.put(1) == [voice(1)]
    assert pipe.put(9000) == []
    assert pipe.put(2) == [voice(2)]


def test_strays_that_do_not_go_on_are_counted(pipe: Pipe) -> None:
    pipe.put(0, 5000, 7000, 9000)
    assert pipe.out == [voice(0)]
    assert pipe.buffer.statistics.stray == 2


def test_a_new_source_is_followed_and_what_was_held_is_not_lost(pipe: Pipe) -> None:
    pipe.put(0, 2)
    other = Pipe(first_seq=110, first_ts=99, ssrc=8, buffer=pipe.buffer)
    assert other.put(0, at_s=0.05) == []
    assert other.put(1, at_s=0.06) == [halve_ulaw(voice(0)), voice(2), voice(0), voice(1)]


# Whatever the network does...


@given(
    order=st.permutations(range(1, 12)),
    lost=st.sets(st.integers(1, 11)),
    doubled=st.sets(st.integers(1, 11)),
    first_seq=st.sampled_from([0, 500, 65530]),
)
@settings(max_examples=50, deadline=None)
def test_the_time_line_is_right_whatever_the_network_does_within_the_wait(
    order: list[int], lost: set[int], doubled: set[int], first_seq: int
) -> None:
    """All arrive within the wait: every frame that came stands in its place, no other does."""
    pipe = Pipe(first_seq=first_seq, first_ts=2**32 - 800)
    pipe.put(0, at_s=0.0)
    for index in order:
        if index not in lost:
            pipe.put(*[index] * (2 if index in doubled else 1), at_s=0.010)
    pipe.tick(0.010 + REORDER_S)
    pipe.put(12, at_s=0.060)
    pipe.tick(0.060 + REORDER_S)
    assert len(pipe.out) == 13
    for index, frame in enumerate(pipe.out):
        assert (frame == voice(index)) is (index not in lost)
    assert pipe.buffer.statistics.lost == len(lost)
    assert pipe.buffer.statistics.doubled == len(doubled - lost)
    assert pipe.buffer.statistics.late == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2]),
            st.integers(0, 65535),
            st.integers(0, 2**32 - 1),
            st.sampled_from([0, 13, 101]),
            st.integers(0, 200),
            st.floats(0, 0.2),
        ),
        max_size=40,
    )
)
@settings(max_examples=30, deadline=None)
def test_no_input_makes_it_raise_or_run_away(
    steps: list[tuple[int, int, int, int, int, float]],
) -> None:
    buffer = JitterBuffer(REORDER_S, QUIET_S, 0.0)
    now_s, samples = 0.0, 0
    for ssrc, seq, ts, payload_type, size, delay in steps:
        now_s += delay
        packet = RtpPacket(payload_type, 0, seq, ts, ssrc, bytes(size))
        for payload in buffer.receive_packet(packet, now_s) + buffer.receive_time(now_s):
            assert payload
            samples += len(payload)
    # Each packet can bring itself and one filled hole at most.
    assert samples <= len(steps) * (200 + (FILL_MAX_S + 0.2) * 8000)
