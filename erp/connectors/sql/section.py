"""The section `sql:` of a profile: as whom all statements are run, and in what character set.

sql:
  role: calls_reader                # or :name of a parameter
  settings: {app.account: ":account"}
  charset: utf8mb4
  tls: require
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from erp.connectors.engine import Value
from erp.profiles.errors import ProfileError

KEYS = ("role", "settings", "charset", "tls")
ROLE_MAX_CHARACTERS = 63
"""PostgreSQL cuts longer names; MariaDB allows 80."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
# With a dot: a setting of the company's own, never one of the server's.
_SETTING = re.compile(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*")
_CHARSET = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True)
class Said:
    """A text of the section: itself, or the parameter that it names."""

    text: str

    @property
    def name(self) -> str:
        """The parameter, or empty."""
        return self.text[1:] if self.text.startswith(":") else ""

    def value(self, values: Mapping[str, Value]) -> str:
        """Return the text; empty when it names a parameter that is not there."""
        if not self.name:
            return self.text
        found = values.get(self.name)
        return "" if found is None else str(found)


@dataclass(frozen=True)
class SqlSection:
    """The section, checked."""

    role: Said | None = None
    settings: tuple[tuple[str, Said], ...] = ()
    charset: str = ""
    tls: bool = False


def read_section(section: Mapping[str, object], where: str) -> SqlSection:
    """Return the section. Raises ProfileError. where: its place in the profile."""
    for key in section:
        if key not in KEYS:
            raise ProfileError(f"{where}.{key} is not known: known are {', '.join(KEYS)}")
    tls = section.get("tls", "")
    if tls not in ("", "require"):
        raise ProfileError(
            f"{where}.tls is {_shown(tls)}: write require, or leave it out; tls=off is the url's"
        )
    role = section.get("role")
    return SqlSection(
        role=None if role is None else _role(role, f"{where}.role"),
        settings=_settings(section.get("settings", {}), f"{where}.settings"),
        charset=_charset(section.get("charset", ""), f"{where}.charset"),
        tls=tls == "require",
    )


def check_section(section: Mapping[str, object], where: str) -> None:
    """Raise ProfileError when the section can't be used. where: its place in the profile."""
    read_section(section, where)


def _role(value: object, where: str) -> Said:
    said = _said(value, where)
    if not said.text or said.text == "none" or len(said.text) > ROLE_MAX_CHARACTERS:
        raise ProfileError(f"{where} is {_shown(value)}: write the name of a role, or :parameter")
    return said


def _settings(value: object, where: str) -> tuple[tuple[str, Said], ...]:
    if not isinstance(value, Mapping):
        raise ProfileError(f"{where} is {_shown(value)}: write names and values below it")
    for name in value:
        if not isinstance(name, str) or not _SETTING.fullmatch(name):
            raise ProfileError(
                f"{where}.{_shown(name)} is no name: write small letters with one dot, as in "
                "app.account"
            )
    return tuple((name, _said(value[name], f"{where}.{name}")) for name in value)


def _charset(value: object, where: str) -> str:
    if value != "" and (not isinstance(value, str) or not _CHARSET.fullmatch(value)):
        raise ProfileError(f"{where} is {_shown(value)}: write the server's name for it")
    return str(value)


def _said(value: object, where: str) -> Said:
    if not isinstance(value, str) or not value.isprintable():
        raise ProfileError(f"{where} is {_shown(value)}: write a text, or :parameter")
    said = Said(value)
    if value.startswith(":") and not _NAME.fullmatch(said.name):
        raise ProfileError(f"{where} is {_shown(value)}: behind the : write a parameter's name")
    return said


def _shown(value: object) -> str:
    return ascii(value)[:60]
