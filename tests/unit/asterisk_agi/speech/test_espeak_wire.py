from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterisk_agi.speech.espeak_wire import BODY_MAX_BYTES, Frame, FrameReader, Kind

frames = st.builds(Frame, st.integers(0, 2**32 - 1), st.sampled_from(Kind), st.binary(max_size=50))


@given(st.lists(frames, max_size=6), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_frames_survive_any_cut(sent: list[Frame], cut: int) -> None:
    wire = b"".join(bytes(frame) for frame in sent)
    reader, got = FrameReader(), []
    for begin in range(0, len(wire), cut):
        reader.receive_data(wire[begin : begin + cut])
        while (frame := reader.next_event()) is not None:
            got.append(frame)
    assert got == sent


def test_the_length_is_capped_before_the_body_came() -> None:
    reader = FrameReader()
    reader.receive_data((BODY_MAX_BYTES + 1).to_bytes(4, "big") + b"\0\0\0\1\2")
    with pytest.raises(ValueError, match=str(BODY_MAX_BYTES + 1)):
        reader.next_event()


def test_the_longest_body_is_taken() -> None:
    reader = FrameReader()
    frame = Frame(1, Kind.SOUND, bytes(BODY_MAX_BYTES))
    reader.receive_data(bytes(frame))
    assert reader.next_event() == frame


def test_an_unknown_kind_is_refused() -> None:
    reader = FrameReader()
    reader.receive_data(bytes(8) + b"\x09")
    with pytest.raises(ValueError, match="9 is not a valid Kind"):
        reader.next_event()
