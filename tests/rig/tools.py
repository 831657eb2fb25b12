"""Speech synthesizers for the rig: the agent's espeak-ng library, and the callers' voices.

The machine's own espeak-ng is used when there is one; everything else is unpacked into the cache
(`debs.py`) and given to child processes through their environment. pico2wave looks for its voices
at a fixed path, so a copy of it is patched to look below its working folder.

The caller voices are three engines that share nothing with the agent's: flite, festival and
pico2wave. `caller_environment` puts them on PATH; call festival with `-b "(...)"`, it takes its
data from wherever it was unpacked (`text2wave` cannot).

`python -m tests.rig.tools COMMAND ...` runs a command in the agent's environment.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.rig import debs
from tests.rig.debs import Progress, say

ESPEAK_LIBRARY = "libespeak-ng.so.1"
"""pyttsx3 loads the library by this name."""

ESPEAK_PACKAGES = ("libespeak-ng1", "espeak-ng-data", "espeak-ng")
CALLER_PACKAGES = ("flite", "festival", "festvox-kallpc16k", "festvox-us-slt-hts")
PICO_PACKAGES = ("libttspico-utils",)
PICO_PATH = b"/usr/share/pico/lang/"

WRAPPERS = "orderline-bin-2"
"""Folder of wrapper scripts in a prefix; change the number when their text changes."""

_Wrap = Callable[[Path, Path], None]


def tool_environment(
    base: Mapping[str, str] | None = None, progress: Progress = say
) -> dict[str, str]:
    """Return an environment in which both the agent's library and the caller voices are found."""
    return caller_environment(voice_environment(base, progress), progress)


def voice_environment(
    base: Mapping[str, str] | None = None, progress: Progress = say
) -> dict[str, str]:
    """Return the environment of a process that synthesizes by espeak-ng through pyttsx3.

    base: the environment to add to (the process's own when None).
    Raises FetchError when the machine has no espeak-ng and none can be fetched.
    """
    environment = dict(os.environ if base is None else base)
    if _loadable(ESPEAK_LIBRARY):
        return environment
    prefix = debs.ensure("espeak", "", ESPEAK_PACKAGES, progress=progress)
    folders = _search_path(prefix)
    environment["LD_LIBRARY_PATH"] = _joined(folders, environment.get("LD_LIBRARY_PATH", ""))
    data = next(iter(sorted(prefix.glob("usr/lib/*/espeak-ng-data"))), None)
    data = data or prefix / "usr" / "share" / "espeak-ng-data"
    environment["ESPEAK_DATA_PATH"] = str(data.parent)
    return environment


def caller_environment(
    base: Mapping[str, str] | None = None, progress: Progress = say
) -> dict[str, str]:
    """Return an environment whose PATH has flite, festival and pico2wave, as far as they exist.

    What cannot be fetched is told to `progress`; the caller of this looks for what it needs.
    """
    environment = dict(os.environ if base is None else base)
    folders = []
    for name, packages, components, wrap in (
        # Fetched even where the machine has the programs: its festival may have no voices.
        ("callers", CALLER_PACKAGES, (), _wrap_callers),
        # Not free software: a mirror may leave it out.
        ("pico", PICO_PACKAGES, ("main", "non-free"), _wrap_pico),
    ):
        try:
            prefix = debs.ensure(name, "", packages, components=components, progress=progress)
        except debs.FetchError as error:
            progress(f"{name}: not to be had here, the machine's own voices are used ({error})")
        else:
            folders.append(_wrapped(prefix, wrap))
    environment["PATH"] = _joined(folders, environment.get("PATH", os.defpath))
    return environment


def _loadable(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _search_path(prefix: Path) -> list[Path]:
    """Return the library folders, with those below them that hold libraries (pulseaudio's)."""
    folders = debs.library_folders(prefix)
    below = {library.parent for folder in folders for library in folder.glob("*/lib*.so*")}
    return [*folders, *sorted(below.difference(folders))]


def _joined(folders: list[Path], rest: str) -> str:
    return os.pathsep.join([*map(str, folders), *([rest] if rest else [])])


def _wrapped(prefix: Path, wrap: _Wrap) -> Path:
    """Return the prefix's folder of wrapper scripts; make it at the first use."""
    folder = prefix / WRAPPERS
    if not folder.is_dir():
        with debs.locked(prefix.parent / f"{prefix.name}.lock"):
            if not folder.is_dir():
                aside = prefix / f"{WRAPPERS}.new"
                shutil.rmtree(aside, ignore_errors=True)
                aside.mkdir()
                wrap(prefix, aside)
                aside.rename(folder)
    return folder


def _wrap_callers(prefix: Path, folder: Path) -> None:
    binaries, share = prefix / "usr" / "bin", prefix / "usr" / "share" / "festival"
    _script(folder / "flite", prefix, f"exec '{binaries}/flite' \"$@\"")
    _script(
        folder / "festival",
        prefix,
        f"exec '{binaries}/festival' --datadir '{share}' "
        f"--libdir '{prefix}/usr/lib/festival' \"$@\"",
    )


def _wrap_pico(prefix: Path, folder: Path) -> None:
    program = (prefix / "usr" / "bin" / "pico2wave").read_bytes()
    relative = program.replace(PICO_PATH, PICO_PATH[1:] + b"\0")
    patched = folder / "pico2wave.bin"
    patched.write_bytes(relative)
    patched.chmod(0o755)
    final = prefix / WRAPPERS / patched.name
    # Outputs are named by absolute path, since the working folder is the prefix.
    _script(folder / "pico2wave", prefix, f"cd '{prefix}' && exec '{final}' \"$@\"")


def _script(path: Path, prefix: Path, command: str) -> None:
    libraries = _joined(_search_path(prefix), "")
    path.write_text(
        f"#!/bin/sh\nLD_LIBRARY_PATH='{libraries}'\nexport LD_LIBRARY_PATH\n{command}\n", "utf-8"
    )
    path.chmod(0o755)


def main(arguments: list[str]) -> None:
    """Become the command that the arguments are, in the environment of a voice process."""
    try:
        environment = voice_environment()
    except debs.FetchError as error:
        sys.exit(f"espeak-ng: {error}")
    os.execvpe(arguments[0], arguments, environment)


if __name__ == "__main__":
    main(sys.argv[1:])
