from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from erp.errors import BackendDown, ErpError
from erp.gateway.cache import ENTRIES_MAX, LAST_GOOD_MAX_S, AnswerCache
from erp.model import Item, NotFound, Source
from erp.operations import OPERATIONS, READS
from erp.queries import CustomersByPhone, FindItem, Query
from erp.settings import GatewaySettings
from tests.unit.erp.gateway import virtual
from tests.unit.erp.gateway.fakes import (
    READ_AT,
    FakeConnector,
    customer,
    deadline,
    down,
    failing,
    item,
    opened,
)

LIVE = sorted(name for name in READS if OPERATIONS[name].freshness.live)
KEPT = sorted(set(READS) - set(LIVE))


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_what_must_never_be_cached() -> None:
    assert {"availability", "price", "order_status", "last_order", "order_history", "tracking",
            "balance"} <= set(LIVE)  # fmt: skip
    assert KEPT == ["customer_by_account", "customers_by_name", "customers_by_phone", "find_item"]


@pytest.mark.parametrize("operation", LIVE)
def test_a_live_operation_is_refused_at_configuration(operation: str) -> None:
    with pytest.raises(ValueError, match=rf"cache_s\.{operation} .* must be read live"):
        GatewaySettings(cache_s={operation: 1.0})
    with pytest.raises(ValueError, match=rf"fallback\.{operation} .* must be read live"):
        GatewaySettings(fallback={operation: ("cache",)})


@pytest.mark.parametrize("operation", LIVE)
def test_and_again_by_the_cache_itself(operation: str) -> None:
    with pytest.raises(ValueError, match="must be read live"):
        AnswerCache({operation: 1.0}, [], Clock())
    with pytest.raises(ValueError, match="must be read live"):
        AnswerCache({}, [operation], Clock())


def test_a_hit_says_that_it_is_one_and_when_it_was_read() -> None:
    clock = Clock()
    cache = AnswerCache({"find_item": 60.0}, [], clock)
    cache.keep(FindItem("1"), item("1"))
    clock.now_s = 10.0
    hit = cache.fresh(FindItem("1"))
    assert hit is not None
    found, old = hit
    assert isinstance(found, Item)
    assert found.source == Source("one", "find_item", "17", READ_AT, live=False)
    assert replace(found, source=item().source) == item("1")
    assert not old


def test_every_customer_of_an_answer_is_marked() -> None:
    cache = AnswerCache({"customers_by_phone": 60.0}, ["customers_by_phone"], Clock())
    query = CustomersByPhone("555")
    cache.keep(query, (customer("C1"), customer("C2")))
    hit = cache.fresh(query)
    assert hit is not None
    assert [(one.account, one.source.live) for one in hit[0]] == [("C1", False), ("C2", False)]
    last = cache.last_good(query)
    assert last is not None
    assert [one.source.fallback for one in last] == [True, True]


def test_its_age_counts() -> None:
    clock = Clock()
    cache = AnswerCache({"find_item": 60.0}, ["find_item"], clock)
    query = FindItem("1")
    cache.keep(query, item("1"))
    ages = {}
    for clock.now_s in (30.0, 30.1, 60.0, 60.1):
        hit = cache.fresh(query)
        ages[clock.now_s] = hit and hit[1]
    assert ages == {30.0: False, 30.1: True, 60.0: True, 60.1: None}
    last = cache.last_good(query)
    assert isinstance(last, Item)
    assert last.source.fallback
    clock.now_s = LAST_GOOD_MAX_S + 1
    assert cache.last_good(query) is None


@pytest.mark.parametrize("empty", [NotFound("item 1", item().source), ()])
def test_nothing_found_is_not_kept_and_ends_what_was(empty: object) -> None:
    cache = AnswerCache({"find_item": 60.0}, [], Clock())
    query: Query[object] = FindItem("1")
    cache.keep(query, item("1"))
    cache.keep(query, empty)
    assert cache.fresh(query) is None
    assert len(cache) == 0


def test_only_what_is_configured_is_kept() -> None:
    cache = AnswerCache({}, [], Clock())
    cache.keep(FindItem("1"), item("1"))
    assert len(cache) == 0


