"""One system: deadline, retries, patience, breaker, queue, hedge. Through the port of a call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from erp.connector import Attempt
from erp.errors import (
    BackendBusy,
    BackendDown,
    BackendRefused,
    BackendSlow,
    BadAnswer,
    ErpError,
)
from erp.gateway.errors import NotAsked
from erp.gateway.run import LINGER_S
from erp.model import Item
from erp.operations import READS
from erp.port import ErpPort
from erp.queries import FindItem, Query
from erp.settings import GatewaySettings
from erp.trace import Hop
from tests.unit.erp.gateway import virtual
from tests.unit.erp.gateway.fakes import (
    FakeConnector,
    Observed,
    after,
    deadline,
    down,
    failing,
    hanging,
    opened,
    stubborn,
)
from tests.unit.erp.gateway.virtual import now_s

MARGIN_S = 0.005
NO_RETRY = GatewaySettings(read_attempts=1, breaker_failures=3)


def with_port(
    connector: FakeConnector,
    work: Callable[[ErpPort], Awaitable[None]],
    settings: GatewaySettings | None = None,
    observed: Observed | None = None,
) -> None:
    async def main() -> None:
        async with opened(connector, observed, settings) as door, door.for_call("a") as port:
            await work(port)

    virtual.run(main())


async def fails(work: Awaitable[object]) -> ErpError:
    with pytest.raises(ErpError) as caught:
        await work
    return caught.value


# The deadline...


@pytest.mark.parametrize("behaviour", [hanging, stubborn(3.0)], ids=["hangs", "is stubborn"])
@pytest.mark.parametrize("hedge", [(), ("find_item",)], ids=["plain", "hedged"])
def test_a_question_ends_at_its_deadline(
    behaviour: Callable[..., Awaitable[object]], hedge: tuple[str, ...]
) -> None:
    connector = FakeConnector(hedge=hedge)
    connector.behave = behaviour

    async def work(port: ErpPort) -> None:
        begin_s = now_s()
        assert isinstance(await fails(port.find_item("1", deadline(1.5))), BackendSlow)
        assert 1.5 <= now_s() - begin_s <= 1.5 + MARGIN_S

    with_port(connector, work)


def test_no_time_left_asks_nobody() -> None:
    connector = FakeConnector()

    async def work(port: ErpPort) -> None:
        until = deadline(1.0)
        await asyncio.sleep(1.0)
        assert isinstance(await fails(port.find_item("1", until)), BackendSlow)

    with_port(connector, work)
    assert not connector.asked


def test_the_deadline_holds_in_the_queue_too() -> None:
    connector = FakeConnector(at_once=1)
    connector.behave = after(5.0, connector)

    async def work(port: ErpPort) -> None:
        first = asyncio.create_task(port.find_item("1", deadline(9.0)))
        await asyncio.sleep(0)
        begin_s = now_s()
        assert isinstance(await fails(port.find_item("2", deadline(1.0))), BackendSlow)
        assert now_s() - begin_s <= 1.0 + MARGIN_S
        assert isinstance(await first, Item)

    with_port(connector, work)


# Retries...


def test_what_cannot_be_reached_is_tried_again_after_a_wait_with_jitter() -> None:
    connector = FakeConnector()
    connector.behave = failing(down(), down(), then=connector.answer)

    async def work(port: ErpPort) -> None:
        assert isinstance(await port.find_item("1", deadline(2.0)), Item)

    with_port(connector, work)
    first, second, third = connector.asked_at_s
    assert 0.05 <= second - first <= 0.1
    assert 0.1 <= third - second <= 0.15


def test_so_often_and_no_more() -> None:
    connector = FakeConnector()
    connector.behave = failing(down())

    async def work(port: ErpPort) -> None:
        assert isinstance(await fails(port.find_item("1", deadline(2.0))), BackendDown)

    with_port(connector, work, GatewaySettings(read_attempts=4))
    assert len(connector.asked) == 4


@pytest.mark.parametrize("kind", [BackendRefused, BadAnswer, BackendSlow])
def test_other_errors_are_not_tried_again(kind: type[ErpError]) -> None:
    connector = FakeConnector()
    connector.behave = failing(kind("one", "find_item", "no"))

    async def work(port: ErpPort) -> None:
        assert isinstance(await fails(port.find_item("1", deadline(2.0))), kind)

    with_port(connector, work)
    assert len(connector.asked) == 1


def test_no_retry_that_the_deadline_leaves_no_time_for() -> None:
    connector = FakeConnector()
    connector.behave = failing(down())

    async def work(port: ErpPort) -> None:
        begin_s = now_s()
        assert isinstance(await fails(port.find_item("1", deadline(0.06))), BackendDown)
        assert now_s() == begin_s

    with_port(connector, work)
    assert len(connector.asked) == 1


class Write(FindItem):
    operation = "add_note"
    writes = True


def test_a_write_is_never_tried_again_nor_asked_twice_at_once() -> None:
    connector = FakeConnector(operations=[*READS, "add_note"], hedge=["add_note"])

    async def behave(query: Query[object], attempt: Attempt) -> object:
        await asyncio.sleep(0.5)
        raise down()

    connector.behave = behave

    async def main() -> None:
        async with opened(connector) as door:
            (generation,) = door._generations
            asking = generation.lanes["one"].ask(Write("1"), "a", deadline(2.0))
            assert isinstance(await fails(asking), BackendDown)

    virtual.run(main())
    assert len(connector.asked) == 1


def busy(retry_after_s: float | None) -> BackendBusy:
    return BackendBusy("one", "find_item", "429", retry_after_s)


def test_retry_after_is_kept() -> None:
    connector = FakeConnector()
    connector.behave = failing(busy(0.7), then=connector.answer)

    async def work(port: ErpPort) -> None:
        assert isinstance(await port.find_item("1", deadline(2.0)), Item)

    with_port(connector, work)
    first, second = connector.asked_at_s
    assert 0.7 <= second - first <= 0.75


def test_retry_after_beyond_the_deadline_fails_at_once() -> None:
    connector = FakeConnector()
    connector.behave = failing(busy(3.0))

    async def work(port: ErpPort) -> None:
        begin_s = now_s()
        assert isinstance(await fails(port.find_item("1", deadline(2.0))), BackendBusy)
        assert now_s() == begin_s

    with_port(connector, work)
    assert len(connector.asked) == 1


def test_a_system_that_asked_for_patience_is_not_asked_by_others_either() -> None:
    connector = FakeConnector()
    connector.behave = failing(busy(3.0), then=connector.answer)

    async def work(port: ErpPort) -> None:
        await fails(port.find_item("1", deadline(2.0)))
        await fails(port.find_item("2", deadline(2.0)))
        assert len(connector.asked) == 1
        assert isinstance(await port.find_item("3", deadline(4.0)), Item)
        assert connector.asked_at_s[1] - connector.asked_at_s[0] >= 3.0

    with_port(connector, work)


def test_a_retry_after_of_a_day_closes_the_system_for_a_minute() -> None:
    connector = FakeConnector()
    connector.behave = failing(busy(86_400.0), then=connector.answer)

    async def work(port: ErpPort) -> None:
        await fails(port.find_item("1", deadline(2.0)))
        await asyncio.sleep(60.0)
        assert isinstance(await port.find_item("1", deadline(2.0)), Item)

    with_port(connector, work)


# The breaker...


def test_it_opens_fails_at_once_and_heals_with_one_probe(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connector = FakeConnector()
    connector.behave = failing(down())

    async def work(port: ErpPort) -> None:
        for number in range(3):
            await fails(port.find_item(str(number), deadline(2.0)))
        begin_s = now_s()
        error = await fails(port.find_item("9", deadline(2.0)))
        assert isinstance(error, NotAsked)
        assert "left alone" in str(error)
        assert now_s() == begin_s
        await asyncio.sleep(5.0)
        connector.behave = after(0.5, connector)
        connector.asked.clear()
        crowd = [port.find_item(str(number), deadline(2.0)) for number in range(10)]
        results = await asyncio.gather(*crowd, return_exceptions=True)
        assert len(connector.asked) == 1
        assert sum(isinstance(result, Item) for result in results) == 1
        assert isinstance(await port.find_item("1", deadline(2.0)), Item)

    with caplog.at_level(logging.INFO):
        with_port(connector, work, NO_RETRY)
    assert [record.getMessage() for record in caplog.records] == [
        "one is down: connection refused; left alone, and probed every 5 s",
        "one is up again after 5.5 s",
    ]


def test_slow_answers_open_it() -> None:
    connector = FakeConnector()
    connector.behave = hanging

    async def work(port: ErpPort) -> None:
        for number in range(3):
            assert type(await fails(port.find_item(str(number), deadline(1.0)))) is BackendSlow
        assert isinstance(await fails(port.find_item("9", deadline(1.0))), NotAsked)

    with_port(connector, work, NO_RETRY)


def test_who_gives_it_no_time_proves_nothing() -> None:
    connector = FakeConnector(typical_ms=100.0)
    connector.behave = after(0.1, connector)

    async def work(port: ErpPort) -> None:
        for number in range(9):
            assert type(await fails(port.find_item(str(number), deadline(0.05)))) is BackendSlow
        assert isinstance(await port.find_item("9", deadline(1.0)), Item)

    with_port(connector, work, NO_RETRY)


@pytest.mark.parametrize(
    "error",
    [
        BackendRefused("one", "find_item", "403"),
        BackendBusy("one", "find_item", "429"),
        KeyError("a mistake in the connector"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_answer_that_is_an_error_does_not_open_it(error: Exception) -> None:
    connector = FakeConnector()
    connector.behave = failing(error)

    async def work(port: ErpPort) -> None:
        for number in range(9):
            assert not isinstance(await fails(port.find_item(str(number), deadline(1.0))), NotAsked)

    with_port(connector, work, NO_RETRY)
    assert len(connector.asked) == 9


def test_answers_that_cannot_be_read_open_it_in_a_row_only() -> None:
    connector = FakeConnector()
    connector.behave = failing(*[BadAnswer("one", "find_item", "half")] * 2)

    async def work(port: ErpPort) -> None:
        for _ in range(2):  # a good answer between them: never three in a row
            connector.behave = failing(*[BadAnswer("one", "find_item", "half")] * 2)
            for number in range(2):
                assert type(await fails(port.find_item(str(number), deadline(1.0)))) is BadAnswer
            connector.behave = connector.answer
            assert isinstance(await port.find_item("7", deadline(1.0)), Item)
        connector.behave = failing(*[BadAnswer("one", "find_item", "half")] * 3)
        for number in range(3):
            await fails(port.find_item(str(number), deadline(1.0)))
        error = await fails(port.find_item("8", deadline(1.0)))
        assert isinstance(error, NotAsked)
        assert "its answers can't be read; left alone" in str(error)
        connector.behave = connector.answer
        await asyncio.sleep(5.0)
        assert isinstance(await port.find_item("9", deadline(1.0)), Item)

    with_port(connector, work, NO_RETRY)


def test_a_probe_that_ends_by_a_mistake_in_the_connector_is_over() -> None:
    connector = FakeConnector()
    connector.behave = failing(down(), down(), down(), KeyError("a mistake"))

    async def work(port: ErpPort) -> None:
        for number in range(3):
            await fails(port.find_item(str(number), deadline(1.0)))
        await asyncio.sleep(5.0)
        assert isinstance(await fails(port.find_item("8", deadline(1.0))), BadAnswer)
        connector.behave = connector.answer
        assert isinstance(await port.find_item("9", deadline(1.0)), Item)

    with_port(connector, work, NO_RETRY)


def test_a_cancelled_question_says_nothing_of_the_system() -> None:
    connector = FakeConnector(at_once=2)
    connector.behave = hanging

    async def work(port: ErpPort) -> None:
        for number in range(9):
            task = asyncio.create_task(port.find_item(str(number), deadline(1.0)))
            await asyncio.sleep(0.5)
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()
        connector.behave = connector.answer
        assert isinstance(await port.find_item("9", deadline(1.0)), Item)

    with_port(connector, work, NO_RETRY)
    assert connector.under_way == 0


def test_waiters_are_sent_away_when_it_opens() -> None:
    connector = FakeConnector(at_once=3)

    async def behave(query: Query[object], attempt: Attempt) -> object:
        await asyncio.sleep(0.5)
        raise down()

    connector.behave = behave

    async def work(port: ErpPort) -> None:
        begin_s = now_s()
        crowd = [port.find_item(str(number), deadline(60.0)) for number in range(9)]
        results = await asyncio.gather(*crowd, return_exceptions=True)
        assert now_s() - begin_s == pytest.approx(0.5)
        assert sum(isinstance(result, NotAsked) for result in results) == 6

    with_port(connector, work, NO_RETRY)


# The queue...


def test_no_more_at_once_than_it_says_and_the_wait_is_a_hop() -> None:
    connector = FakeConnector(at_once=2)
    connector.behave = after(0.1, connector)
    observed = Observed()

    async def work(port: ErpPort) -> None:
        crowd = [port.find_item(str(number), deadline(2.0)) for number in range(6)]
        await asyncio.gather(*crowd)

    with_port(connector, work, observed=observed)
    assert connector.most_under_way == 2
    waits_ms = [span.ms for trace, _, _ in observed.told for span in trace.spans]
    assert len(waits_ms) == 6
    assert all(span.hop is Hop.QUEUE for trace, _, _ in observed.told for span in trace.spans)
    assert [total_ms for _, total_ms, _ in observed.told] == pytest.approx(
        [100, 100, 200, 200, 300, 300]
    )


def test_the_place_of_a_stubborn_question_comes_back_when_it_ends_or_after_a_while() -> None:
    connector = FakeConnector(at_once=1)
    connector.behave = stubborn(60.0)

    async def work(port: ErpPort) -> None:
        await fails(port.find_item("1", deadline(1.0)))
        connector.behave = connector.answer
        assert isinstance(await fails(port.find_item("2", deadline(1.0))), BackendSlow)
        await asyncio.sleep(LINGER_S)
        assert isinstance(await port.find_item("3", deadline(1.0)), Item)
        await asyncio.sleep(60.0)

    with_port(connector, work)


# What is told...


def test_hops_total_and_outcome_are_observed() -> None:
    connector = FakeConnector()
    observed = Observed()

    async def behave(query: Query[object], attempt: Attempt) -> object:
        await asyncio.sleep(0.02)
        attempt.trace.add(Hop.SERVER, 0.02)
        if len(connector.asked) == 1:
            raise down()
        return await connector.answer(query, attempt)

    connector.behave = behave

    async def work(port: ErpPort) -> None:
        await port.find_item("1", deadline(2.0))
        connector.behave = failing(BadAnswer("one", "find_item", "half"))
        await fails(port.find_item("2", deadline(2.0)))

    with_port(connector, work, observed=observed)
    (first, total_ms, _), (second, _, _) = observed.told
    assert observed.outcomes == ["ok", "backend-bad-answer"]
    assert [span.hop for span in first.spans] == [Hop.QUEUE, Hop.SERVER, Hop.QUEUE, Hop.SERVER]
    assert 90 <= total_ms <= 140
    assert (second.system, second.operation) == ("one", "find_item")


def test_a_mistake_in_a_connector_is_a_bad_answer_and_is_logged_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    connector = FakeConnector()
    connector.behave = failing(KeyError("Mrs Smith"))

    async def work(port: ErpPort) -> None:
        error = await fails(port.find_item("1", deadline(2.0)))
        assert isinstance(error, BadAnswer)
        assert error.detail == "the connector failed by KeyError"

    with_port(connector, work)
    failing_system, mistake = caplog.messages
    assert failing_system == "one fails at find_item: the connector failed by KeyError"
    assert "failed by KeyError" in mistake
    assert "fakes.py" in mistake
    assert "Smith" not in caplog.text


def test_an_operation_that_it_lacks_is_refused() -> None:
    connector = FakeConnector(operations=["ping"])

    async def work(port: ErpPort) -> None:
        error = await fails(port.find_item("1", deadline(2.0)))
        assert isinstance(error, BackendRefused)
        assert "can't do this" in error.detail

    with_port(connector, work)
    assert not connector.asked
