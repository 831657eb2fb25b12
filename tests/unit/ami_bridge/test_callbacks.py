"""Dialling what is due: each agreement at most once, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ami_bridge.callbacks import CallbackDialer
from ami_bridge.connection import AmiConnection
from erp.callbacks.book import Callback, CallbackBook, State
from erp.callbacks.notice import NOTICE
from erp.callbacks.settings import CallbackSettings
from erp.callbacks.task_list import TaskList, outcome_key
from erp.callbacks.times import Schedule
from erp.callbacks.wording import agreed_task
from erp.events.model import Health
from erp.store.errors import StoreError
from erp.store.store import Store
from tests.unit.ami_bridge.fake_ami import (
    WITHIN_S,
    Action,
    FakeAmi,
    connected,
    error,
    fake_ami,
    message,
)
from tests.unit.erp.callbacks.company import (
    DANA,
    MARCUS,
    NOON,
    Clock,
    Told,
    opened,
    request,
    schedule,
)

SETTINGS = CallbackSettings(enabled=True, attempts=2, retry_s=600.0, look_s=30.0, at_once=1)


@dataclass
class Rig:
    """A dialer before a small AMI server, with a clock of its own."""

    server: FakeAmi
    ami: AmiConnection
    store: Store
    clock: Clock
    told: Told
    tasks: list[str]

    @property
    def book(self) -> CallbackBook:
        return CallbackBook(self.store)

    def dialer(
        self,
        settings: CallbackSettings = SETTINGS,
        plan: Schedule | None = None,
        name: str = "bridge",
    ) -> CallbackDialer:
        return CallbackDialer(
            settings, plan or schedule(), self.store, self.ami,
            name=name, sink=self.told, now=self.clock, on_task=lambda: self.tasks.append("new"),
        )  # fmt: skip

    async def agree(self, key: str = "key-0001", number: str = DANA) -> None:
        wish = request(key, number, after_s=0)
        await self.book.add(wish, agreed_task(wish, NOON), NOON)
        self.server.send(message(Event="UserEvent", UserEvent=NOTICE, Key=key))

    async def row(self, key: str = "key-0001") -> Callback:
        row = await self.book.get(key)
        assert row is not None
        return row

    async def reaches(self, *states: State, key: str = "key-0001") -> Callback:
        async def reached() -> Callback:
            while (row := await self.row(key)).state not in states:
                await asyncio.sleep(0.01)
            return row

        return await asyncio.wait_for(reached(), WITHIN_S)

    def says(self, event: str, attempt: int = 1, **headers: str) -> None:
        name = f"orderline-cb-key-0001-{attempt}"
        self.server.send(message(Event=event, Uniqueid=name, Linkedid=name, **headers))


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with opened(tmp_path) as store, serving() as (server, ami):
        yield Rig(server, ami, store, Clock(), Told(), [])


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[FakeAmi, AmiConnection]]:
    async with fake_ami() as server, connected(server) as ami:
        yield server, ami


@asynccontextmanager
async def running(dialer: CallbackDialer) -> AsyncIterator[None]:
    await dialer.start()
    try:
        yield
    finally:
        await dialer.close()
        await dialer.close()


async def test_one_that_is_due_is_dialled_and_told(rig: Rig) -> None:
    async with running(rig.dialer()):
        await rig.agree()
        sent = await rig.server.received("Originate")
        assert sent["Data"] == f"PJSIP/{DANA}@trunk,30"
        await rig.reaches(State.RINGING_HUMAN)
        rig.says("DialBegin")
        await rig.reaches(State.RINGING_CUSTOMER)
        rig.says("DialEnd", DialStatus="ANSWER")
        await rig.reaches(State.CONNECTED)
    assert rig.told.types() == ["escalated", "transferred"]
    assert {ids.session for ids, _ in rig.told.events} == {"session-key-0001"}
    assert rig.tasks == []


async def test_before_its_time_nothing_is_dialled_and_then_it_is(rig: Rig) -> None:
    rig.clock.forward(-0.2)
    async with running(rig.dialer()):
        await rig.agree()
        await asyncio.sleep(0.1)
        assert (await rig.row()).state is State.AGREED
        rig.clock.forward(0.2)
        await rig.server.received("Originate")


async def test_outside_the_hours_of_the_customer_it_is_put_off(rig: Rig) -> None:
    async with running(rig.dialer(plan=schedule(hours="13:00-14:00"))):
        await rig.agree()
        while (await rig.row()).at == NOON:
            await asyncio.sleep(0.01)
        row = await rig.row()
    assert (row.state, row.at.hour) == (State.AGREED, 18)  # 13:00 in New York
    assert no_originate(rig)


def no_originate(rig: Rig) -> bool:
    return not any(action["Action"] == "Originate" for action in rig.server.actions)


async def test_a_number_whose_country_is_not_allowed_any_more_is_left_to_a_human(rig: Rig) -> None:
    async with running(rig.dialer(plan=schedule(allowed_regions=("DE",)))):
        await rig.agree()
        row = await rig.reaches(State.CANCELLED)
    assert "country" in row.why
    assert set(rig.told.types()) == {"health"}
    assert [task.key for task in await TaskList(rig.store).due(NOON, 9)] == [outcome_key(row.key)]
    assert no_originate(rig)


async def test_a_customer_who_does_not_answer_becomes_a_task_and_is_not_rung_again(
    rig: Rig,
) -> None:
    async with running(rig.dialer()):
        await rig.agree()
        await rig.server.received("Originate")
        rig.says("DialBegin")
        rig.says("DialEnd", DialStatus="NOANSWER")
        row = await rig.reaches(State.CUSTOMER_UNANSWERED)
        rig.clock.forward(10_000)
    assert "NOANSWER" in row.why
    assert rig.tasks == ["new"]
    assert len([a for a in rig.server.actions if a["Action"] == "Originate"]) == 1


async def test_humans_are_tried_again_as_often_as_configured(rig: Rig) -> None:
    async with running(rig.dialer()):
        await rig.agree()
        await rig.server.received("Originate")
        rig.says("Hangup")
        row = await rig.reaches(State.AGREED)
        assert (row.attempts, (row.at - rig.clock()).total_seconds()) == (1, 600.0)
        rig.clock.forward(601)
        rig.server.send(message(Event="UserEvent", UserEvent=NOTICE))
        await rig.server.received("Originate", 2)
        rig.says("Hangup", attempt=2)
        row = await rig.reaches(State.HUMAN_UNANSWERED)
    assert row.attempts == 2
    assert rig.tasks == ["new"]


async def test_what_asterisk_refuses_counts_as_a_human_who_did_not_answer(rig: Rig) -> None:
    rig.server.answers["Originate"] = lambda action: error(action, "Extension does not exist.")
    async with running(rig.dialer(replace(SETTINGS, attempts=1))):
        await rig.agree()
        row = await rig.reaches(State.HUMAN_UNANSWERED)
    assert "does not exist" in row.why


async def test_a_missing_right_is_told(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.server.answers["Originate"] = lambda action: error(action, "Permission denied")
    async with running(rig.dialer(replace(SETTINGS, attempts=1))):
        await rig.agree()
        await rig.reaches(State.HUMAN_UNANSWERED)
    assert "can't be dialled" in caplog.text


def cut(rig: Rig) -> Callable[[Action], bytes]:
    def answer(_: Action) -> bytes:
        asyncio.get_running_loop().call_soon(rig.server.cut)
        return b""

    return answer


@pytest.mark.parametrize("when", ["before the answer", "afterwards"])
async def test_when_ami_is_lost_meanwhile_nobody_dials_it_again(rig: Rig, when: str) -> None:
    if when == "before the answer":
        rig.server.answers["Originate"] = cut(rig)
    async with running(rig.dialer()):
        await rig.agree()
        await rig.server.received("Originate")
        if when == "afterwards":
            await rig.reaches(State.RINGING_HUMAN)
            rig.server.cut()
        await rig.reaches(State.UNKNOWN)
        await rig.ami.wait_connected(WITHIN_S)
    assert rig.told.types()[-1] == "health"
    assert rig.tasks
    async with running(rig.dialer(name="other")):
        await asyncio.sleep(0.05)
    assert len([a for a in rig.server.actions if a["Action"] == "Originate"]) == 1


async def test_without_ami_it_waits_and_is_dialled_when_ami_is_back(rig: Rig) -> None:
    await rig.server.stop()
    while rig.ami.connected:
        await asyncio.sleep(0.01)
    async with running(rig.dialer()):
        await rig.agree()
        await asyncio.sleep(0.05)
        assert (await rig.row()).state is State.AGREED
        await rig.server.start()
        await rig.server.received("Originate")


async def test_what_a_crashed_bridge_had_claimed_is_unknown_at_once(rig: Rig) -> None:
    await rig.agree()
    row = await rig.row()
    assert await rig.book.claim(row, "bridge#of-old", NOON.replace(hour=23), NOON)
    async with running(rig.dialer()):
        row = await rig.reaches(State.UNKNOWN)
    assert "ended meanwhile" in row.why
    assert set(rig.told.types()) == {"health"}
    # It is well again at once, or the next failure would be no news.
    assert [vars(event)["well"] for _, event in rig.told.events] == [False, True]
    assert rig.tasks == ["new"]
    assert no_originate(rig)


async def test_what_another_living_bridge_has_claimed_is_left_to_it(rig: Rig) -> None:
    await rig.agree()
    assert await rig.book.claim(await rig.row(), "other#1", NOON.replace(hour=23), NOON)
    async with running(rig.dialer()):
        await asyncio.sleep(0.05)
    assert (await rig.row()).state is State.CLAIMED


async def test_two_dialers_dial_it_once(rig: Rig) -> None:
    async with running(rig.dialer(name="one")), running(rig.dialer(name="two")):
        for number in range(5):
            await rig.agree(f"key-000{number}", f"+1212555010{number}")
        await rig.server.received("Originate", 2)
        await asyncio.sleep(0.1)
        sent = [a["Data"] for a in rig.server.actions if a["Action"] == "Originate"]
        assert len(sent) == len(set(sent)) == 2, "one each at once"


async def test_the_next_waits_until_one_is_free(rig: Rig) -> None:
    async with running(rig.dialer()):
        await rig.agree()
        await rig.server.received("Originate")
        await rig.agree("key-0002", MARCUS)
        await asyncio.sleep(0.05)
        assert (await rig.row("key-0002")).state is State.AGREED
        rig.says("DialBegin")
        rig.says("DialEnd", DialStatus="ANSWER")
        assert (await rig.server.received("Originate", 2))["Data"].startswith(f"PJSIP/{MARCUS}")


async def test_asterisk_that_never_tells_the_end_is_not_waited_for(rig: Rig) -> None:
    quick = replace(SETTINGS, human_ring_s=0.05, customer_ring_s=0.05)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ami_bridge.callbacks.SLACK_S", 0.05)
        async with running(rig.dialer(quick)):
            await rig.agree()
            row = await rig.reaches(State.UNKNOWN)
            told = await told_health(rig, 2)
    assert "never told" in row.why
    assert [event.well for event in told] == [False, True], "it is with a human, and goes on"


async def told_health(rig: Rig, count: int) -> list[Health]:
    async def wait() -> list[Health]:
        while True:
            told = [event for _, event in rig.told.events if isinstance(event, Health)]
            if len(told) >= count:
                return told
            await asyncio.sleep(0.01)

    return await asyncio.wait_for(wait(), WITHIN_S)


async def test_a_store_that_fails_once_costs_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, fails = CallbackBook.due, [1]

    async def due(self: CallbackBook, *given: object) -> list[Callback]:
        if fails:
            fails.pop()
            raise StoreError("disk I/O error")
        return await real(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(CallbackBook, "due", due)
    await rig.agree()
    async with running(rig.dialer(replace(SETTINGS, look_s=0.05))):
        await rig.server.received("Originate")
    assert "wait for the store" in caplog.text


async def test_an_outcome_is_written_although_the_store_fails_at_first(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, fails = CallbackBook.finish, [1]

    async def finish(self: CallbackBook, *given: object, **named: object) -> bool:
        if fails:
            fails.pop()
            raise StoreError("disk I/O error")
        return await real(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(CallbackBook, "finish", finish)
    monkeypatch.setattr("ami_bridge.callbacks.STORE_PAUSE_S", 0.01)
    async with running(rig.dialer()):
        await rig.agree()
        await rig.server.received("Originate")
        rig.says("DialBegin")
        rig.says("DialEnd", DialStatus="ANSWER")
        await rig.reaches(State.CONNECTED)
