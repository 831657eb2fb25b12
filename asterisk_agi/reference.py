"""Writes `etc/orderline.yaml` from the settings' own classes: each key, its unit, its default.

The text of a key is the docstring that stands below its field, so that file and code can't
drift; a test compares them.
"""

from __future__ import annotations

import dataclasses
import textwrap
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from erp.field_texts import field_texts
from erp.secrets import Secret

WIDTH = 96

HEAD = """\
# The configuration of Orderline: every key, what it is, its unit and its default.
# A key right behind a # stands at its default: take the # away to change it.
# A key without one must be given. Secrets stand here by reference only:
# env:NAME (an environment variable), file:/path (the first line of a file), vault:MOUNT/PATH#KEY
# (HashiCorp Vault) or aws-sm:NAME#KEY (AWS Secrets Manager).
"""


def reference(settings: type[Any], examples: Mapping[str, str]) -> str:
    """Return the commented configuration file for a settings class.

    examples: the values, as YAML text, of the keys that have no default, by dotted key.
    """
    hints = typing.get_type_hints(settings)
    parts = [HEAD]
    for field in dataclasses.fields(settings):
        kind = hints[field.name]
        if typing.get_origin(kind) is not None:
            inner = typing.get_args(kind)[1]
            parts.append(f"{field.name}:\n  default:\n" + _section(inner, "    ", "", examples))
        else:
            parts.append(f"{field.name}:\n" + _section(kind, "  ", field.name, examples))
    return "\n".join(parts)


def _section(kind: type[Any], indent: str, key: str, examples: Mapping[str, str]) -> str:
    hints = typing.get_type_hints(kind)
    texts = field_texts(kind)
    lines = list(_comment((kind.__doc__ or "").splitlines()[0], indent))
    for field in dataclasses.fields(kind):
        lines += _comment(texts.get(field.name, ""), indent)
        dotted = f"{key}.{field.name}" if key else field.name
        if dotted in examples:
            lines.append(f"{indent}{field.name}: {examples[dotted]}")
        elif dataclasses.is_dataclass(hints[field.name]):
            inner = typing.cast("type[Any]", hints[field.name])
            lines += [f"{indent}{field.name}:", _section(inner, indent + "  ", dotted, examples)]
        else:
            lines.append(f"{indent}#{field.name}: {_default(field)}")
    return "\n".join(lines) + "\n"


def _comment(text: str, indent: str) -> Iterator[str]:
    for line in textwrap.wrap(" ".join(text.split()), WIDTH - len(indent)):
        yield f"{indent}# {line}"


def _default(field: dataclasses.Field[Any]) -> str:
    value = field.default
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    return as_yaml(value)


def as_yaml(value: object) -> str:
    """Return a value as it is written in the file, on one line."""
    if isinstance(value, Secret):
        return '""'
    text = yaml.safe_dump(_plain(value), default_flow_style=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {str(_plain(name)): _plain(entry) for name, entry in value.items()}
    return value
