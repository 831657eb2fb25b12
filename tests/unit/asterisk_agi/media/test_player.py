from __future__ import annotations

import asyncio

import pytest

from asterisk_agi.audio import AudioFormat, PcmChunk
from asterisk_agi.media.formats import FRAME_SAMPLES, SILENCE
from asterisk_agi.media.player import QUEUED_MAX_S, Playback, Player

LOUD = b"\x00\x40"  # u-law 0x8f


def add(player: Player, samples: int) -> Playback:
    return player.add(PcmChunk(LOUD * samples), asyncio.get_running_loop().create_future())


async def test_an_utterance_is_cut_into_frames_and_its_end_filled_up() -> None:
    player = Player(gap_s=0)
    playback = add(player, FRAME_SAMPLES + 60)
    assert player.playing
    assert player.queued_s == playback.total_s == pytest.approx(0.0275)
    first, last = player.take_frame(1.0), player.take_frame(1.02)
    assert first == b"\x8f" * FRAME_SAMPLES
    assert last == b"\x8f" * 60 + SILENCE * 100
    assert player.take_frame(1.04) is None
    assert not player.playing


async def test_a_playback_knows_when_and_how_much_was_heard() -> None:
    player = Player(gap_s=0)
    playback = add(player, 2 * FRAME_SAMPLES)
    assert (playback.started_s, playback.ended_s, playback.heard_s) == (None, None, 0.0)
    player.take_frame(1.0)
    assert playback.started_s == 1.0
    assert playback.heard_s == pytest.approx(0.02)
    assert not playback.done.done()
    player.take_frame(1.02)
    assert (playback.started_s, playback.ended_s) == (1.0, 1.02)
    assert playback.heard_s == playback.total_s
    assert playback.done.result() is True


async def test_stopping_drops_everything_at_once() -> None:
    player = Player(gap_s=0.1)
    begun, waiting = add(player, 5 * FRAME_SAMPLES), add(player, FRAME_SAMPLES)
    player.take_frame(1.0)
    player.stop()
    assert player.take_frame(1.02) is None
    assert begun.done.result() is False
    assert begun.heard_s == pytest.approx(0.02)
    assert (waiting.done.result(), waiting.started_s) == (False, None)
    assert player.queued_s == 0


async def test_there_is_a_gap_between_utterances_but_none_after_a_stop() -> None:
    player = Player(gap_s=0.04)
    add(player, FRAME_SAMPLES)
    add(player, FRAME_SAMPLES)
    heard = [player.take_frame(0.0) is not None for _ in range(6)]
    assert heard == [True, False, False, True, False, False]
    add(player, FRAME_SAMPLES)
    assert player.take_frame(0.0) is not None
    player.stop()
    add(player, FRAME_SAMPLES)
    assert player.take_frame(0.0) is not None


async def test_nothing_to_say_is_said_at_once() -> None:
    player = Player(gap_s=0)
    playback = add(player, 0)
    assert playback.done.result() is True
    assert not player.playing


async def test_a_cancelled_wait_does_not_break_the_player() -> None:
    player = Player(gap_s=0)
    playback = add(player, FRAME_SAMPLES)
    playback.done.cancel()
    player.take_frame(0.0)
    assert playback.heard_s == playback.total_s


async def test_another_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="not AudioFormat\\(rate_hz=16000"):
        Player(gap_s=0).add(
            PcmChunk(bytes(640), AudioFormat(16000)), asyncio.get_running_loop().create_future()
        )


async def test_the_queue_is_capped() -> None:
    player = Player(gap_s=0)
    add(player, int(QUEUED_MAX_S * 8000))
    with pytest.raises(ValueError, match="300"):
        add(player, 1)
