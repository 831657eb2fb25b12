"""The table of operations and the port say the same."""

from __future__ import annotations

import inspect

import pytest

from erp.operations import OPERATIONS, Operation, Sensitivity
from erp.port import ErpPort

NOT_QUERIES = {"open", "close", "system"}


def test_every_operation_of_the_port_is_declared() -> None:
    methods = {name for name in vars(ErpPort) if not name.startswith("_")} - NOT_QUERIES
    assert methods == set(OPERATIONS)
    for name in methods:
        assert "deadline" in inspect.signature(getattr(ErpPort, name)).parameters


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda one: one.name)
def test_a_declaration_holds_together(operation: Operation) -> None:
    assert OPERATIONS[operation.name] is operation
    assert 0 <= operation.assurance <= 3
    # A write is never cached, and is confirmed; a read has nothing to confirm or undo.
    if operation.write:
        assert operation.freshness.live
        assert operation.confirm
    else:
        assert not operation.confirm
        assert not operation.undo


def test_stock_and_orders_are_always_live() -> None:
    assert OPERATIONS["availability"].freshness.live
    assert OPERATIONS["last_order"].freshness.live


def test_an_accounts_facts_need_a_matched_number() -> None:
    for operation in OPERATIONS.values():
        if operation.sensitivity is Sensitivity.ACCOUNT:
            assert operation.assurance >= 1