def test_it_does_not_grow_without_end() -> None:
    cache = AnswerCache({"find_item": 60.0}, [], Clock())
    for number in range(ENTRIES_MAX + 1):
        cache.keep(FindItem(str(number)), item(str(number)))
        assert cache.fresh(FindItem("0"))
    assert len(cache) == ENTRIES_MAX
    assert cache.fresh(FindItem("1")) is None
    assert cache.fresh(FindItem("2"))


# In the gateway...

SETTINGS = GatewaySettings(
    cache_s={"find_item": 60.0}, fallback={"find_item": ("cache",)}, read_attempts=1
)


def test_all_calls_of_a_generation_share_it() -> None:
    connector = FakeConnector()

    async def main() -> None:
        async with opened(connector, settings=SETTINGS) as door:
            for call in "abc":
                async with door.for_call(call) as port:
                    found = await port.find_item("1", deadline(1.0))
                    assert isinstance(found, Item)
                    assert found.source.live == (call == "a")

    virtual.run(main())
    assert len(connector.asked) == 1


def test_it_is_read_again_beside_the_calls_when_half_its_age_has_passed() -> None:
    connector = FakeConnector()

    async def main() -> None:
        async with opened(connector, settings=SETTINGS) as door, door.for_call("a") as port:
            await port.find_item("1", deadline(1.0))
            await asyncio.sleep(31.0)
            for _ in range(3):
                await port.find_item("1", deadline(1.0))
            assert len(connector.asked) == 1
            await asyncio.sleep(0.01)
            assert len(connector.asked) == 2
            await asyncio.sleep(50.0)
            found = await port.find_item("1", deadline(1.0))
            assert isinstance(found, Item)
            assert not found.source.live
            await asyncio.sleep(0.01)

    virtual.run(main())
    assert len(connector.asked) == 3


def test_when_reading_again_fails_the_kept_one_stays(caplog: pytest.LogCaptureFixture) -> None:
    connector = FakeConnector()

    async def main() -> None:
        async with opened(connector, settings=SETTINGS) as door, door.for_call("a") as port:
            await port.find_item("1", deadline(1.0))
            await asyncio.sleep(31.0)
            connector.behave = failing(down())
            await port.find_item("1", deadline(1.0))
            await asyncio.sleep(1.0)
            assert isinstance(await port.find_item("1", deadline(1.0)), Item)
            await asyncio.sleep(1.0)

    with caplog.at_level(logging.INFO):
        virtual.run(main())
    assert not caplog.records


def test_too_old_it_is_asked_and_stands_in_only_when_that_fails() -> None:
    connector = FakeConnector()

    async def main() -> None:
        async with opened(connector, settings=SETTINGS) as door, door.for_call("a") as port:
            await port.find_item("1", deadline(1.0))
            await asyncio.sleep(61.0)
            connector.behave = failing(down())
            found = await port.find_item("1", deadline(1.0))
            assert isinstance(found, Item)
            assert (found.source.live, found.source.fallback) == (False, True)
            assert found.source.read_at == READ_AT
            with pytest.raises(BackendDown):
                await port.find_item("2", deadline(1.0))

    virtual.run(main())
    assert len(connector.asked) == 3


def test_no_other_read_is_ever_spared() -> None:
    connector = FakeConnector()
    settings = GatewaySettings(cache_s=dict.fromkeys(KEPT, 60.0))

    async def main() -> None:
        async with opened(connector, settings=settings) as door, door.for_call("a") as port:
            for _ in range(3):
                await port.last_order(customer(), deadline(1.0))
                await port.balance(customer(), deadline(1.0))

    virtual.run(main())
    assert len(connector.asked) == 6


def test_errors_are_not_kept() -> None:
    connector = FakeConnector()
    connector.behave = failing(down(), then=connector.answer)

    async def main() -> None:
        async with opened(connector, settings=SETTINGS) as door, door.for_call("a") as port:
            with pytest.raises(ErpError):
                await port.find_item("1", deadline(1.0))
            assert isinstance(await port.find_item("1", deadline(1.0)), Item)

    virtual.run(main())
