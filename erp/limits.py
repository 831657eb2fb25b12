"""Refuses settings that can't work, at the start and in one sentence with the mend.

For the `__post_init__` of settings in all rooms. What needs a rule of its own says it itself.
"""

from __future__ import annotations

PORT_MAX = 65535


def demand_above_zero(settings: object, *keys: str) -> None:
    """Raise ValueError, which begins with the key, for the first number that is not above 0."""
    for key in keys:
        value = vars(settings)[key]
        if not value > 0:
            raise ValueError(f"{key} is {value}: write a number above 0")


def demand_port(settings: object, key: str = "port", least: int = 0) -> None:
    """Raise ValueError when a number is no port. least: 0 where a free one may be taken."""
    value = vars(settings)[key]
    if not least <= value <= PORT_MAX:
        raise ValueError(f"{key} is {value}: write {least} to {PORT_MAX}")
