"""Reads the plain data of a profile's section, and says in one sentence what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from erp.profiles.errors import ProfileError

SHOWN_CHARACTERS = 60
"""How much of a wrong value a sentence shows."""

_Found = TypeVar("_Found")

_NAMES: dict[type, str] = {str: "a text", int: "a whole number"}


def shown(value: object) -> str:
    """Return a value of a profile as a sentence shows it: short, on one line."""
    return ascii(value)[:SHOWN_CHARACTERS]


def mapping(found: object, where: str) -> Mapping[str, object]:
    """Return a mapping whose keys are texts; a missing one is empty. Raises ProfileError."""
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise ProfileError(f"{where} is {shown(found)}: write a mapping of names to values")
    for key in found:
        if not isinstance(key, str):
            raise ProfileError(f"{where} has the key {shown(key)}: write it in quotes")
    return found


def demand_known(found: Mapping[str, object], known: Collection[str], where: str) -> None:
    """Raise ProfileError for a key that nobody reads."""
    for key in found:
        if key not in known:
            raise ProfileError(f"{where}.{key} is not known: known are {', '.join(sorted(known))}")


def one_of(found: object, choices: Collection[str], where: str) -> str:
    """Return a text that is one of the choices. Raises ProfileError."""
    if not isinstance(found, str) or found not in choices:
        raise ProfileError(f"{where} is {shown(found)}: write one of {', '.join(choices)}")
    return found


def typed(found: Mapping[str, object], key: str, default: _Found, where: str) -> _Found:
    """Return a value of the default's own type, or the default. Raises ProfileError."""
    value = found.get(key)
    if value is None:
        return default
    if type(value) is not type(default):
        raise ProfileError(f"{where}.{key} is {shown(value)}: write {_NAMES[type(default)]}")
    return value


def needed(found: Mapping[str, object], key: str, where: str) -> str:
    """Return a text that must be there. Raises ProfileError."""
    value = typed(found, key, "", where)
    if not value:
        raise ProfileError(f"{where}.{key} is not given: write it")
    return value


def above_zero(found: object, where: str) -> float:
    """Return a number above 0. Raises ProfileError."""
    if isinstance(found, bool) or not isinstance(found, int | float) or not found > 0:
        raise ProfileError(f"{where} is {shown(found)}: write a number above 0")
    return found


def place(found: object, where: str) -> tuple[str, ...]:
    """Return the keys of a place in an answer: dotted text, or a list of exact keys."""
    if found is None or found == "":
        return ()
    if isinstance(found, str):
        keys = tuple(found.split("."))
    elif isinstance(found, list) and all(type(key) in (str, int) for key in found):
        keys = tuple(str(key) for key in found)
    else:
        raise ProfileError(f"{where} is {shown(found)}: write a place such as data.0.lines")
    if not all(keys):
        raise ProfileError(
            f"{where} is {shown(found)}: a key is empty; write a list when a key has a dot"
        )
    return keys
