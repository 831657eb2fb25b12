"""The publisher for NATS against a real server: what it confirms, refuses and needs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import pytest
import trustme
from nats.js.api import StreamConfig

from ami_bridge.publishers.errors import Refused, Unreachable
from ami_bridge.publishers.jetstream import JetStream
from ami_bridge.publishers.nats_settings import NatsSettings
from ami_bridge.publishers.port import Message
from erp.secrets import Secret
from tests.integration.receivers import stream_of
from tests.rig.nats_server import NatsServer

pytestmark = [pytest.mark.live, pytest.mark.timeout(60)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path)
    server.start()
    yield server
    server.stop()


@contextlib.asynccontextmanager
async def publishing(url: str, **options: object) -> AsyncIterator[JetStream]:
    settings = NatsSettings(servers=(url,), ack_s=2.0, **options)  # type: ignore[arg-type]
    publisher = JetStream(settings)
    try:
        yield publisher
    finally:
        await publisher.close()


def event(number: int, filler: int = 0) -> Message:
    kind = "orderline.call.turn"
    body = {"id": f"e{number}", "type": kind, "subject": "s", "filler": "x" * filler}
    return Message(number, f"e{number}", "s", kind, 0.0, json.dumps(body).encode())


async def test_it_can_be_tried_without_an_event(server: NatsServer) -> None:
    async with publishing(server.url) as publisher:
        assert await publisher.reach() == "the first event makes ORDERLINE"
        await publisher.publish(event(1))
        assert await publisher.reach() == "the stream ORDERLINE is there"
    async with publishing(server.url, stream="OTHER", create=False) as publisher:
        with pytest.raises(Unreachable, match="no stream OTHER"):
            await publisher.reach()
    server.stop()
    async with publishing(server.url) as publisher:
        with pytest.raises(Unreachable, match="no connection"):
            await publisher.reach()


async def test_what_is_sent_twice_is_there_once(server: NatsServer) -> None:
    async with publishing(server.url) as publisher:
        for number in (1, 2, 2, 1, 3):
            await publisher.publish(event(number))
    assert [one.id for one in await stream_of(server.url, "ORDERLINE")] == ["e1", "e2", "e3"]


async def test_it_comes_back_when_the_server_does(server: NatsServer) -> None:
    async with publishing(server.url) as publisher:
        await publisher.publish(event(1))
        server.stop()
        with pytest.raises(Unreachable):
            await publisher.publish(event(2))
        server.start()
        await publisher.publish(event(2))
    assert [one.id for one in await stream_of(server.url, "ORDERLINE")] == ["e1", "e2"]


async def test_a_stream_that_must_be_there_is_not_made(server: NatsServer) -> None:
    async with publishing(server.url, create=False) as publisher:
        with pytest.raises(Unreachable, match="there is no stream ORDERLINE"):
            await publisher.publish(event(1))


async def test_a_stream_that_does_not_take_our_subject(server: NatsServer) -> None:
    client = await nats.connect(server.url)
    await client.jetstream().add_stream(StreamConfig(name="ORDERLINE", subjects=["other.>"]))
    await client.close()
    async with publishing(server.url) as publisher:
        with pytest.raises(Unreachable):
            await publisher.publish(event(1))


async def test_an_event_that_is_too_large_is_refused(server: NatsServer) -> None:
    client = await nats.connect(server.url)
    small = StreamConfig(name="ORDERLINE", subjects=["orderline.>"], max_msg_size=1000)
    await client.jetstream().add_stream(small)
    await client.close()
    async with publishing(server.url) as publisher:
        with pytest.raises(Refused):
            await publisher.publish(event(1, filler=2000))
        with pytest.raises(Refused):
            await publisher.publish(event(2, filler=2_000_000))
        await publisher.publish(event(3))


async def test_tls_and_a_token(tmp_path: Path) -> None:
    authority, folder = trustme.CA(), tmp_path
    own = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    own.private_key_pem.write_to_path(folder / "key.pem")
    own.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    files = ("--tls", "--tlscert", str(folder / "cert.pem"), "--tlskey", str(folder / "key.pem"))
    server = NatsServer(folder, *files, "--auth", "right")
    server.start()
    url = server.url.replace("nats://", "tls://")
    right, ca_file = Secret("right"), folder / "ca.pem"
    try:
        async with publishing(url, token=right, ca_file=ca_file) as publisher:
            await publisher.publish(event(1))
        async with publishing(url, token=Secret("wrong"), ca_file=ca_file) as publisher:
            with pytest.raises(Unreachable) as caught:
                await publisher.publish(event(1))
            assert "wrong" not in str(caught.value)
        async with publishing(url, token=right) as publisher:  # an authority that nobody knows
            with pytest.raises(Unreachable):
                await publisher.publish(event(1))
    finally:
        server.stop()
