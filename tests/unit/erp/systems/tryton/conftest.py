from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.erp.systems.tryton.fake_tryton import FakeTryton, serving


@pytest.fixture
async def fake() -> AsyncIterator[FakeTryton]:
    async with serving(FakeTryton()) as served:
        yield served
