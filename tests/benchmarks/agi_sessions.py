"""How many AGI sessions a second the FastAGI server carries, over loopback.

A session is what the hand-off alone costs: connection, prelude, three commands with their replies,
end. The server runs in a process of its own; its CPU time is counted apart from the caller's.
Run: `.venv/bin/python -m tests.benchmarks.agi_sessions [--sessions 2000] [--runs 5]`.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from asterisk_agi.server import AgiSession, FastAgiServer, FastAgiSettings

PRELUDE = (
    b"agi_network: yes\nagi_network_script: default\nagi_request: agi://127.0.0.1/default\n"
    b"agi_channel: PJSIP/line-00000001\nagi_language: en\nagi_type: PJSIP\n"
    b"agi_uniqueid: 1795274458.0\nagi_version: 22.10.1\nagi_callerid: 15551234\n"
    b"agi_calleridname: Ann\nagi_callingpres: 0\nagi_callingani2: 0\nagi_callington: 0\n"
    b"agi_callingtns: 0\nagi_dnid: 600\nagi_rdnis: unknown\nagi_context: orderline\n"
    b"agi_extension: 600\nagi_priority: 1\nagi_enhanced: 0.0\nagi_accountcode: \n"
    b"agi_threadid: 139925775226560\n\n"
)
AT_ONCE = (1, 8, 64)
"""Sessions at once, a row of the table each."""


@dataclass(frozen=True)
class Run:
    """One run's result."""

    sessions_per_s: float
    cpu_us: float
    """CPU time of the server for one session, microseconds."""


async def handle(session: AgiSession) -> None:
    await session.set_variable("__ORDERLINE_RESULT", "unavailable")
    await session.get_full_variable("${CHANNEL(pjsip,call-id)}")
    await session.set_variable("__ORDERLINE_RESULT", "completed")


def serve(pipe: Connection) -> None:
    """Serve until told to end; answer every question with the CPU time used so far."""

    async def main() -> None:
        server = FastAgiServer(FastAgiSettings(port=0), handle)
        await server.start()
        pipe.send(server.port)
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, pipe.recv):
            pipe.send(time.process_time())
        await server.close()

    asyncio.run(main())


@contextmanager
def server_process() -> Iterator[Connection]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    process.start()
    try:
        yield ours
    finally:
        ours.send(False)
        process.join()


async def call(port: int) -> None:
    """Be Asterisk for one session."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(PRELUDE)
    while await reader.readline():
        writer.write(b"200 result=1 (x)\n")
    writer.close()
    await writer.wait_closed()


async def calls(port: int, sessions: int, at_once: int) -> None:
    left = iter(range(sessions))

    async def one_line() -> None:
        for _ in left:
            await call(port)

    await asyncio.gather(*(one_line() for _ in range(at_once)))


def cpu_s(pipe: Connection) -> float:
    pipe.send(True)
    return float(pipe.recv())


def measure(pipe: Connection, port: int, sessions: int, at_once: int) -> Run:
    cpu_before_s, begin_s = cpu_s(pipe), time.perf_counter()
    asyncio.run(calls(port, sessions, at_once))
    lasted_s = time.perf_counter() - begin_s
    return Run(sessions / lasted_s, (cpu_s(pipe) - cpu_before_s) / sessions * 1e6)


def row(at_once: int, runs: list[Run]) -> str:
    rates = [run.sessions_per_s for run in runs]
    cpu_us = statistics.median(run.cpu_us for run in runs)
    spread = f"{min(rates):.0f}-{max(rates):.0f}"
    return f"{at_once:>8} {statistics.median(rates):>12.0f} {spread:>14} {cpu_us:>18.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="AGI sessions a second over loopback")
    parser.add_argument("--sessions", type=int, default=2000, help="sessions of one run")
    parser.add_argument("--runs", type=int, default=5, help="runs of which the median is shown")
    arguments = parser.parse_args()
    print(f"{'at once':>8} {'sessions/s':>12} {'min-max':>14} {'server CPU us each':>18}")
    with server_process() as pipe:
        port = pipe.recv()
        measure(pipe, port, arguments.sessions // 4, 8)
        for at_once in AT_ONCE:
            runs = [measure(pipe, port, arguments.sessions, at_once) for _ in range(arguments.runs)]
            print(row(at_once, runs))


if __name__ == "__main__":
    main()
