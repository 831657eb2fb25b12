"""Signs of life: what counts as alive, and who is told how often."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from asterisk_agi.heartbeat import Heartbeat, HeartbeatSettings, Pulse, Vitals
from dialplan import beat
from dialplan.beat import Beat

VOICE = "127.0.0.1:4573"
SETTINGS = HeartbeatSettings(media_stall_s=0.5, recognizer_stall_s=2.0)
QUICK = HeartbeatSettings(bridges=(), every_s=0.01, event_every_s=0.01)
WELL = Vitals(packets=1, decoded=1, waiting=False)


# What is alive...


def test_a_call_whose_packets_and_portions_go_on_is_alive() -> None:
    pulse = Pulse(SETTINGS, Vitals(1, 0, False), 0.0)
    looks = [pulse.alive(Vitals(n, n, n % 2 == 0), n / 5) for n in range(2, 100)]
    assert all(looks)


def test_a_media_clock_that_stands_still_is_not() -> None:
    pulse = Pulse(SETTINGS, Vitals(50, 0, False), 0.0)
    assert pulse.alive(Vitals(50, 0, False), 0.5)
    assert not pulse.alive(Vitals(50, 0, False), 0.6)
    assert pulse.alive(Vitals(51, 0, False), 0.7)


def test_no_call_is_to_blame_when_the_loop_itself_stood_still() -> None:
    pulse = Pulse(SETTINGS, Vitals(1, 7, True), 0.0)
    assert pulse.alive(Vitals(2, 7, True), 3.0)
    assert pulse.alive(Vitals(3, 7, True), 3.9)
    assert not pulse.alive(Vitals(4, 7, True), 4.1)


def test_before_the_leg_is_connected_no_packet_is_missed() -> None:
    pulse = Pulse(SETTINGS, Vitals(0, 0, False), 0.0)
    assert pulse.alive(Vitals(0, 0, False), 2.9)
    assert pulse.alive(Vitals(1, 0, False), 3.0)
    assert not pulse.alive(Vitals(1, 0, False), 3.6)


def test_a_recogniser_that_decodes_nothing_of_what_waits_is_not() -> None:
    pulse = Pulse(SETTINGS, Vitals(1, 7, True), 0.0)
    assert pulse.alive(Vitals(2, 7, True), 0.4)
    assert pulse.alive(Vitals(3, 8, True), 0.8)
    assert all(pulse.alive(Vitals(n, 8, True), 0.8 + n / 10) for n in range(4, 20))
    assert not pulse.alive(Vitals(90, 8, True), 2.9)
    assert pulse.alive(Vitals(91, 8, False), 3.0)


@pytest.mark.parametrize(
    ("key", "value"),
    [("every_s", 0.0), ("media_stall_s", -1.0), ("bridges", ("bridge.example:4574",))],
)
def test_wrong_settings_name_the_key(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=key):
        HeartbeatSettings(**{key: value})  # type: ignore[arg-type]


# Telling it...


def hang(seconds: float) -> None:
    """Hold up the event loop."""
    time.sleep(seconds)


class FakeManager:
    def __init__(self) -> None:
        self.connected = True
        self.error: Exception | None = None
        self.events: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def action(self, name: str, **headers: str) -> list[dict[str, str]]:
        self.events.put_nowait({"Event": name, **headers})
        if self.error is not None:
            raise self.error
        return [{"Response": "Success"}]

    async def beat(self) -> Beat | None:
        return beat.read_event(await asyncio.wait_for(self.events.get(), 2))


@pytest.fixture
def ear() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        yield udp


@asynccontextmanager
async def beating(settings: HeartbeatSettings, manager: FakeManager) -> AsyncIterator[Heartbeat]:
    heartbeat = Heartbeat(settings, VOICE, manager)
    await heartbeat.start()
    try:
        yield heartbeat
    finally:
        await heartbeat.close()
        await heartbeat.close()


async def heard(ear: socket.socket) -> Beat:
    data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(ear, 2000), 2)
    return beat.read_datagram(data)


def at(ear: socket.socket) -> HeartbeatSettings:
    return replace(QUICK, bridges=(f"127.0.0.1:{ear.getsockname()[1]}",))


async def until(ear: socket.socket, calls: tuple[str, ...]) -> None:
    while (await heard(ear)).calls != calls:
        pass


async def test_calls_are_named_by_udp_and_by_ami_until_their_end(ear: socket.socket) -> None:
    manager = FakeManager()
    async with beating(at(ear), manager) as heartbeat:
        assert await heard(ear) == Beat(VOICE, ())
        watches = [heartbeat.watch(call, lambda: Vitals(0, 0, False)) for call in ("1.1", "2.1")]
        await until(ear, ("1.1", "2.1"))
        while await manager.beat() != Beat(VOICE, ("1.1", "2.1")):
            pass
        watches[0].end()
        watches[0].end()
        await until(ear, ("2.1",))


async def test_a_call_that_stalls_is_not_named_and_the_others_are(ear: socket.socket) -> None:
    settings = replace(at(ear), media_stall_s=0.02)
    async with beating(settings, FakeManager()) as heartbeat:
        heartbeat.watch("1.1", lambda: WELL)
        heartbeat.watch("2.1", lambda: Vitals(0, 0, False))
        await until(ear, ("2.1",))


async def test_a_process_is_well_while_it_beats_and_a_call_of_several_is_alive(
    ear: socket.socket,
) -> None:
    settings = replace(at(ear), media_stall_s=0.02)
    idle = Heartbeat(settings, VOICE, FakeManager())
    assert not idle.well, "it does not beat"
    async with beating(settings, FakeManager()) as heartbeat:
        assert heartbeat.well
        heartbeat.watch("1.1", lambda: WELL)
        other = heartbeat.watch("2.1", lambda: Vitals(0, 0, False))
        await until(ear, ("2.1",))
        assert heartbeat.well
        other.end()
        await until(ear, ())
        assert not heartbeat.well, "it has a call, and none is alive"
    assert not heartbeat.well


async def test_an_event_loop_that_hangs_beats_no_more(ear: socket.socket) -> None:
    async with beating(at(ear), FakeManager()):
        await heard(ear)
        hang(0.1)
        waiting = 0
        while True:
            try:
                ear.recv(2000)
            except BlockingIOError:
                break
            waiting += 1
    assert waiting <= 1


async def test_the_old_watch_of_a_channel_does_not_end_the_new_one() -> None:
    heartbeat = Heartbeat(QUICK, VOICE, FakeManager())
    old = heartbeat.watch("1.1", lambda: WELL)
    heartbeat.watch("1.1", lambda: WELL)
    old.end()
    assert heartbeat.calls == ("1.1",)


@pytest.mark.parametrize("error", [ConnectionError("lost"), PermissionError("no right")])
async def test_beats_go_on_when_ami_or_the_bridge_is_gone(
    ear: socket.socket, error: Exception
) -> None:
    manager = FakeManager()
    manager.error = error
    settings = at(ear)
    ear.close()
    async with beating(settings, manager):
        for _ in range(3):
            assert await manager.beat() == Beat(VOICE, ())


async def test_without_ami_nothing_is_sent_there(ear: socket.socket) -> None:
    manager = FakeManager()
    manager.connected = False
    async with beating(at(ear), manager):
        for _ in range(3):
            await heard(ear)
    assert manager.events.empty()


async def test_a_fault_of_ours_is_told(caplog: pytest.LogCaptureFixture) -> None:
    manager = FakeManager()
    manager.error = RuntimeError("a fault")
    async with beating(QUICK, manager):
        await manager.beat()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [
        "the heartbeat ended: a fault of ours"
    ]
