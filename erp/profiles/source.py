"""Where profiles lie, and how their YAML is read: by name or path, capped, without surprises.

PyYAML reads YAML 1.1, in which `on`, `yes` and `no` are booleans, `010` is 8 and `12:30` is 750.
A profile uses such words as names (a field `on`, flags `yes:`) and codes; here they are texts, as
in YAML 1.2. A number with a leading zero is a text too, for as a code it is another than without.

Source: YAML 1.2.2, 10.3.2 (core schema); PyYAML, resolver.py.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from erp.profiles.errors import ProfileError

PROFILE_MAX_BYTES = 256 * 1024
"""Longest profile; the largest of ours is a tenth of it."""

VALUES_MAX = 50_000
"""Most values of a profile, those of aliases counted each time: ten lines can make billions."""

MERGED_MAX = 2000
"""Most keys that merges (<<) may give a mapping: each level of them multiplies."""

SYSTEMS_FOLDER = Path(__file__).resolve().parents[1] / "systems"
SUFFIXES = (".yaml", ".yml")
_PLAIN = (str, int, float, bytes, date, type(None))
_UNREADABLE = (yaml.YAMLError, RecursionError, ValueError, LookupError, TypeError, AttributeError)
"""What PyYAML raises; the last ones for a tag whose text does not fit: `!!bool perhaps`."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")


@dataclass(frozen=True)
class Source:
    """A profile as it was read, not yet checked."""

    path: Path
    text: str
    content: dict[str, object]


def is_name(text: str) -> bool:
    """Tell whether a text can be the name of a profile."""
    return _NAME.fullmatch(text) is not None


def packaged() -> dict[str, Path]:
    """Return the profiles that come with the product: name -> file, sorted."""
    return {path.stem: path for path in sorted(SYSTEMS_FOLDER.glob("*/*.yaml"))}


def find(name_or_path: str | Path) -> Path:
    """Return the file of a profile. Raises ProfileError when there is none.

    A text with a slash or the ending .yaml is a path, any other the name of a packaged profile.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or "/" in text or text.endswith(SUFFIXES):
        return Path(text)
    path = packaged().get(text)
    if path is None:
        known = ", ".join(packaged()) or "none"
        raise ProfileError(
            f"profile {text!r} is not known: write one of {known}, or the path of a .yaml file"
        )
    return path


def read(name_or_path: str | Path) -> Source:
    """Read a profile's file. Raises ProfileError."""
    path = find(name_or_path)
    text = _text(path)
    content = parse(text, str(path))
    if not isinstance(content, dict):
        raise ProfileError(f"{path}: is no mapping: begin with `profile: NAME`")
    return Source(path, text, content)


def parse(text: str, where: str) -> object:
    """Read one YAML document. where: the file, for messages. Raises ProfileError."""
    try:
        content: object = yaml.load(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ProfileError(f"{where}: line {line}: {error.problem}") from error
    except _UNREADABLE as error:
        raise ProfileError(f"{where}: cannot be read as YAML: {type(error).__name__}") from error
    _count(content, where)
    return content


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(PROFILE_MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ProfileError(f"profile {path}: {reason}: mend the path or its rights") from error
    if len(raw) > PROFILE_MAX_BYTES:
        raise ProfileError(f"profile {path} is over {PROFILE_MAX_BYTES} bytes: a wrong path?")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProfileError(f"profile {path} is not UTF-8 at byte {error.start}") from error


def _count(content: object, where: str) -> None:
    """Raise ProfileError when aliases make a document too large or endless, or tags odd."""
    left = VALUES_MAX
    waiting = [content]
    while waiting:
        value = waiting.pop()
        left -= 1
        if left < 0:
            raise ProfileError(f"{where}: more than {VALUES_MAX} values: take aliases (*) away")
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif not isinstance(value, _PLAIN):
            raise ProfileError(f"{where}: holds a {type(value).__name__}: take its tag (!!) away")


class Loader(yaml.SafeLoader):
    """Plain values as YAML 1.2 has them; a key that is there twice is an error."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put in what is merged. Raises ConstructorError when it is too much."""
        written = len(node.value)
        super().flatten_mapping(node)
        if len(node.value) > max(written, MERGED_MAX):
            raise yaml.constructor.ConstructorError(
                None, None, f"merges (<<) give more than {MERGED_MAX} keys: take some away",
                node.start_mark,
            )

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Make a mapping. Raises ConstructorError when a key is there twice."""
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            label = (key.tag, str(key.value))
            if isinstance(key, yaml.ScalarNode) and label in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is there twice: take one away",
                    key.start_mark,
                )
            seen.add(label)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,18})", "-+0123456789"),
    ("float", r"[-+]?(?:0|[1-9][0-9]*)?\.[0-9]+(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "0123456789"),
    ("merge", r"<<", "<"),
):
    Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})\\Z"), list(_first)
    )
