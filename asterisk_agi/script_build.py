"""Builds `orderline.agi`: one executable file for the PBX host.

A zipapp of `script.py` with pyst2 and six beside it, so that the host needs a Python 3.6 or later
and nothing else. The same sources give the same bytes. `python -m asterisk_agi.script_build FILE`
or `orderline script --out FILE`.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import zipapp
from importlib import metadata
from pathlib import Path

INTERPRETER = "/usr/bin/env python3"
"""What runs it on the PBX host; ViciBox has no `python`."""

EXECUTABLE = 0o755

MODULES = ("asterisk", "asterisk.agi", "six")
"""What of pyst2 and its one dependency the script uses."""

TIME_S = 315532800
"""Time stamp of every file in it (1980-01-01, the first a zip can hold), seconds."""


def build(out: Path) -> None:
    """Write the script to a file, executable.

    Raises ModuleNotFoundError without the extra `script` (pyst2), OSError when the file cannot
    be written. An older file is replaced at once: a call that runs it keeps what it opened.
    """
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        _fill(tree)
        made = out.with_name(out.name + ".new")
        zipapp.create_archive(tree, made, interpreter=INTERPRETER, compressed=True)
        made.chmod(EXECUTABLE)
        made.replace(out)


def _fill(tree: Path) -> None:
    _put(tree / "__main__.py", Path(__file__).with_name("script.py").read_bytes())
    for name in MODULES:
        source = _source(name)
        place = "/".join(name.split("."))
        packaged = source.name == "__init__.py"
        _put(tree / (f"{place}/__init__.py" if packaged else f"{place}.py"), source.read_bytes())
    _put(tree / "NOTICE.txt", _notice().encode())
    for path in tree.rglob("*"):
        os.utime(path, (TIME_S, TIME_S))


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _source(module: str) -> Path:
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{module} is not installed: pip install 'orderline[script]'")
    return Path(found.origin)


def _notice() -> str:
    """Say whose work is in the file, as its licences ask."""
    lines = []
    for package in ("pyst2", "six"):
        about = metadata.metadata(package)
        lines.append(f"{about['Name']} {about['Version']}: {about['License']} {about['Home-page']}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    build(Path(sys.argv[1]))
