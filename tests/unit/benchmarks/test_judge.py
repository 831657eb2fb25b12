from __future__ import annotations

from decimal import Decimal

import pytest

from tests.benchmarks import judge


@pytest.mark.parametrize(
    ("heard", "quantity", "item"),
    [
        ("two hundred forty two pieces are available of item two six nine zero six", 242, "2690"),
        ("two hundred and six packs are available of item four five two one", 206, "4521"),
        ("ninety three meters are available of item one three two four hex", 93, "1324"),
        ("ten pieces are available of item four five two one", 10, "4521"),
        ("hundred pieces are available of item four five two one", 100, "4521"),
        ("only one piece is available of item four five two one", 1, "4521"),
        ("none is available of item four five two one", 0, "4521"),
    ],
)
def test_an_answer_is_read(heard: str, quantity: int, item: str) -> None:
    assert judge.tells(heard, item, Decimal(quantity))
    assert not judge.tells(heard, item, Decimal(quantity + 1))
    assert not judge.tells(heard, "9999", Decimal(quantity))


@pytest.mark.parametrize("heard", ["", "there is no item four five two one", "are available of"])
def test_an_answer_without_a_quantity_tells_none(heard: str) -> None:
    assert judge.quantity_told(heard) is None


def test_word_errors_count_what_was_lost_added_and_changed() -> None:
    assert judge.word_errors("do you have it", "do you have it") == (0, 4)
    assert judge.word_errors("do you have it", "you have it now") == (2, 4)
    assert judge.word_errors("do you have it", "do [unk] have it") == (1, 4)
    assert judge.word_errors("do you have it", "") == (4, 4)
