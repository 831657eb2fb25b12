"""Unpacks a model's zip file into its folder, and trusts nothing in it.

Refused are names that lead out of the folder, links, and more or larger files than a model has.
The folder appears whole or not at all: it is unpacked beside its place and renamed.
Source: the .ZIP file format (APPNOTE.TXT, PKWARE) as Python's `zipfile` reads it.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from asterisk_agi.errors import SpeechError
from asterisk_agi.speech.models import describe

FILES_MAX = 10_000
"""A model has some twenty files."""
UNPACKED_MAX_BYTES = 12 * 1024**3
"""The largest model of the vendor's list unpacks to about 4.5 GB."""

_BLOCK_BYTES = 1024 * 1024


def unpack(archive: Path, target: Path, *, unpacked_max_bytes: int = UNPACKED_MAX_BYTES) -> None:
    """Unpack a model's zip file, whose only folder becomes `target`. Blocks; for a thread.

    Raises SpeechError, one sentence, when the file is no model or tries to do harm; OSError when
    the disk fails. Then `target` does not exist.
    """
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with zipfile.ZipFile(archive) as packed:
            _extract(packed, aside, unpacked_max_bytes)
        folder = _only_folder(aside)
        describe(folder)
        folder.rename(target)
    except SpeechError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        # RuntimeError: what zipfile says of passwords and methods that it lacks.
        raise SpeechError(f"{archive.name} is no zip file that can be read: {error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _extract(packed: zipfile.ZipFile, folder: Path, left_bytes: int) -> None:
    entries = packed.infolist()
    if len(entries) > FILES_MAX:
        raise SpeechError(f"{len(entries)} files in the archive: a model has some twenty")
    for entry in entries:
        path = folder / _safe(entry)
        if entry.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        left_bytes -= _write(packed, entry, path, left_bytes)


def _safe(entry: zipfile.ZipInfo) -> PurePosixPath:
    path = PurePosixPath(entry.filename)
    is_link = stat.S_ISLNK(entry.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or is_link:
        raise SpeechError(f"the archive holds {entry.filename!r}, which leads out of its folder")
    return path


def _write(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, left_bytes: int) -> int:
    """Unpack one file and return its bytes; the sizes in the archive are not believed."""
    written = 0
    with packed.open(entry) as source, path.open("xb") as file:
        while block := source.read(_BLOCK_BYTES):
            written += len(block)
            if written > left_bytes:
                raise SpeechError("the archive unpacks to more than a model has")
            file.write(block)
    return written


def _only_folder(aside: Path) -> Path:
    found = list(aside.iterdir())
    if len(found) != 1 or not found[0].is_dir():
        raise SpeechError(f"the archive holds {len(found)} things, not one folder with a model")
    return found[0]
