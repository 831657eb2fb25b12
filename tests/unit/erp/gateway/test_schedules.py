"""A thousand random afternoons: what must hold whatever the systems and the callers do."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from erp.connector import Attempt
from erp.errors import BackendBusy, BackendDown, BackendSlow, BadAnswer, ErpError
from erp.gateway.generation import Generation
from erp.gateway.lane import Lane
from erp.model import Item
from erp.port import ErpPort
from erp.queries import Query
from erp.settings import GatewaySettings
from tests.unit.erp.gateway import virtual
from tests.unit.erp.gateway.fakes import (
    Behaviour,
    FakeConnector,
    after,
    deadline,
    failing,
    hanging,
    opened,
    stubborn,
)
from tests.unit.erp.gateway.virtual import now_s

MARGIN_S = 0.005
FALLBACKS: tuple[tuple[str, ...], ...] = (
    (), ("system:two",), ("cache",), ("cache", "system:two", "keypad"), ("human",),
)  # fmt: skip


class Afternoon:
    """One schedule, all of it from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.systems = {name: self._system(name) for name in ("one", "two")}
        self.settings = GatewaySettings(
            use="one",
            fallback={"find_item": self.chance.choice(FALLBACKS)},
            cache_s=self.chance.choice(({}, {"find_item": 1.0})),
            read_attempts=self.chance.choice((1, 3)),
            breaker_failures=self.chance.choice((1, 3)),
            breaker_open_s=self.chance.choice((0.5, 5.0)),
        )
        self.lanes: dict[str, Lane] = {}
        self.probes = dict.fromkeys(self.systems, 0)

    def _system(self, name: str) -> FakeConnector:
        connector = FakeConnector(
            name,
            at_once=self.chance.choice((1, 2, 8)),
            hedge=self.chance.choice(((), ("find_item",))),
            typical_ms=self.chance.choice((5.0, 300.0)),
        )

        async def behave(query: Query[Any], attempt: Attempt) -> object:
            return await self._probed(connector, self._behaviour(connector), query, attempt)

        connector.behave = behave
        return connector

    def _behaviour(self, connector: FakeConnector) -> Behaviour:
        name, chance = connector.capabilities.system, self.chance
        error = chance.choice((
            BackendDown(name, "find_item", "refused"),
            BackendBusy(name, "find_item", "429", chance.choice((None, 0.1, 5.0))),
            BackendSlow(name, "find_item", "slow"),
            BadAnswer(name, "find_item", "half"),
            KeyError("a mistake in the connector"),
        ))  # fmt: skip
        return chance.choice((
            connector.answer,
            after(chance.uniform(0.0, 2.0), connector),
            failing(error),
            hanging,
            stubborn(chance.uniform(0.0, 3.0)),
        ))  # fmt: skip

    async def _probed(
        self, connector: FakeConnector, behaviour: Behaviour, query: Query[Any], attempt: Attempt
    ) -> object:
        """Behave, and look that a system that is left alone gets one question at a time."""
        name = connector.capabilities.system
        if self.lanes[name].breaker.closed or behaviour.__qualname__.startswith("stubborn"):
            return await behaviour(query, attempt)
        self.probes[name] += 1
        assert self.probes[name] == 1
        try:
            return await behaviour(query, attempt)
        finally:
            self.probes[name] -= 1

    async def question(self, port: ErpPort) -> None:
        """Ask once, perhaps be cancelled; it must end in time, and by what is promised."""
        await asyncio.sleep(self.chance.uniform(0.0, 4.0))
        budget_s = self.chance.choice((0.05, 0.5, 2.0))
        until = deadline(budget_s)
        asking = asyncio.create_task(port.find_item(str(self.chance.randrange(4)), until))
        impatience_s = self.chance.choice((None, None, budget_s, self.chance.uniform(0, budget_s)))
        if impatience_s is not None:
            asyncio.get_running_loop().call_later(impatience_s, asking.cancel)
        await asyncio.wait({asking})
        assert now_s() <= until.at_s + MARGIN_S
        if not asking.cancelled():
            error = asking.exception()
            assert isinstance(error, ErpError) if error else isinstance(asking.result(), Item)

    async def run(self) -> None:
        async with opened(self.systems, settings=self.settings) as door:
            (generation,) = door._generations
            self.lanes.update(generation.lanes)
            async with door.for_call("a") as a, door.for_call("b") as b:
                questions = [self.question(self.chance.choice((a, b))) for _ in range(12)]
                await asyncio.gather(*questions)
                assert not a._flights._flying  # type: ignore[attr-defined]
                assert not b._flights._flying  # type: ignore[attr-defined]
                # Reading kept answers again may take 5 s, and the breaker is open for 5 s then.
                await asyncio.sleep(11.0)
                await self.rest(generation, a)

    async def rest(self, generation: Generation, port: ErpPort) -> None:
        """All places are free, only the keepers are left, and the system heals at once."""
        for name, connector in self.systems.items():
            lane = generation.lanes[name]
            assert (lane.queue.free, lane.queue.waiting) == (connector.capabilities.at_once, 0)
            assert connector.most_under_way <= connector.capabilities.at_once
            assert connector.under_way == 0
            connector.behave = connector.answer
        assert len(generation.tasks) == len(self.systems)
        assert isinstance(await port.find_item("9", deadline(1.0)), Item)
        assert generation.lanes["one"].breaker.closed


@pytest.mark.parametrize("hundred", range(10))
def test_whatever_happens(hundred: int) -> None:
    for seed in range(100 * hundred, 100 * hundred + 100):
        virtual.run(Afternoon(seed).run())
