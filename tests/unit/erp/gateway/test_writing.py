"""The way of a write, state by state: looked up, written once, looked up again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from erp.connector import Attempt
from erp.errors import (
    BackendBusy,
    BackendDown,
    BackendRefused,
    BackendSlow,
    BadAnswer,
    ErpError,
    WriteUnknown,
)
from erp.gateway.errors import NotAsked
from erp.gateway.writing import WRITE_SHARE
from erp.model import NotFound, Source, WriteReceipt
from erp.operations import READS
from erp.port import ErpPort
from erp.queries import Query
from erp.settings import GatewaySettings
from erp.writes import CreateTask, TaskByKey
from tests.unit.erp.gateway import virtual
from tests.unit.erp.gateway.fakes import FakeConnector, Observed, deadline, opened
from tests.unit.erp.gateway.virtual import now_s

KEY = "6f1c2a9b-4d5e-4c1a-9a77-0f2d3b4c5d6e"
DUE = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
SOURCE = Source("one", "create_task", "7", DUE)
Step = Callable[["System"], Awaitable[None]]


def a_task(key: str = KEY) -> CreateTask:
    return CreateTask(key, "Call back", "soon", DUE)


def error(kind: type[ErpError]) -> ErpError:
    return kind("one", "create_task", "as the test says")


class System(FakeConnector):
    """Keeps tasks by key. Look-ups and writes run the test's steps, in turn; the last repeats."""

    def __init__(self, **more: Any) -> None:
        super().__init__(operations=[*READS, "create_task"], **more)
        self.kept: dict[str, str] = {}
        self.writes = 0
        self.looks: list[Step] = []
        self.steps: list[Step] = []
        self.behave = self._behave

    async def _behave(self, query: Query[Any], attempt: Attempt) -> object:
        if isinstance(query, TaskByKey):
            await self._next(self.looks)
            record = self.kept.get(query.key)
            if record is None:
                return NotFound("a task", SOURCE)
            return WriteReceipt(query.key, record, SOURCE, existed=True)
        assert isinstance(query, CreateTask)
        self.writes += 1
        self.attempt, self.key = attempt, query.key
        await self._next(self.steps)
        self.key = query.key
        self.leaves()
        return WriteReceipt(query.key, self.keeps(), SOURCE, existed=False)

    async def _next(self, steps: list[Step]) -> None:
        if steps:
            await (steps.pop(0) if len(steps) > 1 else steps[0])(self)

    def leaves(self) -> None:
        self.attempt.trace.sent = True

    def keeps(self) -> str:
        return self.kept.setdefault(self.key, str(len(self.kept) + 1))

    @property
    def looked(self) -> int:
        return sum(isinstance(query, TaskByKey) for query in self.asked)


def passing() -> Step:
    async def step(system: System) -> None:
        return None

    return step


def failing(kind: type[ErpError], *, sent: bool = False, kept: bool = False) -> Step:
    """Fail. sent: after it left; kept: after the system kept it."""

    async def step(system: System) -> None:
        if sent:
            system.leaves()
        if kept:
            system.keeps()
        raise error(kind)

    return step


def silent(*, sent: bool = True, kept: bool = False) -> Step:
    async def step(system: System) -> None:
        if sent:
            system.leaves()
        if kept:
            system.keeps()
        await asyncio.get_running_loop().create_future()

    return step


def with_port(
    system: System,
    work: Callable[[ErpPort], Awaitable[None]],
    settings: GatewaySettings | None = None,
    observed: Observed | None = None,
) -> None:
    async def main() -> None:
        async with opened(system, observed, settings) as door, door.for_call("a") as port:
            await work(port)

    virtual.run(main())


def write(system: System, budget_s: float = 5.0) -> WriteReceipt | ErpError:
    """Write one task; return the receipt, or the error."""
    ended: list[WriteReceipt | ErpError] = []

    async def work(port: ErpPort) -> None:
        try:
            ended.append(await port.create_task(a_task(), deadline(budget_s)))
        except ErpError as failure:
            ended.append(failure)

    with_port(system, work)
    return ended[0]


# Looked up before


