"""The telephone against a SIP server and an RTP echo on the loopback, made of plain sockets."""

from __future__ import annotations

import asyncio
import gc
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from asterisk_agi.audio import PcmChunk
from asterisk_agi.testcall import phone as phone_module
from asterisk_agi.testcall.dialog import Account
from asterisk_agi.testcall.errors import CallRejected, NoAnswer, PhoneUsageError
from asterisk_agi.testcall.loudness import bursts
from asterisk_agi.testcall.phone import Phone
from asterisk_agi.testcall.record import save
from asterisk_agi.testcall.sip_message import Request, parse
from erp.secrets import Secret
from tests.unit.asterisk_agi.testcall.server import SDP, answer, call_of, respond
from tests.unit.asterisk_agi.testcall.sounds import tone


class Echo(asyncio.DatagramProtocol):
    """Sends every RTP packet back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        self.transport.sendto(data, addr)


class Server(Echo):
    """Answers an INVITE with the status it was made with, and everything else with 200."""

    def __init__(self, status: int = 200, media_port: int = 0) -> None:
        self.status = status
        self.body = SDP.replace(b"31002", str(media_port).encode())
        self.methods: list[str] = []
        self.caller: tuple[str | int, int] = ("", 0)
        self.invited = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        request = parse(data)
        if not isinstance(request, Request):
            return
        if request.method == "INVITE":
            self.caller, self.invite = addr, request
            self.invited.set()
        self.methods.append(request.method)
        if request.method == "INVITE" and self.status == 200:
            self.transport.sendto(answer(request, self.body), addr)
        elif request.method == "INVITE" and self.status:
            self.transport.sendto(respond(request, self.status), addr)
        elif request.method in ("BYE", "CANCEL"):
            self.transport.sendto(respond(request, 200), addr)
            if request.method == "CANCEL":
                self.transport.sendto(respond(self.invite, 487), addr)


class World:
    """A server and its media; `account()` is an account there."""

    def __init__(self) -> None:
        self._transports: list[asyncio.BaseTransport] = []
        self.port = 0
        self.server = Server()

    async def open(self, status: int) -> None:
        loop = asyncio.get_running_loop()
        media, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
        port = media.get_extra_info("sockname")[1]
        self.server = Server(status, port)
        sip, _ = await loop.create_datagram_endpoint(
            lambda: self.server, local_addr=("127.0.0.1", 0)
        )
        self.port = sip.get_extra_info("sockname")[1]
        self._transports = [media, sip]

    def phone(self) -> Phone:
        return Phone(Account("127.0.0.1", self.port, "line", Secret("x")))

    def close(self) -> None:
        for transport in self._transports:
            transport.close()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    made.close()


async def test_a_call_is_answered_spoken_on_recorded_and_ended(
    world: World, tmp_path: Path
) -> None:
    await world.open(200)
    phone = world.phone()
    await phone.place("600")
    await phone.say(PcmChunk(tone(0.2)), "a tone")
    assert await phone.began(2.0)
    assert await phone.settled(0.1, 2.0)
    await phone.press("5")
    record = await phone.close()
    assert world.server.methods == ["INVITE", "ACK", "BYE"]
    (sent,), (heard,) = bursts(record.caller.pcm), bursts(record.agent.pcm)
    assert sent.end - sent.begin == 1600
    assert heard.end - heard.begin == 1600
    assert 0.02 <= heard.begin_s - sent.begin_s < 0.5, "20 ms in the microphone, then the network"
    assert [(u.text, u.kind) for u in record.utterances] == [("a tone", "speech"), ("5", "keys")]
    assert not record.ended_by_far_side
    files = save(record, tmp_path, "call")
    with wave.open(str(files.both)) as both:
        assert (both.getnchannels(), both.getframerate()) == (2, 8000)


async def test_the_far_side_ends_the_call(world: World) -> None:
    await world.open(200)
    phone = world.phone()
    await phone.place("600")
    world.server.transport.sendto(call_of(phone.call_id, "BYE"), world.server.caller)
    await asyncio.wait_for(phone.over.wait(), 2)
    record = await phone.close()
    assert record.ended_by_far_side
    assert "BYE" not in world.server.methods


async def test_silence_is_no_answer_within_the_limit(world: World) -> None:
    await world.open(200)
    phone = world.phone()
    await phone.place("600")
    assert not await phone.settled(0.05, 0.1)
    await phone.close()


async def test_a_refusal_tells_its_code_and_frees_the_sockets(world: World) -> None:
    await world.open(486)
    with pytest.raises(CallRejected) as refused:
        await world.phone().place("600")
    assert refused.value.code == 486


async def test_a_call_that_nobody_answers_is_given_up(world: World) -> None:
    await world.open(180)
    with pytest.raises(NoAnswer, match="did not answer"):
        await world.phone().place("600", ring_s=0.05)
    assert "CANCEL" in world.server.methods


async def test_a_call_that_is_cancelled_while_it_rings_frees_its_sockets(
    world: World, recwarn: pytest.WarningsRecorder
) -> None:
    await world.open(180)
    phone = world.phone()
    placing = asyncio.ensure_future(phone.place("600"))
    await asyncio.wait_for(world.server.invited.wait(), 2)
    placing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await placing
    del phone, placing
    gc.collect()
    assert not recwarn.list, "a socket that is left open warns when it is collected"


def test_no_error_is_caught_that_is_not_named() -> None:
    source = Path(phone_module.__file__).read_text()
    assert "except BaseException" not in source
    assert "except Exception" not in source


async def test_a_port_where_nobody_listens_is_told_at_once(world: World) -> None:
    await world.open(200)
    world.close()
    await asyncio.sleep(0)
    with pytest.raises(CallRejected, match="nobody listens"):
        await world.phone().place("600", ring_s=5)


async def test_an_impossible_extension_is_refused(world: World) -> None:
    await world.open(200)
    with pytest.raises(PhoneUsageError):
        await world.phone().place("6 0")
    assert world.server.methods == []
