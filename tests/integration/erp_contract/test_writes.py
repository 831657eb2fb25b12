"""Every system takes a task alike, once for each key, and keeps every character of it.

What lies in a system is read in its own database, not through the interface that wrote it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import html
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from asterisk_agi import app
from asterisk_agi import settings as settings_file
from erp.connector import Attempt
from erp.deadline import Deadline
from erp.errors import BackendRefused
from erp.model import Customer, WriteReceipt
from erp.port import ErpPort
from erp.trace import Trace
from erp.writes import CreateTask
from tests.rig.erp_systems import KeptTask, System

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

DANA = "+12125550101"
LONG = "Ärger über die Ölpumpe Größe 4 – żółć, 日本語, 🙂. " * 11
UNIQUE = ("odoo", "postgresql", "mariadb")
"""Systems that keep a key unique by themselves; Tryton gives no such field to a user."""

INJECTIONS = (
    "Robert'); DROP TABLE CALTSK;--",
    "<script>alert(1)</script> & <b>fett</b>",
    "{task_key} {0} %s %(text)s ${HOME} :task_key",
    "\\' OR 1=1 -- \" \\",
)


def soon() -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), 10.0)


def a_task(**changes: object) -> CreateTask:
    values: dict[str, object] = {
        "key": str(uuid.uuid4()),
        "title": "Call back about order 10042",
        "text": "The caller waits for pallets.\nAsk for Dana.",
        "due": datetime.now(timezone.utc) + timedelta(hours=3),
        "phone": DANA,
    }
    return CreateTask(**{**values, **changes})  # type: ignore[arg-type]


async def dana(erp: ErpPort) -> Customer:
    (customer,) = await erp.customers_by_phone(DANA, soon())
    return customer


def shown(text: str, kind: str) -> str:
    """Return a text as it must lie in the system."""
    if kind != "odoo":
        return text
    return "<br>".join(html.escape(line, quote=False) for line in text.splitlines())


def the_one(tasks: Callable[[str], list[KeptTask]], receipt: WriteReceipt) -> KeptTask:
    (task,) = tasks(receipt.key)
    return task


async def test_a_task_for_a_known_customer(erp: ErpPort, system: System, kind: str) -> None:
    customer = await dana(erp)
    task = a_task(customer=customer)
    receipt = await erp.create_task(task, soon())
    assert (receipt.key, receipt.existed) == (task.key, False)
    assert receipt.record == receipt.source.record != ""
    assert (receipt.source.system, receipt.source.operation) == (kind, "create_task")
    kept = the_one(system.tasks, receipt)
    assert (kept.title, kept.customer) == (task.title, customer.account)
    assert shown(task.text, kind) in kept.text


async def test_a_caller_whom_nobody_knows(erp: ErpPort, system: System) -> None:
    receipt = await erp.create_task(a_task(), soon())
    assert the_one(system.tasks, receipt).customer == ""


async def test_the_same_key_is_one_task(erp: ErpPort, system: System) -> None:
    task = a_task()
    first = await erp.create_task(task, soon())
    again = await erp.create_task(task, soon())
    assert (first.existed, again.existed) == (False, True)
    assert again.record == first.record
    assert len(system.tasks(task.key)) == 1


async def test_the_same_key_at_the_same_moment(erp: ErpPort, system: System) -> None:
    task = a_task()
    receipts = await asyncio.gather(*(erp.create_task(task, soon()) for _ in range(4)))
    assert_one(receipts, system)


async def test_the_same_key_from_another_process_at_the_same_moment(
    erp: ErpPort, configuration: Path, system: System, kind: str
) -> None:
    """A second gateway knows nothing of the first one's turns: the system's unique key decides."""
    task = a_task()
    other = app.landscape(settings_file.load(configuration)).gateway()
    try:
        await app.open_erp(other)
        async with other.for_call("other") as port:
            ports = (erp, port, erp, port) if kind in UNIQUE else (erp, erp)
            receipts = await asyncio.gather(*(one.create_task(task, soon()) for one in ports))
            receipts.append(await port.create_task(task, soon()))
    finally:
        await other.close()
    assert_one(receipts, system)


def assert_one(receipts: list[WriteReceipt], system: System) -> None:
    assert len({receipt.record for receipt in receipts}) == 1
    assert sum(not receipt.existed for receipt in receipts) == 1
    assert len(system.tasks(receipts[0].key)) == 1


async def test_every_character_is_kept(erp: ErpPort, system: System, kind: str) -> None:
    text = "\n".join((LONG, *INJECTIONS))
    assert len(text) > 500
    task = a_task(text=text, title=f"Ümläut {INJECTIONS[0]}")
    kept = the_one(system.tasks, await erp.create_task(task, soon()))
    assert kept.title == task.title
    for line in text.splitlines():
        assert shown(line, kind).strip() in kept.text


@pytest.mark.parametrize("kind", UNIQUE, indirect=True)
async def test_a_key_that_is_there_changes_nothing_even_unasked(
    erp: ErpPort, configuration: Path, system: System, kind: str
) -> None:
    """Without the look-up before: the system's unique key and our user's rights alone hold."""
    task = a_task()
    await erp.create_task(task, soon())
    other = dataclasses.replace(task, title="Somebody else's", text="Not the same.")
    connector = app.landscape(settings_file.load(configuration)).connectors()[kind]
    try:
        await connector.open(soon())
        attempt = Attempt(soon(), Trace(kind, "create_task"))
        if kind == "odoo":
            with pytest.raises(BackendRefused):
                await connector.ask(other, attempt)
        else:
            assert (await connector.ask(other, attempt)).existed
        assert attempt.trace.sent
    finally:
        await connector.close()
    (kept,) = system.tasks(task.key)
    assert kept.title == task.title
    assert "Not the same." not in kept.text


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_whoever_sets_it_up_can_try_it(configuration: Path) -> None:
    command = Path(sys.executable).with_name("orderline")
    done = subprocess.run(
        [command, "erp", "try-task", "--config", configuration, "--account", "C001", "--yes"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "With the same key again: the same record." in done.stdout
