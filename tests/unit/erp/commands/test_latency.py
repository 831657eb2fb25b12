"""`orderline erp latency`: which reads are asked."""

from __future__ import annotations

from erp.commands.latency import rounds
from tests.unit.asterisk_agi.test_inquiry import ITEM, FakeErp, an_order


async def test_what_a_system_cant_do_is_not_asked() -> None:
    """A warehouse's database knows no balance; the rest is measured all the same."""
    erp = FakeErp()
    erp.last = an_order("2034")
    able = {"find_item", "customers_by_phone", "availability", "ping"}
    await rounds(erp, ITEM.number, "1", 2, lambda system, operation: operation in able)
    asked = [what[0] for what in erp.asked if isinstance(what, tuple)]
    assert {"order", "price", "history", "tracking"}.isdisjoint(asked)
    assert [asked.count(what) for what in ("ping", "item", "customers")] == [2, 3, 3]
