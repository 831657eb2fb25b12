"""Keep the lab's processes alive: start in order, restart with back-off, end with no leftovers.

It runs as a process of its own (`python -m tests.rig.supervisor SPEC FD`), in which FD is a
listening Unix socket that the starter made: whoever connects writes one JSON line and reads JSON
lines. `wait` streams the progress up to ready or failed; `status` tells the processes; `restart`,
`kill` (the same without warning), `hold` and `release` take a name; `stop` ends all. The children
die with the supervisor, even when it is killed (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.rig.processes import die_with_parent, session_members

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
STEADY_S = 10.0
"""A child that ran this long starts its back-off anew."""

STARTS_BEFORE_FAILURE = 3
"""So many vain starts before the first `ready` mean that the lab cannot come up."""

GRACE_S = 5.0
"""How long a child may take to end after SIGTERM, before SIGKILL."""

PROBE_S = 0.03
REQUEST_MAX_BYTES = 4096


@dataclass(frozen=True)
class ChildSpec:
    """One process to keep alive, and how it shows that it is ready."""

    name: str
    argv: list[str]
    env: dict[str, str]
    cwd: str
    log: str
    after: list[str] = field(default_factory=list)
    """Names of the children that must be ready before it starts."""

    ready_text: str = ""
    """It is ready when this stands in ready_log (or log), written since the start."""

    ready_log: str = ""
    ready_port: int = 0
    """It is ready when this TCP port on 127.0.0.1 accepts."""


@dataclass(frozen=True)
class Spec:
    """What a supervisor runs."""

    children: list[ChildSpec]
    end_with_parent: bool = False

    def dump(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Spec:
        """Read what `dump` returned."""
        value = json.loads(text)
        children = [ChildSpec(**child) for child in value["children"]]
        return cls(children, value["end_with_parent"])


def pause_s(vain_starts: int) -> float:
    """Return how long to wait before the next start, after so many short-lived ones."""
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** max(0, vain_starts - 1)))


class Child:
    """One process, started again whenever it ends while it is wanted."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.wanted = asyncio.Event()
        self.wanted.set()
        self.ready = asyncio.Event()
        self.starts = 0
        self.vain_starts = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id, 0 when it does not run."""
        process = self._process
        return process.pid if process and process.returncode is None else 0

    async def run_once(self, supervisor: Supervisor) -> int:
        """Start it, watch it until it ends, and return its exit code."""
        started_s = time.monotonic()
        marks = self._log_sizes()
        process = await self._start()
        supervisor.tell(f"{self.spec.name}: started (pid {process.pid})")
        probe = asyncio.create_task(
            self._probe(supervisor, started_s, marks), name=f"probe {self.spec.name}"
        )
        try:
            code = await process.wait()
        finally:
            probe.cancel()
            await asyncio.gather(probe, return_exceptions=True)
            self.ready.clear()
            _signal_group(process.pid, signal.SIGKILL)  # what it left behind
        steady = time.monotonic() - started_s > STEADY_S
        self.vain_starts = 1 if steady else self.vain_starts + 1
        return code

    async def end(self, number: int = signal.SIGTERM) -> None:
        """Ask it to end, and kill it when it does not."""
        process, pid = self._process, self.pid
        if not process or not pid:
            return
        _signal_group(pid, number)
        try:
            await asyncio.wait_for(process.wait(), GRACE_S)
        except asyncio.TimeoutError:
            _signal_group(pid, signal.SIGKILL)
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        spec = self.spec
        self.starts += 1
        log = os.open(spec.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *spec.argv,
                env=spec.env,
                cwd=spec.cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_supervisor,
            )
        finally:
            os.close(log)
        return self._process

    def _log_sizes(self) -> int:
        log = Path(self.spec.ready_log or self.spec.log)
        return log.stat().st_size if log.exists() else 0

    async def _probe(self, supervisor: Supervisor, started_s: float, mark: int) -> None:
        while True:
            if self._shows_ready(mark):
                break
            await asyncio.sleep(PROBE_S)  # another process's log and port raise no event here
        self.ready.set()
        supervisor.tell(f"{self.spec.name}: ready after {time.monotonic() - started_s:.1f} s")

    def _shows_ready(self, mark: int) -> bool:
        spec = self.spec
        if spec.ready_text and not _contains(
            Path(spec.ready_log or spec.log), mark, spec.ready_text
        ):
            return False
        return not spec.ready_port or _accepts(spec.ready_port)


class Supervisor:
    """All children of one lab."""

    def __init__(self, spec: Spec) -> None:
        self._children = {child.name: Child(child) for child in spec.children}
        self._lines: list[str] = []
        self._changed = asyncio.Condition()
        self._was_ready = False
        self._failure = ""
        self._stop = asyncio.Event()
        self._ended = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def tell(self, line: str) -> None:
        """Write a line of progress, and wake whoever waits for a change."""
        print(line, flush=True)
        self._lines.append(line)
        everyone = all(child.ready.is_set() for child in self._children.values())
        self._was_ready = self._was_ready or everyone
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.create_task(self._notify(), name="notify"))

    async def run(self, listener: socket.socket) -> int:
        """Keep everything alive until `stop` or SIGTERM; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        server = await asyncio.start_unix_server(
            self._serve, sock=listener, limit=REQUEST_MAX_BYTES
        )
        keepers = [
            asyncio.create_task(self._keep(child), name=f"keep {child.spec.name}")
            for child in self._children.values()
        ]
        await self._stop.wait()
        server.close()
        await self._end_all(keepers)
        return 1 if self._failure else 0

    async def _end_all(self, keepers: list[asyncio.Task[None]]) -> None:
        for child in self._children.values():
            child.wanted.clear()
        for child in reversed(self._children.values()):
            await child.end()
            print(f"{child.spec.name}: ended", flush=True)
        for task in keepers:
            task.cancel()
        await asyncio.gather(*keepers, *self._tasks, return_exceptions=True)
        self._ended.set()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # Keeping alive...

    async def _keep(self, child: Child) -> None:
        for name in child.spec.after:
            if name in self._children:
                await self._children[name].ready.wait()
        while True:
            await child.wanted.wait()
            try:
                outcome = f"ended (exit code {await child.run_once(self)})"
            except OSError as error:
                child.vain_starts += 1
                outcome = f"cannot start: {error}"
            self.tell(f"{child.spec.name}: {outcome}")
            if not self._was_ready and child.vain_starts >= STARTS_BEFORE_FAILURE:
                self._failure = f"{child.spec.name} {outcome}, {child.vain_starts} times"
                self.tell(f"failed: {self._failure}")
                return
            if child.wanted.is_set():
                await asyncio.sleep(pause_s(child.vain_starts))

    def _all_ready(self) -> bool:
        held = [child for child in self._children.values() if not child.wanted.is_set()]
        ready = [child for child in self._children.values() if child.ready.is_set()]
        return len(ready) + len(held) >= len(self._children)

    # Answering...

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            if line:  # a look whether we are alive sends nothing
                await self._answer(json.loads(line), writer)
                await writer.drain()
        except (ConnectionError, ValueError, KeyError) as error:
            print(f"control: request ended early: {error!r}", flush=True)
        finally:
            writer.close()

    async def _answer(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        what = request["do"]
        if what == "wait":
            await self._stream(writer)
        elif what == "status":
            _write(writer, self._status())
        elif what == "stop":
            self._stop.set()
            await self._ended.wait()
            _write(writer, {"ended": True})
        elif what in ("hold", "kill", "release", "restart"):
            await self._steer(what, self._children[request["name"]])
            _write(writer, self._status())
        else:
            _write(writer, {"failed": f"unknown request {what!r}"})

    async def _steer(self, what: str, child: Child) -> None:
        if what == "hold":
            child.wanted.clear()
            await child.end()
            return
        child.vain_starts = 0
        child.wanted.set()
        before = child.starts
        if what != "release":
            await child.end(signal.SIGKILL if what == "kill" else signal.SIGTERM)
        async with self._changed:
            await self._changed.wait_for(
                lambda: child.ready.is_set() and (what == "release" or child.starts > before)
            )

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        told = 0
        while not (self._failure or self._all_ready()):
            for line in self._lines[told:]:
                _write(writer, {"line": line})
            told = len(self._lines)
            await writer.drain()
            await self._told_more_than(told)
        for line in self._lines[told:]:
            _write(writer, {"line": line})
        _write(writer, {"failed": self._failure} if self._failure else {"ready": True})

    async def _told_more_than(self, count: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._lines) > count)

    def _status(self) -> dict[str, Any]:
        return {
            name: {
                "pids": session_members(child.pid) if child.pid else [],
                "ready": child.ready.is_set(),
                "starts": child.starts,
            }
            for name, child in self._children.items()
        }


def _write(writer: asyncio.StreamWriter, value: dict[str, Any]) -> None:
    writer.write(json.dumps(value).encode() + b"\n")


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return  # all of it has ended


def _die_with_supervisor() -> None:
    die_with_parent(signal.SIGKILL)


def _contains(path: Path, mark: int, text: str) -> bool:
    if not path.exists():
        return False
    with path.open("rb") as log:
        log.seek(mark)
        return text.encode() in log.read()


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main(arguments: list[str]) -> int:
    """Run a supervisor; arguments: the specification's file, the listening socket's number."""
    path, number = arguments
    spec = Spec.load(Path(path).read_text("utf-8"))
    if spec.end_with_parent:
        die_with_parent(signal.SIGTERM)
    listener = socket.socket(fileno=int(number))
    return asyncio.run(_run(spec, listener))


async def _run(spec: Spec, listener: socket.socket) -> int:
    return await Supervisor(spec).run(listener)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
