"""What callers hear while a business system fails, and what is left when it is well again.

A real Tryton and the distributor on a real PostgreSQL, each behind the proxy of `tests/rig/faults`.
For every fault: the turn ends in time with an honest sentence and a way on, one line says that the
system is down and one that it is up, tasks and sockets are as many as before, and no log line
holds a secret or a person (`fault_turns.staged` looks at that whenever a call ends).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from dialplan.reasons import Reason
from erp import systems
from tests.integration.fault_cases import (
    AT_THE_START,
    FOR_GOOD,
    HUGE_BYTES,
    IN_MID_CALL,
    RATE_LIMIT,
    SLACK_S,
    SQL,
    TRYTON,
    UNHEARD,
    Case,
    Change,
    Site,
    World,
)
from tests.integration.fault_turns import (
    BREAKER_FAILURES,
    BREAKER_OPEN_S,
    PARCELS,
    STOCK,
    Place,
    Stage,
    logged,
    staged,
)
from tests.rig import distributor, tryton
from tests.rig.distributor import Distributor
from tests.rig.faults import FaultProxy
from tests.rig.postgresql import Tls
from tests.rig.tryton import Launch

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]


# The systems


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def authority(folder: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(str(folder / "ca.pem"))
    return made


@pytest.fixture(scope="module")
def launch(folder: Path) -> Iterator[Launch]:
    with tryton.served(folder / TRYTON) as served:
        profile = Path(systems.__file__).with_name("tryton") / "tryton-8.2.yaml"
        text, changed = RATE_LIMIT.subn("", profile.read_text("utf-8"))
        assert changed == 1
        (folder / "patient.yaml").write_text(text, "utf-8")
        yield served


@pytest.fixture(scope="module")
def company(folder: Path, authority: trustme.CA) -> Iterator[Distributor]:
    issued = authority.issue_cert("other.example")
    issued.private_key_pem.write_to_path(str(folder / "server.key"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    tls = Tls(folder / "server.pem", folder / "server.key")
    with distributor.served(folder / SQL, tls=tls) as served:
        yield served


@pytest.fixture(scope="module")
def site(
    launch: Launch, company: Distributor, folder: Path, authority: trustme.CA
) -> Iterator[Site]:
    with logged() as log:
        log.secrets |= {launch.password, company.password.reveal(), company.admin_password}
        yield Site(launch, company, folder, authority, log)


@pytest.fixture
async def world(case: Case, site: Site) -> AsyncIterator[World]:
    """Give the case's system behind a proxy. case: the test's parameter."""
    server = site.company.server.port if case.system == SQL else urlsplit(site.launch.url).port
    async with FaultProxy(server or 0) as proxy:
        yield World(case.system, proxy, site)


@asynccontextmanager
async def on_stage(case: Case, world: World, harm: Change | None = None) -> AsyncIterator[Stage]:
    """Let a caller call. harm: done before the system is opened."""
    place = Place(case.label, case.system, case.settings(world), world.proxy, world.site.log)
    async with staged(place, None if harm is None else partial(harm, world)) as stage:
        yield stage
        world.note_sessions()


def names(case: Case) -> str:
    return case.label


# What callers hear


@pytest.mark.parametrize("case", IN_MID_CALL, ids=names)
async def test_in_mid_call(case: Case, world: World) -> None:
    async with on_stage(case, world) as stage:
        await stage.is_greeted_by_name()
        await stage.answers()
        await stage.all_places_serve()
        before = world.proxy.accepted
        await case.harm(world)
        await stage.fails(case.reason)
        assert world.proxy.sent_bytes < 0.8 * HUGE_BYTES  # its end was not even sent
        if case.opens:
            await _left_alone(stage, case)
            await case.mend(world)
            await asyncio.sleep(BREAKER_OPEN_S + SLACK_S)
        else:
            await stage.fails(case.reason)
            await case.mend(world)
            await asyncio.sleep(case.heals_s and case.heals_s + SLACK_S)
        await stage.answers()
        await stage.all_places_serve()
        _demand_two_lines(stage, case)
        assert (world.proxy.accepted == before) or not case.keeps


async def _left_alone(stage: Stage, case: Case) -> None:
    """Ask until the breaker is open, which takes two failures at most; then nobody is asked."""
    for _ in range(BREAKER_FAILURES - 1):
        # What can't be read is said at once, a silence when the breaker opens.
        if case.reason is Reason.BACKEND_BAD_ANSWER or not stage.said_down():
            await stage.turn(STOCK)
    await stage.is_left_alone()
    await stage.fails(Reason.BACKEND_DOWN, PARCELS)


@pytest.mark.parametrize("case", UNHEARD, ids=names)
async def test_no_caller_hears_of_it(case: Case, world: World) -> None:
    async with on_stage(case, world) as stage:
        await stage.is_greeted_by_name()
        await stage.answers()
        await case.harm(world)
        await stage.answers()
        await case.mend(world)
        await stage.all_places_serve()
        assert stage.said_down() == []


@pytest.mark.parametrize("case", AT_THE_START, ids=names)
async def test_at_the_start(case: Case, world: World) -> None:
    async with on_stage(case, world, case.harm) as stage:
        await stage.is_greeted_honestly(case.reason)
        await stage.is_left_alone(case.reason)
        await case.mend(world)
        await stage.until_up()
        await stage.is_greeted_by_name()
        await stage.answers()
        await stage.all_places_serve()
        _demand_two_lines(stage, case)


@pytest.mark.parametrize("case", FOR_GOOD, ids=names)
async def test_it_never_comes(case: Case, world: World) -> None:
    async with on_stage(case, world, case.harm) as stage:
        await stage.is_greeted_honestly(case.reason)
        await stage.is_left_alone(case.reason)
        (down,) = stage.said_down()
        assert case.says in down


def _demand_two_lines(stage: Stage, case: Case) -> None:
    (down,), (up,) = stage.said_down(), stage.said_up()
    assert case.says in down
    assert up > down
