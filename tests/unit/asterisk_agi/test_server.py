"""The FastAGI server against Asterisk, and against everything else that connects."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest

from asterisk_agi.errors import AgiRefused
from asterisk_agi.server import AgiSession
from tests.unit.asterisk_agi.fake_asterisk import PRELUDE, WITHIN_S, FakeAsterisk, serving

LOGGER = "asterisk_agi.server"


async def talk_until_told(session: AgiSession) -> None:
    """A call: it asks and is answered, until Asterisk says stop."""
    while await session.get_full_variable("${GO_ON}") == "yes":
        pass


async def exchange(asterisk: FakeAsterisk) -> None:
    """The call answers promptly."""
    assert await asterisk.answer(b"200 result=1 (yes)") == 'GET FULL VARIABLE "${GO_ON}"'


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == LOGGER]


async def test_two_calls_at_once_do_not_mix() -> None:
    seen: dict[str, str | None] = {}

    async def handle(session: AgiSession) -> None:
        seen[session.id] = await session.get_full_variable("${NAME}")

    async with serving(handle) as server:
        first = await FakeAsterisk.call(server, b"17.1")
        second = await FakeAsterisk.call(server, b"17.2")
        assert await second.command() == await first.command() == 'GET FULL VARIABLE "${NAME}"'
        assert server.sessions == 2
        second.send(b"200 result=1 (two)\n")
        first.send(b"200 result=1 (one)\n")
        await second.closed()
        await first.closed()
        assert server.connections == 0
        assert seen == {"17.1": "one", "17.2": "two"}
        assert server.sessions == 0


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"agi_network: yes\nagi_chan",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x00\xc8",
        b"agi_x: " + b"x" * 10_000_000,
        b"agi_channel: x\n" * 10_000,
        b"\n",
    ],
    ids=["probe", "half prelude", "http", "tls", "10 MB line", "flood of lines", "empty prelude"],
)
async def test_a_stranger_disturbs_no_call_in_progress(
    bad: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, LOGGER)
    async with serving(talk_until_told) as server:
        call = await FakeAsterisk.call(server)
        await exchange(call)
        caplog.clear()
        stranger = await FakeAsterisk.connect(server)
        stranger.send(bad)
        if bad in {b"", b"agi_network: yes\nagi_chan"}:
            stranger.writer.write_eof()
        assert await stranger.closed() == b""
        assert server.connections == 1
        assert len(lines(caplog)) == 1, "one line, no more: a port scan must not fill the disk"
        assert caplog.records[-1].levelno == logging.DEBUG
        await exchange(call)
        await call.answer(b"200 result=1 (no)")
        await call.closed()


async def test_a_ten_megabyte_reply_ends_its_own_call_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(talk_until_told) as server:
        good = await FakeAsterisk.call(server, b"17.1")
        bad = await FakeAsterisk.call(server, b"17.2")
        await exchange(good)
        await bad.command()
        caplog.clear()
        bad.send(b"200 result=1 (" + b"x" * 10_000_000)
        await bad.closed()
        await exchange(good)
        assert any("17.2: closed: a line is longer" in line for line in lines(caplog))
        assert not any("17.1" in line for line in lines(caplog))
        await good.answer(b"200 result=1 (no)")
        await good.closed()


async def test_a_slow_prelude_has_a_deadline(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, LOGGER)
    async with serving(talk_until_told, prelude_s=0.1) as server:
        silent = await FakeAsterisk.connect(server)
        dripping = await FakeAsterisk.connect(server)
        dripping.send(b"agi_network: yes\n")
        assert await silent.closed() == await dripping.closed() == b""
        assert server.connections == 0
        assert [line for line in lines(caplog) if "no prelude in time" in line]


async def test_a_session_outlives_the_deadline_of_the_prelude() -> None:
    async with serving(talk_until_told, prelude_s=0.1) as server:
        call = await FakeAsterisk.call(server)
        await exchange(call)
        await asyncio.sleep(0.2)
        await exchange(call)
        await call.answer(b"200 result=1 (no)")
        await call.closed()


async def test_connections_are_capped(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(talk_until_told, connections_max=1) as server:
        call = await FakeAsterisk.call(server)
        await exchange(call)
        assert await (await FakeAsterisk.connect(server)).closed() == b""
        assert [line for line in lines(caplog) if "too many connections" in line]
        await call.answer(b"200 result=1 (no)")
        await call.closed()
        assert server.connections == 0
        again = await FakeAsterisk.call(server)
        await exchange(again)
        await again.hang_up()


async def test_a_slow_stranger_loses_his_place_to_a_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Else as many slow strangers as there are places would keep every call out."""
    async with serving(talk_until_told, connections_max=3) as server:
        call = await FakeAsterisk.call(server)
        await exchange(call)
        slow = [await FakeAsterisk.connect(server) for _ in range(6)]
        for stranger in slow[-2:]:
            stranger.send(b"agi_network: yes\nagi_n")
        new = await FakeAsterisk.call(server, b"17.2")
        await exchange(new)
        assert server.connections == 3
        assert all([await stranger.closed() == b"" for stranger in slow[:5]])
        assert caplog.text.count("its place was needed") == 1
        for each in (call, new):
            await each.answer(b"200 result=1 (no)")
            await each.closed()
        await slow[5].hang_up()


