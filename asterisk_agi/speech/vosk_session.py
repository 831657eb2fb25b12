"""One call's recogniser, as the call uses it: audio in at once, texts out of coroutines.

The decoding is done by the engine's threads. This file keeps the order: a session's jobs are
begun one after the other, from one queue that holds audio and requests alike. All methods
belong to the event loop's thread. It knows nothing of Vosk's results (`vosk_decoder.py` does).
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from asterisk_agi.audio import TELEPHONE, PcmChunk
from asterisk_agi.errors import SpeechError
from asterisk_agi.speech.port import Transcript
from asterisk_agi.speech.vosk_decoder import VoskDecoder

_log = logging.getLogger(__name__)

BATCH_S = 0.1
"""Audio is decoded in portions of at least this. The network works in blocks of 0.21 s, so
smaller portions cost thread switches and bring nothing; a request takes whatever is queued."""
_JOB_MAX_S = 1.0
"""A job takes no more audio than this, so that a call that lags does not hold a thread."""


@dataclass
class _Audio:
    data: bytes
    gap_s: float = 0.0
    """Seconds of audio that were dropped right before it."""

    @property
    def seconds(self) -> float:
        return len(self.data) / TELEPHONE.bytes_per_second


@dataclass
class _Request:
    """What the decoder shall do once it has all audio that was queued before."""

    run: Callable[[], Transcript | None]
    answer: asyncio.Future[Transcript] | None = None
    """Who waits for what `run` returns."""


@dataclass(frozen=True)
class _Done:
    """What a job brought."""

    answer: Transcript | None
    turn: Transcript


@dataclass
class Tally:
    """Portions that an engine has decoded, of all its calls."""

    count: int = 0


class _Progress:
    """How far a call's decoding is."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._done = 0
        self._begun = False

    def begin(self) -> None:
        """Take it that a thread has begun a job. Called by that thread."""
        self._begun = True

    def end(self) -> None:
        """Take it that a job is done."""
        self._begun = False
        self._done += 1
        self._tally.count += 1

    def seen(self, waiting: bool) -> int:
        """Return a number that goes up as long as somebody works on what waits.

        Whose job still waits for a thread is not stalled while the threads serve the others: a
        machine that has too much to do is no reason to end its calls.
        """
        queued = waiting and not self._begun
        return self._done + (self._tally.count if queued else 0)


