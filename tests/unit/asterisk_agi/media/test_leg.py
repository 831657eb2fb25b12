"""A leg against a peer socket on 127.0.0.1 that plays Asterisk."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiortc.rtp import RtpPacket

from asterisk_agi.audio import PcmChunk
from asterisk_agi.errors import MediaError
from asterisk_agi.media.formats import FRAME_SAMPLES, SILENT_FRAME
from asterisk_agi.media.leg import DATAGRAMS_PER_TURN, Leg, MediaSettings
from asterisk_agi.media.receiver import DATAGRAM_MAX_BYTES

LOUD_FRAME = PcmChunk(b"\x00\x40" * FRAME_SAMPLES)


def speech(frames: int) -> PcmChunk:
    return PcmChunk(LOUD_FRAME.data * frames)


def rtp(sequence: int, payload: bytes = b"\x8f" * 160) -> bytes:
    return RtpPacket(0, 0, sequence, 160 * sequence, 7, payload).serialize()


@dataclass
class Scene:
    """A leg, its peer and what the leg heard."""

    leg: Leg
    peer: socket.socket
    heard: list[PcmChunk]
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def connect(self) -> None:
        self.leg.connect(*self.peer.getsockname())

    def send(self, *datagrams: bytes) -> None:
        for datagram in datagrams:
            self.peer.sendto(datagram, (self.leg.host, self.leg.port))

    async def receive(self) -> RtpPacket:
        loop = asyncio.get_running_loop()
        return RtpPacket.parse(await asyncio.wait_for(loop.sock_recv(self.peer, 2000), 2))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the loop turn until something is true."""
        deadline = time.monotonic() + 3
        while not condition():
            assert time.monotonic() < deadline, "it did not come true"
            await asyncio.sleep(0.002)


@asynccontextmanager
async def scene_of(settings: MediaSettings) -> AsyncIterator[Scene]:
    heard: list[PcmChunk] = []
    lost = asyncio.Event()
    leg = await Leg.open(settings, heard.append, lost.set)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.setblocking(False)
        peer.bind(("127.0.0.1", 0))
        try:
            yield Scene(leg, peer, heard, lost)
        finally:
            await leg.close()


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    # A long quiet_ms: only the tests of silence want it filled in.
    async with scene_of(MediaSettings(quiet_ms=2000)) as made:
        yield made


async def test_silence_is_sent_from_connect_on_every_20_ms(scene: Scene) -> None:
    scene.connect()
    packets = [await scene.receive() for _ in range(6)]
    begin_s = time.monotonic()
    packets += [await scene.receive() for _ in range(10)]
    assert time.monotonic() - begin_s == pytest.approx(0.2, abs=0.06)
    assert {packet.payload for packet in packets} == {SILENT_FRAME}
    assert {packet.payload_type for packet in packets} == {0}
    first = packets[0].sequence_number
    assert [(p.sequence_number - first) & 0xFFFF for p in packets] == list(range(16))
    assert scene.leg.statistics.sent >= 16


async def test_speech_that_was_queued_before_connect_comes_first(scene: Scene) -> None:
    playback = scene.leg.play(speech(2))
    assert scene.leg.playing
    assert scene.leg.queued_s == pytest.approx(0.04)
    scene.connect()
    packets = [await scene.receive() for _ in range(3)]
    assert [packet.payload == SILENT_FRAME for packet in packets] == [False, False, True]
    assert [packet.marker for packet in packets] == [1, 0, 0]
    assert await playback.done is True
    assert playback.heard_s == playback.total_s
    assert playback.started_s is not None
    assert playback.ended_s is not None
    assert playback.ended_s - playback.started_s == pytest.approx(0.02, abs=0.03)
    assert not scene.leg.playing


async def test_one_stream_across_utterances(scene: Scene) -> None:
    scene.connect()
    await scene.leg.play(speech(2)).done
    await scene.leg.play(speech(2)).done
    packets = [await scene.receive() for _ in range(scene.leg.statistics.sent)]
    skipped = scene.leg.statistics.skipped
    first = packets[0]
    for number, packet in enumerate(packets):
        assert (packet.sequence_number - first.sequence_number) & 0xFFFF == number
        ahead = (packet.timestamp - first.timestamp) & 0xFFFFFFFF
        assert number * 160 <= ahead <= (number + skipped) * 160
        assert packet.ssrc == first.ssrc
    assert sum(packet.payload != SILENT_FRAME for packet in packets) == 4


async def test_stopped_speech_is_silence_from_the_next_packet_on(scene: Scene) -> None:
    scene.connect()
    playing, waiting = scene.leg.play(speech(100)), scene.leg.play(speech(5))
    await scene.until(lambda: playing.heard_s > 0.03)
    sent = scene.leg.statistics.sent
    scene.leg.stop_playback()
    assert not scene.leg.playing
    assert await playing.done is False
    assert await waiting.done is False
    assert playing.heard_s < 1.0
    packets = [await scene.receive() for _ in range(sent + 3)]
    assert packets[sent - 1].payload != SILENT_FRAME
    assert {packet.payload for packet in packets[sent:]} == {SILENT_FRAME}


async def test_audio_of_the_peer_is_heard_in_order(scene: Scene) -> None:
    scene.connect()
    scene.send(rtp(1), rtp(3, b"\x10" * 160), rtp(2))
    await scene.until(lambda: len(scene.heard) == 3)
    assert scene.heard[1] == PcmChunk(b"\x7c\x41" * 160)
    assert scene.leg.statistics.received.jitter.reordered == 1


async def test_a_lost_packet_is_concealed_without_another_packet(scene: Scene) -> None:
    scene.connect()
    scene.send(rtp(1), rtp(3))
    await scene.until(lambda: len(scene.heard) == 3)
    assert scene.leg.statistics.received.jitter.lost == 1


