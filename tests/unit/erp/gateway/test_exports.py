"""The public names are chosen, not grown; and the gateway is what the dialogue takes it for."""

from __future__ import annotations

from erp import gateway
from erp.gateway import Gateway
from erp.port import ErpDoor
from erp.settings import GatewaySettings
from tests.unit.erp.gateway.fakes import FakeConnector


def test_the_public_names() -> None:
    assert set(gateway.__all__) == {
        "Gateway", "Health", "HopRow", "Observe", "hop_map", "unobserved",
    }  # fmt: skip
    for name in gateway.__all__:
        assert getattr(gateway, name) is not None


def test_it_is_a_door() -> None:
    door: ErpDoor = Gateway(GatewaySettings(), lambda: {"one": FakeConnector()})
    assert callable(door.for_call)
