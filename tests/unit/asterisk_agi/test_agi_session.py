"""AgiSession over a real connection to a fake Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from asterisk_agi.errors import (
    AgiError,
    AgiPeerError,
    AgiRefused,
    AgiTimeout,
    AgiUsageError,
    CallerHungUp,
)
from asterisk_agi.server import AgiSession
from tests.unit.asterisk_agi.fake_asterisk import WITHIN_S, FakeAsterisk, serving

Script = Callable[[FakeAsterisk], Awaitable[None]]
Call = Callable[[AgiSession], Awaitable[None]]


async def play(call: Call, script: Script, **changes: float) -> None:
    """Run a call against what Asterisk does; both must end, and nothing may fail."""
    result: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def handle(session: AgiSession) -> None:
        task = asyncio.ensure_future(call(session))
        await asyncio.wait([task])
        error = task.exception()
        if error is None:
            result.set_result(None)
        else:
            result.set_exception(error)

    async with serving(handle, **changes) as server:
        asterisk = await FakeAsterisk.call(server)
        await script(asterisk)
        await asyncio.wait_for(result, WITHIN_S)
        await asterisk.hang_up()


async def test_prelude_is_there_from_the_start() -> None:
    async def call(session: AgiSession) -> None:
        assert session.id == session.prelude.uniqueid == "17.1"
        assert session.prelude.caller_number == "15551234"
        assert session.prelude.network_script == "default"
        assert not session.hung_up

    async def script(asterisk: FakeAsterisk) -> None:
        assert await asterisk.closed() == b""

    await play(call, script)


async def test_commands_and_their_replies() -> None:
    async def call(session: AgiSession) -> None:
        await session.set_variable("__A", 'x "y"')
        assert await session.get_full_variable("${A}") == 'x "y"'
        assert await session.get_full_variable("${B}") is None
        assert (await session.command("CHANNEL STATUS")).result == "6"
        await session.answer()

    async def script(asterisk: FakeAsterisk) -> None:
        assert await asterisk.answer(b"200 result=1") == 'SET VARIABLE "__A" "x \\"y\\""'
        assert await asterisk.answer(b'200 result=1 (x "y")') == 'GET FULL VARIABLE "${A}"'
        await asterisk.answer(b"200 result=1 ()")
        assert await asterisk.answer(b"200 result=6") == "CHANNEL STATUS"
        assert await asterisk.answer(b"200 result=0") == "ANSWER"

    await play(call, script)


@pytest.mark.parametrize("reply", [b"510 Invalid or unknown command", b"520 Invalid syntax."])
async def test_a_refusal_raises_and_the_session_goes_on(reply: bytes) -> None:
    async def call(session: AgiSession) -> None:
        with pytest.raises(AgiRefused, match="NONSENSE: 5"):
            await session.command("NONSENSE")
        await session.set_variable("A", "b")

    async def script(asterisk: FakeAsterisk) -> None:
        await asterisk.answer(reply)
        await asterisk.answer(b"200 result=1")

    await play(call, script)


async def test_only_one_command_at_a_time() -> None:
    async def call(session: AgiSession) -> None:
        dial = asyncio.ensure_future(session.exec("Dial", "UnicastRTP/127.0.0.1:9/c(ulaw),,g"))
        await asyncio.sleep(0)
        with pytest.raises(AgiUsageError, match="in flight"):
            await session.set_variable("A", "b")
        assert (await dial).result == "0"
        await session.set_variable("A", "b")

    async def script(asterisk: FakeAsterisk) -> None:
        dial = await asterisk.answer(b"200 result=0")
        assert dial == 'EXEC "Dial" "UnicastRTP/127.0.0.1:9/c(ulaw),,g"'
        await asterisk.answer(b"200 result=1")

    await play(call, script)


async def test_no_reply_in_time_poisons() -> None:
    async def call(session: AgiSession) -> None:
        with pytest.raises(AgiTimeout, match=r"VERBOSE: no reply within 0\.05 s"):
            await session.command("VERBOSE", "x", timeout_s=0.05)
        with pytest.raises(AgiError, match="poisoned: the reply to VERBOSE"):
            await session.set_variable("A", "b")

    async def script(asterisk: FakeAsterisk) -> None:
        assert await asterisk.command() == 'VERBOSE "x"'
        assert await asterisk.closed() == b""

    await play(call, script)


async def test_the_configured_deadline_holds_for_every_command() -> None:
    async def call(session: AgiSession) -> None:
        with pytest.raises(AgiTimeout):
            await session.answer()

    async def script(asterisk: FakeAsterisk) -> None:
        await asterisk.closed()

    await play(call, script, command_s=0.05)


async def test_a_long_command_has_no_deadline_unless_given() -> None:
    async def call(session: AgiSession) -> None:
        assert (await session.exec("Wait", "1")).result == "0"
        with pytest.raises(AgiTimeout):
            await session.exec("Wait", "1", timeout_s=0.05)

    async def script(asterisk: FakeAsterisk) -> None:
        await asterisk.command()
        await asyncio.sleep(0.15)
        asterisk.send(b"200 result=0\n")
        await asterisk.closed()

    await play(call, script, command_s=0.05)


async def test_a_cancelled_command_poisons() -> None:
    async def call(session: AgiSession) -> None:
        task = asyncio.ensure_future(session.command("WAIT FOR DIGIT", "-1"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        with pytest.raises(AgiError, match="poisoned"):
            await session.set_variable("A", "b")

    async def script(asterisk: FakeAsterisk) -> None:
        await asterisk.closed()

    await play(call, script)


async def test_hangup_while_dial_runs_as_asterisk_sends_it() -> None:
    async def call(session: AgiSession) -> None:
        with pytest.raises(CallerHungUp):
            await session.exec("Dial", "x")
        assert session.hung_up
        await session.set_variable("ORDERLINE_RESULT", "completed")
        with pytest.raises(CallerHungUp):
            await session.answer()
        with pytest.raises(CallerHungUp):
            await session.exec("Wait", "1")

    async def script(asterisk: FakeAsterisk) -> None:
        await asterisk.answer(b"200 result=-1\nHANGUP")
        # Both may come in one read; then nothing more is asked.
        command = await asterisk.command()
        if command == "CHANNEL STATUS":
            asterisk.send(b"511 Command Not Permitted on a dead channel\n")
            command = await asterisk.command()
        assert command == 'SET VARIABLE "ORDERLINE_RESULT" "completed"'
        asterisk.send(b"200 result=1\n")

    await play(call, script)


async def test_minus_one_without_a_hangup_line_is_asked_about() -> None:
    async def call(session: AgiSession) -> None:
        assert (await session.exec("Dial", "x")).result == "-1"
        with pytest.raises(CallerHungUp):
            await session.exec("Dial", "x")
        assert session.hung_up

    async def script(asterisk: FakeAsterisk) -> None:
        await asterisk.answer(b"200 result=-1")
        assert await asterisk.answer(b"200 result=6") == "CHANNEL STATUS"
        await asterisk.answer(b"200 result=-1")
        await asterisk.answer(b"511 Command Not Permitted on a dead channel")

    await play(call, script)


async def test_a_hangup_ends_a_long_command_at_once_and_its_late_reply_is_matched() -> None:
    async def call(session: AgiSession) -> None:
        with pytest.raises(CallerHungUp):
            await session.exec("Dial", "x")
        await session.set_variable("A", "b")
        assert await session.get_full_variable("${A}") == "b"

    async def script(asterisk: FakeAsterisk) -> None:
        await asterisk.command()
        asterisk.send(b"HANGUP\n")
        await asyncio.sleep(0.05)
        asterisk.send(b"200 result=-1\n")
        assert await asterisk.answer(b"200 result=1") == 'SET VARIABLE "A" "b"'
        await asterisk.answer(b"200 result=1 (b)")

    await play(call, script)


async def test_a_late_reply_that_never_comes_is_a_timeout() -> None:
    async def call(session: AgiSession) -> None:
        with pytest.raises(CallerHungUp):
            await session.exec("Dial", "x")
        with pytest.raises(AgiTimeout, match="broke off"):
            await session.set_variable("A", "b")

    async def script(asterisk: FakeAsterisk) -> None:
        await asterisk.command()
        asterisk.send(b"HANGUP\n")
        await asterisk.closed()

    await play(call, script, command_s=0.05)


async def test_a_short_command_gets_its_reply_although_the_caller_hung_up() -> None:
    async def call(session: AgiSession) -> None:
        await session.set_variable("A", "b")
        assert session.hung_up

    async def script(asterisk: FakeAsterisk) -> None:
        await asterisk.answer(b"HANGUP\n200 result=1")

    await play(call, script)


async def test_an_idle_session_notices_the_hangup() -> None:
    async def call(session: AgiSession) -> None:
        await asyncio.wait_for(session.wait_hung_up(), WITHIN_S)
        assert session.hung_up

    async def script(asterisk: FakeAsterisk) -> None:
        asterisk.send(b"HANGUP\n")

    await play(call, script)


@pytest.mark.parametrize("reset", [False, True], ids=["eof", "reset"])
async def test_the_end_of_the_connection_is_a_hangup(reset: bool) -> None:
    async def call(session: AgiSession) -> None:
        with pytest.raises(CallerHungUp):
            await session.exec("Dial", "x")
        assert session.hung_up
        with pytest.raises(CallerHungUp):
            await session.set_variable("A", "b")

    async def script(asterisk: FakeAsterisk) -> None:
        await asterisk.command()
        if reset:
            await asterisk.reset()
        else:
            await asterisk.hang_up()

    await play(call, script)


async def test_garbage_in_place_of_a_reply_ends_the_session() -> None:
    async def call(session: AgiSession) -> None:
        with pytest.raises(AgiPeerError):
            await session.command("NOOP")
        with pytest.raises(AgiError, match="poisoned"):
            await session.command("NOOP")
        assert not session.hung_up

    async def script(asterisk: FakeAsterisk) -> None:
        await asterisk.answer(b"?")
        await asterisk.closed()

    await play(call, script)


async def test_a_provisional_reply_is_waited_through() -> None:
    async def call(session: AgiSession) -> None:
        assert (await session.command("GOSUB", "a", "s", "1")).text == "result=0 Gosub complete"

    async def script(asterisk: FakeAsterisk) -> None:
        await asterisk.answer(b"100 result=0 Trying...\n200 result=0 Gosub complete")

    await play(call, script)


async def test_an_unknown_application_is_refused() -> None:
    async def call(session: AgiSession) -> None:
        with pytest.raises(AgiRefused, match="no application Dail"):
            await session.exec("Dail", "x")

    async def script(asterisk: FakeAsterisk) -> None:
        await asterisk.answer(b"200 result=-2")

    await play(call, script)


async def test_what_cannot_be_sent_leaves_the_session_usable() -> None:
    async def call(session: AgiSession) -> None:
        with pytest.raises(AgiUsageError):
            await session.set_variable("A", "b\nEXEC System reboot")
        await session.set_variable("A", "b")

    async def script(asterisk: FakeAsterisk) -> None:
        assert await asterisk.answer(b"200 result=1") == 'SET VARIABLE "A" "b"'

    await play(call, script)
