"""A queue by its answers and events, and telephones by their states; what is not known is said."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from ami_bridge.devices import DeviceWatch, ExtensionWatch
from ami_bridge.errors import AmiDown, AmiRefused
from ami_bridge.guard import HeaderValue
from ami_bridge.queues import (
    MEMBERS_MAX,
    PICTURE_S,
    HumansState,
    Member,
    Picture,
    QueueWatch,
    after,
    picture_of,
)
from ami_bridge.subscriptions import RESYNC, AmiEvent, OnEvent, Subscription
from erp.deadline import Deadline

NAME = "support"
Answer = Sequence[Mapping[str, str]]


def member(place: str, status: str = "1", paused: str = "0", in_call: str = "0") -> AmiEvent:
    return {
        "Event": "QueueMember",
        "Queue": NAME,
        "Location": place,
        "Status": status,
        "Paused": paused,
        "InCall": in_call,
    }


def status(*members: AmiEvent, calls: int = 0, hold: int = 0, talk: int = 0) -> Answer:
    params = {
        "Event": "QueueParams",
        "Queue": NAME,
        "Calls": str(calls),
        "Holdtime": str(hold),
        "TalkTime": str(talk),
    }
    end = {"Event": "QueueStatusComplete", "EventList": "Complete"}
    return ({"Response": "Success", "EventList": "start"}, params, *members, end)


def summary(longest: int = 0) -> Answer:
    return (
        {"Response": "Success"},
        {"Event": "QueueSummary", "Queue": NAME, "LongestHoldTime": str(longest)},
    )


UNKNOWN: Answer = ({"Response": "Success"}, {"Event": "QueueStatusComplete"})


class FakeAmi:
    """Answers what it was given; events are told by hand."""

    def __init__(self, **answers: Answer | Exception) -> None:
        self.answers: dict[str, Answer | Exception] = dict(answers)
        self.asked: list[tuple[str, dict[str, HeaderValue]]] = []
        self.silent = False
        self.tell: OnEvent = lambda _: None
        self.cancelled = 0

    async def action(self, name: str, **headers: HeaderValue) -> Answer:
        self.asked.append((name, headers))
        if self.silent:
            await asyncio.Event().wait()
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def subscribe_all(self, on_event: OnEvent) -> Subscription:
        self.tell = on_event
        return Subscription(None, on_event, self._end)

    def _end(self, subscription: Subscription) -> None:
        self.cancelled += 1


def soon(seconds: float = 1.0) -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), seconds)


TWO = status(member("PJSIP/anna"), member("PJSIP/ben", status="2", in_call="1"), calls=1, talk=120)


async def test_tells_who_is_there_who_talks_and_who_waits() -> None:
    ami = FakeAmi(
        QueueStatus=status(
            member("PJSIP/anna"),
            member("PJSIP/ben", status="2", in_call="1"),
            member("PJSIP/cleo", status="6"),
            member("PJSIP/dora", paused="1"),
            member("PJSIP/emil", status="5"),
            member("PJSIP/fred", status="0"),
            calls=3,
        ),
        QueueSummary=summary(),
    )
    seen = await QueueWatch(ami, NAME).look(soon())
    assert seen == HumansState(True, staffed=4, paused=1, in_call=2, free=2, waiting=3)
    assert ami.asked[0] == ("QueueStatus", {"Queue": NAME})


@pytest.mark.parametrize(
    ("picture", "configured_s", "wait_s"),
    [
        # three wait, two talk for 120 s each on average: four talks must end
        (Picture({}, 3, talk_s=120.0), 0.0, 240.0),
        # nobody has talked yet: the configured length counts
        (Picture({}, 0), 90.0, 45.0),
        # Asterisk's own figure comes before the configured one, unless it is of a few talks
        (Picture({}, 0, talk_s=60.0, talks=5), 900.0, 30.0),
        (Picture({}, 0, talk_s=60.0, talks=4), 900.0, 450.0),
        (Picture({}, 0, talk_s=60.0, talks=4), 0.0, 30.0),
        # who was answered lately waited longer
        (Picture({}, 0, hold_s=300.0, talk_s=60.0), 0.0, 300.0),
        # somebody waits longer than all that already
        (Picture({}, 1, hold_s=30.0, talk_s=60.0, longest_s=400.0), 0.0, 400.0),
        # no figure at all
        (Picture({}, 5), 0.0, None),
    ],
)
def test_the_expected_wait_is_the_longest_that_the_numbers_give(
    picture: Picture, configured_s: float, wait_s: float | None
) -> None:
    two = {"a": Member("2", False, True), "b": Member("2", False, True)}
    assert replace(picture, members=two).state(configured_s).wait_s == wait_s


def test_without_anybody_there_no_wait_is_told() -> None:
    assert Picture({}, 0, 60.0, 60.0).state(60.0) == HumansState(known=True)


@pytest.mark.parametrize("error", [AmiDown("gone"), AmiRefused("no right")])
async def test_without_ami_nothing_is_known(error: Exception) -> None:
    ami = FakeAmi(QueueStatus=error, QueueSummary=error)
    assert await QueueWatch(ami, NAME).look(soon()) == HumansState()


async def test_an_unknown_queue_is_not_known() -> None:
    ami = FakeAmi(QueueStatus=UNKNOWN, QueueSummary=UNKNOWN)
    assert await QueueWatch(ami, NAME).look(soon()) == HumansState()


async def test_events_stand_in_for_an_answer_that_is_late() -> None:
    ami = FakeAmi(QueueStatus=TWO, QueueSummary=summary())
    watch = QueueWatch(ami, NAME)
    watch.start()
    assert (await watch.look(soon())).free == 1
    ami.silent = True
    ami.tell({"Event": "QueueMemberStatus", "Queue": NAME, "Interface": "PJSIP/anna",
              "Status": "2", "Paused": "0", "InCall": "1"})  # fmt: skip
    ami.tell({"Event": "QueueCallerJoin", "Queue": NAME, "Count": "2"})
    ami.tell({"Event": "QueueCallerJoin", "Queue": "other", "Count": "9"})
    late = await watch.look(soon(0.01))
    assert (late.known, late.free, late.waiting) == (True, 0, 2)
    watch.close()
    watch.close()
    assert ami.cancelled == 1


@pytest.mark.parametrize("name", [RESYNC, "FullyBooted", "Reload"])
async def test_what_came_before_a_restart_counts_for_nothing(name: str) -> None:
    ami = FakeAmi(QueueStatus=TWO, QueueSummary=summary())
    watch = QueueWatch(ami, NAME)
    watch.start()
    await watch.look(soon())
    ami.tell({"Event": name})
    ami.silent = True
    assert await watch.look(soon(0.01)) == HumansState()


async def test_an_old_picture_does_not_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    ami = FakeAmi(QueueStatus=TWO, QueueSummary=summary())
    watch = QueueWatch(ami, NAME)
    await watch.look(soon())
    ami.silent = True
    monkeypatch.setattr("ami_bridge.queues.PICTURE_S", 0.0)
    assert await watch.look(soon(0.01)) == HumansState()
    assert PICTURE_S > 0


async def test_an_answer_that_never_comes_is_not_waited_for() -> None:
    ami = FakeAmi()
    ami.silent = True
    begin_s = asyncio.get_running_loop().time()
    assert await QueueWatch(ami, NAME).look(soon(0.05)) == HumansState()
    assert asyncio.get_running_loop().time() - begin_s < 1.0


def test_events_change_members() -> None:
    before = picture_of(NAME, TWO, summary())
    assert before is not None
    paused = after(before, {"Event": "QueueMemberPause", "Queue": NAME, "Interface": "PJSIP/anna",
                            "Status": "1", "Paused": "1", "InCall": "0"})  # fmt: skip
    assert paused.state(0).staffed == 1
    gone = after(before, {"Event": "QueueMemberRemoved", "Interface": "PJSIP/anna"})
    assert set(gone.members) == {"PJSIP/ben"}
    come = after(before, {"Event": "QueueMemberAdded", "Interface": "PJSIP/gus", "Status": "1"})
    assert come.state(0).free == 2
    assert after(before, {"Event": "AgentConnect", "Interface": "PJSIP/anna"}) == before
    left = after(before, {"Event": "QueueCallerLeave", "Count": "0"})
    assert left.waiting == 0


def test_the_members_of_a_queue_are_capped() -> None:
    many = status(*(member(f"PJSIP/{number}") for number in range(MEMBERS_MAX + 50)))
    picture = picture_of(NAME, many, summary())
    assert picture is not None and len(picture.members) <= MEMBERS_MAX
    more = picture
    for number in range(MEMBERS_MAX + 50):
        more = after(more, {"Event": "QueueMemberAdded", "Interface": f"X/{number}", "Status": "1"})
    assert len(more.members) <= MEMBERS_MAX


def test_numbers_that_are_none_count_as_nothing() -> None:
    params = {"Event": "QueueParams", "Queue": NAME, "Calls": "-1", "Holdtime": "x", "TalkTime": ""}
    assert picture_of(NAME, (params,), ()) == Picture({}, 0)


# Telephones without a queue


def value(text: str) -> Answer:
    return ({"Response": "Success", "Value": text},)


class ManyStates(FakeAmi):
    """Answers with the state of the device that is asked for."""

    def __init__(self, **states: str) -> None:
        super().__init__()
        self.states = states

    async def action(self, name: str, **headers: HeaderValue) -> Answer:
        device = str(headers["Variable"]).removeprefix("DEVICE_STATE(PJSIP/").removesuffix(")")
        return value(self.states[device])


async def test_telephones_are_free_busy_or_not_there() -> None:
    ami = ManyStates(anna="NOT_INUSE", ben="INUSE", cleo="UNAVAILABLE")
    watch = DeviceWatch(ami, ("PJSIP/anna", "PJSIP/ben", "PJSIP/cleo"))
    assert await watch.look(soon()) == HumansState(True, staffed=2, in_call=1, free=1)


@pytest.mark.parametrize("text", ["", "UNKNOWN", "nonsense"])
async def test_a_telephone_without_a_state_makes_all_unknown(text: str) -> None:
    ami = ManyStates(anna="NOT_INUSE", ben=text)
    assert await DeviceWatch(ami, ("PJSIP/anna", "PJSIP/ben")).look(soon()) == HumansState()


async def test_telephones_without_ami_are_not_known() -> None:
    gone = FakeAmi(Getvar=AmiDown("gone"))
    assert await DeviceWatch(gone, ("PJSIP/anna",)).look(soon()) == HumansState()
    gone.silent = True
    assert await DeviceWatch(gone, ("PJSIP/anna",)).look(soon(0.01)) == HumansState()


@pytest.mark.parametrize(
    ("hint", "code", "seen"),
    [
        ("PJSIP/anna", "0", HumansState(True, 1, 0, 0, 1)),
        ("PJSIP/anna", "1", HumansState(True, 1, 0, 1, 0)),
        ("PJSIP/anna", "4", HumansState(True, 0, 0, 0, 0)),
        ("", "-1", HumansState()),
        ("", "0", HumansState()),
    ],
)
async def test_an_extension_is_known_by_its_hint(hint: str, code: str, seen: HumansState) -> None:
    answer: Answer = ({"Response": "Success", "Hint": hint, "Status": code},)
    ami = FakeAmi(ExtensionState=answer)
    assert await ExtensionWatch(ami, "700", "office").look(soon()) == seen
    assert ami.asked == [("ExtensionState", {"Exten": "700", "Context": "office"})]
