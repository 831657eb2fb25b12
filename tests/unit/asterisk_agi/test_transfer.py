"""Which step each way runs, and what each of its ends means for the caller."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from asterisk_agi.dialogue.desk import TransferFailure
from asterisk_agi.errors import AgiPeerError, AgiRefused, CallerHungUp, CallError
from asterisk_agi.handoff import Outcome
from asterisk_agi.heartbeat import Heartbeat, HeartbeatSettings
from asterisk_agi.people import PeopleSettings, Way
from asterisk_agi.protocol import Prelude, Reply
from asterisk_agi.story import Story
from asterisk_agi.transfer import Switchboard
from dialplan.reasons import Reason
from tests.unit.asterisk_agi.fake_pbx import FakePbx
from tests.unit.asterisk_agi.test_reception import NoManager

ASKED = Outcome(Reason.CALLER_ASKED, "Caller: Dana Whitfield.")
BRIDGED = {"Event": "BridgeEnter", "Uniqueid": "1.1", "Channel": "PJSIP/caller-1"}
PICKED_UP = {"Event": "DialBegin", "Uniqueid": "1.2", "DestChannel": "UnicastRTP/127.0.0.1:9-1"}


class Session:
    """A caller's channel. ends: for each step, its result, the events during it, its status."""

    def __init__(self, pbx: FakePbx, *ends: tuple[str, list[dict[str, str]], str]) -> None:
        self.prelude = Prelude({"agi_uniqueid": "1.1", "agi_channel": "PJSIP/caller-1"})
        self.pbx = pbx
        self.ends = list(ends)
        self.steps: list[str] = []
        self.known = {
            "${VERSION(ASTERISK_VERSION_NUM)}": "221001",
            "${DIALPLAN_EXISTS(sales,700,1)}": "1",
        }
        self.told: dict[str, str] = {}
        self.told_at_step: list[dict[str, str]] = []
        self.fails: CallError | None = None

    async def exec(self, app: str, args: str, timeout_s: float | None = None) -> Reply:
        self.steps.append(f"{app}({args})")
        self.told_at_step.append(dict(self.told))
        result, events, status = self.ends.pop(0)
        for event in events:
            self.pbx.subscribers["1.1"](event)
            await asyncio.sleep(0.01)
        if self.fails is not None:
            raise self.fails
        self.known |= {"${QUEUESTATUS}": status, "${DIALSTATUS}": status}
        return Reply(200, result, None, None, f"result={result}", ())

    async def command(self, verb: str, *args: str, timeout_s: float | None = None) -> Reply:
        self.steps.append(" ".join((verb, *args)))
        return Reply(200, "0", None, None, "result=0", ())

    async def get_full_variable(self, expression: str) -> str | None:
        return self.known.get(expression)

    async def set_variable(self, name: str, value: str) -> None:
        self.told[name] = value


async def put_through(
    pbx: FakePbx, session: Session, outcome: Outcome = ASKED, **people: Any
) -> Outcome | TransferFailure:
    settings = PeopleSettings(**people)
    heartbeat = Heartbeat(HeartbeatSettings(), "127.0.0.1:4573", NoManager())
    board = Switchboard(settings, pbx, heartbeat)
    try:
        return await board.put_through(session, outcome, Story(None, "session"))
    finally:
        assert heartbeat.calls == ()
        assert pbx.subscribers == {}


@pytest.fixture
def pbx() -> FakePbx:
    with FakePbx() as pbx:
        return pbx


PHONES = ("PJSIP/anna", "PJSIP/ben")
RING: dict[str, Any] = {"way": Way.RING, "ring": PHONES, "timeout_s": 20}
QUEUE: dict[str, Any] = {"way": Way.QUEUE, "queue": "support", "timeout_s": 20}
ATTENDED: dict[str, Any] = {"way": Way.ATTENDED, "ring": PHONES, "timeout_s": 20}


async def test_a_human_who_had_the_caller_ends_the_call(pbx: FakePbx) -> None:
    session = Session(pbx, ("-1", [PICKED_UP, BRIDGED], "ANSWER"))
    assert await put_through(pbx, session, **RING) == Outcome(Reason.TRANSFERRED, ASKED.summary)
    assert session.steps == ["Dial(PJSIP/anna&PJSIP/ben,20,trU(orderline-whisper))"]
    assert session.told_at_step[0] == {
        "__ORDERLINE_REASON": "caller-asked",
        "__ORDERLINE_SUMMARY": "Caller: Dana Whitfield.",
    }, "the human's channel inherits it"
    assert pbx.set["__ORDERLINE_RESULT"] == "completed", "noted before the talk has ended"


@pytest.mark.parametrize(
    ("version", "step"),
    [
        ("221001", "Queue(support,tr,,,20,,orderline-whisper)"),
        ("210000", "Queue(support,tr,,,20,,orderline-whisper)"),
        ("201900", "Queue(support,tr,,,20,,,orderline-whisper)"),
        ("162800", "Queue(support,tr,,,20,,,orderline-whisper)"),
        ("", "Queue(support,tr,,,20,)"),
    ],
)
async def test_the_whisper_has_its_place_in_each_version_of_queue(
    pbx: FakePbx, version: str, step: str
) -> None:
    session = Session(pbx, ("-1", [BRIDGED], ""))
    session.known["${VERSION(ASTERISK_VERSION_NUM)}"] = version
    await put_through(pbx, session, **QUEUE)
    assert session.steps == [step]


