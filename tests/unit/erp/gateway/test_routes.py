from __future__ import annotations

from collections.abc import Mapping

import pytest

from erp.connector import Capabilities
from erp.gateway.routes import FIRST_SHARE, Kind, plans
from erp.operations import READS, WRITES
from erp.settings import GatewaySettings
from tests.unit.erp.gateway.fakes import FakeConnector

ERP = FakeConnector("erp").capabilities
STOCK = FakeConnector("stock", operations=["availability", "find_item"]).capabilities
BOTH: Mapping[str, Capabilities] = {"erp": ERP, "stock": STOCK}


def test_the_only_system_needs_no_name() -> None:
    made = plans(GatewaySettings(), {"erp": ERP})
    assert set(made) == {*READS, *WRITES}
    assert {plan.system for plan in made.values()} == {"erp"}


def test_each_operation_has_its_route() -> None:
    made = plans(GatewaySettings(use="erp", routes={"availability": "stock"}), BOTH)
    assert made["availability"].system == "stock"
    assert made["find_item"].system == "erp"


def test_a_system_that_is_used_may_lack_operations() -> None:
    assert plans(GatewaySettings(use="stock"), BOTH)["balance"].system == "stock"


def test_the_steps_come_in_order_and_leave_time_to_systems_that_follow() -> None:
    settings = GatewaySettings(
        use="erp", fallback={"find_item": ("cache", "system:stock", "keypad")}
    )
    steps = plans(settings, BOTH)["find_item"].steps
    assert [(step.kind, step.system, step.share) for step in steps] == [
        (Kind.SYSTEM, "erp", FIRST_SHARE),
        (Kind.CACHE, "", FIRST_SHARE),
        (Kind.SYSTEM, "stock", 1.0),
        (Kind.KEYPAD, "", 1.0),
    ]


@pytest.mark.parametrize(
    ("settings", "systems", "sentence"),
    [
        (GatewaySettings(), {}, "systems is empty: write at least one system"),
        (GatewaySettings(), BOTH, "erp.use is empty: write one of erp, stock"),
        (
            GatewaySettings(use="sap"),
            BOTH,
            "erp.use is 'sap', which is no system: known are erp, stock",
        ),
        (
            GatewaySettings(use="erp", routes={"price": "sap"}),
            BOTH,
            "erp.routes.price is 'sap', which is no system: known are erp, stock",
        ),
        (
            GatewaySettings(use="erp", routes={"balance": "stock"}),
            BOTH,
            "erp.routes.balance is 'stock', which can't do balance: write erp",
        ),
        (
            GatewaySettings(use="erp", fallback={"price": ("system:sap",)}),
            BOTH,
            "erp.fallback.price is 'sap', which is no system: known are erp, stock",
        ),
        (
            GatewaySettings(use="erp", fallback={"balance": ("system:stock",)}),
            BOTH,
            "erp.fallback.balance is 'stock', which can't do balance: write erp",
        ),
        (
            GatewaySettings(use="erp", fallback={"price": ("system:erp",)}),
            BOTH,
            "erp.fallback.price has system:erp, which was asked before: take it away",
        ),
        (
            GatewaySettings(use="erp", fallback={"find_item": ("human", "cache")}),
            BOTH,
            "erp.fallback.find_item has cache after human: write it before",
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    settings: GatewaySettings, systems: Mapping[str, Capabilities], sentence: str
) -> None:
    with pytest.raises(ValueError) as caught:
        plans(settings, systems)
    assert str(caught.value) == sentence


def test_a_key_tries_nothing_again_that_no_caller_asks_for() -> None:
    with pytest.raises(ValueError, match=r"^fallback\.customers_by_phone has keypad: .*take it"):
        GatewaySettings(fallback={"customers_by_phone": ("cache", "keypad")})
