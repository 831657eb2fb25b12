"""One worker process of the synthesizer, as seen from the event loop.

It starts, asks and kills; when to try again is the pool's decision (espeak_engine.py).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess

from asterisk_agi.errors import SpeechError
from asterisk_agi.speech.espeak_wire import Frame, FrameReader, Kind

_log = logging.getLogger(__name__)

_READ_BYTES = 65536


class WorkerWasDead(SpeechError):
    """The worker had died before it took the job, so it was not the job that broke it."""


class EspeakProcess:
    """A worker that can be started again after its death."""

    def __init__(self, name: str, command: tuple[str, ...], start_s: float) -> None:
        """command: program and arguments; start_s: seconds it may take until it is ready."""
        self._name = name
        self._command = command
        self._start_s = start_s
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._reader = FrameReader()
        self._job = 0
        self._talking = asyncio.Lock()

    @property
    def running(self) -> bool:
        """Tell whether it is ready for a job."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Its process number, while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    async def start(self) -> None:
        """Start it, after the end of what may be left of an earlier one.

        Raises SpeechError when it does not become ready, with the engine's own reason.
        """
        await self.stop()
        self._spawn()
        try:
            await self._ask(0, b"", self._start_s)
        except SpeechError:
            await self.stop()
            raise
        _log.debug("%s is ready, process %s", self._name, self.pid)

    def _spawn(self) -> None:
        # Not asyncio's subprocess: on Python 3.11 a task that is cancelled while it creates one
        # may hang for ever. A socket pair needs no transport and no child watcher, and the fork
        # takes a millisecond or two.
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            self._process = subprocess.Popen(
                self._command, stdin=theirs.fileno(), stdout=theirs.fileno()
            )
        except OSError as error:
            ours.close()
            raise SpeechError(f"no process for the speech engine: {error}") from error
        finally:
            theirs.close()
        self._line, self._reader, self._job = ours, FrameReader(), 0

    async def make(self, text: str, within_s: float) -> bytes:
        """Return the sentence as telephone audio.

        Raises SpeechError when it fails, dies, or takes longer than `within_s` seconds (in the
        last two cases it does not run any more), and WorkerWasDead when it did not run before.
        May be cancelled: the late answer is dropped.
        """
        self._job += 1
        return await self._ask(
            self._job, bytes(Frame(self._job, Kind.JOB, text.encode())), within_s
        )

    async def stop(self) -> None:
        """Kill it; whoever waits for an answer gets a SpeechError. May be called twice."""
        process, line = self._process, self._line
        if process is None or line is None:
            return
        process.kill()
        async with self._talking:
            # Off the loop: a killed process may take a while to give its memory back.
            await asyncio.to_thread(process.wait)
            line.close()
            if self._process is process:
                self._process = self._line = None

    async def _ask(self, job: int, request: bytes, within_s: float) -> bytes:
        """Send bytes, and return the body of the answer to the job."""
        usable = False
        try:
            async with self._talking:
                answer = await asyncio.wait_for(self._exchange(job, request), within_s)
            usable = True
        except asyncio.TimeoutError as error:
            raise SpeechError(f"the speech engine hung for {within_s} s") from error
        except OSError as error:
            # The line is broken or was reset: what we sent was never read.
            raise WorkerWasDead(f"the speech engine was dead: {error}") from error
        except (EOFError, ValueError) as error:
            raise SpeechError(f"the speech engine died: {error}") from error
        except asyncio.CancelledError:
            # A job's late answer will be dropped; a start that nobody waits for is undone.
            usable = job != 0
            raise
        finally:
            if not usable:
                await self.stop()
        if answer.kind is Kind.FAILED:
            raise SpeechError(f"the speech engine: {answer.body.decode(errors='replace')}")
        return answer.body

    async def _exchange(self, job: int, request: bytes) -> Frame:
        if self._line is None:
            raise EOFError("it was stopped")
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._line, request)
        while True:
            answer = self._reader.next_event()
            if answer is None:
                data = await loop.sock_recv(self._line, _READ_BYTES)
                if not data:
                    raise EOFError("its output ended")
                self._reader.receive_data(data)
            elif answer.job == job:
                return answer
            else:
                _log.debug("%s: an answer that nobody waits for any more", self._name)