@pytest.mark.parametrize(
    ("people", "end", "failure"),
    [
        (RING, ("0", [], "NOANSWER"), TransferFailure.UNANSWERED),
        (RING, ("0", [], "BUSY"), TransferFailure.BUSY),
        (RING, ("0", [], "CHANUNAVAIL"), TransferFailure.UNREACHABLE),
        (RING, ("0", [], "CONGESTION"), TransferFailure.UNREACHABLE),
        (RING, ("-1", [PICKED_UP], "ANSWER"), TransferFailure.DECLINED),
        (QUEUE, ("0", [], "TIMEOUT"), TransferFailure.UNANSWERED),
        (QUEUE, ("0", [], "FULL"), TransferFailure.BUSY),
        (QUEUE, ("0", [], "JOINEMPTY"), TransferFailure.UNREACHABLE),
        (QUEUE, ("0", [], "UNKNOWN"), TransferFailure.UNREACHABLE),
    ],
)
async def test_a_caller_whom_nobody_takes_comes_back(
    pbx: FakePbx,
    people: dict[str, Any],
    end: tuple[str, list[dict[str, str]], str],
    failure: TransferFailure,
) -> None:
    assert await put_through(pbx, Session(pbx, end), **people) is failure
    assert pbx.set == {}


async def test_who_chose_to_hold_is_not_sent_back_from_the_queue_at_once(pbx: FakePbx) -> None:
    """The wait that was told may be minutes; telephones that ring are no queue."""
    holding = Outcome(Reason.CALLER_ASKED, holds=True)
    queued = Session(pbx, ("-1", [BRIDGED], ""))
    await put_through(pbx, queued, holding, **QUEUE, whisper=False, hold_s=600)
    assert queued.steps == ["Queue(support,tr,,,600,)"]
    rung = Session(pbx, ("-1", [BRIDGED], ""))
    await put_through(pbx, rung, holding, **RING, whisper=False, hold_s=600)
    assert rung.steps == ["Dial(PJSIP/anna&PJSIP/ben,20,tr)"]


async def test_attended_asks_one_after_the_other(pbx: FakePbx) -> None:
    session = Session(
        pbx, ("0", [PICKED_UP], "ANSWER"), ("-1", [PICKED_UP, BRIDGED], "ANSWER")
    )
    ended = await put_through(pbx, session, **ATTENDED)
    assert isinstance(ended, Outcome)
    assert ended.reason is Reason.TRANSFERRED
    assert session.steps == [
        f"Dial(PJSIP/{name},20,trU(orderline-whisper^accept))" for name in ("anna", "ben")
    ]


@pytest.mark.parametrize(
    ("first", "failure"),
    [
        (("0", [PICKED_UP], "ANSWER"), TransferFailure.DECLINED),
        (("0", [], "NOANSWER"), TransferFailure.UNANSWERED),
    ],
)
async def test_attended_by_nobody(
    pbx: FakePbx, first: tuple[str, list[dict[str, str]], str], failure: TransferFailure
) -> None:
    """No key is as good as no answer; a no of anybody is told as one."""
    session = Session(pbx, first, ("0", [PICKED_UP], "CONGESTION"))
    assert await put_through(pbx, session, **ATTENDED) is failure


async def test_an_extension_is_set_when_it_is_there(pbx: FakePbx) -> None:
    session = Session(pbx)
    people: dict[str, Any] = {"way": Way.EXTENSION, "extension": "700", "context": "sales"}
    assert await put_through(pbx, session, **people) is ASKED
    assert session.steps == ["SET CONTEXT sales", "SET EXTENSION 700", "SET PRIORITY 1"]


async def test_an_extension_that_is_not_there_leaves_the_caller_to_the_label(pbx: FakePbx) -> None:
    session = Session(pbx)
    people: dict[str, Any] = {"way": Way.EXTENSION, "extension": "799", "context": "sales"}
    assert await put_through(pbx, session, **people) is ASKED
    assert session.steps == []


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(Reason.GOODBYE),
        Outcome(Reason.MEDIA_FAILED),
        Outcome(Reason.CALLER_ASKED, by_label=True),
    ],
)
async def test_what_is_not_for_a_human_or_for_the_label_is_left_alone(
    pbx: FakePbx, outcome: Outcome
) -> None:
    session = Session(pbx)
    assert await put_through(pbx, session, outcome, **RING) is outcome
    assert session.steps == []


async def test_a_caller_who_leaves_while_it_rings(pbx: FakePbx) -> None:
    session = Session(pbx, ("0", [], ""))
    session.fails = CallerHungUp("gone")
    ended = await put_through(pbx, session, **RING)
    assert isinstance(ended, Outcome)
    assert ended.reason is Reason.CALLER_HUNG_UP


async def test_a_caller_who_leaves_a_talk_was_transferred(pbx: FakePbx) -> None:
    session = Session(pbx, ("0", [BRIDGED], ""))
    session.fails = CallerHungUp("gone")
    ended = await put_through(pbx, session, **RING)
    assert isinstance(ended, Outcome)
    assert ended.reason is Reason.TRANSFERRED


async def test_an_asterisk_without_the_application(pbx: FakePbx) -> None:
    session = Session(pbx, ("0", [], ""))
    session.fails = AgiRefused("no application Queue")
    assert await put_through(pbx, session, **QUEUE) is TransferFailure.UNREACHABLE


async def test_a_broken_session_leaves_the_caller_to_the_label(pbx: FakePbx) -> None:
    session = Session(pbx, ("0", [], ""))
    session.fails = AgiPeerError("garbled")
    assert await put_through(pbx, session, **QUEUE) is ASKED


async def test_a_human_is_connected_though_ami_is_down(pbx: FakePbx) -> None:
    """The mark can't be written then, and nothing else changes."""
    pbx.connected = False
    session = Session(pbx, ("-1", [BRIDGED], "ANSWER"))
    ended = await put_through(pbx, session, **RING)
    assert isinstance(ended, Outcome)
    assert ended.reason is Reason.TRANSFERRED