def test_what_is_absent_is_written_once() -> None:
    system = System()
    assert write(system) == WriteReceipt(KEY, "1", SOURCE, existed=False)
    assert [type(query) for query in system.asked] == [TaskByKey, CreateTask]


def test_what_is_there_is_not_written_again() -> None:
    system = System()
    system.kept[KEY] = "42"
    assert write(system) == WriteReceipt(KEY, "42", SOURCE, existed=True)
    assert system.writes == 0


@pytest.mark.parametrize("kind", [BackendRefused, BadAnswer, BackendBusy])
def test_without_a_look_up_nothing_is_written(kind: type[ErpError]) -> None:
    system = System()
    system.looks = [failing(kind)]
    assert type(write(system, budget_s=0.3)) is kind
    assert system.writes == 0


def test_the_look_up_is_tried_again_as_every_read() -> None:
    system = System()
    system.looks = [failing(BackendDown), passing()]
    assert isinstance(write(system), WriteReceipt)
    assert (system.looked, system.writes) == (2, 1)


# The write itself


@pytest.mark.parametrize("kind", [BackendDown, BackendSlow, BadAnswer, BackendRefused])
def test_what_never_left_is_its_own_error_and_is_not_tried_again(kind: type[ErpError]) -> None:
    system = System()
    system.steps = [failing(kind)]
    assert type(write(system)) is kind
    assert (system.looked, system.writes) == (1, 1)


@pytest.mark.parametrize("kind", [BackendRefused, BackendBusy])
def test_a_refusal_is_looked_up_for_somebody_may_have_been_first(kind: type[ErpError]) -> None:
    system = System()
    system.steps = [failing(kind, sent=True, kept=True)]
    receipt = write(system)
    assert receipt == WriteReceipt(KEY, "1", SOURCE, existed=True)


@pytest.mark.parametrize("look", [passing(), failing(BackendRefused)])
def test_a_refusal_stays_one_when_nothing_is_there(look: Step) -> None:
    system = System()
    system.looks = [passing(), look]
    system.steps = [failing(BackendRefused, sent=True)]
    assert type(write(system)) is BackendRefused
    assert system.writes == 1


def test_it_is_never_hedged_shared_or_kept() -> None:
    system = System(hedge=["create_task"])

    async def slowly(of: System) -> None:
        await asyncio.sleep(1.0)

    system.steps = [slowly]

    async def work(port: ErpPort) -> None:
        tasks = [port.create_task(a_task(f"{KEY}-{one}"), deadline(9.0)) for one in range(3)]
        assert len({receipt.record for receipt in await asyncio.gather(*tasks)}) == 3

    with_port(system, work)
    assert system.writes == 3


# Looked up again


@pytest.mark.parametrize("kind", [BackendDown, BadAnswer, BackendSlow])
def test_what_was_lost_on_the_way_back_is_found(kind: type[ErpError]) -> None:
    system = System()
    system.steps = [failing(kind, sent=True, kept=True)]
    assert write(system) == WriteReceipt(KEY, "1", SOURCE, existed=True)
    assert (system.looked, system.writes) == (2, 1)


def test_time_is_left_to_look_up_what_got_no_answer() -> None:
    system = System()
    system.steps = [silent(kept=True)]

    async def work(port: ErpPort) -> None:
        begin_s = now_s()
        receipt = await port.create_task(a_task(), deadline(5.0))
        assert receipt.existed
        assert now_s() - begin_s == pytest.approx(5.0 * WRITE_SHARE, abs=0.01)

    with_port(system, work)
    assert system.writes == 1


@pytest.mark.parametrize(
    "look", [passing(), failing(BackendRefused), failing(BackendDown), silent(sent=False)]
)
def test_nobody_knows_when_it_is_not_found_or_cannot_be_looked_up(look: Step) -> None:
    system = System()
    system.looks = [passing(), look]
    system.steps = [failing(BackendDown, sent=True)]
    ended = write(system)
    assert type(ended) is WriteUnknown
    assert ended.detail.startswith("as the test says; looked up: ")
    assert system.writes == 1


