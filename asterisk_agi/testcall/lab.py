"""The line to a running lab, read from the JSON object in which the lab tells where it is.

The lab's machinery is no part of the product: this reads its object as data, and only the few
values that a caller needs of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from asterisk_agi.testcall.errors import PhoneUsageError
from erp.secrets import Secret

STATUS_MAX_CHARS = 64 * 1024
"""The object has a few hundred characters; more is a wrong file."""
FOLDER_VARIABLE = "ORDERLINE_LAB"
"""Names the lab's folder in the environment."""
FOLDER = ".lab"
"""The lab's folder otherwise, below the working folder."""
SAVED = Path("state") / "lab.json"
"""Where a lab saves the object, in its folder."""


@dataclass(frozen=True)
class LabLine:
    """What a caller needs to know of a lab."""

    host: str
    port: int
    user: str
    password: Secret
    stories: Path
    """Where its voice process writes the call stories."""


def saved(environ: Mapping[str, str]) -> Path | None:
    """Return the file of the lab that the environment names, else of `./.lab`, if it is there."""
    path = Path(environ.get(FOLDER_VARIABLE) or FOLDER) / SAVED
    return path if path.is_file() else None


def load(path: Path, stdin: TextIO) -> LabLine:
    """Read the object from a file; the path `-` stands for stdin.

    Raises PhoneUsageError for what cannot be read or is no such object.
    """
    if str(path) == "-":
        return parse(stdin.read(STATUS_MAX_CHARS + 1), "standard input")
    try:
        with path.open(encoding="utf-8") as file:
            return parse(file.read(STATUS_MAX_CHARS + 1), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise PhoneUsageError(f"--lab {path} cannot be read: {error}") from error


def parse(text: str, where: str) -> LabLine:
    """Read the object. where: what the complaint names. Raises PhoneUsageError."""
    if len(text) > STATUS_MAX_CHARS:
        raise _complaint(where, f"it has over {STATUS_MAX_CHARS} characters")
    try:
        status = json.loads(text)
    except ValueError as error:
        raise _complaint(where, "it is not JSON") from error
    state = _value(status, where, "folders", "state", str)
    port = _value(status, where, "sip", "port", int)
    if not 0 < port < 65536:
        raise _complaint(where, f"its sip.port is {port}")
    return LabLine(
        host=_value(status, where, "sip", "host", str),
        port=port,
        user=_value(status, where, "sip", "user", str),
        password=Secret(_value(status, where, "sip", "password", str)),
        stories=Path(state) / "stories",
    )


def _value(status: Any, where: str, part: str, key: str, kind: type) -> Any:
    section = status.get(part) if isinstance(status, dict) else None
    value = section.get(key) if isinstance(section, dict) else None
    if not isinstance(value, kind) or not value:
        raise _complaint(where, f"it has no {part}.{key}")
    return value


def _complaint(where: str, what: str) -> PhoneUsageError:
    return PhoneUsageError(f"--lab {where}: {what}: give what `make -s lab-status` prints")
