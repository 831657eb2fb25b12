"""Personal data in logs."""

from __future__ import annotations

import pytest

from dialplan.masking import masked_number


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+1 555 010 0123", "*********23"), ("12", "**"), ("", "(none)"), ("anonymous", "(none)")],
)
def test_a_telephone_number_shows_its_last_two_digits(number: str, shown: str) -> None:
    assert masked_number(number) == shown
