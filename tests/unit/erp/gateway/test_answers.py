"""Routes, and falling back: other system, cache, keypad, human."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from erp.connector import Attempt
from erp.errors import BackendDown, BackendRefused, BackendSlow, BadAnswer, ErpError
from erp.gateway.errors import NotAsked
from erp.model import Item, NotFound
from erp.port import ErpPort
from erp.queries import AvailabilityOf, Query
from erp.settings import GatewaySettings
from tests.unit.erp.gateway import virtual
from tests.unit.erp.gateway.fakes import (
    TODAY,
    FakeConnector,
    deadline,
    down,
    failing,
    hanging,
    item,
    opened,
    stubborn,
)
from tests.unit.erp.gateway.virtual import now_s


class Two:
    """Two systems, `one` and `two`."""

    def __init__(self, **fallback: tuple[str, ...]) -> None:
        self.one, self.two = FakeConnector("one"), FakeConnector("two")
        self.settings = GatewaySettings(
            use="one", fallback=fallback, read_attempts=1, breaker_failures=2
        )

    def run(self, work: Callable[[ErpPort], Awaitable[None]]) -> None:
        async def main() -> None:
            systems = {"one": self.one, "two": self.two}
            async with opened(systems, settings=self.settings) as door, door.for_call("a") as port:
                await work(port)

        virtual.run(main())


@pytest.mark.parametrize("kind", [BackendDown, BackendSlow, BackendRefused, BadAnswer])
def test_another_system_answers_whatever_the_first_fails_by(kind: type[ErpError]) -> None:
    two = Two(find_item=("system:two",))
    two.one.behave = failing(kind("one", "find_item", "no"))

    async def work(port: ErpPort) -> None:
        found = await port.find_item("1", deadline(1.0))
        assert isinstance(found, Item)
        assert found.source.system == "two"

    two.run(work)


def test_nothing_found_is_an_answer() -> None:
    two = Two(find_item=("system:two",))

    async def nothing(query: Query[object], attempt: Attempt) -> object:
        return NotFound("item 1", item().source)

    two.one.behave = nothing

    async def work(port: ErpPort) -> None:
        assert isinstance(await port.find_item("1", deadline(1.0)), NotFound)

    two.run(work)
    assert not two.two.asked


@pytest.mark.parametrize("behaviour", [hanging, stubborn(3.0)], ids=["hangs", "is stubborn"])
def test_the_first_leaves_time_to_the_second(
    behaviour: Callable[..., Awaitable[object]],
) -> None:
    two = Two(find_item=("system:two",))
    two.one.behave = behaviour

    async def work(port: ErpPort) -> None:
        begin_s = now_s()
        assert isinstance(await port.find_item("1", deadline(1.0)), Item)
        assert now_s() - begin_s == pytest.approx(0.6)
        two.two.behave = hanging
        begin_s = now_s()
        with pytest.raises(BackendSlow) as caught:
            await port.find_item("1", deadline(1.0))
        assert caught.value.system == "one"
        assert now_s() - begin_s == pytest.approx(1.0)

    two.run(work)


def test_a_system_that_is_left_alone_costs_the_second_no_time() -> None:
    two = Two(find_item=("system:two",))
    two.one.behave = failing(down())

    async def work(port: ErpPort) -> None:
        for _ in range(5):
            begin_s = now_s()
            assert isinstance(await port.find_item("1", deadline(1.0)), Item)
            assert now_s() == begin_s

    two.run(work)
    assert len(two.one.asked) == 2


def test_the_second_has_a_breaker_of_its_own() -> None:
    two = Two(find_item=("system:two",))
    two.one.behave = failing(BackendRefused("one", "find_item", "403"))
    two.two.behave = failing(down())

    async def work(port: ErpPort) -> None:
        for _ in range(5):
            with pytest.raises(BackendRefused):
                await port.find_item("1", deadline(1.0))

    two.run(work)
    assert (len(two.one.asked), len(two.two.asked)) == (5, 2)


def test_what_the_other_system_said_is_not_kept_as_the_firsts() -> None:
    two = Two(find_item=("system:two", "cache"))
    two.one.behave = failing(down())

    async def work(port: ErpPort) -> None:
        assert isinstance(await port.find_item("1", deadline(1.0)), Item)
        two.two.behave = failing(down())
        with pytest.raises(BackendDown):
            await port.find_item("1", deadline(1.0))

    two.run(work)


@pytest.mark.parametrize(("steps", "keypad"), [((), False), (("keypad",), True),
                                               (("human",), False), (("cache", "keypad"), True)])
def test_the_first_error_is_raised_and_says_whether_a_key_tries_again(
    steps: tuple[str, ...], keypad: bool
) -> None:
    two = Two(find_item=steps)
    two.one.behave = failing(down())

    async def work(port: ErpPort) -> None:
        with pytest.raises(BackendDown) as caught:
            await port.find_item("1", deadline(1.0))
        assert caught.value.keypad is keypad

    two.run(work)


def test_a_follower_without_time_gets_what_stands_in() -> None:
    two = Two(find_item=("cache", "keypad"))

    async def work(port: ErpPort) -> None:
        await port.find_item("1", deadline(1.0))
        two.one.behave = hanging
        for number, wanted in (("1", Item), ("2", BackendSlow)):
            leader = asyncio.create_task(port.find_item(number, deadline(2.0)))
            await asyncio.sleep(0)
            (result,) = await asyncio.gather(
                port.find_item(number, deadline(0.5)), return_exceptions=True
            )
            assert isinstance(result, wanted)
            assert not isinstance(result, BackendSlow) or result.keypad
            leader.cancel()
            await asyncio.wait({leader})

    two.run(work)


def test_each_operation_goes_to_its_system_with_the_record_as_it_is() -> None:
    two = Two()
    two.settings = GatewaySettings(use="one", routes={"availability": "two"})
    bolt = item("1001", system="one")

    async def work(port: ErpPort) -> None:
        assert port.system_of("availability") == "two"
        assert port.system_of("find_item") == "one"
        assert (await port.availability(bolt, TODAY, deadline(1.0))).source.system == "two"

    two.run(work)
    # To find another system's record among its own is the connector's work.
    assert two.two.asked == [AvailabilityOf(bolt, TODAY)]


def test_all_breakers_open_is_told_as_down() -> None:
    two = Two(find_item=("system:two",))
    two.one.behave = two.two.behave = failing(down())

    async def work(port: ErpPort) -> None:
        for _ in range(3):
            with pytest.raises(BackendDown) as caught:
                await port.find_item("1", deadline(1.0))
        assert isinstance(caught.value, NotAsked)

    two.run(work)
