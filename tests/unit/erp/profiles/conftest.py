from __future__ import annotations

import pytest

from erp.profiles import engines
from tests.unit.erp import tiny_engine


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the engine `sql` to the tests."""
    monkeypatch.setattr(engines, "ENGINES", tiny_engine.TABLE)
