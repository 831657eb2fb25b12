from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from erp.errors import BackendDown, BackendSlow
from erp.model import Item
from erp.port import ErpDoor, ErpPort
from erp.settings import GatewaySettings
from tests.unit.erp.gateway import virtual
from tests.unit.erp.gateway.fakes import (
    FakeConnector,
    after,
    deadline,
    down,
    failing,
    hanging,
    opened,
)
from tests.unit.erp.gateway.virtual import now_s


def in_call(
    connector: FakeConnector, work: Callable[[ErpPort, ErpDoor], Awaitable[None]]
) -> None:
    async def main() -> None:
        settings = GatewaySettings(read_attempts=1)
        async with opened(connector, settings=settings) as door, door.for_call("a") as port:
            await work(port, door)
            await asyncio.sleep(0)
            assert connector.under_way == 0
            (generation,) = door._generations
            assert generation.lanes["one"].queue.free == connector.capabilities.at_once

    virtual.run(main())


def test_equal_reads_of_a_call_are_asked_once() -> None:
    connector = FakeConnector()
    connector.behave = after(0.1, connector)

    async def work(port: ErpPort, door: ErpDoor) -> None:
        found = await asyncio.gather(*(port.find_item("1", deadline(1.0)) for _ in range(5)))
        assert all(isinstance(result, Item) for result in found)
        assert len(connector.asked) == 1
        await port.find_item("1", deadline(1.0))
        assert len(connector.asked) == 2

    in_call(connector, work)


def test_other_questions_and_other_calls_are_not_spared() -> None:
    connector = FakeConnector()
    connector.behave = after(0.1, connector)

    async def work(port: ErpPort, door: ErpDoor) -> None:
        async with door.for_call("b") as other:
            await asyncio.gather(
                port.find_item("1", deadline(1.0)),
                port.find_item("2", deadline(1.0)),
                other.find_item("1", deadline(1.0)),
            )
        assert len(connector.asked) == 3

    in_call(connector, work)


def test_a_failure_is_shared_too() -> None:
    connector = FakeConnector()
    connector.behave = failing(down())

    async def work(port: ErpPort, door: ErpDoor) -> None:
        asking = [port.find_item("1", deadline(1.0)) for _ in range(3)]
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(result, BackendDown) for result in results)

    in_call(connector, work)
    assert len(connector.asked) == 1


def test_a_follower_waits_until_its_own_deadline_only() -> None:
    connector = FakeConnector()
    connector.behave = after(1.0, connector)

    async def work(port: ErpPort, door: ErpDoor) -> None:
        leader = asyncio.create_task(port.find_item("1", deadline(2.0)))
        await asyncio.sleep(0.1)
        begin_s = now_s()
        with pytest.raises(BackendSlow):
            await port.find_item("1", deadline(0.5))
        assert now_s() - begin_s == pytest.approx(0.5)
        assert isinstance(await leader, Item)

    in_call(connector, work)
    assert len(connector.asked) == 1


def test_a_follower_with_more_time_asks_again_when_the_leaders_time_is_up() -> None:
    connector = FakeConnector()
    connector.behave = after(1.0, connector)

    async def work(port: ErpPort, door: ErpDoor) -> None:
        leader = asyncio.create_task(port.find_item("1", deadline(0.5)))
        await asyncio.sleep(0)
        assert isinstance(await port.find_item("1", deadline(2.0)), Item)
        with pytest.raises(BackendSlow):
            await leader

    in_call(connector, work)


def test_when_the_leader_is_cancelled_the_others_keep_its_question() -> None:
    connector = FakeConnector()
    connector.behave = after(1.0, connector)

    async def work(port: ErpPort, door: ErpDoor) -> None:
        begin_s = now_s()
        tasks = [
            asyncio.create_task(port.find_item("1", deadline(2.0 + place))) for place in range(4)
        ]
        for leader in tasks[:2]:
            await asyncio.sleep(0.3)
            leader.cancel()
        first, second, third, fourth = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(first, asyncio.CancelledError)
        assert isinstance(second, asyncio.CancelledError)
        assert isinstance(third, Item)
        assert third is fourth
        assert now_s() - begin_s == pytest.approx(1.0)

    in_call(connector, work)
    assert len(connector.asked) == 1


def test_when_all_are_cancelled_so_is_the_question() -> None:
    connector = FakeConnector()
    connector.behave = hanging

    async def work(port: ErpPort, door: ErpDoor) -> None:
        tasks = [asyncio.create_task(port.find_item("1", deadline(9.0))) for _ in range(3)]
        await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)
        await asyncio.sleep(0)
        assert connector.under_way == 0
        connector.behave = connector.answer
        assert isinstance(await port.find_item("1", deadline(1.0)), Item)

    in_call(connector, work)


def test_the_leader_is_cancelled_as_the_followers_time_runs_out() -> None:
    connector = FakeConnector()
    connector.behave = hanging

    async def work(port: ErpPort, door: ErpDoor) -> None:
        leader = asyncio.create_task(port.find_item("1", deadline(9.0)))
        await asyncio.sleep(0)
        follower = asyncio.create_task(port.find_item("1", deadline(0.5)))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_at(now_s() + 0.5, leader.cancel)
        await asyncio.wait({leader, follower})
        assert leader.cancelled()
        assert isinstance(follower.exception(), BackendSlow)

    in_call(connector, work)
