"""The fault proxy fails as it says, before an echo server of a few lines."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

from tests.rig.faults import Canned, CutOff, FaultProxy, Pass, Refuse, Silent, Trickle, Unanswered
from tests.rig.ports import LOOPBACK

QUESTION = b"who is there?"
SHORT_S = 0.2
"""Long enough for anything on loopback to arrive."""


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """Give a proxy before a server that echoes."""
    echo = await asyncio.start_server(_echo, LOOPBACK, 0)
    async with FaultProxy(echo.sockets[0].getsockname()[1]) as made:
        yield made
    echo.close()
    await asyncio.sleep(0)  # the echoes end


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionResetError):
        while data := await reader.read(100):
            writer.write(data)
    writer.transport.abort()


class Client:
    """One connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, answer_bytes: int = len(QUESTION)) -> bytes:
        self.writer.write(QUESTION)
        return await asyncio.wait_for(self.reader.readexactly(answer_bytes), SHORT_S)

    def close(self) -> None:
        self.writer.transport.abort()


async def connected(proxy: FaultProxy) -> Client:
    made = asyncio.open_connection(LOOPBACK, proxy.port)
    return Client(*await asyncio.wait_for(made, SHORT_S))


async def test_it_passes_edits_and_counts(proxy: FaultProxy) -> None:
    client = await connected(proxy)
    assert await client.ask() == QUESTION
    await proxy.set(Pass(lambda data: data.upper()))
    assert await client.ask() == QUESTION.upper()
    assert (proxy.accepted, proxy.open, proxy.sent_bytes) == (1, 1, len(QUESTION))
    client.close()
    await asyncio.wait_for(proxy.until_open(0), 1.0)
    assert proxy.open == 0


async def test_refused_resets_who_is_connected_and_heals(proxy: FaultProxy) -> None:
    client = await connected(proxy)
    await client.ask()
    await proxy.set(Refuse())
    with pytest.raises(ConnectionResetError):
        await client.reader.read(1)
    with pytest.raises(ConnectionRefusedError):
        await connected(proxy)
    client.close()
    await proxy.set(Pass())
    client = await connected(proxy)
    assert await client.ask() == QUESTION
    client.close()


async def test_a_full_queue_answers_no_syn(proxy: FaultProxy) -> None:
    await proxy.set(Unanswered())
    with pytest.raises(asyncio.TimeoutError):
        await connected(proxy)
    await proxy.set(Pass())
    client = await connected(proxy)
    assert await client.ask() == QUESTION
    client.close()


async def test_what_a_silent_line_held_back_comes_when_it_is_well(proxy: FaultProxy) -> None:
    client = await connected(proxy)
    await proxy.set(Silent())
    with pytest.raises(asyncio.TimeoutError):
        await client.ask()
    await proxy.set(Pass())
    assert await client.reader.readexactly(len(QUESTION)) == QUESTION
    client.close()


async def test_a_slow_answer_comes_in_bytes(proxy: FaultProxy) -> None:
    client = await connected(proxy)
    await proxy.set(Trickle())
    assert await client.ask(2) == QUESTION[:2]
    await proxy.set(Pass())
    assert await client.reader.readexactly(len(QUESTION) - 2) == QUESTION[2:]
    client.close()


async def test_an_answer_is_cut_off_by_a_reset_or_in_good_order(proxy: FaultProxy) -> None:
    await proxy.set(CutOff(5, reset=False))
    client = await connected(proxy)
    assert await client.ask(5) == QUESTION[:5]
    assert await client.reader.read() == b""
    client.close()
    await proxy.set(CutOff(5))
    client = await connected(proxy)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await client.ask()
    client.close()


async def test_canned_bytes_are_the_whole_answer(proxy: FaultProxy) -> None:
    await proxy.set(Canned(lambda: b"nobody"))
    client = await connected(proxy)
    assert await client.ask(6) == b"nobody"
    assert await client.reader.read() == b""
    client.close()


async def test_tls_in_front_of_a_plain_server(proxy: FaultProxy) -> None:
    authority = trustme.CA()
    proxy.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(proxy.tls)
    await proxy.cut()
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(trusting)
    made = asyncio.open_connection(LOOPBACK, proxy.port, ssl=trusting, server_hostname="localhost")
    client = Client(*await made)
    assert await client.ask() == QUESTION
    client.close()
