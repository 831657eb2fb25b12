"""What the witness tells: rescues, humans' answers, and who is well. AMI is a fake one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from ami_bridge import witness as module
from ami_bridge.errors import AmiDown
from ami_bridge.sightings import Sighting, VoiceHosts
from ami_bridge.subscriptions import RESYNC, OnEvent
from ami_bridge.witness import Witness
from erp.events.model import CallEvent, CallIds, Ended, Escalated, Health, Transferred

VOICE = "127.0.0.1:4573"
VOICES = VoiceHosts(frozenset({"127.0.0.1"}), 4573)
LEG = "UnicastRTP/127.0.0.1:40010-0x1"
CALL = Sighting("1.1", "PJSIP/a-1", "from-trunk", "600", LEG)
CALLER = {"Channel": "PJSIP/a-1", "Uniqueid": "1.1", "Context": "from-trunk", "Exten": "600"}
ON_LEG = {"Event": "DialBegin", **CALLER, "DestChannel": LEG}
LEG_GONE = {"Event": "Hangup", "Channel": LEG, "Uniqueid": "1.2"}
CALLER_GONE = {"Event": "Hangup", "Channel": "PJSIP/a-1", "Uniqueid": "1.1"}
RINGS = {"Event": "DialBegin", **CALLER, "DestChannel": "PJSIP/anna-1"}
ANSWERS = {"Event": "DialEnd", **CALLER, "DestChannel": "PJSIP/anna-1", "DialStatus": "ANSWER"}
LEG_ANSWERS = {"Event": "DialEnd", **CALLER, "DestChannel": LEG, "DialStatus": "ANSWER"}
AGENT = {"Event": "AgentConnect", **CALLER, "MemberName": "Anna", "Interface": "PJSIP/anna"}
TALKS = {"Event": "BridgeEnter", **CALLER}
IDS = CallIds("session-1", "1.1", "sip-1")


class FakeManager:
    def __init__(self) -> None:
        self.connected = True
        self.fails = False
        self.on_event: OnEvent | None = None
        self.set: list[tuple[str, str, str]] = []
        self.variables = {
            "ORDERLINE_SESSION": "session-1",
            "ORDERLINE_SUMMARY": "Caller: Anna.",
            "CHANNEL(pjsip,call-id)": "sip-1",
        }

    def subscribe_all(self, on_event: OnEvent) -> FakeManager:
        self.on_event = on_event
        return self

    def cancel(self) -> None:
        self.on_event = None

    async def getvar(self, channel: str, variable: str) -> str:
        if self.fails:
            raise AmiDown("down")
        return self.variables.get(variable, "")

    async def setvar(self, channel: str, variable: str, value: str) -> bool:
        if self.fails:
            raise AmiDown("down")
        self.set.append((channel, variable, value))
        self.variables[variable.removeprefix("__")] = value
        return True


class Told:
    def __init__(self) -> None:
        self.events: list[tuple[CallIds, CallEvent]] = []

    def tell(self, ids: CallIds, event: CallEvent) -> None:
        self.events.append((ids, event))


class Rig:
    def __init__(self) -> None:
        self.ami, self.told = FakeManager(), Told()
        self.witness = Witness(self.ami, VOICES, self.told)

    def sees(self, *events: Mapping[str, str]) -> None:
        assert self.ami.on_event is not None
        for event in events:
            self.ami.on_event(event)

    async def settled(self) -> None:
        while tasks := tuple(self.witness._tasks):
            await asyncio.gather(*tasks)
            await asyncio.sleep(0)


@asynccontextmanager
async def rigged() -> AsyncIterator[Rig]:
    rig = Rig()
    rig.witness.start()
    try:
        yield rig
    finally:
        await rig.witness.close()
        await rig.witness.close()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEARN_AFTER_S", 0.01)


async def test_a_rescue_is_written_on_the_channel_and_told_with_what_was_learned() -> None:
    async with rigged() as rig:
        rig.sees(ON_LEG)
        rig.witness.rescued(CALL)
        await asyncio.sleep(0)
        assert rig.ami.set == [("PJSIP/a-1", "__ORDERLINE_REASON", "voice-lost")]
        await rig.settled()
    (ids, escalated), (_, ended) = rig.told.events
    assert ids == IDS
    assert escalated == Escalated("voice-lost", "Caller: Anna.", by="bridge")
    assert isinstance(ended, Ended)
    assert (ended.result, ended.reason) == ("unavailable", "voice-lost")
    assert ended.disposition == "AIFAIL"


async def test_a_voice_process_that_ends_the_call_itself_is_believed() -> None:
    """It had no AMI: the bridge ended the leg for it."""
    async with rigged() as rig:
        rig.sees(ON_LEG)
        rig.witness.rescued(CALL)
        await asyncio.sleep(0)
        rig.ami.variables["ORDERLINE_REASON"] = "caller-asked"
        await rig.settled()
    assert rig.told.events == []


async def test_a_human_who_answers_is_told_once_with_the_wait() -> None:
    async with rigged() as rig:
        rig.sees(ON_LEG, LEG_ANSWERS, TALKS, LEG_GONE)
        await asyncio.sleep(0.02)
        rig.sees(RINGS, ANSWERS, AGENT, TALKS, TALKS)
        await rig.settled()
    ((ids, event),) = rig.told.events
    assert ids == IDS
    assert isinstance(event, Transferred)
    assert event.human == "Anna"
    assert 0.02 <= event.waited_s < 2.0


async def test_a_rescued_caller_waits_from_the_rescue_on() -> None:
    async with rigged() as rig:
        rig.sees(ON_LEG)
        rig.witness.rescued(CALL)
        await rig.settled()
        rig.sees(RINGS, ANSWERS, TALKS)
        await rig.settled()
    transferred = rig.told.events[-1][1]
    assert isinstance(transferred, Transferred)
    assert transferred.human == "PJSIP/anna-1"
    assert transferred.waited_s >= 0.01


AT_AGI, AT_HUMAN = {"Priority": "4"}, {"Priority": "6"}
SERVED = [
    ("PJSIP/a-1", "__ORDERLINE_REASON", "transferred"),
    ("PJSIP/a-1", "__ORDERLINE_RESULT", "completed"),
]


@pytest.mark.parametrize(("place", "written"), [(AT_AGI, SERVED), (AT_HUMAN, [])])
async def test_a_caller_whom_our_own_step_holds_is_served_when_a_human_answers(
    place: Mapping[str, str], written: list[tuple[str, str, str]]
) -> None:
    """Else whoever comes back from a voice process that died meanwhile would be queued again."""
    async with rigged() as rig:
        rig.sees({**ON_LEG, **AT_AGI}, LEG_GONE, RINGS, ANSWERS, {**TALKS, **place})
        await rig.settled()
    assert rig.ami.set == written


@pytest.mark.parametrize("leg", [LEG, ""])
async def test_a_call_from_before_a_restart_of_the_bridge_is_followed(leg: str) -> None:
    found = Sighting("1.1", "PJSIP/a-1", "from-trunk", "600", leg, priority="4")
    async with rigged() as rig:
        rig.witness.present([found, Sighting("1.3", "PJSIP/anna-1", "w", "s", whisper=True)])
        assert rig.witness.calls == 1
        if leg:
            rig.sees(LEG_ANSWERS, TALKS, LEG_GONE)
        assert rig.told.events == []
        rig.sees(RINGS, ANSWERS, {**TALKS, **AT_AGI})
        await rig.settled()
    ((_, event),) = rig.told.events
    assert isinstance(event, Transferred)
    assert rig.ami.set == SERVED


async def test_whoever_is_whispered_to_is_not_followed() -> None:
    agi = {"Event": "Newexten", "Application": "AGI", "AppData": f"agi://{VOICE}/whisper,"}
    async with rigged() as rig:
        rig.sees({**CALLER, **agi, "Uniqueid": "1.3", "Channel": "PJSIP/anna-1"})
        assert rig.witness.calls == 0


@pytest.mark.parametrize(
    "events",
    [
        (RINGS, {**ANSWERS, "DialStatus": "NOANSWER"}, TALKS),
        (ON_LEG, LEG_ANSWERS, TALKS, LEG_GONE, CALLER_GONE),
        (RINGS, ANSWERS, CALLER_GONE, TALKS),
        ({**ANSWERS, "Uniqueid": "9.9"}, {**TALKS, "Uniqueid": "9.9"}),
    ],
)
async def test_where_no_human_has_the_caller_nothing_is_told(
    events: tuple[Mapping[str, str], ...],
) -> None:
    async with rigged() as rig:
        rig.sees(ON_LEG, *events)
        await rig.settled()
    assert rig.told.events == []


async def test_a_caller_who_comes_back_is_ours_again() -> None:
    async with rigged() as rig:
        rig.sees(ON_LEG, LEG_GONE, RINGS, ANSWERS, ON_LEG, TALKS)
        await rig.settled()
    assert rig.told.events == []


async def test_health_is_told_when_it_changes_and_only_then() -> None:
    async with rigged() as rig:
        rig.witness.voices({VOICE: True})
        rig.witness.voices({VOICE: False})
        rig.witness.voices({VOICE: False})
        rig.witness.voices({VOICE: True})
        rig.ami.connected = False
        rig.witness.voices({VOICE: True})
    part = f"voice:{VOICE}"
    assert [event for _, event in rig.told.events] == [
        Health(part, False, "no sign of life"),
        Health(part, True),
        Health("ami", False, "no connection"),
    ]


async def test_without_ami_a_rescue_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with rigged() as rig:
        rig.ami.fails = True
        rig.witness.rescued(CALL)
        await rig.settled()
    assert rig.told.events == []
    assert "without what AMI knows" in caplog.text


async def test_calls_are_forgotten_at_their_end_and_after_a_loss() -> None:
    async with rigged() as rig:
        rig.sees(ON_LEG)
        assert rig.witness.calls == 1
        rig.sees({"Event": RESYNC, "Channels": f"PJSIP/a-1,{LEG}"})
        assert rig.witness.calls == 1
        rig.sees({"Event": RESYNC, "Channels": ""})
        assert rig.witness.calls == 0


async def test_only_so_many_calls_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WITNESSED_MAX", 2)
    async with rigged() as rig:
        for n in range(4):
            leg = {"DestChannel": f"{LEG}{n}", "Uniqueid": f"1.{n}0"}
            rig.sees({**ON_LEG, **leg})
        assert rig.witness.calls == 2
