"""What is Odoo's own about the configured connector, against a real Odoo 19.

What every system must answer alike is in `erp_contract`.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from erp.connector import Attempt
from erp.connectors.configured import ConfiguredConnector
from erp.deadline import Deadline
from erp.errors import BackendDown, BackendRefused, BadAnswer, ErpError
from erp.model import Customer, Item, NotFound, OrderStatus
from erp.profiles import Profile, load
from erp.queries import (
    BalanceOf,
    CustomerByAccount,
    CustomersByPhone,
    FindItem,
    LastOrderOf,
    PriceFor,
    Query,
)
from erp.secrets import Secret
from erp.settings import SystemSettings
from erp.trace import Trace
from tests.rig import odoo
from tests.rig.odoo_server import Odoo

pytestmark = [pytest.mark.live, pytest.mark.timeout(400)]

MISSING = "999999"
R = TypeVar("R")
Case = tuple[str, dict[str, Any], type[ErpError], str]
"""A request in the place of that for an item, and the error that it ends with."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Odoo]:
    with odoo.served(tmp_path_factory.mktemp("odoo")) as served:
        yield served


@pytest.fixture
async def erp(server: Odoo) -> AsyncIterator[ConfiguredConnector]:
    async with connector(server.system()) as made:
        await made.open(soon())
        yield made


@asynccontextmanager
async def connector(
    settings: SystemSettings, profile: Profile | None = None
) -> AsyncIterator[ConfiguredConnector]:
    made = ConfiguredConnector("odoo", settings, profile or load("odoo-19"))
    try:
        yield made
    finally:
        await made.close()


def soon(budget_s: float = 20.0) -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), budget_s)


async def ask(erp: ConfiguredConnector, query: Query[R]) -> R:
    return await erp.ask(query, Attempt(soon(), Trace("odoo", query.operation)))


async def the_item(erp: ConfiguredConnector, number: str = "4521") -> Item:
    item = await ask(erp, FindItem(number))
    assert isinstance(item, Item)
    return item


async def the_account(erp: ConfiguredConnector, account: str = "C001") -> Customer:
    customer = await ask(erp, CustomerByAccount(account))
    assert isinstance(customer, Customer)
    return customer


def asking_instead(folder: Path, path: str, body: dict[str, Any]) -> Profile:
    """Return the profile with another request in the place of that for an item."""
    content: Any = copy.deepcopy(load("odoo-19").content)
    item = content["operations"]["find_item"]["item"]
    item["request"] = {"method": "POST", "path": f"/json/2/{path}", "body": body}
    item["rows"] = ""
    changed = folder / "changed.yaml"
    changed.write_text(yaml.safe_dump(content), "utf-8")
    return load(changed)


# Who we are


async def test_a_wrong_key_is_refused(server: Odoo, caplog: pytest.LogCaptureFixture) -> None:
    wrong = "0" * len(server.key)
    async with connector(server.system(password=Secret(wrong))) as erp:
        with pytest.raises(BackendRefused, match="mend password"):
            await erp.open(soon())
    assert wrong not in caplog.text


async def test_an_unknown_database_is_refused(server: Odoo) -> None:
    async with connector(server.system(parameters={"database": "nobody"})) as erp:
        with pytest.raises(BackendRefused, match=r"mend parameters\.database"):
            await erp.open(soon())


# What Odoo refuses. Each of its errors comes with a traceback, and with texts that hold values.


