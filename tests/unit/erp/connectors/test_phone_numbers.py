"""The old place of `erp.phone_numbers`."""

from __future__ import annotations

from erp import phone_numbers
from erp.connectors import phone_numbers as old_place


def test_it_is_the_same() -> None:
    for name in old_place.__all__:
        assert getattr(old_place, name) is getattr(phone_numbers, name)
