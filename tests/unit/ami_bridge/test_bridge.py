"""The bridge's shell: a fake AMI on one side, datagrams on the other, orders in between."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from ami_bridge.bridge import Bridge
from ami_bridge.connection import AmiConnection
from ami_bridge.sightings import Sighting, VoiceHosts
from ami_bridge.watchdog import BridgeSettings, Fallback
from dialplan import beat
from tests.rig import ports
from tests.unit.ami_bridge.fake_ami import (
    SETTINGS,
    WITHIN_S,
    Action,
    FakeAmi,
    error,
    fake_ami,
    message,
    success,
)

VOICE = "127.0.0.1:4573"
LEG = "UnicastRTP/127.0.0.1:40010-0x1"
CALLER = {"Channel": "PJSIP/a-1", "Uniqueid": "1.1", "Context": "from-trunk", "Exten": "600"}
ON_LEG = {**CALLER, "Application": "Dial", "ApplicationData": "UnicastRTP/127.0.0.1:40010/c(ulaw)"}
TALKING = [ON_LEG, {"Channel": LEG, "Uniqueid": "1.2"}]
IN_AGI = {**CALLER, "Application": "AGI", "ApplicationData": f"agi://{VOICE}/default"}
DIAL_BEGIN = message(Event="DialBegin", **CALLER, DestChannel=LEG)
(BEAT,) = beat.texts(VOICE, ("1.1",))
(EMPTY_BEAT,) = beat.texts(VOICE, ())


@pytest.fixture
def mouth() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        yield udp


@asynccontextmanager
async def bridge(
    ami: FakeAmi,
    noted: list[str] | None = None,
    voices: list[str] | None = None,
    present: list[str] | None = None,
    **changes: float,
) -> AsyncIterator[Bridge]:
    """A bridge, all of whose times are short, whose AMI is logged in.

    noted, voices, present: take the rescues, which voice process beats, and who was listed."""
    seen = present if present is not None else []

    def rescued(call: Sighting) -> None:
        if noted is not None:
            noted.append(call.channel)

    def beating(told: Mapping[str, bool]) -> None:
        if voices is not None:
            voices.extend(f"{voice} {well}" for voice, well in told.items())

    times = {"stale_s": 0.2, "settle_s": 0.02, "grace_s": 0.05, "poll_s": 0.05, **changes}
    (port,) = ports.free_ports(1)
    settings = BridgeSettings(port=port, **times)  # type: ignore[arg-type]
    connection = AmiConnection(replace(SETTINGS, port=ami.port))
    made = Bridge(
        settings,
        connection,
        VoiceHosts(frozenset({"127.0.0.1"}), 4573),
        VOICE,
        Fallback("orderline", "600"),
        on_rescue=rescued,
        on_voices=beating,
        on_present=lambda held: seen.extend(call.uniqueid for call in held),
    )
    await made.start()
    await connection.start()
    try:
        # The question at the login is the connection's own, the next one the bridge's.
        await ami.received("CoreShowChannels", 2)
        yield made
    finally:
        await made.close()
        await made.close()
        await connection.close()


def names(ami: FakeAmi) -> list[str]:
    return [action["Action"] for action in ami.actions]


async def test_a_silent_leg_is_hung_up_and_the_caller_asked_after() -> None:
    async with fake_ami() as ami, bridge(ami) as made:
        ami.channels = TALKING

        def end(action: Action) -> bytes:
            ami.channels = []
            return success(action)

        ami.answers["Hangup"] = end
        ami.send(DIAL_BEGIN)
        action = await ami.received("Hangup")
        await gone(made)
    assert action["Channel"] == LEG
    assert "Redirect" not in names(ami)


async def gone(made: Bridge) -> None:
    async def wait() -> None:
        while made.calls:
            await asyncio.sleep(0.005)

    await asyncio.wait_for(wait(), WITHIN_S)


async def test_a_caller_who_is_held_all_the_same_is_redirected() -> None:
    async with fake_ami() as ami, bridge(ami) as made:
        ami.channels = [IN_AGI]
        ami.send(DIAL_BEGIN)
        action = await ami.received("Redirect")
        ami.channels = []
        await gone(made)
    assert (action["Channel"], action["Context"], action["Exten"], action["Priority"]) == (
        "PJSIP/a-1",
        "from-trunk",
        "600",
        "human",
    )
    assert names(ami).count("Hangup") == 1


async def test_a_caller_who_waits_for_a_process_that_stands_still_is_found() -> None:
    async with fake_ami() as ami, bridge(ami):
        ami.channels = [IN_AGI]
        await ami.received("Redirect")
    assert "Hangup" not in names(ami)


HUMAN = {"Channel": "PJSIP/anna-1", "Uniqueid": "1.3", "Linkedid": "1.1", "Context": "w"}
WHISPERED = {**HUMAN, "Application": "AGI", "ApplicationData": f"agi://{VOICE}/whisper,"}
IN_QUEUE = {**CALLER, "Linkedid": "1.1", "Application": "Queue", "ApplicationData": "support"}


async def test_a_human_is_freed_when_the_caller_is_sent_to_another() -> None:
    async with fake_ami() as ami, bridge(ami, poll_s=60.0):
        ami.channels = [IN_QUEUE, WHISPERED]
        agi = {"Application": "AGI", "AppData": f"agi://{VOICE}/whisper,"}
        ami.send(message(Event="Newexten", **HUMAN, **agi))
        hung_up = await ami.received("Hangup")
        redirected, told = await ami.received("Redirect"), await ami.received("Setvar")
    assert hung_up["Channel"] == "PJSIP/anna-1"
    assert (redirected["Channel"], redirected["Priority"]) == ("PJSIP/a-1", "human")
    assert (told["Channel"], told["Variable"]) == ("PJSIP/a-1", "__ORDERLINE_WHISPER")
    order = [name for name in names(ami) if name in ("Setvar", "Redirect", "Hangup")]
    assert order[:3] == ["Setvar", "Redirect", "Hangup"]


async def test_a_human_is_not_hung_up_while_the_caller_would_go_too() -> None:
    async with fake_ami() as ami, bridge(ami, poll_s=60.0):
        ami.answers["Redirect"] = refuse
        ami.channels = [IN_QUEUE, WHISPERED]
        agi = {"Application": "AGI", "AppData": f"agi://{VOICE}/whisper,"}
        ami.send(message(Event="Newexten", **HUMAN, **agi))
        await ami.received("Redirect", 2)
    assert "Hangup" not in names(ami)


async def test_the_clock_of_a_call_starts_at_its_agi_and_its_rescue_is_noted_first() -> None:
    agi = {"Application": "AGI", "AppData": f"agi://{VOICE}/default"}
    noted: list[str] = []
    async with fake_ami() as ami, bridge(ami, noted, poll_s=60.0):
        ami.channels = [IN_AGI]
        ami.answers["Redirect"] = lambda action: noted.append("redirected") or success(action)  # type: ignore[func-returns-value]
        ami.send(message(Event="Newexten", **CALLER, **agi))
        await ami.received("Redirect")
    assert noted == ["PJSIP/a-1", "redirected"]


async def test_who_is_well_is_told_again_and_again(mouth: socket.socket) -> None:
    noted: list[str] = []
    async with fake_ami() as ami, bridge(ami, voices=noted) as made:
        mouth.sendto(EMPTY_BEAT.encode(), ("127.0.0.1", made.port))

        async def told() -> None:
            while f"{VOICE} False" not in noted:
                await asyncio.sleep(0.01)

        await asyncio.wait_for(told(), WITHIN_S)
    assert f"{VOICE} True" in noted


@pytest.mark.parametrize("way", ["udp", "ami"])
async def test_beats_by_either_way_keep_a_call(way: str, mouth: socket.socket) -> None:
    event = message(Event="UserEvent", UserEvent=beat.USER_EVENT, Beat=BEAT)
    async with fake_ami() as ami, bridge(ami) as made:
        ami.channels = TALKING
        ami.send(DIAL_BEGIN)
        for _ in range(20):
            if way == "udp":
                mouth.sendto(BEAT.encode(), ("127.0.0.1", made.port))
            else:
                ami.send(event)
            await asyncio.sleep(0.03)
        assert made.calls == 1
        assert "Hangup" not in names(ami)
        await ami.received("Hangup")


async def test_garbage_is_counted_and_told_once(
    mouth: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    async with fake_ami() as ami, bridge(ami) as made:
        for garbage in (b"", b"\xff" * 1400, b"x" * 60_000, EMPTY_BEAT.encode() + b"\n"):
            mouth.sendto(garbage, ("127.0.0.1", made.port))

        async def counted() -> None:
            while made.foreign < 4:
                await asyncio.sleep(0.005)

        await asyncio.wait_for(counted(), WITHIN_S)
    assert sum("was none" in record.getMessage() for record in caplog.records) == 1


async def test_calls_in_progress_are_found_after_a_restart() -> None:
    async with fake_ami() as ami:
        ami.channels = TALKING
        seen: list[str] = []
        async with bridge(ami, present=seen):
            action = await ami.received("Hangup")
    assert action["Channel"] == LEG
    assert "1.1" in seen, "whoever else follows calls is told of them"


async def test_a_lost_ami_ends_no_healthy_call(mouth: socket.socket) -> None:
    async with fake_ami() as ami, bridge(ami) as made:
        ami.channels = TALKING
        ami.send(DIAL_BEGIN)
        for number in range(30):
            mouth.sendto(BEAT.encode(), ("127.0.0.1", made.port))
            if number == 5:
                ami.cut()
            await asyncio.sleep(0.02)
        await ami.received("CoreShowChannels", 4)
        assert ami.logins == 2
        assert made.calls == 1
        assert "Hangup" not in names(ami)
        await ami.received("Hangup")


async def test_an_end_that_comes_by_event_is_no_rescue(mouth: socket.socket) -> None:
    async with fake_ami() as ami, bridge(ami) as made:
        mouth.sendto(EMPTY_BEAT.encode(), ("127.0.0.1", made.port))
        ami.send(DIAL_BEGIN)
        ami.send(message(Event="Hangup", Channel="PJSIP/a-1", Uniqueid="1.1"))
        ami.send(message(Event="Hangup", Channel=LEG, Uniqueid="1.2"))
        await gone(made)
        await asyncio.sleep(0.3)
    assert "Hangup" not in names(ami)
    assert "Redirect" not in names(ami)


def refuse(action: Action) -> bytes:
    return error(action, "No such channel")


def forbid(action: Action) -> bytes:
    return error(action, "Permission denied")


@pytest.mark.parametrize("answer", [refuse, forbid])
async def test_an_action_that_fails_is_told_and_the_caller_looked_after(
    answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    async with fake_ami() as ami, bridge(ami):
        ami.answers["Hangup"] = answer  # type: ignore[assignment]
        ami.channels = TALKING
        ami.send(DIAL_BEGIN)
        await ami.received("Redirect")
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert any("Hangup" in record.getMessage() for record in told)


async def test_a_port_that_is_taken_is_an_error_at_the_start() -> None:
    async with fake_ami() as ami, bridge(ami) as made:
        other = Bridge(
            BridgeSettings(port=made.port),
            AmiConnection(SETTINGS),
            VoiceHosts(frozenset(), 4573),
            VOICE,
            Fallback("orderline", "600"),
        )
        with pytest.raises(OSError, match="in use"):
            await other.start()
        await other.close()
