"""Recording of calls, where the configuration wants it and the caller does not refuse.

Nothing is kept before the consent sentence was heard to its end. The caller may refuse by key while
it is spoken and shortly after, and by words at any time; then it stops at once and what there is
is deleted. Recorded is the media leg: caller and agent, not the talk with a human. A disk that is
full, or too slow, costs the recording and never the call: files are written by a thread.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path

import numpy as np

from asterisk_agi.media.formats import FRAME_SAMPLES, decode_ulaw
from asterisk_agi.recording_files import (
    CHANNELS,
    FRAME_BYTES,
    RATE_HZ,
    WIDTH_BYTES,
    Shelf,
    WavFile,
)
from erp.limits import demand_above_zero

_log = logging.getLogger(__name__)

REFUSED = "All right, this call is not recorded."
"""What the caller hears after refusing."""

REFUSE_KEY = "9"
REFUSE_KEY_S = 15.0
"""So long after the sentence the key still refuses, seconds; later it is a digit like others."""

PHRASES = ("no recording", "do not record", "don't record", "stop recording")
"""What a caller says to refuse."""

BLOCK_S = 1.0
"""Audio is handed to the thread in pieces of this length, seconds."""

BEHIND_MAX = 30
"""Pieces of one call that may wait for the disk; more ends the recording."""

PURGE_EVERY_S = 3600.0

_WORDS = re.compile(r"\b(no recording|(do not|don't|stop) record(ing)?)\b", re.IGNORECASE)
_SILENT_FRAME = bytes(FRAME_SAMPLES * WIDTH_BYTES)


@dataclass(frozen=True)
class RecordingSettings:
    """Recording of calls: off unless you switch it on, and then only with the caller's consent."""

    enabled: bool = False
    """true: calls are recorded after the consent sentence. Look up what your law asks for."""
    consent: str = (
        "This call is recorded. If you don't want that, press 9, or say: no recording."
    )
    """Spoken first in each call; nothing is recorded before it was heard to its end."""
    folder: Path = Path("/var/lib/orderline/recordings")
    """Where recordings lie, a folder for each day; nobody but owner and group may enter it."""
    group: str = ""
    """Group of the system whose members may read recordings; empty: the owner only."""
    retention_days: int = 30
    """Days after which a recording is deleted."""
    longest_s: int = 3600
    """Most that is recorded of one call, seconds; an hour takes 115 MB."""

    def __post_init__(self) -> None:
        demand_above_zero(self, "retention_days", "longest_s")
        if not self.consent.strip():
            raise ValueError("consent is empty: write the sentence that callers hear first")


class Phase(Enum):
    """How far the recording of one call is."""

    ASKED = "the consent sentence is yet to be heard"
    ON = "recording"
    OVER = "nothing more is recorded"


