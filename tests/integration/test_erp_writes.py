"""A write whose answer is lost on the way: looked up, never doubled, never claimed.

A real Tryton and the distributor on a real PostgreSQL, each behind the proxy of `tests/rig/faults`.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from erp.deadline import Deadline
from erp.errors import BackendDown, WriteUnknown
from erp.landscape import Landscape
from erp.port import ErpPort
from erp.secrets import Secret
from erp.settings import GatewaySettings, SystemSettings
from erp.writes import CreateTask
from tests.rig import erp_systems
from tests.rig.faults import FaultProxy, Pass, Refuse

pytestmark = [pytest.mark.live, pytest.mark.at_once, pytest.mark.timeout(120)]

BUDGET_S = 2.0
WRITTEN = {
    "tryton": re.compile(rb'"result": ?\[[0-9]'),
    "postgresql": re.compile(rb"COMMIT\0"),
}
"""What the answer to a write looks like on the wire, and nothing else does."""


@dataclass(frozen=True)
class Place:
    """One running system."""

    kind: str
    settings: SystemSettings
    tasks: Callable[[str], list[erp_systems.KeptTask]]

    @property
    def port(self) -> int:
        return urlsplit(self.settings.url).port or 0


@pytest.fixture(scope="module", params=sorted(WRITTEN))
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    kind = str(request.param)
    with erp_systems.served_whole(kind, tmp_path_factory.mktemp(kind)) as system:
        reference = Path(str(system.section["password"]).removeprefix("file:"))
        secret = Secret(reference.read_text("utf-8").strip())
        settings = SystemSettings(**{**system.section, "password": secret})
        yield Place(kind, settings, system.tasks)


@asynccontextmanager
async def called(place: Place) -> AsyncIterator[tuple[ErpPort, FaultProxy]]:
    """Give the port of a call to the system behind a proxy."""
    async with FaultProxy(place.port) as proxy:
        url = place.settings.url.replace(f":{place.port}", f":{proxy.port}")
        values = {**vars(place.settings), "url": url, "connections": 2}
        landscape = Landscape(GatewaySettings(), {place.kind: SystemSettings(**values)})
        gateway = landscape.gateway()
        try:
            await gateway.open(soon(5.0))
            async with gateway.for_call("write") as port:
                yield port, proxy
        finally:
            await gateway.close()


def soon(budget_s: float = BUDGET_S) -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), budget_s)


def a_task() -> CreateTask:
    due = datetime.now(timezone.utc)
    return CreateTask(str(uuid.uuid4()), "Call back", "The answer gets lost.", due)


def losing(place: Place, then: Callable[[], None] = lambda: None) -> Pass:
    """Pass everything on but the first answer to a write. then: called when it is lost."""
    left = [True]

    def edit(piece: bytes) -> bytes:
        if left and WRITTEN[place.kind].search(piece):
            left.clear()
            then()
            return b""
        return piece

    return Pass(edit)


async def test_an_answer_that_does_not_come_is_looked_up(place: Place) -> None:
    task = a_task()
    async with called(place) as (port, proxy):
        await proxy.set(losing(place))
        receipt = await port.create_task(task, soon())
        assert receipt.existed
        assert receipt.record
        again = await port.create_task(task, soon())
    assert again.record == receipt.record
    assert len(place.tasks(task.key)) == 1


async def test_nobody_knows_while_it_cannot_be_looked_up(place: Place) -> None:
    task = a_task()
    changing: list[asyncio.Task[None]] = []
    async with called(place) as (port, proxy):
        loop = asyncio.get_running_loop()

        def refuse() -> None:
            changing.append(loop.create_task(proxy.set(Refuse()), name="refuse"))

        await proxy.set(losing(place, refuse))
        with pytest.raises(WriteUnknown, match="looked up: "):
            await port.create_task(task, soon())
        await asyncio.gather(*changing)
        await proxy.set(Pass())
        receipt = await port.create_task(task, soon())
    assert receipt.existed
    assert len(place.tasks(task.key)) == 1


async def test_a_refused_connection_writes_nothing(place: Place) -> None:
    task = a_task()
    async with called(place) as (port, proxy):
        await proxy.set(Refuse())
        with pytest.raises(BackendDown):
            await port.create_task(task, soon())
    assert place.tasks(task.key) == []
