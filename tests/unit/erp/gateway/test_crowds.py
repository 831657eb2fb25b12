"""Who gets no place in the queue of a system: what that proves against it, and what not."""

from __future__ import annotations

import asyncio

from erp.errors import BackendSlow
from erp.gateway.errors import NotAsked
from erp.model import Item
from erp.port import ErpPort
from tests.unit.erp.gateway.fakes import FakeConnector, after, deadline, hanging, stubborn
from tests.unit.erp.gateway.test_lane import NO_RETRY, fails, with_port


def test_a_system_that_takes_all_places_and_answers_nothing_opens_it() -> None:
    connector = FakeConnector(at_once=1)
    connector.behave = stubborn(4.0)

    async def work(port: ErpPort) -> None:
        for number in range(3):
            assert type(await fails(port.find_item(str(number), deadline(1.0)))) is BackendSlow
        assert isinstance(await fails(port.find_item("9", deadline(1.0))), NotAsked)

    with_port(connector, work, NO_RETRY)
    assert len(connector.asked) == 1


def test_a_crowd_alone_does_not_open_it() -> None:
    connector = FakeConnector(at_once=1)
    connector.behave = after(0.4, connector)

    async def work(port: ErpPort) -> None:
        crowd = [port.find_item(str(number), deadline(1.0)) for number in range(12)]
        results = await asyncio.gather(*crowd, return_exceptions=True)
        assert sum(isinstance(result, Item) for result in results) == 2
        assert isinstance(await port.find_item("99", deadline(1.0)), Item)

    with_port(connector, work, NO_RETRY)


def test_callers_with_no_time_left_do_not_open_it() -> None:
    """Nobody before them was answered while they waited; but nobody could have been."""
    connector = FakeConnector(at_once=1, typical_ms=300.0)
    connector.behave = after(0.4, connector)

    async def work(port: ErpPort) -> None:
        first = asyncio.create_task(port.find_item("1", deadline(1.0)))
        await asyncio.sleep(0)
        for number in range(5):
            late = await fails(port.find_item(f"9{number}", deadline(0.02)))
            assert type(late) is BackendSlow
        assert isinstance(await first, Item)
        assert isinstance(await port.find_item("2", deadline(1.0)), Item)

    with_port(connector, work, NO_RETRY)


def test_a_slow_system_that_is_dead_is_left_alone_although_nobody_has_its_typical_time() -> None:
    connector = FakeConnector(typical_ms=1300.0)
    connector.behave = hanging

    async def work(port: ErpPort) -> None:
        for number in range(3):
            assert type(await fails(port.find_item(str(number), deadline(1.2)))) is BackendSlow
        assert isinstance(await fails(port.find_item("9", deadline(1.2))), NotAsked)

    with_port(connector, work, NO_RETRY)