async def test_five_thousand_connections_leave_a_call_in_progress_alone() -> None:
    async with serving(talk_until_told, connections_max=50) as server:
        call = await FakeAsterisk.call(server)
        await exchange(call)
        where = ("127.0.0.1", server.port)

        def flood() -> None:
            for _ in range(5000):
                socket.create_connection(where, WITHIN_S).close()

        flooding = asyncio.ensure_future(asyncio.to_thread(flood))
        while not flooding.done():
            await exchange(call)
        await flooding
        # It comes after all of them, so they have all been dealt with.
        last = await FakeAsterisk.call(server, b"17.2")
        await exchange(last)
        for each in (call, last):
            await each.answer(b"200 result=1 (no)")
            await each.closed()
        while server.connections:
            await asyncio.sleep(0.001)


async def test_a_broken_handler_is_told_with_its_session_and_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handle(session: AgiSession) -> None:
        raise RuntimeError("a fault of ours")

    async with serving(handle) as server:
        assert await (await FakeAsterisk.call(server, b"17.9")).closed() == b""
        [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert "17.9" in record.message
        assert record.exc_info is not None
        assert "a fault of ours" in str(record.exc_info[1])


async def test_an_error_of_the_call_is_told_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handle(session: AgiSession) -> None:
        raise AgiRefused("NONSENSE: 510")

    async with serving(handle) as server:
        await (await FakeAsterisk.call(server, b"17.9")).closed()
        [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert record.message == "agi-17.9 ended: AgiRefused: NONSENSE: 510"
        assert record.exc_info is None


async def test_the_log_shows_no_number_and_no_value(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def handle(session: AgiSession) -> None:
        await session.set_variable("SUMMARY", "asked for item 4521")

    async with serving(handle) as server:
        call = await FakeAsterisk.call(server)
        await call.answer(b"200 result=1")
        await call.closed()
    text = "\n".join(record.message for record in caplog.records)
    assert "17.1 > SET VARIABLE" in text
    assert "15551234" not in text
    assert "4521" not in text


async def test_close_leaves_no_task_and_no_connection() -> None:
    before = asyncio.all_tasks()
    async with serving(talk_until_told) as server:
        calls = [await FakeAsterisk.call(server, b"17.%d" % n) for n in range(3)]
        for call in calls:
            await call.command()
        silent = await FakeAsterisk.connect(server)
        await server.close()
        assert asyncio.all_tasks() == before
        assert (server.sessions, server.connections) == (0, 0)
        for peer in (*calls, silent):
            assert await peer.closed() == b""
        await server.close()


async def test_close_gives_calls_in_progress_their_grace() -> None:
    ended = asyncio.Event()

    async def handle(session: AgiSession) -> None:
        await session.command("NOOP")
        ended.set()

    async with serving(handle) as server:
        call = await FakeAsterisk.call(server)
        await call.command()
        closing = asyncio.ensure_future(server.close(grace_s=WITHIN_S))
        await asyncio.sleep(0)
        call.send(b"200 result=0\n")
        await closing
        assert ended.is_set()
        await call.hang_up()


async def test_no_new_call_while_closing() -> None:
    async with serving(talk_until_told) as server:
        port = server.port
        call = await FakeAsterisk.call(server)
        await exchange(call)
        closing = asyncio.ensure_future(server.close(grace_s=WITHIN_S))
        await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        await call.answer(b"200 result=1 (no)")
        await closing
        await call.hang_up()


async def test_a_taken_port_is_told_at_the_start() -> None:
    async with serving(talk_until_told) as server:
        with pytest.raises(OSError, match="in use"):
            async with serving(talk_until_told, port=server.port):
                pass


async def test_a_peer_that_does_not_read_is_cut_off() -> None:
    """Closing must not wait for ever until what was written is taken."""

    async def handle(session: AgiSession) -> None:
        await session.command("NOOP")

    async with serving(handle) as server:
        call = await FakeAsterisk.call(server)
        await call.command()
        connection = next(iter(server._connections))
        transport = connection._transport
        assert transport is not None
        transport.pause_reading()
        transport.write(b"x" * 30_000_000)
        await asyncio.wait_for(server.close(), WITHIN_S)
        assert server.connections == 0
        await call.hang_up()


def test_prelude_of_the_fake_is_one() -> None:
    assert PRELUDE.endswith(b"\n\n")
