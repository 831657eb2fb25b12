"""Queries: typed events out, the deadline kept, and each one told to log and story."""

from __future__ import annotations

import asyncio
import json
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from asterisk_agi.dialogue.effects import AskAvailability, AskLastOrder
from asterisk_agi.dialogue.events import QueryAnswered, QueryFailed
from asterisk_agi.inquiry import Inquiry
from asterisk_agi.story import Story
from dialplan.reasons import Reason
from erp.deadline import Deadline
from erp.errors import BackendDown, BackendSlow
from erp.model import Availability, Customer, Item, NotFound, OrderStatus, Quantity, Source

TODAY = date(2026, 11, 21)
READ_AT = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


def source(operation: str, record: str = "product,1") -> Source:
    return Source("fake", operation, record, READ_AT)


ITEM = Item("1", "4521", "M8 hex bolt", "piece", source("find_item"))
CUSTOMER = Customer("9", "C9", "Northwind", "Anna Berg", source("customers_by_phone", "party,9"))


class FakeErp:
    """A port that answers from memory, or fails, or hangs, as the test says."""

    system = "fake"

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.error: Exception | None = None
        self.hangs = False

    async def _came(self, *what: object) -> None:
        self.asked.append(what)
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error

    async def open(self, deadline: Deadline) -> None:
        await self._came("open")

    async def close(self) -> None:
        self.asked.append("close")

    async def ping(self, deadline: Deadline) -> None:
        await self._came("ping")

    async def customers_by_phone(self, number: str, deadline: Deadline) -> tuple[Customer, ...]:
        await self._came("customers", number)
        return (CUSTOMER,) if number == "1" else ()

    async def find_item(self, number: str, deadline: Deadline) -> Item | NotFound:
        await self._came("item", number)
        return ITEM if number == ITEM.number else NotFound("item", source("find_item", ""))

    async def availability(self, item: Item, on: date, deadline: Deadline) -> Availability:
        await self._came("availability", on)
        ten = Quantity(Decimal(10), "piece")
        return Availability(item, on, ten, (), (), source("availability"))

    async def last_order(self, customer: Customer, deadline: Deadline) -> OrderStatus | NotFound:
        await self._came("order", customer)
        return NotFound("an order", source("last_order", ""))


class Rig:
    def __init__(self, folder: Path) -> None:
        self.erp = FakeErp()
        self.story = Story(folder, "s")
        self.folder = folder
        self.inquiry = Inquiry(self.erp, self.story, lambda: TODAY)

    @property
    def told(self) -> list[dict[str, object]]:
        lines = (self.folder / "s.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
async def in_time() -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), 5.0)


async def test_availability_asks_for_the_item_first_and_today_when_no_day_was_said(
    tmp_path: Path, in_time: Deadline
) -> None:
    rig = Rig(tmp_path)
    event = await rig.inquiry.answer(AskAvailability("4521", None), in_time, 3)
    rig.story.close()
    assert rig.erp.asked == [("item", "4521"), ("availability", TODAY)]
    assert isinstance(event, QueryAnswered)
    assert isinstance(event.answer, Availability)
    assert [told["operation"] for told in rig.told] == ["find_item", "availability"]
    assert rig.told[1]["turn"] == 3
    assert rig.told[1]["live"] is True
    assert rig.told[1]["record"] == "product,1"
    assert rig.told[1]["read_at"] == READ_AT.isoformat()


async def test_an_unknown_item_is_an_answer(tmp_path: Path, in_time: Deadline) -> None:
    rig = Rig(tmp_path)
    event = await rig.inquiry.answer(AskAvailability("9999", None), in_time, 1)
    rig.story.close()
    assert isinstance(event, QueryAnswered)
    assert isinstance(event.answer, NotFound)
    assert rig.erp.asked == [("item", "9999")]


async def test_an_order_is_asked_for_the_customer_given(
    tmp_path: Path, in_time: Deadline
) -> None:
    rig = Rig(tmp_path)
    await rig.inquiry.answer(AskLastOrder(CUSTOMER), in_time, 1)
    rig.story.close()
    assert rig.erp.asked == [("order", CUSTOMER)]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BackendDown("fake", "find_item", "refused"), Reason.BACKEND_DOWN),
        (BackendSlow("fake", "find_item", "deadline"), Reason.BACKEND_SLOW),
    ],
)
async def test_an_error_of_the_port_becomes_its_reason_and_is_told_once(
    tmp_path: Path,
    in_time: Deadline,
    error: Exception,
    reason: Reason,
) -> None:
    rig = Rig(tmp_path)
    rig.erp.error = error
    event = await rig.inquiry.answer(AskAvailability("4521", None), in_time, 1)
    rig.story.close()
    assert event == QueryFailed(reason)
    assert [told["result"] for told in rig.told] == [reason.value]


async def test_a_connector_that_passes_its_deadline_does_not_hold_the_caller(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    rig.erp.hangs = True
    soon = Deadline.after(asyncio.get_running_loop().time(), 0.01)
    event = await rig.inquiry.answer(AskAvailability("4521", None), soon, 1)
    rig.story.close()
    assert event == QueryFailed(Reason.BACKEND_SLOW)


async def test_a_withheld_number_is_looked_up_nowhere_but_the_system_is_tried(
    tmp_path: Path, in_time: Deadline
) -> None:
    rig = Rig(tmp_path)
    assert await rig.inquiry.customers("", in_time) == ()
    rig.story.close()
    assert rig.erp.asked == [("ping",)]


async def test_a_story_names_no_person_that_was_looked_up(
    tmp_path: Path, in_time: Deadline
) -> None:
    rig = Rig(tmp_path)
    await rig.inquiry.customers("1", in_time)
    rig.story.close()
    assert rig.told[0]["record"] == "party,9"
    assert "Anna" not in json.dumps(rig.told)
    assert "Northwind" not in json.dumps(rig.told)
