from __future__ import annotations

import asyncio

import pytest

from erp.connector import Attempt
from erp.errors import BackendRefused, ErpError
from erp.model import Item
from erp.queries import Query
from erp.settings import GatewaySettings
from tests.unit.erp.gateway import virtual
from tests.unit.erp.gateway.fakes import (
    Behaviour,
    FakeConnector,
    deadline,
    down,
    hanging,
    item,
    opened,
)
from tests.unit.erp.gateway.virtual import now_s

SETTINGS = GatewaySettings(read_attempts=1, breaker_failures=3)


def by_place(*behaviours: Behaviour) -> Behaviour:
    """Behave differently at each question."""
    left = list(behaviours)

    async def behave(query: Query[object], attempt: Attempt) -> object:
        return await left.pop(0)(query, attempt)

    return behave


def answers(after_s: float, number: str) -> Behaviour:
    async def behave(query: Query[object], attempt: Attempt) -> object:
        await asyncio.sleep(after_s)
        return item(number)

    return behave


def fails(after_s: float, error: ErpError) -> Behaviour:
    async def behave(query: Query[object], attempt: Attempt) -> object:
        await asyncio.sleep(after_s)
        raise error

    return behave


def ask(connector: FakeConnector) -> tuple[object, float]:
    """Return what one question ends with, and after how many seconds."""

    async def main() -> tuple[object, float]:
        async with opened(connector, settings=SETTINGS) as door, door.for_call("a") as port:
            begin_s = now_s()
            (result,) = await asyncio.gather(
                port.find_item("1", deadline(2.0)), return_exceptions=True
            )
            took_s = now_s() - begin_s
            await asyncio.sleep(0)
            assert connector.under_way == 0
            (generation,) = door._generations
            assert generation.lanes["one"].queue.free == connector.capabilities.at_once
            return result, took_s

    return virtual.run(main())


def number_of(result: object) -> str:
    assert isinstance(result, Item)
    return result.number


def test_the_second_answer_wins_and_the_first_is_cancelled() -> None:
    connector = FakeConnector(hedge=["find_item"])
    connector.behave = by_place(hanging, answers(0.1, "second"))
    result, took_s = ask(connector)
    assert number_of(result) == "second"
    assert took_s == pytest.approx(0.3)


def test_the_first_answer_wins_and_the_second_is_cancelled() -> None:
    connector = FakeConnector(hedge=["find_item"])
    connector.behave = by_place(answers(0.25, "first"), hanging)
    result, took_s = ask(connector)
    assert (number_of(result), len(connector.asked)) == ("first", 2)
    assert took_s == pytest.approx(0.25)


def test_a_quick_answer_needs_no_second_question() -> None:
    connector = FakeConnector(hedge=["find_item"])
    connector.behave = by_place(answers(0.19, "first"))
    assert number_of(ask(connector)[0]) == "first"


def test_only_what_the_system_declares_is_asked_twice() -> None:
    connector = FakeConnector(hedge=["ping"])
    connector.behave = by_place(answers(1.0, "first"))
    assert number_of(ask(connector)[0]) == "first"


def test_an_error_is_no_answer_while_the_other_may_have_one() -> None:
    connector = FakeConnector(hedge=["find_item"])
    connector.behave = by_place(fails(0.3, down()), answers(0.5, "second"))
    result, took_s = ask(connector)
    assert number_of(result) == "second"
    assert took_s == pytest.approx(0.7)


def test_when_both_fail_the_first_error_is_told() -> None:
    connector = FakeConnector(hedge=["find_item"])
    refused = BackendRefused("one", "find_item", "403")
    connector.behave = by_place(fails(0.5, refused), fails(0.1, down()))
    result, took_s = ask(connector)
    assert result is refused
    assert took_s == pytest.approx(0.5)


def test_never_when_no_place_is_free() -> None:
    connector = FakeConnector(hedge=["find_item"], at_once=1)
    connector.behave = by_place(answers(1.0, "first"))
    assert number_of(ask(connector)[0]) == "first"


def test_never_as_a_probe() -> None:
    connector = FakeConnector(hedge=["find_item"])

    async def main() -> None:
        async with opened(connector, settings=SETTINGS) as door, door.for_call("a") as port:
            connector.behave = by_place(*[fails(0.0, down())] * 3, answers(1.0, "probe"))
            for number in range(3):
                with pytest.raises(ErpError):
                    await port.find_item(str(number), deadline(2.0))
            await asyncio.sleep(5.0)
            assert number_of(await port.find_item("9", deadline(2.0))) == "probe"

    virtual.run(main())
    assert len(connector.asked) == 4


def test_two_silent_questions_count_as_one_silence() -> None:
    connector = FakeConnector(hedge=["find_item"])
    connector.behave = hanging

    async def main() -> None:
        async with opened(connector, settings=SETTINGS) as door, door.for_call("a") as port:
            for number in range(2):
                with pytest.raises(ErpError):
                    await port.find_item(str(number), deadline(2.0))
            connector.behave = connector.answer
            assert number_of(await port.find_item("9", deadline(2.0))) == "9"

    virtual.run(main())
