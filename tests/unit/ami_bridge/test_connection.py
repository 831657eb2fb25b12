from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import pytest

from ami_bridge.connection import AmiConnection, AmiSettings
from ami_bridge.errors import AmiDown, AmiRefused, AmiTimeout, AmiUsageError
from asterisk_agi.pbx import Pbx
from erp.secrets import Secret
from tests.unit.ami_bridge.fake_ami import (
    WITHIN_S,
    FakeAmi,
    channel_list,
    connected,
    error,
    fake_ami,
    message,
    success,
)

Event = Mapping[str, str]
LOGGER = "ami_bridge.connection"
LOGIN = ["Login", "ListCommands", "CoreShowChannels"]
"""What a connection asks before it counts as connected."""


class Listener:
    """A subscriber that can be waited for."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()

    def __call__(self, event: Event) -> None:
        self.events.put_nowait(event)

    async def next(self) -> Event:
        return await asyncio.wait_for(self.events.get(), WITHIN_S)

    async def names(self, count: int) -> list[str]:
        return [(await self.next())["Event"] for _ in range(count)]


def told(caplog: pytest.LogCaptureFixture, word: str) -> list[str]:
    return [
        record.message
        for record in caplog.records
        if record.name == LOGGER and word in record.message
    ]


# Actions...


async def test_login_then_the_present_state_then_actions() -> None:
    async with fake_ami() as ami, connected(ami) as connection:
        assert connection.connected
        assert [action["Action"] for action in ami.actions] == LOGIN
        assert ami.actions[0]["Username"] == "orderline"
        assert ami.actions[0]["Secret"] == "s3cret"
        [answer] = await connection.action("Ping")
        assert answer["Response"] == "Success"


async def test_a_list_comes_with_its_events() -> None:
    async with fake_ami() as ami, connected(ami) as connection:
        ami.channels = [{"Channel": "PJSIP/a-1"}, {"Channel": "UnicastRTP/127.0.0.1:9-x"}]
        answer = await connection.action("CoreShowChannels")
        assert [one.get("Channel") for one in answer] == [
            None,
            "PJSIP/a-1",
            "UnicastRTP/127.0.0.1:9-x",
            None,
        ]
        assert await connection.find_channel("UnicastRTP/127.0.0.1:9-") is not None
        assert await connection.find_channel("UnicastRTP/127.0.0.1:8-") is None


async def test_an_empty_list_is_complete() -> None:
    async with fake_ami() as ami, connected(ami) as connection:
        answer = await connection.action("CoreShowChannels")
        assert [one.get("EventList") for one in answer] == ["start", "Complete"]


async def test_a_refused_list_is_an_answer_and_no_timeout() -> None:
    async with fake_ami() as ami, connected(ami) as connection:
        ami.answers["ShowDialPlan"] = lambda action: error(action, "Did not find context x")
        [answer] = await connection.action("ShowDialPlan", Context="x")
        assert answer["Response"] == "Error"


async def test_queued_without_async_does_not_break_the_connection() -> None:
    """panoramisk raises KeyError on this answer, within its reader."""
    async with fake_ami() as ami, connected(ami) as connection:
        ami.answers["Originate"] = lambda a: success(a, Message="Originate successfully queued")
        [answer] = await connection.action("Originate", Channel="Local/1@x")
        assert answer["Response"] == "Success"
        assert connection.connected


async def test_hangup_and_getvar() -> None:
    async with fake_ami() as ami, connected(ami) as connection:
        ami.answers["Getvar"] = lambda a: success(a, Variable=a["Variable"], Value="127.0.0.1")
        assert await connection.hangup("PJSIP/a-1")
        assert (await ami.received("Hangup"))["Channel"] == "PJSIP/a-1"
        assert await connection.getvar("PJSIP/a-1", "UNICASTRTP_LOCAL_ADDRESS") == "127.0.0.1"
        ami.answers["Hangup"] = ami.answers["Getvar"] = lambda a: error(a, "No such channel")
        assert not await connection.hangup("PJSIP/gone-1")
        assert await connection.getvar("PJSIP/gone-1", "X") == ""


async def test_an_unset_variable_is_empty() -> None:
    async with fake_ami() as ami, connected(ami) as connection:
        ami.answers["Getvar"] = lambda a: success(a, Variable="X", Value="")
        assert await connection.getvar("PJSIP/a-1", "X") == ""


async def test_lacking_rights_are_told_as_such() -> None:
    async with fake_ami() as ami, connected(ami) as connection:
        ami.answers["Originate"] = lambda action: error(action, "Permission denied")
        with pytest.raises(AmiRefused, match=r"Originate: manager\.conf"):
            await connection.action("Originate", Channel="Local/1@x")


async def test_injection_is_refused_and_nothing_is_sent() -> None:
    async with fake_ami() as ami, connected(ami) as connection:
        with pytest.raises(AmiUsageError):
            await connection.hangup("x\r\n\r\nAction: Command\r\nCommand: core stop now")
        await connection.action("Ping")
        assert [action["Action"] for action in ami.actions[3:]] == ["Ping"]


async def test_answers_are_matched_whatever_their_order() -> None:
    held: list[bytes] = []

    def late(action: dict[str, str]) -> bytes:
        held.append(success(action, Value=action["Variable"]))
        return b""

    async with fake_ami() as ami, connected(ami) as connection:
        ami.answers["Getvar"] = late
        names = ["A", "B", "C"]
        waiting = [asyncio.ensure_future(connection.getvar("x", name)) for name in names]
        await ami.received("Getvar", 3)
        ami.send(b"".join(reversed(held)))
        assert await asyncio.gather(*waiting) == names


async def test_an_action_without_an_answer_ends_in_time_and_leaves_nothing() -> None:
    async with fake_ami() as ami, connected(ami, action_s=0.05) as connection:
        ami.answers["Getvar"] = lambda action: b""
        with pytest.raises(AmiTimeout, match=r"Getvar: no answer within 0\.05 s"):
            await connection.getvar("x", "A")
        late = success(ami.actions[-1], Value="late")
        ami.answers["Getvar"] = lambda action: late + success(action, Value="in time")
        assert await connection.getvar("x", "A") == "in time"
        assert isinstance(AmiTimeout("x"), ConnectionError), "callers know ConnectionError only"


async def test_no_connection_is_told_at_once() -> None:
    connection = AmiConnection(AmiSettings(user="u", secret=Secret("s"), port=1))
    assert not connection.connected
    with pytest.raises(AmiDown, match="Hangup: no AMI connection"):
        await connection.hangup("x")
    await connection.close()


# Events...


async def test_events_of_one_read_come_in_wire_order() -> None:
    async with fake_ami() as ami, connected(ami) as connection:
        listener, other = Listener(), Listener()
        connection.subscribe("17.1", listener)
        connection.subscribe("99.9", other)
        ami.send(
            message(Event="Newchannel", Channel="a", Uniqueid="17.1", Linkedid="17.1")
            + message(Event="Newchannel", Channel="b", Uniqueid="17.2", Linkedid="17.1")
            + message(Event="Newchannel", Channel="c", Uniqueid="18.1", Linkedid="18.1")
            + message(Event="DTMFEnd", Digit="0", Uniqueid="17.1", Linkedid="17.1")
            + message(Event="Hangup", Channel="b", Uniqueid="17.2", Linkedid="17.1")
        )
        assert await listener.names(4) == ["Newchannel", "Newchannel", "DTMFEnd", "Hangup"]
        assert other.events.empty()


async def test_unknown_events_and_headers_are_passed_on() -> None:
    async with fake_ami() as ami, connected(ami) as connection:
        listener = Listener()
        connection.subscribe_all(listener)
        ami.send(b"Event: Strange\r\nX-Thing: ?\r\nVar: a\r\nVar: b\r\nNo colon\r\n\r\n")
        assert await listener.next() == {"Event": "Strange", "X-Thing": "?", "Var": "a\nb"}


async def test_an_event_in_pieces_keeps_its_letters() -> None:
    """panoramisk decodes each read by itself, and drops both halves of a split letter."""
    async with fake_ami() as ami, connected(ami) as connection:
        listener = Listener()
        connection.subscribe_all(listener)
        for byte in message(Event="Newchannel", CallerIDName="Jürgen €"):
            ami.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await listener.next())["CallerIDName"] == "Jürgen €"


async def test_a_cancelled_subscription_gets_nothing_more() -> None:
    async with fake_ami() as ami, connected(ami) as connection:
        cancelled, listener = Listener(), Listener()
        subscription = connection.subscribe("17.1", cancelled)
        connection.subscribe_all(listener)
        subscription.cancel()
        subscription.cancel()
        ami.send(message(Event="Hangup", Uniqueid="17.1"))
        assert await listener.names(1) == ["Hangup"]
        assert cancelled.events.empty()
        assert len(connection._subscriptions) == 1


async def test_a_subscriber_that_fails_disturbs_nobody() -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))

    def broken(event: Event) -> None:
        raise RuntimeError("a fault of ours")

    async with fake_ami() as ami, connected(ami) as connection:
        listener = Listener()
        connection.subscribe("17.1", broken)
        connection.subscribe("17.1", listener)
        ami.send(message(Event="A", Uniqueid="17.1") + message(Event="B", Uniqueid="17.1"))
        assert await listener.names(2) == ["A", "B"]
        assert connection.connected
        assert len(failures) == 2


# Loss and return...


async def test_pending_actions_fail_at_once_and_are_never_sent_again() -> None:
    """panoramisk would send the hangup again on the next connection."""
    async with fake_ami() as ami, connected(ami) as connection:
        ami.answers["Hangup"] = lambda action: b"Response: Succ"
        hangup = asyncio.ensure_future(connection.hangup("PJSIP/a-1"))
        await ami.received("Hangup")
        ami.cut()
        with pytest.raises(AmiDown, match="closed the connection"):
            await hangup
        await connection.wait_connected(WITHIN_S)
        await connection.action("Ping")
        assert [action["Action"] for action in ami.actions[4:]] == [*LOGIN, "Ping"]


async def test_after_a_loss_the_present_state_comes_first() -> None:
    async with fake_ami() as ami, connected(ami) as connection:
        mine, everyone = Listener(), Listener()
        connection.subscribe("17.1", mine)
        connection.subscribe_all(everyone)
        ami.channels = [
            {"Channel": "PJSIP/a-1", "Uniqueid": "17.1", "Linkedid": "17.1"},
            {"Channel": "UnicastRTP/x-1", "Uniqueid": "17.2", "Linkedid": "17.1"},
            {"Channel": "PJSIP/b-1", "Uniqueid": "18.1", "Linkedid": "18.1"},
        ]

        def during_the_question(action: dict[str, str]) -> bytes:
            begin, end = channel_list(action, ami.channels).split(b"\r\n\r\n", 1)
            event = message(Event="Hangup", Uniqueid="17.2", Linkedid="17.1")
            return event + begin + b"\r\n\r\n" + event + end

        ami.answers["CoreShowChannels"] = during_the_question
        ami.cut()
        resync = await mine.next()
        assert resync == {"Event": "OrderlineResync", "Channels": "PJSIP/a-1,UnicastRTP/x-1"}
        assert (await everyone.next())["Channels"] == "PJSIP/a-1,UnicastRTP/x-1,PJSIP/b-1"
        assert await mine.names(2) == ["Hangup", "Hangup"]


async def test_an_outage_is_told_once_down_and_once_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    async with fake_ami() as ami, connected(ami) as connection:
        caplog.clear()
        ami.answers["Ping"] = lambda action: b""
        ping = asyncio.ensure_future(connection.action("Ping"))
        await ami.received("Ping")
        await ami.stop()
        with pytest.raises(AmiDown):
            await ping
        with pytest.raises(AmiDown):
            await connection.wait_connected(0.15)
        await ami.start()
        await connection.wait_connected(WITHIN_S)
        assert len(told(caplog, "not connected")) == 1
        assert len(told(caplog, "logged in")) == 1


async def test_a_wrong_secret_is_an_error_of_its_own_and_knocks_slowly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with fake_ami() as ami:
        settings = AmiSettings(
            user="orderline", secret=Secret("wrong"), port=ami.port, refused_retry_s=60.0
        )
        connection = AmiConnection(settings)
        await connection.start()
        await ami.received("Login")
        with pytest.raises(AmiRefused, match="Authentication failed"):
            await connection.wait_connected(0.1)
        assert ami.logins == 1
        assert not connection.connected
        [line] = told(caplog, "login refused")
        assert "wrong" not in line
        await connection.close()


async def test_a_mended_secret_is_taken_without_a_restart() -> None:
    async with fake_ami() as ami:
        refusals = 0

        def refuse_twice(action: dict[str, str]) -> bytes:
            nonlocal refusals
            refusals += 1
            return error(action, "Authentication failed") if refusals < 3 else success(action)

        ami.answers["Login"] = refuse_twice
        async with connected(ami) as connection:
            assert connection.connected
            assert refusals == 3


async def test_lacking_right_to_the_present_state_is_a_refusal() -> None:
    async with fake_ami() as ami:
        ami.answers["CoreShowChannels"] = lambda action: error(action, "Permission denied")
        connection = AmiConnection(
            AmiSettings(user="orderline", secret=Secret("s3cret"), port=ami.port)
        )
        await connection.start()
        await ami.received("CoreShowChannels")
        with pytest.raises(AmiRefused, match="CoreShowChannels"):
            await connection.wait_connected(0.1)
        await connection.close()


async def test_a_user_who_could_not_end_a_leg_is_a_refusal() -> None:
    async with fake_ami() as ami:
        ami.answers["ListCommands"] = lambda action: success(action, Getvar="(Priv: call)")
        connection = AmiConnection(
            AmiSettings(user="orderline", secret=Secret("s3cret"), port=ami.port)
        )
        await connection.start()
        await ami.received("ListCommands")
        with pytest.raises(AmiRefused, match="no right to CoreShowChannels, Hangup"):
            await connection.wait_connected(0.1)
        assert not connection.connected
        await connection.close()


async def test_an_endless_line_drops_the_connection_and_it_comes_back() -> None:
    async with fake_ami() as ami, connected(ami) as connection:
        ami.send(b"Event: " + b"x" * 1_000_000)
        await ami.received("Login", 2)
        await connection.wait_connected(WITHIN_S)
        assert (await connection.action("Ping"))[0]["Response"] == "Success"


async def test_a_dead_peer_is_noticed_by_its_silence() -> None:
    async with fake_ami() as ami, connected(ami, ping_s=0.02, action_s=0.05):
        ami.answers["Ping"] = lambda action: b""
        await ami.received("Login", 2)


async def test_the_event_shutdown_ends_the_connection() -> None:
    async with fake_ami() as ami, connected(ami) as connection:
        ami.send(message(Event="Shutdown", Shutdown="Cleanly"))
        await ami.received("Login", 2)
        await connection.wait_connected(WITHIN_S)


async def test_a_server_that_never_answers_the_login_is_left() -> None:
    async with fake_ami() as ami:
        ami.answers["Login"] = lambda action: b""
        connection = AmiConnection(
            AmiSettings(
                user="u", secret=Secret("s"), port=ami.port, action_s=0.03, retry_first_s=0.01
            )
        )
        await connection.start()
        await ami.received("Login", 2)
        with pytest.raises(AmiDown, match="Login: no answer"):
            await connection.wait_connected(0.01)
        await connection.close()


async def test_waiting_returns_only_when_there_is_a_connection() -> None:
    """Else a caller who tries, fails and waits again would never let the loop run."""
    async with fake_ami() as ami, connected(ami) as connection:
        link = connection._link
        assert link is not None
        link.drop("a test")
        assert not connection.connected
        with pytest.raises(AmiDown):
            await connection.action("Ping")
        await asyncio.wait_for(connection.wait_connected(), WITHIN_S)
        assert connection.connected


async def test_close_leaves_no_task_and_no_connection() -> None:
    before = asyncio.all_tasks()
    ami = FakeAmi()
    await ami.start()
    async with connected(ami) as connection:
        ami.answers["Ping"] = lambda action: b""
        ping = asyncio.ensure_future(connection.action("Ping"))
        await ami.received("Ping")
        await connection.close()
        with pytest.raises(AmiDown):
            await ping
        await connection.close()
    await ami.stop()
    assert asyncio.all_tasks() == before


async def test_neither_secret_nor_numbers_reach_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with fake_ami() as ami, connected(ami) as connection:
        listener = Listener()
        connection.subscribe_all(listener)
        ami.send(message(Event="Newchannel", CallerIDNum="15551234"))
        await listener.next()
        ami.cut()
        await ami.received("Login", 2)
    assert "s3cret" not in caplog.text
    assert "15551234" not in caplog.text


def test_it_is_what_a_call_expects_of_the_pbx() -> None:
    """mypy proves it: the two rooms never import each other."""
    pbx: Pbx = AmiConnection(AmiSettings(user="u", secret=Secret("s")))
    assert not pbx.connected
