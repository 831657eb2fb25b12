"""`orderline erp ask`: arguments, and answers as text."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from erp.commands.ask import QUESTIONS, answer, shown
from erp.commands.errors import CommandError
from erp.deadline import Deadline
from erp.model import Availability, Balance, Money, NotFound, Quantity, Receipt, WarehouseStock
from erp.operations import READS
from tests.unit.asterisk_agi.test_inquiry import CUSTOMER, ITEM, FakeErp
from tests.unit.erp.samples import source

SOON = Deadline(1e9)


def test_every_read_can_be_asked() -> None:
    assert set(QUESTIONS) == set(READS)


async def test_a_day_and_a_quantity_are_read() -> None:
    erp = FakeErp()
    await answer(erp, "availability", ["4521", "2026-12-31"], SOON)
    assert ("availability", date(2026, 12, 31)) in erp.asked


@pytest.mark.parametrize(
    ("operation", "arguments", "sentence"),
    [
        ("availability", [], "availability takes NUMBER [DAY]: write that behind it"),
        ("find_item", ["1", "2"], "find_item takes NUMBER: write that behind it"),
        ("availability", ["4521", "31.12."], "'31.12.' is no day: write it as 2026-05-31"),
        ("availability", ["9999"], "there is no item 9999"),
        ("price", ["4521", "C9", "many"], "'many' is no number: write it as 50"),
        *(
            (
                "price",
                ["4521", "C9", wrong],
                f"{wrong!r} is out of reach: write above 0, 1000000000 at most",
            )
            for wrong in ("-1", "0", "nan", "inf", "1e4000000000")
        ),
        *(
            (
                "order_history",
                ["C9", wrong],
                f"{wrong!r} is no number of orders: write 1 to 50",
            )
            for wrong in ("0.5", "0", "51", "1e4", "9" * 5000)
        ),
    ],
)
async def test_a_mistake_gets_one_sentence(
    operation: str, arguments: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError) as caught:
        await answer(FakeErp(), operation, arguments, SOON)
    assert str(caught.value) == sentence


def test_an_answer_is_shown_with_units_and_source() -> None:
    some = Quantity(Decimal("1.50"), "meter")
    text = shown(
        Availability(
            ITEM, date(2026, 5, 4), some, (WarehouseStock("North", some),),
            (Receipt(date(2026, 6, 1), some),), source("availability", "17"),
        )
    )  # fmt: skip
    assert "available: 1.5 meter" in text
    assert "- warehouse: North" in text
    assert "- on: 2026-06-01" in text
    assert "operation: availability" in text


def test_money_is_written_out() -> None:
    limit = Money(Decimal("5E+3"), "USD")
    text = shown(Balance("C9", Money(Decimal("0.10"), "USD"), limit, None, source("balance")))
    assert "owed: 0.10 USD" in text
    assert "overdue: 5000 USD" in text
    assert "credit_limit: -" in text


def test_nothing_found_is_said() -> None:
    assert shown(NotFound("item 9", source())) == "not found: item 9"
    assert shown(()) == "none"
    assert shown((CUSTOMER,)).startswith("- record_id: ")
