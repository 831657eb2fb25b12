"""Checks what a profile's author wrote, and says mistakes in one sentence with its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from erp.profiles.errors import ProfileError

SHOWN_CHARACTERS = 40
"""How much of a value a sentence or a log line shows."""


def mistake(where: str, what: str) -> ProfileError:
    """Return the error that says what is wrong at a place of the profile."""
    # The package of profiles imports this one when it starts.
    from erp.profiles.errors import ProfileError  # noqa: PLC0415

    return ProfileError(f"{where} {what}")


def place(*names: str) -> str:
    """Return a dotted place; empty names are left out."""
    return ".".join(name for name in names if name)


def shown(value: object) -> str:
    """Return a raw value as a sentence or a log may show it: short, ASCII, on one line."""
    if isinstance(value, bytes | bytearray):
        return f"{bytes(value[:SHOWN_CHARACTERS])!r}"
    return ascii(str(value)[:SHOWN_CHARACTERS])


def a_thing(name: str) -> str:
    """Return a name with its article."""
    return f"an {name}" if name[0] in "aeio" else f"a {name}"


def listed(known: Iterable[str]) -> str:
    """Return names as a sentence lists them."""
    return ", ".join(known)


def unknown(where: str, word: object, known: Iterable[str]) -> ProfileError:
    """Return the error for a word that is none of the known ones, with the nearest of them."""
    names = list(known)
    near = get_close_matches(str(word), names, n=1)
    mend = f"did you mean {near[0]}?" if near else f"write one of {listed(names)}"
    return mistake(where, f"has {shown(word)}, which is not known: {mend}")


def mapping_at(value: object, where: str, of_what: str) -> Mapping[str, object]:
    """Return a mapping whose keys are texts, or raise ProfileError."""
    if not isinstance(value, Mapping):
        raise mistake(where, f"is {shown(value)}: write a mapping of {of_what}")
    for key in value:
        if isinstance(key, bool):
            raise mistake(where, f"has the key {key} without quotes: write it in quotes")
        if not isinstance(key, str):
            raise mistake(where, f"has the key {shown(key)}: write a name")
    return value


def list_at(value: object, where: str, of_what: str) -> list[object]:
    """Return a list that is not empty, or raise ProfileError."""
    if not isinstance(value, list | tuple) or not value:
        raise mistake(where, f"is {shown(value)}: write a list of {of_what}")
    return list(value)


def whole_at(value: object, where: str, least: int, most: int) -> int:
    """Return a whole number within its bounds, or raise ProfileError."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise mistake(where, f"is {shown(value)}: write a whole number from {least} to {most}")
    return value


def truth_at(value: object, where: str) -> bool:
    """Return true or false, or raise ProfileError."""
    if not isinstance(value, bool):
        raise mistake(where, f"is {shown(value)}: write true or false")
    return value


def text_at(value: object, where: str) -> str:
    """Return a text, or raise ProfileError."""
    if not isinstance(value, str):
        raise mistake(where, f"is {shown(value)}: write a text, in quotes when it is all digits")
    return value


def path_at(value: object, where: str) -> tuple[str, ...]:
    """Return the names on the way to a raw value: a dotted text, or a list of exact names."""
    steps: list[object]
    if isinstance(value, str):
        steps = list(value.split("."))
    elif isinstance(value, list | tuple):
        steps = list(value)
    else:
        steps = []
    path = tuple(str(step) for step in steps if isinstance(step, str | int))
    if not path or "" in path or len(path) != len(steps):
        raise mistake(
            where,
            f"is {shown(value)}: write a name, a path with dots, or a list of names when one"
            " has a dot itself",
        )
    return path
