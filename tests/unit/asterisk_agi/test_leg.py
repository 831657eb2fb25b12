"""The media leg as the PBX sees it: opened, ended and abandoned in every way that can happen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from asterisk_agi.errors import AgiPeerError, CallerHungUp, MediaError, PbxDown
from asterisk_agi.leg import DialledLeg
from asterisk_agi.pbx import PbxEvent

CHANNEL = "UnicastRTP/127.0.0.1:4000-0x7f01"
NEW = {"Event": "Newchannel", "Channel": CHANNEL}


class FakeSession:
    """An AGI session whose Dial ends when the test says so."""

    def __init__(self) -> None:
        self.dialled = ""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def exec(self, app: str, args: str, timeout_s: float | None = None) -> object:
        self.dialled = f"{app}({args})"
        await self.ended
        return None


class FakeSubscription:
    def cancel(self) -> None:
        """Nothing to stop."""


class FakePbx:
    """AMI whose link the test cuts and mends."""

    def __init__(self, session: FakeSession) -> None:
        self.session = session
        self.back = asyncio.Event()
        self.back.set()
        self.variables = {"UNICASTRTP_LOCAL_ADDRESS": "127.0.0.9", "UNICASTRTP_LOCAL_PORT": "77"}
        self.listed: str | None = None
        self.refusals = 0
        self.hung_up: list[str] = []

    @property
    def connected(self) -> bool:
        return self.back.is_set() and not self.refusals

    async def wait_connected(self, timeout_s: float | None = None) -> None:
        await self.back.wait()
        if self.refusals:
            # Back, and gone again before we could look.
            self.refusals -= 1
            raise ConnectionError("down again")

    async def setvar(self, channel: str, variable: str, value: str) -> bool:
        raise AssertionError("a leg sets no variable by AMI")

    async def find_channel(self, prefix: str) -> str | None:
        return self.listed

    async def getvar(self, channel: str, variable: str) -> str:
        if not self.connected:
            raise ConnectionError("down")
        return self.variables[variable]

    async def hangup(self, channel: str) -> bool:
        if not self.connected:
            raise ConnectionError("down")
        self.hung_up.append(channel)
        if self.session.ended.done():
            return False
        self.session.ended.set_result(None)
        return True

    def subscribe(self, uniqueid: str, on_event: Callable[[PbxEvent], None]) -> FakeSubscription:
        return FakeSubscription()


class FakeSocket:
    host = "127.0.0.1"
    port = 4000

    def __init__(self) -> None:
        self.peer: tuple[str, int] | None = None

    def connect(self, address: str, port: int) -> None:
        self.peer = (address, port)


class Rig:
    def __init__(self) -> None:
        self.session = FakeSession()
        self.pbx = FakePbx(self.session)
        self.socket = FakeSocket()
        self.leg = DialledLeg(self.session, self.pbx, self.socket, 60)

    async def open(self) -> None:
        opening = asyncio.ensure_future(self.leg.open(within_s=5.0))
        await asyncio.sleep(0)
        self.leg.on_event(NEW)
        await opening


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    yield made
    await made.leg.abandon()


async def test_the_leg_is_dialled_so_that_the_dialplan_goes_on_after_it(rig: Rig) -> None:
    await rig.open()
    assert rig.session.dialled == "Dial(UnicastRTP/127.0.0.1:4000/c(ulaw),,gS(60))"


async def test_the_socket_is_connected_to_the_address_that_asterisk_named(rig: Rig) -> None:
    await rig.open()
    assert rig.socket.peer == ("127.0.0.9", 77)


async def test_a_leg_of_another_call_is_not_ours(rig: Rig) -> None:
    opening = asyncio.ensure_future(rig.leg.open(within_s=5.0))
    await asyncio.sleep(0)
    rig.leg.on_event({"Event": "Newchannel", "Channel": "UnicastRTP/127.0.0.1:40001-0x1"})
    rig.leg.on_event({"Event": "Hangup", "Channel": CHANNEL})
    await asyncio.sleep(0)
    assert rig.socket.peer is None
    rig.leg.on_event(NEW)
    await opening


async def test_a_leg_that_came_up_while_ami_was_away_is_found_in_the_present_state(
    rig: Rig,
) -> None:
    opening = asyncio.ensure_future(rig.leg.open(within_s=5.0))
    await asyncio.sleep(0)
    rig.leg.on_event({"Event": "OrderlineResync", "Channels": f"PJSIP/a-1,{CHANNEL}"})
    await opening
    assert rig.socket.peer == ("127.0.0.9", 77)


async def test_a_leg_that_no_event_names_is_asked_for(rig: Rig) -> None:
    """The caller's channel is linked to another call (a Local channel): we get no event of it."""
    rig.pbx.listed = CHANNEL
    await asyncio.wait_for(rig.leg.open(within_s=5.0), 5)
    assert rig.socket.peer == ("127.0.0.9", 77)


