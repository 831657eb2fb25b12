"""The synthesizer on pyttsx3 and espeak-ng, in worker processes that may die.

A sentence goes to the worker that has been idle for longest. When the worker dies or hangs it is
killed and started again in the background, and the sentence is tried once more on the next one.
Sentences that were made before come from memory. Needs libespeak-ng where the dynamic linker
finds it; the workers inherit the environment (LD_LIBRARY_PATH, ESPEAK_DATA_PATH).
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections import OrderedDict
from dataclasses import dataclass

from asterisk_agi.audio import PcmChunk
from asterisk_agi.errors import SpeechError
from asterisk_agi.speech.espeak_process import EspeakProcess, WorkerWasDead
from asterisk_agi.speech.speakable import speakable

_log = logging.getLogger(__name__)

TRIES = 2
"""Workers that a sentence may break before it is given up."""
RECENT_MAX_BYTES = 8 * 1024 * 1024
"""Sentences kept besides the fixed ones: nearly nine minutes of speech."""
_VOICE = re.compile(r"[A-Za-z0-9+_./() -]{1,64}")


@dataclass(frozen=True)
class EspeakSettings:
    """How the agent sounds."""

    voice: str = "en-us"
    """espeak-ng's name of a voice, as `espeak-ng --voices` lists them."""
    rate_wpm: int = 160
    """Words a minute."""
    workers: int = 2
    """Processes: sentences that can be made at the same time."""
    job_s: float = 3.0
    """Seconds that one sentence may take; then its worker is killed."""
    start_s: float = 15.0
    """Seconds that a worker may take to start."""

    def __post_init__(self) -> None:
        """Refuse what can't work; each message begins with the key."""
        if not _VOICE.fullmatch(self.voice) or self.voice.startswith("-"):
            raise ValueError(f"voice is {self.voice!r}: use a name of `espeak-ng --voices`")
        if not 80 <= self.rate_wpm <= 450:
            raise ValueError(f"rate_wpm is {self.rate_wpm}: use 80 to 450")
        if not 1 <= self.workers <= 16:
            raise ValueError(f"workers is {self.workers}: use 1 to 16")
        if not 0 < self.job_s <= 30:
            raise ValueError(f"job_s is {self.job_s}: use more than 0, up to 30")
        if not 0 < self.start_s <= 120:
            raise ValueError(f"start_s is {self.start_s}: use more than 0, up to 120")


def worker_command(settings: EspeakSettings) -> tuple[str, ...]:
    """Return the command line of one worker."""
    return (
        sys.executable,
        "-m",
        "asterisk_agi.speech.espeak_worker",
        f"--voice={settings.voice}",
        f"--rate-wpm={settings.rate_wpm}",
        # It ends itself a little later than we would kill it, should we be gone by then.
        f"--job-s={settings.job_s + 1.0}",
    )


class EspeakSynthesizer:
    """A `Synthesizer` (speech/port.py) on a pool of worker processes."""

    def __init__(self, settings: EspeakSettings, command: tuple[str, ...] | None = None) -> None:
        """command: of a worker, if it is another than ours."""
        self._settings = settings
        self._processes = tuple(
            EspeakProcess(f"voice {n}", command or worker_command(settings), settings.start_s)
            for n in range(settings.workers)
        )
        self._idle: asyncio.Queue[EspeakProcess] = asyncio.Queue()
        for process in self._processes:
            self._idle.put_nowait(process)
        self._restarts: set[asyncio.Task[None]] = set()
        self._fixed: dict[str, PcmChunk] = {}
        self._recent: OrderedDict[str, PcmChunk] = OrderedDict()
        self._recent_bytes = 0
        self._closed = False

    @property
    def name(self) -> str:
        """For logs and `orderline check`: engine and voice."""
        return f"espeak-ng {self._settings.voice}"

    @property
    def pids(self) -> tuple[int, ...]:
        """The process numbers of the workers that run."""
        return tuple(process.pid for process in self._processes if process.pid is not None)

    async def prepare(self, sentences: tuple[str, ...]) -> None:
        """Start the workers, make fixed phrases and keep them for the life of the process.

        Raises SpeechError when no sentence can be made.
        """
        for process in [self._idle.get_nowait() for _ in range(self._idle.qsize())]:
            self._give_back(process)
        for sentence in sentences:
            text = speakable(sentence)
            if text and text not in self._fixed:
                self._fixed[text] = await self._make(text)

    async def speak(self, sentence: str) -> PcmChunk:
        """Return one sentence as TELEPHONE audio, leading and trailing silence trimmed.

        Markup and control characters are left out, and the end of a very long text. Text without
        letters or digits makes an empty chunk. May be cancelled.
        Raises SpeechError when it can't be made, after the engine was restarted once.
        """
        text = speakable(sentence)
        if not text:
            return PcmChunk(b"")
        if text in self._fixed:
            return self._fixed[text]
        if text in self._recent:
            self._recent.move_to_end(text)
            return self._recent[text]
        chunk = await self._make(text)
        self._remember(text, chunk)
        return chunk

    async def close(self) -> None:
        """Stop the workers; sentences that are being made fail. May be called twice."""
        self._closed = True
        for restart in self._restarts:
            restart.cancel()
        await asyncio.gather(*(process.stop() for process in self._processes))
        # A worker that was being started could not be stopped yet; then it is not idle.
        for process in [await self._idle.get() for _ in self._processes]:
            await process.stop()
            self._idle.put_nowait(process)

    def _remember(self, text: str, chunk: PcmChunk) -> None:
        replaced = self._recent.pop(text, None)
        self._recent[text] = chunk
        self._recent_bytes += len(chunk.data) - (len(replaced.data) if replaced else 0)
        while self._recent_bytes > RECENT_MAX_BYTES:
            _, oldest = self._recent.popitem(last=False)
            self._recent_bytes -= len(oldest.data)

    # Workers...

    async def _make(self, text: str) -> PcmChunk:
        tries = dead = 0
        while True:
            try:
                return await self._make_once(text)
            except SpeechError as error:
                if isinstance(error, WorkerWasDead) and dead < len(self._processes):
                    dead += 1
                else:
                    tries += 1
                if self._closed or tries == TRIES:
                    raise
                # The sentence may name people: it is not logged.
                _log.warning("a sentence of %s characters failed: %s", len(text), error)

    async def _make_once(self, text: str) -> PcmChunk:
        self._demand_open()
        process = await self._idle.get()
        try:
            self._demand_open()
            if not process.running:
                await process.start()
                self._demand_open()
            return PcmChunk(await process.make(text, self._settings.job_s))
        finally:
            self._give_back(process)

    def _demand_open(self) -> None:
        if self._closed:
            raise SpeechError("the synthesizer is closed")

    def _give_back(self, process: EspeakProcess) -> None:
        """Make a worker idle, after a start where it needs one."""
        if process.running or self._closed:
            self._idle.put_nowait(process)
            return
        restart = asyncio.get_running_loop().create_task(
            self._restart(process), name="start a worker of the voice"
        )
        self._restarts.add(restart)
        restart.add_done_callback(self._restarts.discard)
        # Not by the task itself: it may be cancelled before it begins.
        restart.add_done_callback(lambda _: self._idle.put_nowait(process))

    async def _restart(self, process: EspeakProcess) -> None:
        try:
            await process.start()
        except SpeechError as error:
            # The sentence that needs it tries again, and tells.
            _log.warning("a worker of the voice did not start: %s", error)