def test_the_same_key_later_is_looked_up_first() -> None:
    """What nobody knew was there all the time: the second try says so, and writes nothing."""
    system = System()
    system.looks = [passing(), failing(BackendRefused), passing()]
    system.steps = [failing(BackendDown, sent=True, kept=True)]
    ended: list[object] = []

    async def work(port: ErpPort) -> None:
        for _ in range(2):
            try:
                ended.append(await port.create_task(a_task(), deadline(5.0)))
            except ErpError as failure:
                ended.append(type(failure))

    with_port(system, work)
    assert ended == [WriteUnknown, WriteReceipt(KEY, "1", SOURCE, existed=True)]
    assert system.writes == 1


# Side by side


def test_writes_with_one_key_take_turns() -> None:
    system = System()

    async def slowly(of: System) -> None:
        await asyncio.sleep(0.2)

    system.steps = [slowly]

    async def work(port: ErpPort) -> None:
        receipts = await asyncio.gather(
            *(port.create_task(a_task(), deadline(5.0)) for _ in range(5))
        )
        assert sorted(receipt.existed for receipt in receipts) == [False, *[True] * 4]

    with_port(system, work)
    assert system.writes == 1


def test_who_gets_no_turn_in_time_has_written_nothing() -> None:
    system = System()
    system.steps = [silent()]

    async def work(port: ErpPort) -> None:
        first = asyncio.create_task(port.create_task(a_task(), deadline(5.0)))
        await asyncio.sleep(0.1)
        with pytest.raises(BackendSlow, match="the same is being written"):
            await port.create_task(a_task(), deadline(1.0))
        with pytest.raises(WriteUnknown):
            await first

    with_port(system, work)
    assert system.writes == 1


def test_a_caller_who_hangs_up_does_not_stop_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    system = System()

    async def slowly(of: System) -> None:
        await asyncio.sleep(0.2)

    system.steps = [slowly]

    async def work(port: ErpPort) -> None:
        writing = asyncio.create_task(port.create_task(a_task(), deadline(5.0)))
        await asyncio.sleep(0.1)
        writing.cancel()
        await asyncio.sleep(0.3)
        assert writing.cancelled()

    with_port(system, work)
    assert system.kept == {KEY: "1"}
    assert f"key={KEY} record=1 result=committed" in caplog.text


# Queue, breaker, routes


def test_a_system_that_is_left_alone_is_not_asked() -> None:
    system = System()
    system.looks = [failing(BackendDown)]
    settings = GatewaySettings(read_attempts=1, breaker_failures=2)

    async def work(port: ErpPort) -> None:
        kinds = []
        for _ in range(3):
            with pytest.raises(BackendDown) as caught:
                await port.create_task(a_task(), deadline(5.0))
            kinds.append(caught.type)
        assert kinds == [BackendDown, BackendDown, NotAsked]

    with_port(system, work, settings)
    assert system.writes == 0


def test_it_goes_to_the_system_of_its_route_and_to_no_other() -> None:
    main, other = FakeConnector("main"), System(system="other")
    settings = GatewaySettings(use="main", routes={"create_task": "other"})

    async def work() -> None:
        both = {"main": main, "other": other}
        async with opened(both, None, settings) as door, door.for_call("a") as port:
            assert port.system_of("create_task") == "other"
            await port.create_task(a_task(), deadline(5.0))

    virtual.run(work())
    assert (len(main.asked), other.writes) == (0, 1)


def test_a_system_that_cannot_do_it_says_so() -> None:
    connector = FakeConnector()

    async def work() -> None:
        async with opened(connector) as door, door.for_call("a") as port:
            with pytest.raises(BackendRefused, match="this system can't do this"):
                await port.create_task(a_task(), deadline(5.0))

    virtual.run(work())
    assert connector.asked == []


def test_its_hops_are_observed_as_those_of_reads() -> None:
    observed = Observed()

    async def work(port: ErpPort) -> None:
        await port.create_task(a_task(), deadline(5.0))

    with_port(System(), work, observed=observed)
    assert [trace.operation for trace, _, _ in observed.told] == ["create_task"] * 2
    assert observed.outcomes == ["ok", "ok"]