class Recording:
    """The recording of one call. All methods return at once but `close`."""

    def __init__(
        self,
        settings: RecordingSettings,
        session: str,
        pool: ThreadPoolExecutor,
        clock_s: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._session = session
        self._pool = pool
        self._clock_s = clock_s
        self._phase = Phase.ASKED
        self._key_until_s: float | None = None
        self._tracks = (bytearray(), bytearray())
        self._taken_bytes = 0
        self._file: WavFile | None = None
        self._jobs: list[asyncio.Future[None]] = []
        self._why_deleted = ""
        self._failed = False

    @property
    def consent(self) -> str:
        """The sentence that comes before all others."""
        return self._settings.consent

    @property
    def phase(self) -> Phase:
        """How far it is."""
        return self._phase

    # What the caller hears, presses and says...

    def heard(self, sentence: str, whole: bool) -> None:
        """Take a sentence that was spoken; the consent, heard to its end, begins the recording."""
        if self._phase is not Phase.ASKED or sentence != self.consent:
            return
        self._key_until_s = self._clock_s() + REFUSE_KEY_S
        if whole:
            self._phase = Phase.ON
            self._do(self._open, datetime.now(timezone.utc))

    def key(self, digit: str) -> bool:
        """Take a key; True when it refused, and is meant for nothing else."""
        if self._phase is Phase.OVER:
            return False
        until_s = self._key_until_s
        if digit == REFUSE_KEY and (until_s is None or self._clock_s() < until_s):
            self._refuse("the caller pressed the key")
            return True
        self._key_until_s = 0.0  # whoever keys in a number is past the question
        return False

    def said(self, text: str) -> bool:
        """Take what was understood; True when it refused."""
        if self._phase is Phase.OVER or not _WORDS.search(text):
            return False
        self._refuse("the caller said so")
        return True

    def _refuse(self, why: str) -> None:
        self._phase = Phase.OVER
        self._why_deleted = why
        _log.info("recording %s refused: %s", self._session, why)
        for track in self._tracks:
            track.clear()
        self._do(self._remove)

    # What is recorded...

    def caller(self, pcm: bytes) -> None:
        """Take what the caller said, linear 16-bit."""
        if self._phase is Phase.ON:
            self._tracks[0].extend(pcm)

    def agent(self, frame: bytes | None) -> None:
        """Take a frame that was sent, u-law; none is 20 ms of silence."""
        if self._phase is not Phase.ON:
            return
        self._tracks[1].extend(_SILENT_FRAME if frame is None else decode_ulaw(frame))
        if max(map(len, self._tracks)) >= BLOCK_S * RATE_HZ * WIDTH_BYTES:
            self._hand_over()

    def _hand_over(self) -> None:
        """Give what there is to the thread; a track that lags is filled up with silence."""
        size = max(map(len, self._tracks))
        samples = np.zeros((size // WIDTH_BYTES, CHANNELS), dtype="<i2")
        for number, track in enumerate(self._tracks):
            taken = np.frombuffer(bytes(track[: len(track) // 2 * 2]), dtype="<i2")
            samples[: len(taken), number] = taken
            track.clear()
        block = samples.tobytes()
        self._taken_bytes += len(block)
        self._jobs = [job for job in self._jobs if not job.done()]
        if len(self._jobs) >= BEHIND_MAX:
            _log.error("recording %s ends: the disk is too slow", self._session)
            self._phase = Phase.OVER
        elif block:
            self._do(self._write, block)
        if self._taken_bytes >= self._settings.longest_s * RATE_HZ * FRAME_BYTES:
            _log.warning("recording %s ends: longest_s is reached", self._session)
            self._phase = Phase.OVER

    async def close(self) -> None:
        """End it, and return when the files are complete or gone. May be called twice."""
        if self._phase is Phase.ON:
            self._hand_over()
        self._phase = Phase.OVER
        self._do(self._close)
        jobs = tuple(self._jobs)
        await asyncio.gather(*jobs, return_exceptions=True)

    # In the thread, one after the other...

    def _do(self, work: Callable[..., None], *given: object) -> None:
        loop = asyncio.get_running_loop()
        self._jobs.append(loop.run_in_executor(self._pool, self._guarded, work, *given))

    def _guarded(self, work: Callable[..., None], *given: object) -> None:
        try:
            work(*given)
        except (OSError, LookupError) as error:
            # It costs the recording only. What there is stays readable up to here.
            _log.error("recording %s failed: %s", self._session, error)
            self._failed = True

    def _open(self, consent: datetime) -> None:
        shelf = Shelf(self._settings.folder, self._settings.group)
        self._file = WavFile(shelf, self._session, consent, "the sentence was heard to its end")

    def _write(self, block: bytes) -> None:
        if self._file is not None and not self._failed:
            self._file.write(block)

    def _remove(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.remove(self._why_deleted)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close(datetime.now(timezone.utc))


class Recordings:
    """The recordings of a process. `start` it, `close` it."""

    def __init__(self, settings: RecordingSettings) -> None:
        self._settings = settings
        # One thread: the writes of a call stay in their order.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="recordings")
        self._purging: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to delete what is too old. Raises RecordingRefused."""
        shelf = Shelf(self._settings.folder, self._settings.group)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._pool, shelf.demand_private)
        self._purging = loop.create_task(self._purge(shelf), name="purge recordings")

    def of_call(self, session: str) -> Recording:
        """Return the recording of a call, which begins with the caller's consent."""
        clock_s = asyncio.get_running_loop().time
        return Recording(self._settings, session, self._pool, clock_s)

    async def close(self) -> None:
        """Stop. May be called twice."""
        purging, self._purging = self._purging, None
        if purging is not None:
            purging.cancel()
            await asyncio.gather(purging, return_exceptions=True)
        await asyncio.to_thread(self._pool.shutdown)

    async def _purge(self, shelf: Shelf) -> None:
        loop = asyncio.get_running_loop()
        while True:
            today = datetime.now(timezone.utc).date()
            try:
                await loop.run_in_executor(
                    self._pool, shelf.purge, today, self._settings.retention_days
                )
            except OSError as error:
                _log.error("old recordings are not deleted: %s", error)
            await asyncio.sleep(PURGE_EVERY_S)
