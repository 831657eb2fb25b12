from __future__ import annotations

from datetime import date

import pytest

from tests.benchmarks import questions

TODAY = date(2026, 11, 21)


def test_the_same_seed_asks_the_same() -> None:
    items = questions.catalogue()
    assert len(items) == 60
    first = questions.draw(30, 1, items, TODAY)
    assert first == questions.draw(30, 1, items, TODAY)
    assert first != questions.draw(30, 2, items, TODAY)
    assert 0 < sum(question.on > TODAY for question in first) < 30


def test_a_question_says_its_item_and_its_day() -> None:
    for question in questions.draw(50, 3, ("4021",), TODAY):
        assert "four zero two one" in question.text
        if question.on != TODAY:
            assert questions.spoken_day(question.on) in question.text
    assert questions.spoken_day(date(2026, 12, 23)) == "december twenty third"


@pytest.mark.parametrize(("at_once", "calls"), [(1, 6), (4, 8)])
def test_every_round_is_full_and_no_question_is_lost(at_once: int, calls: int) -> None:
    asked = questions.draw(30, 1, questions.catalogue(), TODAY)
    shares = questions.shared_out(asked, at_once, 5)
    assert len(shares) == calls
    assert [question for share in shares for question in share] == list(asked)
    assert {len(share) for share in shares} <= {3, 4, 5}
