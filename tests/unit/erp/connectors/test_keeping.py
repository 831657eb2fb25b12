"""Writes of a configured connector: parameters, receipts, and a customer of another system."""

from __future__ import annotations

import copy
from datetime import datetime, timezone
from typing import Any

import pytest

from erp.connectors.configured import ConfiguredConnector
from erp.errors import BackendRefused, BadAnswer
from erp.model import NotFound, WriteReceipt
from erp.profiles import ProfileError, engines
from erp.systems import ADAPTERS
from erp.writes import CreateTask, TaskByKey
from tests.unit.erp import tiny_engine
from tests.unit.erp.connectors.configured_rig import COMPANY, ask, connector
from tests.unit.erp.samples import customer
from tests.unit.erp.tiny_engine import TinyEngine, content, profile

KEY = "6f1c2a9b-4d5e-4c1a-9a77-0f2d3b4c5d6e"
DUE = datetime(2026, 11, 21, 23, 30, tzinfo=timezone.utc)
FIND: dict[str, Any] = {"sql": "find :task_key", "fields": {"record_id": {"from": "ID"}}}
CREATE: dict[str, Any] = {
    "sql": "create :task_key :title :text :due :due_time :customer_id :account",
    "fields": {"record_id": {"from": "ID"}},
}


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "ENGINES", tiny_engine.TABLE)
    monkeypatch.setitem(ADAPTERS, "tiny", "tests.unit.erp.connectors.configured_rig")


def with_tasks(find: dict[str, Any] = FIND, create: dict[str, Any] = CREATE) -> dict[str, Any]:
    values = copy.deepcopy(content(COMPANY))
    values["operations"]["create_task"] = {"find": find, "create": create}
    values["typical_ms"]["create_task"] = 9
    return values


def made() -> tuple[ConfiguredConnector, TinyEngine]:
    return connector(with_tasks())


def a_task(**changes: Any) -> CreateTask:
    return CreateTask(**{"key": KEY, "title": " T ", "text": "x", "due": DUE, **changes})


async def test_a_task_is_written_with_its_values_and_gives_a_receipt() -> None:
    there, engine = made()
    engine.answers["create"] = [{"ID": 7}]
    receipt = await ask(there, a_task(customer=customer()))
    assert (receipt.key, receipt.record, receipt.existed) == (KEY, "7", False)
    assert (receipt.source.operation, receipt.source.record) == ("create_task", "7")
    (values,) = [given for word, given in engine.asked if word == "create"]
    assert (values["title"], values["customer_id"], values["account"]) == ("T", "42", "C-9")
    # Midnight has passed in Berlin.
    assert (str(values["due"]), values["due_time"]) == ("2026-11-22", "00:30")


async def test_it_is_looked_up_by_its_key() -> None:
    there, engine = made()
    found = await ask(there, TaskByKey(KEY))
    assert isinstance(found, NotFound)
    assert found.wanted == f"a task with key {KEY}"
    engine.answers["find"] = [{"ID": 7}]
    found = await ask(there, TaskByKey(KEY))
    assert isinstance(found, WriteReceipt)
    assert (found.record, found.existed) == ("7", True)


async def test_an_answer_without_a_record_is_looked_up() -> None:
    there, engine = made()
    engine.answers |= {"create": [], "find": [{"ID": 8}]}
    receipt = await ask(there, a_task())
    assert (receipt.record, receipt.existed) == ("8", False)
    assert engine.words()[-2:] == ["create", "find"]


async def test_an_engine_that_read_back_says_whether_it_was_there() -> None:
    there, engine = made()
    engine.by_find, engine.existed = True, True
    engine.answers["create"] = [{"ID": 9}]
    receipt = await ask(there, a_task())
    assert (receipt.record, receipt.existed) == ("9", True)
    assert engine.words()[-1] == "create"


async def test_what_cannot_be_found_has_no_receipt() -> None:
    there, _ = made()
    with pytest.raises(BadAnswer, match="nothing by which what it wrote could be found"):
        await ask(there, a_task())


async def test_another_systems_customer_is_found_by_number_or_left_out() -> None:
    there, engine = made()
    engine.answers |= {"create": [{"ID": 7}], "account": [{"ID": 3, "ACCT": "C-9", "NAME": "A",
                                                           "TEL": ""}]}
    foreign = customer(system="other")
    await ask(there, a_task(customer=foreign))
    engine.answers["account"] = []
    await ask(there, a_task(customer=foreign))
    written = [values for word, values in engine.asked if word == "create"]
    assert [values["customer_id"] for values in written] == ["3", None]
    assert [values["account"] for values in written] == ["C-9", "C-9"]


async def test_a_profile_without_tasks_says_so() -> None:
    there, _ = connector()
    with pytest.raises(BackendRefused, match="its profile can't do this"):
        await ask(there, a_task())


@pytest.mark.parametrize(
    ("find", "create", "sentence"),
    [
        ({**FIND, "sql": "find :title"}, CREATE, "operations.create_task.find names 'title'"),
        (FIND, {**CREATE, "sql": "create :price"}, "operations.create_task.create names 'price'"),
    ],
)
def test_a_part_names_what_it_may(
    find: dict[str, Any], create: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ProfileError, match=sentence):
        profile(with_tasks(find, create))


@pytest.mark.parametrize("missing", ["find", "create"])
def test_a_write_needs_both_parts(missing: str) -> None:
    values = with_tasks()
    del values["operations"]["create_task"][missing]
    with pytest.raises(ProfileError, match=f"operations.create_task.{missing} is missing"):
        profile(values)
