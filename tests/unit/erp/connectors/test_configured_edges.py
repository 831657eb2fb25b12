"""Where a configured connector meets other systems, deadlines, failures and the log."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest

from erp.connectors.engine import RawRow, Value
from erp.errors import BackendDown, BackendRefused, BackendSlow, BadAnswer
from erp.model import NotFound, OrderHistory
from erp.profiles import ProfileError, engines
from erp.queries import (
    AvailabilityOf,
    BalanceOf,
    CustomerByAccount,
    CustomersByPhone,
    FindItem,
    OrderHistoryOf,
    OrderStatusOf,
    Ping,
    PriceFor,
)
from erp.systems import ADAPTERS
from erp.trace import Hop
from tests.unit.erp import tiny_engine
from tests.unit.erp.connectors.configured_rig import (
    COMPANY,
    ask,
    attempt,
    connector,
    deadline,
)
from tests.unit.erp.samples import TODAY, customer, item, source
from tests.unit.erp.tiny_engine import content

ITEM = {"ID": 17, "CODE": "AB-1", "NAME": "Bolt"}
ORDER = {"ID": 5, "NO": "2001", "DAY": TODAY}
LINE = {"CODE": "AB-1", "NAME": "Bolt", "QTY": 3}
ACME = {"ID": 42, "ACCT": "C-9", "NAME": "Acme", "TEL": "(212) 555-0142"}
LEARNING = ["company", "calendar"]


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "ENGINES", tiny_engine.TABLE)
    monkeypatch.setitem(ADAPTERS, "tiny", "tests.unit.erp.connectors.configured_rig")


# Records of another system


async def test_another_systems_item_is_looked_up_by_its_number() -> None:
    made, engine = connector()
    engine.answers |= {"items": [{**ITEM, "ID": 99}], "stock": [{"WH": "N", "QTY": 1}]}
    found = await ask(made, AvailabilityOf(item("shop"), TODAY))
    assert ("stock", {"item_id": "99"}) in engine.asked
    assert found.source == source("availability", "99")
    engine.answers["items"] = []
    with pytest.raises(BadAnswer, match="erp: availability: answered with no item AB-1"):
        await ask(made, AvailabilityOf(item("shop"), TODAY))


async def test_another_systems_customer_is_looked_up_by_the_account() -> None:
    made, engine = connector()
    engine.answers |= {"account": [{**ACME, "ID": 7}], "order": [ORDER]}
    await ask(made, OrderStatusOf(customer("crm"), "2001"))
    assert ("order", {"order_number": "2001", "customer_id": "7"}) in engine.asked
    engine.answers["account"] = []
    where = source("order_status", "")
    found = await ask(made, OrderStatusOf(customer("crm"), "2001"))
    assert found == NotFound("this account", where)
    assert await ask(made, OrderHistoryOf(customer("crm"))) == OrderHistory(
        (), source("order_history", "")
    )


async def test_nothing_is_looked_up_where_numbers_are_enough() -> None:
    made, engine = connector()
    engine.answers["price"] = [{"AMOUNT": 1}]
    found = await ask(made, PriceFor(item("shop"), customer("crm"), Decimal(1)))
    assert engine.words() == [*LEARNING, "price"]
    assert found.source.record == ""


async def test_a_quantity_in_another_systems_unit_is_not_taken_for_our_own() -> None:
    values = content(COMPANY)
    values["operations"]["price"]["price"]["sql"] = "price :item_id :quantity"
    made, engine = connector(values)
    engine.answers |= {"items": [ITEM], "price": [{"AMOUNT": 1}]}
    by_weight = dataclasses.replace(item("shop"), unit="kilogram")
    with pytest.raises(BadAnswer, match="counts by 'piece', and shop by 'kilogram'"):
        await ask(made, PriceFor(by_weight, customer(), Decimal(50)))
    assert "price" not in engine.words()
    # Stock is told in our own unit.
    engine.answers["stock"] = [{"WH": "N", "QTY": 1}]
    assert (await ask(made, AvailabilityOf(by_weight, TODAY))).available.unit == "piece"


async def test_a_price_of_an_item_that_is_only_elsewhere_is_not_found() -> None:
    values = content(COMPANY)
    values["operations"]["price"]["price"]["sql"] = "price :item_id"
    made, _ = connector(values)
    query = PriceFor(item("shop"), customer(), Decimal(1))
    assert await ask(made, query) == NotFound("item AB-1", source("price", ""))
    del values["operations"]["find_item"], values["typical_ms"]["find_item"], values["hedge"]
    made, _ = connector(values)
    with pytest.raises(BackendRefused, match="another system's record: its profile needs find_i"):
        await ask(made, query)


# Ending


async def test_everything_ends_by_the_deadline() -> None:
    made, engine = connector()

    async def stubborn(values: Mapping[str, Value]) -> Sequence[RawRow]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await released.wait()
        return ()

    released = asyncio.Event()
    engine.answers["items"] = stubborn
    loop = asyncio.get_running_loop()
    begin_s = loop.time()
    with pytest.raises(BackendSlow, match="erp: find_item: no answer by the deadline"):
        await ask(made, FindItem("AB-1"), 0.05)
    assert loop.time() - begin_s < 2
    released.set()
    await made.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(BackendSlow):
        await made.ask(FindItem("AB-1"), attempt("find_item", 1e-9))


async def test_a_caller_who_hangs_up_takes_the_question_back() -> None:
    made, engine = connector()
    asking, taken_back = asyncio.Event(), asyncio.Event()

    async def for_ever(values: Mapping[str, Value]) -> Sequence[RawRow]:
        asking.set()
        try:
            await asyncio.Event().wait()
        finally:
            taken_back.set()
        return ()

    engine.answers["stock"] = for_ever
    call = asyncio.create_task(ask(made, AvailabilityOf(item(), TODAY)))
    await asking.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert taken_back.is_set()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_cannot_be_read_is_a_bad_answer_without_its_content() -> None:
    made, engine = connector()
    engine.answers["stock"] = [{"WH": "North", "QTY": "4711 Secret Street"}]
    with pytest.raises(BadAnswer) as caught:
        await ask(made, AvailabilityOf(item(), TODAY))
    assert "Secret" not in str(caught.value)
    engine.answers["items"] = ProfileError("nothing for this server")
    with pytest.raises(BadAnswer, match="cannot be asked: nothing for this server"):
        await ask(made, FindItem("AB-1"))


async def test_what_its_profile_has_not_is_refused() -> None:
    made, _ = connector(content(), parameters={}, secrets={})
    with pytest.raises(BackendRefused, match="its profile can't do this"):
        await ask(made, Ping())
    # Without a ping the opening is enough.
    await made.open(deadline())


async def test_each_query_is_one_line_without_personal_data(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made, engine = connector()
    engine.answers["phones"] = [ACME]
    with caplog.at_level(logging.INFO, "erp.connectors.configured"):
        await ask(made, CustomersByPhone("+12125550142"))
        engine.answers["phones"] = BackendDown("erp", "customers_by_phone", "refused")
        with pytest.raises(BackendDown):
            await ask(made, CustomersByPhone("+12125550142"))
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("query system=erp operation=customers_by_phone record=42 ms=")
    assert first.endswith(" result=ok")
    assert " record=- ms=" in second
    assert second.endswith(" result=backend-down")
    assert not any(word in caplog.text for word in ("Acme", "5550142", "C-9"))


async def test_an_account_number_that_is_the_key_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made, engine = connector()
    engine.answers |= {"account": [{**ACME, "ID": "C-9"}], "balance": [{"OWED": 1, "LATE": 0}]}
    with caplog.at_level(logging.INFO, "erp.connectors.configured"):
        found = await ask(made, CustomerByAccount("C-9"))
        assert not isinstance(found, NotFound)
        await ask(made, BalanceOf(found))
        await ask(made, BalanceOf(customer()))
    told = [record.getMessage().split(" ms=")[0] for record in caplog.records]
    assert told == [
        "query system=erp operation=customer_by_account record=account",
        "query system=erp operation=balance record=account",
        "query system=erp operation=balance record=42",
    ]


async def test_the_mapping_is_a_hop_of_its_own() -> None:
    made, engine = connector()
    engine.answers["items"] = [ITEM]
    noted = attempt("find_item")
    await made.ask(FindItem("AB-1"), noted)
    assert {span.hop for span in noted.trace.spans} == {Hop.MAP}