class VoskSession:
    """The recogniser of one call, on the threads of its engine. See `RecognizerSession`."""

    def __init__(
        self,
        decoder: VoskDecoder,
        threads: Executor,
        queue_s: float,
        grammar: Callable[[tuple[str, ...] | None], str] | None,
        tally: Tally | None = None,
    ) -> None:
        """Open it, on a running event loop.

        queue_s: seconds of audio that may wait to be decoded.
        grammar: makes phrases into what the decoder takes, in a decoding thread; None when the
        model can't use a grammar. tally: shared by the sessions of the threads; None: it has them
        alone.
        """
        self._decoder = decoder
        self._threads = threads
        self._queue_s = queue_s
        self._grammar = grammar
        self._queue: deque[_Audio | _Request] = deque()
        self._queued_s = 0.0
        self._dropped_s = 0.0
        self._job: asyncio.Future[_Done] | None = None
        self._progress = _Progress(tally or Tally())
        self._partial = Transcript("", (), final=False)
        self._failure: BaseException | None = None
        self._closed = False

    @property
    def dropped_s(self) -> float:
        """Seconds of audio that were dropped because decoding was behind."""
        return self._dropped_s

    @property
    def progress(self) -> tuple[int, bool]:
        """What goes up while portions are decoded, and whether one is or waits to be."""
        waiting = self._job is not None
        return self._progress.seen(waiting), waiting

    def listen_for(self, phrases: tuple[str, ...] | None) -> bool:
        """Give the next turn's grammar (None: free speech) and tell whether it is used."""
        if self._grammar is None:
            return phrases is None
        self._raise_failure()
        make, decoder = self._grammar, self._decoder
        self._ask(_Request(lambda: decoder.set_grammar(make(phrases))))
        return True

    def accept(self, chunk: PcmChunk) -> None:
        """Queue audio (TELEPHONE format). Never blocks. After `close` it does nothing.

        Drops the oldest audio when more than the engine's `queue_s` would wait.
        Raises SpeechError when the engine has failed, ValueError for another format: our bug.
        """
        if chunk.format != TELEPHONE:
            raise ValueError(f"the recogniser takes {TELEPHONE}, not {chunk.format}")
        if self._closed or not chunk.data:
            return
        self._raise_failure()
        self._queue.append(_Audio(chunk.data))
        self._queued_s += chunk.seconds
        while self._queued_s > self._queue_s and self._drop_oldest():
            pass
        self._begin_job()

    def partial(self) -> Transcript:
        """Return the turn so far, as decoded by now."""
        return self._partial

    async def peek(self) -> Transcript:
        """Decode all queued audio, close the open segment and return the turn so far."""
        return await self._answer(self._decoder.close_segment)

    async def finish(self) -> Transcript:
        """As `peek`, but end the turn: the next audio begins a new one. Returns it as final."""
        return await self._answer(self._decoder.end_turn)

    async def close(self) -> None:
        """Free the recogniser. May be called twice."""
        self._closed = True
        self._give_up(SpeechError("the recogniser was closed"))
        if self._job is not None:
            await asyncio.wait({self._job})
        self._decoder.free()

    async def _answer(self, run: Callable[[], Transcript]) -> Transcript:
        self._raise_failure()
        if self._closed:
            raise SpeechError("the recogniser was closed")
        answer: asyncio.Future[Transcript] = asyncio.get_running_loop().create_future()
        self._ask(_Request(run, answer))
        return await answer

    def _ask(self, request: _Request) -> None:
        if not self._closed:
            self._queue.append(request)
            self._begin_job()

    def _drop_oldest(self) -> bool:
        """Drop the oldest audio but the newest one, and tell whether there was any."""
        waiting = [item for item in self._queue if isinstance(item, _Audio)]
        if len(waiting) < 2:
            return False
        oldest, next_one = waiting[:2]
        self._queue.remove(oldest)
        next_one.gap_s += oldest.gap_s + oldest.seconds
        self._queued_s -= oldest.seconds
        if self._dropped_s == 0:
            _log.warning("decoding is %.1f s behind: audio is dropped", self._queue_s)
        self._dropped_s += oldest.seconds
        return True

    # One job at a time...

    def _begin_job(self) -> None:
        if self._job is not None or not self._queue:
            return
        asked = any(isinstance(item, _Request) for item in self._queue)
        if not asked and self._queued_s < BATCH_S:
            return
        audio, request = self._take()
        loop = asyncio.get_running_loop()
        self._job = loop.run_in_executor(self._threads, self._work, audio, request)
        self._job.add_done_callback(functools.partial(self._job_done, request))

    def _take(self) -> tuple[list[_Audio], _Request | None]:
        """Take the audio before the next request, and that request."""
        audio: list[_Audio] = []
        taken_s = 0.0
        while self._queue and taken_s < _JOB_MAX_S:
            item = self._queue.popleft()
            if isinstance(item, _Request):
                return audio, item
            audio.append(item)
            taken_s += item.seconds
            self._queued_s -= item.seconds
        return audio, None

    def _work(self, audio: Sequence[_Audio], request: _Request | None) -> _Done:
        """Run a job, in a decoding thread."""
        self._progress.begin()
        for gap_s, data in _joined(audio):
            self._decoder.feed(data, gap_s)
        answer = request.run() if request is not None else None
        return _Done(answer, self._decoder.turn())

    def _job_done(self, request: _Request | None, job: asyncio.Future[_Done]) -> None:
        self._job = None
        self._progress.end()
        error = job.exception()
        if error is not None:
            # libvosk's errors are bare Exceptions: none is worth another try.
            _log.error("the recogniser failed: %r", error)
            self._failure = error
            self._queue.appendleft(request or _Request(lambda: None))
            self._give_up(_failed(error))
            return
        done = job.result()
        self._partial = done.turn
        if request is not None and request.answer is not None and done.answer is not None:
            _resolve(request.answer, done.answer)
        self._begin_job()

    def _give_up(self, error: SpeechError) -> None:
        """Drop all that waits, and tell those who wait for an answer."""
        for item in self._queue:
            if isinstance(item, _Request) and item.answer is not None and not item.answer.done():
                item.answer.set_exception(error)
        self._queue.clear()
        self._queued_s = 0.0

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise _failed(self._failure) from self._failure


def _joined(audio: Sequence[_Audio]) -> list[tuple[float, bytes]]:
    """Join stretches between which nothing is missing."""
    joined: list[tuple[float, bytearray]] = []
    for stretch in audio:
        if not joined or stretch.gap_s:
            joined.append((stretch.gap_s, bytearray()))
        joined[-1][1].extend(stretch.data)
    return [(gap_s, bytes(data)) for gap_s, data in joined]


def _resolve(answer: asyncio.Future[Transcript], transcript: Transcript) -> None:
    if not answer.done():
        answer.set_result(transcript)


def _failed(error: BaseException) -> SpeechError:
    failure = SpeechError(f"the recogniser failed: {error!r}")
    failure.__cause__ = error
    return failure
