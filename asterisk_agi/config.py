"""Reads the configuration: YAML into frozen dataclasses, once, at the start.

A section is a frozen dataclass; its fields are the keys, their types the types, their defaults
the defaults. A wrong key or value raises `ConfigError`, one sentence that names the key, the
value and the mend. Secrets stand in the file by reference only (`erp.secrets`).
It does not know which sections there are: `app.Settings` says that.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, Union

import yaml

from erp import secrets
from erp.secrets import Secret

CONFIG_MAX_BYTES = 1024 * 1024
"""A configuration is a few kilobytes; a larger file is a wrong path."""

T = TypeVar("T")


class ConfigError(ValueError):
    """The configuration can't be used: names the key, the value and the mend."""


def read_file(path: Path) -> Mapping[str, Any]:
    """Return the top level of a YAML file; ConfigError when it can't be read as one."""
    try:
        with path.open("rb") as file:
            content = file.read(CONFIG_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}: give the path of a configuration") from error
    if len(content) > CONFIG_MAX_BYTES:
        raise ConfigError(f"{path} is over {CONFIG_MAX_BYTES} bytes: is it the right file?")
    try:
        document = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}" if where is not None else ""
        raise ConfigError(f"{path}{line}: this is not YAML: mend the line") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: the top level is no mapping: write `section: {{key: value}}`")
    return document


def build(kind: type[T], values: object, key: str = "") -> T:
    """Make the dataclass `kind` of a mapping; key is its place in the file, for messages."""
    if not isinstance(values, Mapping):
        raise ConfigError(f"{key or 'the file'} is {values!r}: write a mapping of keys to values")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    _refuse_unknown(values, fields, key)
    given = {
        name: _convert(hints[name], value, _join(key, name)) for name, value in values.items()
    }
    _demand_required(fields, given, hints, key)
    try:
        return kind(**given)
    except ValueError as error:
        raise ConfigError(f"{_join(key, '')}{error}") from error


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _refuse_unknown(values: Mapping[Any, Any], fields: Mapping[str, Any], key: str) -> None:
    for name in values:
        if name not in fields:
            near = difflib.get_close_matches(str(name), fields, n=1)
            mend = f"did you mean {near[0]}?" if near else f"known are {', '.join(fields)}"
            raise ConfigError(f"{_join(key, str(name))} is not a key: {mend}")


def _demand_required(
    fields: Mapping[str, dataclasses.Field[Any]],
    given: dict[str, Any],
    hints: Mapping[str, Any],
    key: str,
) -> None:
    for name, field in fields.items():
        has_default = (
            field.default is not dataclasses.MISSING
            or field.default_factory is not dataclasses.MISSING
        )
        if name in given or has_default:
            continue
        if dataclasses.is_dataclass(hints[name]):
            # A section that is left out may still have a default for every key.
            given[name] = build(typing.cast("type[Any]", hints[name]), {}, _join(key, name))
        else:
            raise ConfigError(f"{_join(key, name)} is missing: add it")


def _convert(kind: Any, value: object, key: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (Union, types.UnionType):
        return _convert_optional(typing.get_args(kind), value, key)
    if origin is tuple:
        return _convert_tuple(typing.get_args(kind)[0], value, key)
    if origin is not None and issubclass(origin, Mapping):
        return _convert_mapping(typing.get_args(kind)[1], value, key)
    if dataclasses.is_dataclass(kind):
        # A section whose keys are all commented out is null in YAML: all its defaults.
        return build(typing.cast("type[Any]", kind), {} if value is None else value, key)
    return _convert_scalar(kind, value, key)


def _convert_optional(kinds: tuple[Any, ...], value: object, key: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    inner = [kind for kind in kinds if kind is not type(None)]
    return _convert(inner[0], value, key)


def _convert_tuple(kind: Any, value: object, key: str) -> Any:
    if not isinstance(value, list):
        raise ConfigError(f"{key} is {value!r}: write a list, as in [a, b]")
    return tuple(_convert(kind, entry, f"{key}[{n}]") for n, entry in enumerate(value))


def _convert_mapping(kind: Any, value: object, key: str) -> Any:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key} is {value!r}: write a mapping of names to values")
    return {str(n): _convert(kind, entry, _join(key, str(n))) for n, entry in value.items()}


def _convert_scalar(kind: Any, value: object, key: str) -> Any:
    if kind is Secret:
        return _convert_secret(value, key)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _convert_enum(kind, value, key)
    if kind is Path and isinstance(value, str) and value:
        return Path(value).expanduser()
    if kind in (int, float) and _is_number(value, kind):
        return kind(value)
    if kind in (str, bool) and isinstance(value, kind):
        return value
    raise ConfigError(f"{key} is {value!r}: write {_WANTED[kind]}")


def _is_number(value: object, kind: type[int] | type[float]) -> bool:
    """Tell whether it can be a setting: none is below 0, endless or no number (YAML's `.nan`)."""
    if isinstance(value, bool) or not isinstance(value, (int, kind)):
        return False
    return math.isfinite(value) and value >= 0


_WANTED: Mapping[Any, str] = {
    str: "text (in quotes when it is all digits)",
    int: "a whole number, 0 or more",
    float: "a number, 0 or more",
    bool: "true or false",
    Path: "a path",
}


def _convert_enum(kind: type[Enum], value: object, key: str) -> Enum:
    for member in kind:
        if member.value == value:
            return member
    known = ", ".join(str(member.value) for member in kind)
    raise ConfigError(f"{key} is {value!r}: write one of {known}")


def _convert_secret(value: object, key: str) -> Secret:
    # The value may be a secret that was written here by mistake: it is not repeated.
    if not isinstance(value, str):
        raise ConfigError(f"{key} is no text: write env:NAME or file:/path")
    try:
        return secrets.resolve(value)
    except ValueError as error:
        raise ConfigError(f"{key}: {error}") from error