@pytest.mark.parametrize(
    "case",
    [
        ("res.partner/write", {"ids": [1], "vals": {"name": "Mallory"}}, BackendRefused, "allow"),
        ("sale.order/create", {"vals_list": [{"partner_id": 1}]}, BackendRefused, "allow"),
        (
            "sale.order.line/create",
            {"vals_list": [{"order_id": 1, "product_id": 2}]},
            BackendRefused,
            "allow",
        ),
        ("product.pricelist/_get_product_price", {"ids": [1]}, BackendRefused, "allow"),
        ("no.such.model/read", {"ids": [1]}, BackendRefused, "model or method"),
        ("res.partner/no_such_method", {}, BackendRefused, "model or method"),
        ("res.users/context_get", {"mallory": 1}, BackendRefused, "UnprocessableEntity"),
        (
            "res.partner/web_search_read",
            {"domain": [["mallory", "=", 1]], "specification": {}},
            BadAnswer,
            "ValueError",
        ),
    ],
)
async def test_an_error_is_named_and_its_traceback_is_not_shown(
    server: Odoo, tmp_path: Path, caplog: pytest.LogCaptureFixture, case: Case
) -> None:
    path, body, error, says = case
    caplog.set_level(logging.DEBUG)
    async with connector(server.system(), asking_instead(tmp_path, path, body)) as erp:
        await erp.open(soon())
        with pytest.raises(error, match=says) as raised:
            await ask(erp, FindItem("4521"))
    for text in (str(raised.value), caplog.text):
        assert "Traceback" not in text
        assert "allory" not in text


async def test_a_change_that_was_refused_has_changed_nothing(server: Odoo) -> None:
    count = "SELECT count(*) FROM res_partner WHERE name = 'Mallory';"
    assert server.server.run(count, server.database).strip() == "0"


# What is not there


async def test_a_record_that_is_gone_is_not_found(erp: ConfiguredConnector) -> None:
    item, customer = await the_item(erp), await the_account(erp)
    gone = dataclasses.replace(customer, record_id=MISSING)
    assert isinstance(await ask(erp, BalanceOf(gone)), NotFound)
    assert isinstance(await ask(erp, PriceFor(item, gone, Decimal(1))), NotFound)
    nothing = dataclasses.replace(item, record_id=MISSING)
    assert isinstance(await ask(erp, PriceFor(nothing, customer, Decimal(1))), NotFound)


# What the profile relies on


async def test_asking_for_a_price_saves_nothing(server: Odoo, erp: ConfiguredConnector) -> None:
    count = "SELECT (SELECT count(*) FROM sale_order), (SELECT count(*) FROM sale_order_line);"
    before = server.server.run(count, server.database)
    await ask(erp, PriceFor(await the_item(erp), await the_account(erp), Decimal(50)))
    assert server.server.run(count, server.database) == before


async def test_times_become_the_companys_dates(server: Odoo) -> None:
    """An order of noon UTC is of the next day on Kiritimati, 14 hours ahead."""
    async with connector(server.system()) as erp:
        await erp.open(soon())
        here = await ask(erp, LastOrderOf(await the_account(erp)))
    zones = "SELECT tz FROM resource_calendar LIMIT 1;"
    own = server.server.run(zones, server.database).strip()
    change = "UPDATE resource_calendar SET tz = '{}';"
    server.server.run(change.format("Pacific/Kiritimati"), server.database)
    try:
        async with connector(server.system()) as erp:
            await erp.open(soon())
            there = await ask(erp, LastOrderOf(await the_account(erp)))
    finally:
        server.server.run(change.format(own), server.database)
    assert isinstance(here, OrderStatus)
    assert isinstance(there, OrderStatus)
    assert there.ordered_on - here.ordered_on == timedelta(days=1)
    assert here.ordered_on == date.today() - timedelta(days=7)


async def test_no_log_names_a_person_or_the_key(
    server: Odoo, erp: ConfiguredConnector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await ask(erp, CustomersByPhone("+12125550101"))
    for secret in (server.key, "5550101", "Dana", "Harbor"):
        assert secret not in caplog.text


async def test_odoo_may_be_started_again(server: Odoo, erp: ConfiguredConnector) -> None:
    server.stop()
    with pytest.raises(BackendDown):
        await ask(erp, FindItem("4521"))
    server.start()
    await odoo.wait_ready(server.url)
    assert (await the_item(erp)).number == "4521"
