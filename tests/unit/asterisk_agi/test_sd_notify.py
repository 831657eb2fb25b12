"""What systemd is told, on a real datagram socket."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from asterisk_agi.sd_notify import Notifier

WITHIN_S = 2.0


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(WITHIN_S)
        yield ear


def at(manager: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.getsockname(), **more}


def told(manager: socket.socket) -> list[str]:
    """All that has come in so far."""
    manager.setblocking(False)
    lines = []
    while True:
        try:
            lines.append(manager.recv(1000).decode())
        except BlockingIOError:
            return lines


async def test_ready_and_stopping_are_told(manager: socket.socket) -> None:
    notifier = Notifier(at(manager))
    notifier.ready()
    async with notifier.alive():
        await asyncio.sleep(0.05)
    notifier.stopping()
    assert told(manager) == ["READY=1", "STOPPING=1"], "without WatchdogSec no sign of life"


async def test_signs_of_life_come_three_times_within_the_limit_until_the_end(
    manager: socket.socket,
) -> None:
    limit = at(manager, WATCHDOG_USEC="150000", WATCHDOG_PID=str(os.getpid()))
    async with Notifier(limit).alive():
        await asyncio.sleep(0.15)
    heard = told(manager)
    assert set(heard) == {"WATCHDOG=1"}
    assert len(heard) >= 2
    await asyncio.sleep(0.1)
    assert told(manager) == []


async def test_an_ill_process_gives_none(manager: socket.socket) -> None:
    well = True
    async with Notifier(at(manager, WATCHDOG_USEC="60000")).alive(lambda: well):
        await asyncio.sleep(0.05)
        assert told(manager)
        well = False
        await asyncio.sleep(0.05)
        told(manager)
        await asyncio.sleep(0.1)
        assert told(manager) == []


async def test_an_abstract_socket_is_found() -> None:
    name = f"orderline-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(f"\0{name}")
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert told(ear) == ["READY=1"]


@pytest.mark.parametrize(
    "more", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}]
)
async def test_a_limit_that_is_not_ours_is_none(
    manager: socket.socket, more: dict[str, str]
) -> None:
    async with Notifier(at(manager, **{"WATCHDOG_USEC": "30000", **more})).alive():
        await asyncio.sleep(0.05)
    assert told(manager) == []


async def test_without_systemd_nothing_is_told() -> None:
    notifier = Notifier({})
    notifier.ready()
    async with notifier.alive():
        notifier.stopping()


async def test_a_manager_that_is_gone_is_told_of_and_does_no_harm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()
    assert "READY=1" in caplog.text
