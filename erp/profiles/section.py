"""One mapping of a profile, read key by key: the wrong type, and unknown keys, are one sentence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from enum import Enum
from typing import TypeVar

from erp.profiles.errors import ProfileError

E = TypeVar("E", bound=Enum)

SHOWN_CHARACTERS = 60


class Section:
    """A mapping at a place of the profile. Every reader raises ProfileError."""

    def __init__(self, values: object, where: str) -> None:
        if not isinstance(values, dict):
            raise ProfileError(f"{where} is {shown(values)}: write keys and values below it")
        for key in values:
            if not isinstance(key, str):
                raise ProfileError(f"{where}: the key {shown(key)} is no text: put it in quotes")
        self.values: dict[str, object] = values
        self.where = where

    def place(self, key: str) -> str:
        """Return the place of a key, for messages."""
        return f"{self.where}.{key}" if self.where else key

    def allow(self, keys: Collection[str]) -> None:
        """Raise for the first key that is not one of these."""
        for key in self.values:
            if key not in keys:
                known = ", ".join(sorted(keys)) or "none"
                raise ProfileError(f"{self.place(key)} is not known: known are {known}")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text that is not empty, or the default. None: it must be there."""
        value = self._value(key, default, "a text")
        if value == default and default is not None:
            return default
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(key, "write a text")
        return value

    def whole(self, key: str, default: int | None = None, least: int = 1) -> int:
        """Return a whole number."""
        value = self._value(key, default, "a whole number")
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self._wrong(key, f"write a whole number, {least} or more")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """Return a number above 0."""
        value = self._value(key, default, "a number")
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise self._wrong(key, "write a number above 0")
        return float(value)

    def flag(self, key: str) -> bool:
        """Return true or false; what is not there is false."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key, "write true or false")
        return value

    def day(self, key: str) -> date:
        """Return a date."""
        value = self._value(key, None, "a date")
        if isinstance(value, datetime) or not isinstance(value, date):
            raise self._wrong(key, "write a date, as in 2026-11-21")
        return value

    def choice(self, key: str, kind: type[E]) -> E:
        """Return one of an enumeration, by its value."""
        value = self._value(key, None, "a word")
        for member in kind:
            if member.value == value:
                return member
        raise self._wrong(key, f"write {one_of([str(member.value) for member in kind])}")

    def sequence(self, key: str) -> list[object]:
        """Return a list; what is not there is empty."""
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(key, "write a list")
        return value

    def section(self, key: str) -> Section:
        """Return a mapping; what is not there is empty."""
        value = self.values.get(key)
        return Section({} if value is None else value, self.place(key))

    def mapping(self, key: str) -> Mapping[str, object]:
        """Return the values of `section`."""
        return self.section(key).values

    def _value(self, key: str, default: object, wanted: str) -> object:
        value = self.values.get(key, default)
        if value is None:
            raise ProfileError(f"{self.place(key)} is missing: write {wanted}")
        return value

    def _wrong(self, key: str, mend: str) -> ProfileError:
        return ProfileError(f"{self.place(key)} is {shown(self.values.get(key))}: {mend}")


def shown(value: object) -> str:
    """Return a value as a message shows it: short, on one line."""
    text = ascii(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def one_of(words: Collection[str]) -> str:
    """Return words as a choice: `a, b or c`."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
