"""The look-up of the caller: nobody waits for it, and its outcome is told honestly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date

import pytest

from asterisk_agi.dialogue.events import CallAnswered, CustomersFound, LookupFailed, LookupOutcome
from asterisk_agi.greeting import Greeting, Told
from asterisk_agi.inquiry import Inquiry
from asterisk_agi.story import Story
from asterisk_agi.tasks import Tasks
from dialplan.reasons import Reason
from erp.deadline import Deadline
from erp.errors import BackendDown, BackendRefused
from erp.model import Customer
from tests.unit.asterisk_agi.test_inquiry import CUSTOMER, FakeErp


class LateErp(FakeErp):
    """A system that answers when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def customers_by_phone(self, number: str, deadline: Deadline) -> tuple[Customer, ...]:
        await self.may_answer.wait()
        return await super().customers_by_phone(number, deadline)


class Rig:
    def __init__(self) -> None:
        self.erp = LateErp()
        self.told: asyncio.Queue[Told] = asyncio.Queue()
        self.tasks = Tasks(lambda error: None)
        inquiry = Inquiry(self.erp, Story(None, "s"), date.today)
        self.greeting = Greeting(inquiry, self.tasks, self.told.put_nowait)

    async def run(self, number: str, wait_s: float) -> Told:
        deadline = Deadline.after(asyncio.get_running_loop().time(), 5.0)
        self.greeting.look_up(number, deadline)
        await self.greeting.run(wait_s)
        return await self.next()

    async def next(self) -> Told:
        return await asyncio.wait_for(self.told.get(), 1)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    yield made
    await made.tasks.close()


async def test_a_look_up_in_time_comes_with_the_answer(rig: Rig) -> None:
    rig.erp.may_answer.set()
    assert await rig.run("1", 5.0) == CallAnswered(LookupOutcome.DONE, (CUSTOMER,))


async def test_a_number_of_nobody_is_done_too(rig: Rig) -> None:
    rig.erp.may_answer.set()
    assert await rig.run("2", 5.0) == CallAnswered(LookupOutcome.DONE)


async def test_a_late_look_up_follows_the_greeting(rig: Rig) -> None:
    assert await rig.run("1", 0.0) == CallAnswered(LookupOutcome.LATE)
    rig.erp.may_answer.set()
    assert await rig.next() == CustomersFound((CUSTOMER,))


async def test_a_failed_look_up_is_told_at_once(rig: Rig) -> None:
    rig.erp.may_answer.set()
    rig.erp.error = BackendRefused("fake", "customers_by_phone", "wrong password")
    assert await rig.run("1", 5.0) == CallAnswered(
        LookupOutcome.FAILED, reason=Reason.BACKEND_REFUSED
    )


async def test_a_look_up_that_fails_late_is_told_with_its_reason(rig: Rig) -> None:
    assert await rig.run("1", 0.0) == CallAnswered(LookupOutcome.LATE)
    rig.erp.error = BackendDown("fake", "customers_by_phone", "refused")
    rig.erp.may_answer.set()
    assert await rig.next() == LookupFailed(Reason.BACKEND_DOWN)
