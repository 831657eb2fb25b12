"""`orderline erp try-task`: it says where, and writes nothing without a yes."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from asterisk_agi import cli
from erp.commands import try_task
from erp.commands.configured import Configured
from erp.commands.errors import CommandError
from erp.deadline import Deadline
from erp.model import Customer, NotFound, WriteReceipt
from erp.settings import GatewaySettings
from erp.writes import CreateTask
from tests.unit.asterisk_agi.test_cli import configuration
from tests.unit.asterisk_agi.test_inquiry import CUSTOMER, FakeErp
from tests.unit.erp.samples import source

__all__ = ["configuration"]

Printed = pytest.CaptureFixture[str]


class KeepingErp(FakeErp):
    """Has a task once, or twice when it forgets keys."""

    def __init__(self, forgets: bool = False) -> None:
        super().__init__()
        self.tasks: list[CreateTask] = []
        self.forgets = forgets

    async def customer_by_account(self, account: str, deadline: Deadline) -> Customer | NotFound:
        return CUSTOMER if account == CUSTOMER.account else NotFound("account", source())

    async def create_task(self, task: CreateTask, deadline: Deadline) -> WriteReceipt:
        existed = task in self.tasks and not self.forgets
        if not existed:
            self.tasks.append(task)
        return WriteReceipt(task.key, str(len(self.tasks)), source(), existed)


@pytest.fixture
def erp(monkeypatch: pytest.MonkeyPatch) -> KeepingErp:
    found = KeepingErp()

    @asynccontextmanager
    async def port(settings: Configured, asked: object = None) -> AsyncIterator[KeepingErp]:
        yield found

    monkeypatch.setattr(try_task, "port", port)
    return found


SETTINGS = Configured(GatewaySettings(), {}, "", "")


async def test_it_is_written_once_and_found_again(erp: KeepingErp) -> None:
    told = await try_task.write(SETTINGS, "", "+12125550101")
    (task,) = erp.tasks
    assert (task.customer, task.phone) == (None, "+12125550101")
    assert "record: 1" in told
    assert "the same record" in told


async def test_a_customer_is_looked_up_by_number(erp: KeepingErp) -> None:
    await try_task.write(SETTINGS, CUSTOMER.account, "")
    assert erp.tasks[0].customer == CUSTOMER
    with pytest.raises(CommandError, match="there is no account C0"):
        await try_task.write(SETTINGS, "C0", "")


async def test_a_system_that_has_it_twice_is_told(erp: KeepingErp) -> None:
    erp.forgets = True
    with pytest.raises(CommandError, match="is not found by its key: mend `find`"):
        await try_task.write(SETTINGS, "", "")


@pytest.mark.parametrize("said", ["", "n\n", "maybe\n", "\n"])
def test_without_a_yes_nothing_is_written(
    configuration: Path,
    erp: KeepingErp,
    capsys: Printed,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    assert cli.main(["erp", "try-task", "--config", str(configuration)]) == 0
    printed = capsys.readouterr().out
    assert "A trial task will be written to main (tryton-8.2 v" in printed
    assert printed.endswith("Nothing was written.\n")
    assert erp.tasks == []


@pytest.mark.parametrize(("words", "said"), [([], "yes\n"), ([], "Y\n"), (["--yes"], "")])
def test_with_a_yes_it_is(
    configuration: Path,
    erp: KeepingErp,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    said: str,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    assert cli.main(["erp", "try-task", "--config", str(configuration), *words]) == 0
    assert len(erp.tasks) == 1