async def test_a_silent_peer_is_heard_as_silence() -> None:
    async with scene_of(MediaSettings(quiet_ms=60)) as scene:
        scene.connect()
        await scene.until(lambda: len(scene.heard) >= 5)
        assert set(scene.heard) == {PcmChunk(bytes(320))}


async def test_others_are_neither_heard_before_nor_after_connect(scene: Scene) -> None:
    scene.send(rtp(1))
    await scene.until(lambda: scene.leg.statistics.received.foreign == 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        # Queued in the kernel before connect, read after it.
        stranger.sendto(rtp(50), (scene.leg.host, scene.leg.port))
        scene.connect()
        stranger.sendto(rtp(51), (scene.leg.host, scene.leg.port))
        scene.send(rtp(2))
        await scene.until(lambda: len(scene.heard) == 1)
    assert scene.leg.statistics.received.foreign == 2
    assert scene.leg.statistics.received.jitter.received == 1


async def test_rubbish_is_counted_and_the_leg_goes_on(scene: Scene) -> None:
    scene.connect()
    scene.send(b"", b"x" * 20, bytes(DATAGRAM_MAX_BYTES + 500), b"\x80\xc9" + bytes(6), rtp(1))
    await scene.until(lambda: len(scene.heard) == 1)
    received = scene.leg.statistics.received
    assert (received.malformed, received.oversize, received.rtcp) == (2, 1, 1)


async def test_a_flood_lets_others_have_their_turn(scene: Scene) -> None:
    scene.connect()
    scene.send(*[rtp(number) for number in range(5 * DATAGRAMS_PER_TURN)])
    heard_before, turns = 0, 0
    while len(scene.heard) < 5 * DATAGRAMS_PER_TURN:
        await asyncio.sleep(0)
        assert len(scene.heard) - heard_before <= DATAGRAMS_PER_TURN
        turns += len(scene.heard) > heard_before
        heard_before = len(scene.heard)
    assert turns >= 5


async def test_a_flood_is_left_to_the_kernel_and_the_clock_goes_on(scene: Scene) -> None:
    """Else each packet of a flood would cost a parse, and all calls would feel it."""
    scene.connect()
    statistics = scene.leg.statistics
    for number in range(40):
        scene.send(*[rtp((60 * number + n) % 65536) for n in range(60)])
        await asyncio.sleep(0.005)
    assert statistics.flooded >= 3
    assert statistics.received.jitter.received + statistics.received.foreign < 500
    assert statistics.sent >= 8
    # When it is over, what comes is heard again.
    await scene.until(lambda: len(scene.heard) > 10)
    before = statistics.received.jitter.received
    scene.send(rtp(3000), rtp(3001))
    await scene.until(lambda: statistics.received.jitter.received > before)


async def test_a_flood_before_connect_is_put_off_too(scene: Scene) -> None:
    for _ in range(10):
        scene.send(*[rtp(number) for number in range(60)])
        await asyncio.sleep(0.002)
    assert scene.leg.statistics.received.foreign < 300
    assert scene.leg.statistics.flooded >= 1


async def test_a_peer_that_is_gone_is_told_once(scene: Scene) -> None:
    scene.connect()
    await scene.receive()
    scene.peer.close()
    await asyncio.wait_for(scene.lost.wait(), 2)
    assert scene.leg.statistics.refused >= 5
    scene.lost.clear()
    refused = scene.leg.statistics.refused
    await scene.until(lambda: scene.leg.statistics.refused >= refused + 5)
    assert not scene.lost.is_set()


async def test_closing_frees_the_port_and_stops_what_plays() -> None:
    async with scene_of(MediaSettings()) as scene:
        scene.connect()
        playback = scene.leg.play(speech(100))
        await scene.receive()
        port = scene.leg.port
        await scene.leg.close()
        await scene.leg.close()
        assert playback.done.result() is False
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.bind(("127.0.0.1", port))
        sent = scene.leg.statistics.sent
        await asyncio.sleep(0.05)
        assert scene.leg.statistics.sent == sent


async def test_an_error_of_the_ear_does_not_stop_the_clock() -> None:
    def fail(chunk: PcmChunk) -> None:
        raise RuntimeError("the ear broke")

    problems: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: problems.append(str(context.get("exception")))
    )
    leg = await Leg.open(MediaSettings(quiet_ms=40), fail)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            leg.connect(*peer.getsockname())
            assert await asyncio.wait_for(leg.play(speech(10)).done, 2)
    finally:
        await leg.close()
    assert set(problems) == {"the ear broke"}


@pytest.mark.parametrize(
    ("address", "port"), [("localhost", 4000), ("127.0.0.1", 99999), ("::1", 4000), ("", 1)]
)
async def test_an_address_that_cannot_be_used_is_told(
    scene: Scene, address: str, port: int
) -> None:
    with pytest.raises(MediaError, match="can't send RTP to"):
        scene.leg.connect(address, port)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"host": "asterisk.example"}, "host"),
        ({"port_first": 80, "port_last": 100}, "port_first"),
        ({"port_first": 10001, "port_last": 10001}, "port_last"),
        ({"port_last": 10001}, "port_first"),
        ({"reorder_ms": -1}, "reorder_ms"),
        ({"quiet_ms": 10}, "quiet_ms"),
        ({"gap_ms": 5000}, "gap_ms"),
    ],
)
def test_wrong_settings_name_their_key(values: dict[str, int], key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key} is "):
        MediaSettings(**values)  # type: ignore[arg-type]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_many_legs_leave_no_file_behind() -> None:
    files = open_files()
    for _ in range(50):
        async with scene_of(MediaSettings()) as scene:
            scene.connect()
            scene.leg.play(speech(3))
    assert open_files() == files
