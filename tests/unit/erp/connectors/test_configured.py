"""The connector of every configured system, on an engine without a protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from erp.connector import Capabilities, Connector, LockStrength, RollbackKind
from erp.connectors.configured import ConfiguredConnector
from erp.connectors.engine import RawRow, Value
from erp.errors import BackendDown, BackendRefused, BadAnswer
from erp.model import Money, NotFound, Quantity
from erp.profiles import engines
from erp.queries import (
    AvailabilityOf,
    BalanceOf,
    CustomerByAccount,
    CustomersByName,
    CustomersByPhone,
    FindItem,
    LastOrderOf,
    OrderStatusOf,
    PriceFor,
    TrackingOf,
)
from erp.systems import ADAPTERS
from tests.unit.erp import tiny_engine
from tests.unit.erp.connectors.configured_rig import (
    COMPANY,
    Adapter,
    ask,
    connector,
    deadline,
    settings,
)
from tests.unit.erp.samples import NOW, TODAY, customer, item, source
from tests.unit.erp.tiny_engine import content, profile

ITEM = {"ID": 17, "CODE": "AB-1", "NAME": "Bolt"}
ORDER = {"ID": 5, "NO": "2001", "DAY": TODAY}
LINE = {"CODE": "AB-1", "NAME": "Bolt", "QTY": 3}
ACME = {"ID": 42, "ACCT": "C-9", "NAME": "Acme", "TEL": "(212) 555-0142"}
LEARNING = ["company", "calendar"]


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "ENGINES", tiny_engine.TABLE)
    monkeypatch.setitem(ADAPTERS, "tiny", "tests.unit.erp.connectors.configured_rig")


# Making one


def test_it_declares_what_its_profile_says() -> None:
    made, engine = connector(connections=3)
    as_contract: Connector = made
    found = as_contract.capabilities
    assert isinstance(found, Capabilities)
    assert (found.system, found.operations["availability"]) == ("erp", 9.0)
    assert found.profile.startswith("tiny v2 (")
    assert (found.lock, found.rollback) == (LockStrength.STRICT, RollbackKind.TRANSACTION)
    assert (found.hedge, found.hedge_after_ms, found.at_once) == (
        frozenset({"find_item"}), 200.0, 3,
    )
    assert engine.parameters == {"company": "3", "branch": "7"}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"parameters": {}}, "systems.erp.parameters.company is missing: profile tiny needs it "
         "(Number of the company)"),
        ({"parameters": {"company": "1", "compny": "1"}}, "systems.erp.parameters.compny is "
         "nothing that profile tiny asks for: known are branch, company"),
        ({"secrets": {}}, "systems.erp.secrets.api_key is missing: profile tiny needs it "
         "(The key of the interface)"),
        ({"time_zone": "Berlin"}, "systems.erp.time_zone is 'Berlin': write a name as in "
         "Europe/Berlin"),
    ],
)
def test_settings_that_cannot_work_are_one_sentence(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        ConfiguredConnector("erp", settings(**more), profile(content(COMPANY)))
    assert str(caught.value) == sentence


# Opening


async def test_opening_learns_and_pings() -> None:
    made, engine = connector()
    await made.open(deadline())
    assert engine.asked == [
        ("company", {"company": "3"}), ("calendar", {"time_zone": "Europe/Berlin"}),
        ("ping", {"branch": "7", "today": TODAY}),
    ]
    await made.tend(deadline())
    await made.close()
    await made.close()
    assert (engine.opened, engine.tended, engine.closed) == (1, 1, 2)


async def test_after_a_failed_opening_the_first_query_learns_once_for_all() -> None:
    made, engine = connector()
    engine.answers["company"] = BackendDown("erp", "open", "refused")
    with pytest.raises(BackendDown):
        await made.open(deadline())

    async def company(values: Mapping[str, Value]) -> Sequence[RawRow]:
        await asyncio.sleep(0)
        return [{"CURRENCY": "EUR", "ZONE": ""}]

    engine.answers["company"] = company
    engine.answers["items"] = [ITEM]
    engine.asked.clear()
    await asyncio.gather(*(ask(made, FindItem("AB-1")) for _ in range(3)))
    assert engine.words() == [*LEARNING, "items", "items", "items"]
    assert engine.asked[2] == ("items", {"item_number": "AB-1", "calendar": "A"})


async def test_opening_again_learns_again() -> None:
    made, engine = connector()
    await made.open(deadline())
    await made.open(deadline())
    assert engine.words() == [*LEARNING, "ping"] * 2


async def test_a_company_that_says_nothing_is_a_bad_answer() -> None:
    made, engine = connector()
    engine.answers["calendar"] = []
    with pytest.raises(BadAnswer, match=r"erp: open: answered with no row of learn\.1"):
        await made.open(deadline())


@pytest.mark.parametrize(
    ("configured", "learned", "today"),
    [
        ("", "Pacific/Kiritimati", date(2026, 5, 5)), ("Pacific/Pago_Pago", "Asia/Tokyo", TODAY),
        ("", "Nowhere/Town", None),
    ],
)
async def test_today_is_the_companys_own(
    configured: str, learned: str, today: date | None, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime(2026, 5, 4, 23, 30, tzinfo=timezone.utc)
    made, engine = connector(now=now, time_zone=configured)
    engine.answers["company"] = [{"CURRENCY": "EUR", "ZONE": learned}]
    await made.open(deadline())
    assert engine.asked[-1][1]["today"] == (today or now.astimezone().date())
    assert ("no such time zone here" in caplog.text) == (today is None)


# Asking


async def test_an_item_is_the_one_with_this_number() -> None:
    made, engine = connector()
    others = [{**ITEM, "ID": 1, "CODE": "ABX1"}, {**ITEM, "ID": 2, "CODE": "ab-1"}]
    engine.answers["items"] = [*others, ITEM]
    found = await ask(made, FindItem(" AB-1 "))
    assert not isinstance(found, NotFound)
    assert (found.record_id, found.number, found.source) == ("17", "AB-1", source())
    engine.answers["items"] = others[:1]
    assert await ask(made, FindItem("AB-1")) == NotFound("item AB-1", source(record=""))


async def test_the_time_of_reading_is_utc() -> None:
    made, engine = connector(now=NOW.astimezone(timezone(timedelta(hours=9))))
    engine.answers["items"] = [ITEM]
    read_at = (await ask(made, FindItem("AB-1"))).source.read_at
    assert (read_at, read_at.tzinfo) == (NOW, timezone.utc)


@pytest.mark.parametrize(
    "query", [FindItem(" "), CustomersByPhone("anonymous"), CustomersByName("x" * 65)]
)
async def test_what_nobody_has_is_not_asked_for_and_yet_proves_that_the_system_is_there(
    query: Any,
) -> None:
    made, engine = connector()
    await made.open(deadline())
    engine.asked.clear()
    assert await ask(made, query) in ((), NotFound("item ", source(record="")))
    assert engine.words() == ["ping"]
    engine.answers["ping"] = BackendDown("erp", "ping", "refused")
    with pytest.raises(BackendDown):
        await ask(made, query)


async def test_availability_asks_its_parts_side_by_side() -> None:
    made, engine = connector()
    waiting: list[str] = []
    met = asyncio.Event()

    async def meet(values: Mapping[str, Value]) -> Sequence[RawRow]:
        waiting.append("here")
        if len(waiting) == 2:
            met.set()
        await met.wait()
        return [{"WH": "North", "QTY": 10, "ON": TODAY}]

    engine.answers |= {"stock": meet, "moves": meet}
    found = await ask(made, AvailabilityOf(item(), TODAY), 2.0)
    assert found.available == Quantity(Decimal(20), "piece")


async def test_when_one_part_fails_the_other_is_taken_back() -> None:
    made, engine = connector()
    ended = []

    async def for_ever(values: Mapping[str, Value]) -> Sequence[RawRow]:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("taken back")
        return ()

    engine.answers |= {"stock": for_ever, "moves": BackendRefused("erp", "availability", "no")}
    with pytest.raises(BackendRefused):
        await ask(made, AvailabilityOf(item(), TODAY))
    assert ended == ["taken back"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_only_the_warehouses_of_the_configuration_count() -> None:
    made, engine = connector(parameters={"company": "3", "warehouses": " South , West,"})
    engine.answers["stock"] = [{"WH": "North", "QTY": 10}, {"WH": "South", "QTY": 4}]
    found = await ask(made, AvailabilityOf(item(), TODAY))
    assert found.available.amount == 4
    assert [stock.warehouse for stock in found.warehouses] == ["South"]


async def test_too_many_rows_are_refused_where_each_counts() -> None:
    made, engine = connector()
    move = {"WH": "North", "QTY": -1, "ON": TODAY}
    engine.answers |= {"stock": [{"WH": "North", "QTY": 10}], "moves": [move] * 3}
    assert (await ask(made, AvailabilityOf(item(), TODAY))).available.amount == 7
    engine.answers["moves"] = [move] * 4
    with pytest.raises(BadAnswer, match="answered with 4 rows of movements: its limit is 3"):
        await ask(made, AvailabilityOf(item(), TODAY))
    # Where only the first counts, more are no error.
    engine.answers["price"] = [{"AMOUNT": "2.50"}, {"AMOUNT": None}]
    price = await ask(made, PriceFor(item(), customer(), Decimal(1)))
    assert not isinstance(price, NotFound)
    assert price.unit_price == Money(Decimal("2.50"), "USD")


async def test_a_part_waits_for_the_record_that_it_names() -> None:
    made, engine = connector()
    engine.answers |= {"order": [{**ORDER, "NO": "2001x"}, ORDER], "lines": [LINE]}
    found = await ask(made, OrderStatusOf(customer(), "2001"))
    assert not isinstance(found, NotFound)
    assert engine.asked[-1] == ("lines", {"order.record_id": "5"})
    assert found.lines[0].quantity == Quantity(Decimal(3), "piece")
    engine.asked.clear()
    engine.answers["order"] = []
    where = source("order_status", "")
    assert await ask(made, OrderStatusOf(customer(), "2001")) == NotFound("order 2001", where)
    assert engine.words() == ["order"]


async def test_a_join_gives_the_order_and_its_lines() -> None:
    made, engine = connector()
    engine.answers["last"] = [ORDER | LINE, ORDER | LINE | {"QTY": 4}]
    found = await ask(made, LastOrderOf(customer()))
    assert not isinstance(found, NotFound)
    assert [line.quantity.amount for line in found.lines] == [3, 4]
    assert engine.words() == [*LEARNING, "last"]


async def test_rows_within_rows_are_refined_by_the_adapter() -> None:
    made, engine = connector()
    inner = [{"ID": 1, "NO": "1"}, {"ID": 2, "NO": "2"}]
    other = {"ID": 6, "NO": "9", "DELIVERIES": {"list": [{"ID": 9, "NO": "9"}]}}
    engine.answers["order"] = [other, {"ID": 5, "NO": "2001", "DELIVERIES": {"list": inner}}]
    Adapter.seen.clear()
    found = await ask(made, TrackingOf(customer(), "2001"))
    assert not isinstance(found, NotFound)
    assert [entry.number for entry in found.deliveries] == ["D-1", "D-2"]
    (context,) = Adapter.seen
    assert context.today == TODAY
    assert context.values["order.record_id"] == "5"
    assert [row["ID"] for row in context.raw("order")] == [5]
    assert context.raw("nowhere") == ()
    assert [asked for asked in engine.asked if asked[0] == "map"] == [
        ("map", {"branch": "7", "extra": 1}), ("map", {"branch": "7", "extra": 2}),
    ]


async def test_of_two_orders_with_one_number_the_first_counts_with_its_deliveries() -> None:
    made, engine = connector()
    engine.answers["order"] = [
        {"ID": number, "NO": "2001", "DELIVERIES": {"list": [{"ID": number, "NO": number}]}}
        for number in (5, 6)
    ]
    found = await ask(made, TrackingOf(customer(), "2001"))
    assert not isinstance(found, NotFound)
    assert [entry.number for entry in found.deliveries] == ["D-5"]


@pytest.mark.parametrize(
    ("within", "numbers"),
    [({"list": {"ID": 1, "NO": "1"}}, ["D-1"]), ({"list": None}, []), (None, []), ({}, [])],
)
async def test_a_single_object_is_one_row_and_null_is_none(
    within: object, numbers: list[str]
) -> None:
    made, engine = connector()
    engine.answers["order"] = [{"ID": 5, "NO": "2001", "DELIVERIES": within}]
    found = await ask(made, TrackingOf(customer(), "2001"))
    assert not isinstance(found, NotFound)
    assert [entry.number for entry in found.deliveries] == numbers


async def test_what_lies_within_and_is_no_object_is_a_bad_answer() -> None:
    made, engine = connector()
    engine.answers["order"] = [{"ID": 5, "NO": "2001", "DELIVERIES": {"list": [7]}}]
    with pytest.raises(BadAnswer, match=r"DELIVERIES\.list that is no list of objects"):
        await ask(made, TrackingOf(customer(), "2001"))


async def test_a_step_that_asks_for_too_much_is_a_bad_answer() -> None:
    made, engine = connector()
    engine.answers["order"] = [{"ID": 5, "NO": "2001", "DELIVERIES": {"list": []}}]
    engine.answers["map"] = [{"PREFIX": "D-"}] * 3
    with pytest.raises(BadAnswer, match="3 rows of map: its limit is 2"):
        await ask(made, TrackingOf(customer(), "2001"))
    values = content(COMPANY)
    values["requests"]["map"]["sql"] = "map :other"
    made, engine = connector(values)
    engine.answers["order"] = [{"ID": 5, "NO": "2001", "DELIVERIES": {"list": []}}]
    with pytest.raises(BadAnswer, match="a step that asks 'map' without other"):
        await ask(made, TrackingOf(customer(), "2001"))


async def test_customers_are_those_with_this_very_number() -> None:
    made, engine = connector()
    engine.answers["phones"] = [
        ACME, {**ACME, "ID": 43, "TEL": "+44 212 555 0142"}, ACME, {**ACME, "TEL": None},
    ]
    found = await ask(made, CustomersByPhone("+12125550142"))
    assert [entry.record_id for entry in found] == ["42"]
    assert engine.asked[-1] == ("phones", {"phone_last": "5550142"})


async def test_customers_by_account_and_name() -> None:
    made, engine = connector()
    engine.answers["account"] = [{**ACME, "ACCT": "C-99"}, {**ACME, "ACCT": "c-9"}]
    found = await ask(made, CustomerByAccount("C-9"))
    assert not isinstance(found, NotFound)
    assert found.account == "c-9"
    engine.answers["names"] = [{**ACME, "ID": number} for number in range(20)]
    assert len(await ask(made, CustomersByName("acme"))) == 10


async def test_the_companys_currency_is_that_of_its_amounts() -> None:
    made, engine = connector()
    engine.answers["balance"] = [{"OWED": "10.5", "LATE": 0}]
    found = await ask(made, BalanceOf(customer()))
    assert not isinstance(found, NotFound)
    assert found.owed == Money(Decimal("10.5"), "USD")
    assert found.credit_limit is None