async def test_ami_that_goes_again_at_once_is_waited_for_again(rig: Rig) -> None:
    await rig.open()
    rig.pbx.refusals = 1
    await asyncio.wait_for(rig.leg.hang_up(), 5)
    assert rig.pbx.hung_up == [CHANNEL]


async def test_a_leg_whose_session_broke_is_hung_up(rig: Rig) -> None:
    await rig.open()
    rig.session.ended.set_exception(AgiPeerError("nonsense"))
    with pytest.raises(AgiPeerError):
        await rig.leg.hang_up()
    rig.pbx.hung_up.clear()
    await rig.leg.abandon()
    assert rig.pbx.hung_up == [CHANNEL]


async def test_a_leg_that_was_hung_up_is_not_hung_up_again(rig: Rig) -> None:
    await rig.open()
    await rig.leg.hang_up()
    await rig.leg.abandon()
    assert rig.pbx.hung_up == [CHANNEL]


async def test_no_leg_in_time_is_a_media_error(rig: Rig) -> None:
    with pytest.raises(MediaError, match="does AMI send call events"):
        await rig.leg.open(within_s=0.01)


async def test_a_dial_that_ends_at_once_is_a_media_error(rig: Rig) -> None:
    rig.session.ended.set_result(None)
    with pytest.raises(MediaError, match=r"is chan_rtp\.so loaded"):
        await rig.leg.open(within_s=5.0)


async def test_a_caller_who_leaves_while_it_is_opened_is_said(rig: Rig) -> None:
    rig.session.ended.set_exception(CallerHungUp())
    with pytest.raises(CallerHungUp):
        await rig.leg.open(within_s=5.0)


async def test_ami_lost_while_it_is_opened_is_said(rig: Rig) -> None:
    rig.pbx.back.clear()
    with pytest.raises(PbxDown):
        await rig.open()


async def test_a_leg_without_an_address_is_a_media_error(rig: Rig) -> None:
    rig.pbx.variables["UNICASTRTP_LOCAL_PORT"] = ""
    with pytest.raises(MediaError, match="does not tell where"):
        await rig.open()


async def test_hanging_up_ends_the_dial(rig: Rig) -> None:
    await rig.open()
    await rig.leg.hang_up()
    assert rig.pbx.hung_up == [CHANNEL]


async def test_without_ami_the_hang_up_waits_until_it_is_back(rig: Rig) -> None:
    await rig.open()
    rig.pbx.back.clear()
    hanging = asyncio.ensure_future(rig.leg.hang_up())
    await asyncio.sleep(0.01)
    assert not hanging.done()
    rig.pbx.back.set()
    await asyncio.wait_for(hanging, 5)
    assert rig.pbx.hung_up == [CHANNEL]


async def test_asterisk_may_end_the_leg_by_itself_while_ami_is_away(rig: Rig) -> None:
    await rig.open()
    rig.pbx.back.clear()
    hanging = asyncio.ensure_future(rig.leg.hang_up())
    await asyncio.sleep(0.01)
    rig.session.ended.set_result(None)
    await asyncio.wait_for(hanging, 5)
    assert rig.pbx.hung_up == []


async def test_a_leg_that_no_event_named_is_looked_for_and_ended(rig: Rig) -> None:
    with contextlib.suppress(MediaError):
        await rig.leg.open(within_s=0.01)
    rig.pbx.listed = CHANNEL
    await asyncio.wait_for(rig.leg.hang_up(), 5)
    assert rig.pbx.hung_up == [CHANNEL]


async def test_hanging_up_a_leg_that_was_never_dialled_is_nothing(rig: Rig) -> None:
    await rig.leg.hang_up()
    assert rig.pbx.hung_up == []


async def test_the_caller_leaving_is_told_to_who_waits_for_the_end(rig: Rig) -> None:
    await rig.open()
    waiting = asyncio.ensure_future(rig.leg.ended())
    await asyncio.sleep(0)
    rig.session.ended.set_exception(CallerHungUp())
    with pytest.raises(CallerHungUp):
        await waiting
