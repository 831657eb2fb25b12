"""Settings that can't work are refused at the start, the key first."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from erp.limits import demand_above_zero, demand_port


@dataclass(frozen=True)
class Settings:
    port: int = 1
    wait_s: float = 0.5
    tries: int = 1


def test_what_works_is_taken() -> None:
    demand_above_zero(Settings(), "wait_s", "tries")
    demand_port(Settings(port=65535))
    demand_port(Settings(port=0))


def test_zero_is_refused_where_it_cant_work() -> None:
    with pytest.raises(ValueError, match=r"^tries is 0: write a number above 0$"):
        demand_above_zero(Settings(tries=0), "wait_s", "tries")


@pytest.mark.parametrize(("port", "least"), [(65536, 0), (0, 1), (-1, 0)])
def test_what_is_no_port_is_refused(port: int, least: int) -> None:
    with pytest.raises(ValueError, match=f"^port is {port}: write {least} to 65535$"):
        demand_port(Settings(port=port), least=least)
