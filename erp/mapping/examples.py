"""Examples: the test of a rule, beside it in the profile.

`{given: {COLUMN: raw value}, gives: what it means}`. Bytes are written as `{hex: "00 12 3C"}` (or
as YAML's `!!binary`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from erp.errors import UnreadableAnswer
from erp.mapping.keys import list_at, mapping_at, mistake, shown, unknown

EXAMPLE_KEYS = ("given", "gives")


@dataclass(frozen=True)
class ExampleResult:
    """What an example has shown."""

    where: str
    """Its place in the profile."""
    given: Mapping[str, object]
    """The raw values, as the profile has them."""
    wanted: object
    got: object
    """What came out; a text that begins with `unreadable:` when the rule refused the values."""
    ok: bool


@dataclass(frozen=True)
class Example:
    """One example, ready to run."""

    where: str
    given: Mapping[str, object]
    raw: Mapping[str, object]
    wanted: object
    read: Callable[[Mapping[str, object]], object]

    def run(self) -> ExampleResult:
        """Apply the rule to the given values. Does not raise."""
        try:
            got = self.read(self.raw)
        except UnreadableAnswer as error:
            return ExampleResult(
                self.where, self.given, self.wanted, f"unreadable: {error}", ok=False
            )
        return ExampleResult(self.where, self.given, self.wanted, got, ok=got == self.wanted)


def examples_at(
    value: object,
    where: str,
    wanted: Callable[[object, str], object],
    read: Callable[[Mapping[str, object]], object],
) -> list[Example]:
    """Return the examples of a rule.

    wanted: turns what an example gives into a value of the field's kind, or raises ProfileError.
    read: the rule. Raises ProfileError.
    """
    found = []
    for number, entry in enumerate(list_at(value, where, "examples")):
        at = f"{where}.{number}"
        keys = mapping_at(entry, at, "given and gives")
        for key in keys:
            if key not in EXAMPLE_KEYS:
                raise unknown(at, key, EXAMPLE_KEYS)
        if len(keys) != len(EXAMPLE_KEYS):
            raise mistake(at, "is not whole: write given and gives")
        given = mapping_at(keys["given"], f"{at}.given", "columns and raw values")
        raw = {name: _raw(value, f"{at}.given.{name}") for name, value in given.items()}
        found.append(Example(at, given, raw, wanted(keys["gives"], f"{at}.gives"), read))
    return found


def _raw(value: object, where: str) -> object:
    if isinstance(value, list):
        return [_raw(entry, where) for entry in value]
    if not isinstance(value, Mapping):
        return value
    if list(value) == ["hex"]:
        try:
            return bytes.fromhex(str(value["hex"]))
        except ValueError as error:
            raise mistake(
                f"{where}.hex", f"is {shown(value['hex'])}: write bytes as hex, as in '00 12 3C'"
            ) from error
    return {name: _raw(entry, where) for name, entry in value.items()}
