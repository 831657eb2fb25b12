"""The public names are chosen, not grown."""

from __future__ import annotations

import erp


def test_the_public_names() -> None:
    assert set(erp.__all__) == {
        "OPERATIONS", "BackendDown", "BackendRefused", "BackendSlow", "BadAnswer", "Deadline",
        "ErpError", "ErpPort", "Operation", "Secret",
    }
    for name in erp.__all__:
        assert getattr(erp, name) is not None
