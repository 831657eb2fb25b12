"""What is to be said on a leg, as a queue of utterances cut into 20 ms frames.

No packets, no sockets, no clock: time is an argument (`now_s`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from asterisk_agi.audio import TELEPHONE, PcmChunk
from asterisk_agi.media.formats import FRAME_S, FRAME_SAMPLES, RATE_HZ, SILENCE, encode_ulaw

QUEUED_MAX_S = 300.0
"""Speech that a leg holds at most: 2.4 MB. More can only be a mistake."""


class Playback:
    """One utterance on its way to the caller. Times: the event loop's clock."""

    def __init__(self, payload: bytes, done: asyncio.Future[bool]) -> None:
        self._payload = payload
        self._sent_bytes = 0
        self._done = done
        self.started_s: float | None = None
        """When its first packet was sent."""
        self.ended_s: float | None = None
        """When its last packet was sent (so far)."""

    @property
    def total_s(self) -> float:
        """Seconds of it in all."""
        return len(self._payload) / RATE_HZ

    @property
    def heard_s(self) -> float:
        """Seconds of it that were sent."""
        return self._sent_bytes / RATE_HZ

    @property
    def done(self) -> asyncio.Future[bool]:
        """Becomes True when it was sent whole, False when it was stopped."""
        return self._done

    @property
    def sent(self) -> bool:
        """Tell whether nothing of it is left."""
        return self._sent_bytes >= len(self._payload)

    def take_frame(self, now_s: float) -> bytes:
        """Return its next 20 ms, the last ones filled up with silence."""
        frame = self._payload[self._sent_bytes : self._sent_bytes + FRAME_SAMPLES]
        self._sent_bytes += len(frame)
        if self.started_s is None:
            self.started_s = now_s
        self.ended_s = now_s
        return frame.ljust(FRAME_SAMPLES, SILENCE)

    def finish(self, whole: bool) -> None:
        """Settle `done`, if nobody has."""
        # A task that awaited `done` and was cancelled has cancelled it too.
        if not self._done.done():
            self._done.set_result(whole)


class Player:
    """The queue of one leg."""

    def __init__(
        self, gap_s: float, on_frame: Callable[[bytes | None], None] | None = None
    ) -> None:
        """gap_s: silence, in seconds, between an utterance and one that follows at once.

        on_frame: called with each frame that is taken; must be quick.
        """
        self._on_frame = on_frame
        self._gap_frames = round(gap_s / FRAME_S)
        self._pause_frames = 0
        self._queue: deque[Playback] = deque()

    @property
    def playing(self) -> bool:
        """Tell whether anything is left to be sent."""
        return bool(self._queue)

    @property
    def queued_s(self) -> float:
        """Seconds of speech that are left to be sent, gaps not counted."""
        return sum(playback.total_s - playback.heard_s for playback in self._queue)

    def add(self, chunk: PcmChunk, done: asyncio.Future[bool]) -> Playback:
        """Queue an utterance. Empty ones are done at once.

        Raises ValueError when it is no telephone audio, or more than QUEUED_MAX_S: our bug.
        """
        if chunk.format != TELEPHONE:
            raise ValueError(f"a leg plays {TELEPHONE}, not {chunk.format}")
        if self.queued_s + chunk.seconds > QUEUED_MAX_S:
            raise ValueError(f"a leg holds {QUEUED_MAX_S} s of speech at most")
        playback = Playback(encode_ulaw(chunk.data), done)
        if playback.sent:
            playback.finish(True)
        else:
            self._queue.append(playback)
        return playback

    def stop(self) -> None:
        """Drop everything. `done` of what was queued becomes False."""
        dropped, self._queue = self._queue, deque()
        self._pause_frames = 0
        for playback in dropped:
            playback.finish(False)

    def take_frame(self, now_s: float) -> bytes | None:
        """Return the next 20 ms of speech; None when there is silence now."""
        frame = self._next_frame(now_s)
        if self._on_frame is not None:
            self._on_frame(frame)
        return frame

    def _next_frame(self, now_s: float) -> bytes | None:
        if self._pause_frames:
            self._pause_frames -= 1
            return None
        if not self._queue:
            return None
        playback = self._queue[0]
        frame = playback.take_frame(now_s)
        if playback.sent:
            self._queue.popleft()
            self._pause_frames = self._gap_frames
            playback.finish(True)
        return frame
