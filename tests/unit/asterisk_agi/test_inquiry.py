"""Queries: typed events out, the deadline kept, and each one told to log and story."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from asterisk_agi.dialogue.effects import (
    AskAvailability,
    AskLastOrder,
    AskOrder,
    AskOrderHistory,
    AskPrice,
    AskTracking,
    Query,
)
from asterisk_agi.dialogue.events import QueryAnswered, QueryFailed
from asterisk_agi.inquiry import Inquiry
from asterisk_agi.story import Story
from dialplan.reasons import Reason
from erp.deadline import Deadline
from erp.errors import BackendDown, BackendSlow
from erp.model import (
    Availability,
    Balance,
    Customer,
    Item,
    Money,
    NotFound,
    OrderHistory,
    OrderState,
    OrderStatus,
    Price,
    Quantity,
    Source,
    Tracking,
    WriteReceipt,
)
from erp.writes import CreateTask

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 12, 20, tzinfo=timezone.utc)
READ_AT = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


def source(operation: str, record: str = "product,1") -> Source:
    return Source("fake", operation, record, READ_AT)


ITEM = Item("1", "4521", "M8 hex bolt", "piece", source("find_item"))
CUSTOMER = Customer("9", "C9", "Northwind", "Anna Berg", source("customers_by_phone", "party,9"))


def an_order(number: str) -> OrderStatus:
    state = OrderState.SHIPPED
    return OrderStatus("5", number, TODAY, state, None, (), source("last_order", "sale,5"))


class FakeErp:
    """A door and a port that answer from memory, or fail, or hang, as the test says."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.error: Exception | None = None
        self.hangs = False
        self.entered: list[str] = []
        self.inside = 0
        self.last: OrderStatus | NotFound = NotFound("an order", source("last_order", ""))

    @contextlib.asynccontextmanager
    async def for_call(self, session: str) -> AsyncIterator[FakeErp]:
        self.entered.append(session)
        self.inside += 1
        try:
            yield self
        finally:
            self.inside -= 1

    def system_of(self, operation: str) -> str:
        return f"fake of {operation}"

    async def _came(self, *what: object) -> None:
        self.asked.append(what)
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error

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
        return self.last

    async def price(
        self, item: Item, customer: Customer, quantity: Decimal, deadline: Deadline
    ) -> Price | NotFound:
        await self._came("price", item.number, customer, quantity)
        each = Money(Decimal("0.42"), "USD")
        return Price(item, Quantity(quantity, "piece"), each, source("price"))

    async def order_status(
        self, customer: Customer, number: str, deadline: Deadline
    ) -> OrderStatus | NotFound:
        await self._came("order status", customer, number)
        return an_order(number)

    async def order_history(
        self, customer: Customer, limit: int, deadline: Deadline
    ) -> OrderHistory:
        await self._came("history", customer, limit)
        return OrderHistory((), source("order_history"))

    async def tracking(
        self, customer: Customer, order_number: str, deadline: Deadline
    ) -> Tracking | NotFound:
        await self._came("tracking", customer, order_number)
        return Tracking(order_number, (), source("tracking"))

    async def balance(self, customer: Customer, deadline: Deadline) -> Balance | NotFound:
        raise AssertionError("a telephone number is not enough for a balance")

    async def customer_by_account(self, account: str, deadline: Deadline) -> Customer | NotFound:
        raise AssertionError("no caller is asked for an account number yet")

    async def customers_by_name(self, name: str, deadline: Deadline) -> tuple[Customer, ...]:
        raise AssertionError("no caller is asked for a name yet")

    async def create_task(self, task: CreateTask, deadline: Deadline) -> WriteReceipt:
        await self._came("create_task", task)
        return WriteReceipt(task.key, "7", source("create_task", "7"), existed=False)


class Rig:
    def __init__(self, folder: Path) -> None:
        self.erp = FakeErp()
        self.story = Story(folder, "s")
        self.folder = folder
        self.inquiry = Inquiry(self.erp, self.story, lambda: TODAY, lambda: NOW)

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
    ("query", "asked"),
    [
        (
            AskPrice(CUSTOMER, "4521", Decimal(50)),
            [("item", "4521"), ("price", "4521", CUSTOMER, Decimal(50))],
        ),
        (AskPrice(CUSTOMER, "9999", Decimal(1)), [("item", "9999")]),
        (AskOrder(CUSTOMER, "2034"), [("order status", CUSTOMER, "2034")]),
        (AskOrderHistory(CUSTOMER, 4), [("history", CUSTOMER, 4)]),
        (AskTracking(CUSTOMER, "2034"), [("tracking", CUSTOMER, "2034")]),
        (AskTracking(CUSTOMER, None), [("order", CUSTOMER)]),
    ],
)
async def test_each_query_asks_what_it_takes_and_no_more(
    tmp_path: Path, in_time: Deadline, query: Query, asked: list[object]
) -> None:
    rig = Rig(tmp_path)
    event = await rig.inquiry.answer(query, in_time, 1)
    rig.story.close()
    assert rig.erp.asked == asked
    assert isinstance(event, QueryAnswered)
    assert event.now == NOW


async def test_the_last_order_is_tracked_by_its_number(tmp_path: Path, in_time: Deadline) -> None:
    rig = Rig(tmp_path)
    rig.erp.last = an_order("2034")
    event = await rig.inquiry.answer(AskTracking(CUSTOMER, None), in_time, 1)
    rig.story.close()
    assert rig.erp.asked == [("order", CUSTOMER), ("tracking", CUSTOMER, "2034")]
    assert isinstance(event, QueryAnswered)
    assert isinstance(event.answer, Tracking)


async def test_a_last_order_without_a_number_is_the_answer_itself(
    tmp_path: Path, in_time: Deadline
) -> None:
    rig = Rig(tmp_path)
    rig.erp.last = an_order("")
    event = await rig.inquiry.answer(AskTracking(CUSTOMER, None), in_time, 1)
    rig.story.close()
    assert event == QueryAnswered(an_order(""), NOW)
    assert rig.erp.asked == [("order", CUSTOMER)]


async def test_an_old_answer_is_told_as_one(tmp_path: Path, in_time: Deadline) -> None:
    rig = Rig(tmp_path)
    old = replace(source("last_order"), live=False, fallback=True)
    rig.erp.last = replace(an_order("2034"), source=old)
    await rig.inquiry.answer(AskLastOrder(CUSTOMER), in_time, 1)
    await rig.inquiry.answer(AskOrder(CUSTOMER, "2034"), in_time, 2)
    rig.story.close()
    assert [told.get("fallback") for told in rig.told] == [True, None]
    assert rig.told[0]["live"] is False


async def test_a_failure_is_told_with_its_system_and_with_the_key_to_try_again(
    tmp_path: Path, in_time: Deadline
) -> None:
    rig = Rig(tmp_path)
    error = BackendDown("warehouse", "find_item", "refused")
    error.keypad = True
    rig.erp.error = error
    event = await rig.inquiry.answer(AskAvailability("4521", None), in_time, 1)
    rig.story.close()
    assert event == QueryFailed(Reason.BACKEND_DOWN, keypad=True)
    assert rig.told[0]["system"] == "warehouse"


async def test_what_has_no_record_is_told_of_the_system_that_was_asked(
    tmp_path: Path, in_time: Deadline
) -> None:
    rig = Rig(tmp_path)
    assert await rig.inquiry.customers("2", in_time) == ()
    rig.story.close()
    told = rig.told[0]
    assert (told["system"], told["record"]) == ("fake of customers_by_phone", "")
    assert told["read_at"] == NOW.isoformat()


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
