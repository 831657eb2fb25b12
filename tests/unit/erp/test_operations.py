"""The table of operations and the port say the same."""

from __future__ import annotations

import inspect

import pytest

from erp import queries, writes
from erp.operations import OPERATIONS, READS, WRITES, Operation, Sensitivity
from erp.port import ErpPort
from erp.shapes import PARAMETERS, SHAPES

NOT_QUERIES = {"system_of"}
NOT_CONFIRMED = {"log_activity"}
"""It writes down what was done: there is nothing to say yes to."""


def test_every_operation_of_the_port_is_declared() -> None:
    methods = {name for name in vars(ErpPort) if not name.startswith("_")} - NOT_QUERIES
    assert methods == {*READS, *WRITES}
    for name in methods:
        assert "deadline" in inspect.signature(getattr(ErpPort, name)).parameters


def test_every_read_has_a_query_and_a_shape() -> None:
    apart = {writes.Write, writes.TaskByKey}
    asked = {kind.operation for kind in queries.Query.__subclasses__() if kind not in apart}
    assert asked == set(READS)
    assert {*READS, *WRITES} == set(SHAPES) == set(PARAMETERS)


def test_every_write_is_declared_as_one_and_can_be_looked_up() -> None:
    kinds = writes.Write.__subclasses__()
    assert {kind.operation for kind in kinds} == set(WRITES)
    for kind in kinds:
        assert kind.writes
        assert OPERATIONS[kind.operation].write
        find, create = SHAPES[kind.operation]
        assert (find.name, find.writes, create.name, create.writes) == (
            "find", False, "create", True,
        )


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda one: one.name)
def test_a_declaration_holds_together(operation: Operation) -> None:
    assert OPERATIONS[operation.name] is operation
    assert 0 <= operation.assurance <= 3
    # A write is never cached, and is confirmed; a read has nothing to confirm or undo.
    if operation.write:
        assert operation.freshness.live
        assert operation.confirm is (operation.name not in NOT_CONFIRMED)
        assert not operation.undo or OPERATIONS[operation.undo].write
    else:
        assert not operation.confirm
        assert not operation.undo


@pytest.mark.parametrize(
    "name", ["availability", "price", "order_status", "last_order", "tracking", "balance"]
)
def test_what_changes_by_the_minute_is_always_live(name: str) -> None:
    assert OPERATIONS[name].freshness.live


def test_an_accounts_facts_need_a_matched_number_and_its_money_more() -> None:
    for operation in OPERATIONS.values():
        if operation.sensitivity is Sensitivity.ACCOUNT:
            assert operation.assurance >= 1
        if operation.sensitivity is Sensitivity.FINANCIAL:
            assert operation.assurance >= 2
