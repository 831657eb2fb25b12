"""A profile is switched while calls are in progress: they keep theirs, new ones get the new."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from erp.deadline import Deadline
from erp.gateway import Gateway
from erp.landscape import Landscape
from erp.model import Customer, OrderState, OrderStatus
from erp.port import ErpPort
from erp.profiles import load
from erp.profiles.store import ProfileStore
from erp.settings import GatewaySettings
from tests.rig import demo_company, distributor
from tests.rig.distributor import Distributor

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

SYSTEM = "erp"
NOTICED_S = 10.0
"""The gateway looks once a second, and opens the new connections first."""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Distributor]:
    with distributor.served(tmp_path_factory.mktemp("distributor")) as served:
        yield served


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    return ProfileStore(tmp_path / "profiles")


@pytest.fixture
async def gateway(company: Distributor, tmp_path: Path) -> AsyncIterator[Gateway]:
    settings = GatewaySettings(profile_folder=tmp_path / "profiles")
    opened = Landscape(settings, {SYSTEM: company.system()}).gateway()
    try:
        await opened.open(soon())
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """Give the next version of the profile: what was shipped is read as cancelled."""
    profile = load("distributor")
    version = profile.version + 1
    text = profile.path.read_text("utf-8")
    text = text.replace(f"\nversion: {profile.version}\n", f"\nversion: {version}\n", 1)
    change = f"changes:\n  - {{version: {version}, on: 2026-11-21, what: a test}}\n"
    text = text.replace("changes:\n", change, 1).replace(": shipped", ": cancelled")
    path = tmp_path / "changed.yaml"
    path.write_text(text, "utf-8")
    return path


def soon() -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), 10.0)


SHIPPED = next(order for order in demo_company.orders() if order.values["state"] == "shipped")


async def state(erp: ErpPort) -> OrderState:
    customer = await erp.customer_by_account(SHIPPED.values["customer"], soon())
    assert isinstance(customer, Customer)
    order = await erp.order_status(customer, SHIPPED.number, soon())
    assert isinstance(order, OrderStatus)
    return order.state


async def until_new_calls_hear(gateway: Gateway, wanted: OrderState) -> None:
    async def look() -> None:
        while True:
            async with gateway.for_call("new") as erp:
                if await state(erp) is wanted:
                    return
            await asyncio.sleep(0.1)

    await asyncio.wait_for(look(), NOTICED_S)


async def test_calls_in_progress_keep_their_profile(
    gateway: Gateway, store: ProfileStore, changed: Path
) -> None:
    async with gateway.for_call("old") as old:
        assert await state(old) is OrderState.SHIPPED
        store.activate(SYSTEM, changed)
        await until_new_calls_hear(gateway, OrderState.CANCELLED)
        assert await state(old) is OrderState.SHIPPED
        async with gateway.for_call("between") as between:
            store.rollback(SYSTEM)
            await until_new_calls_hear(gateway, OrderState.SHIPPED)
            assert await state(between) is OrderState.CANCELLED
        assert await state(old) is OrderState.SHIPPED


async def test_a_damaged_profile_changes_nothing(
    gateway: Gateway, store: ProfileStore, changed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.activate(SYSTEM, changed)
    await until_new_calls_hear(gateway, OrderState.CANCELLED)
    damaged = store.current(SYSTEM)
    assert damaged is not None
    store.activate(SYSTEM, "distributor")
    await until_new_calls_hear(gateway, OrderState.SHIPPED)
    damaged.write_text("profile: [", "utf-8")
    store.rollback(SYSTEM)

    async def until_told() -> None:
        while "the systems stay as they are" not in caplog.text:
            await asyncio.sleep(0.1)

    await asyncio.wait_for(until_told(), NOTICED_S)
    assert str(damaged) in caplog.text
    await until_new_calls_hear(gateway, OrderState.SHIPPED)
