"""Debian packages unpacked into a prefix of the user's cache: a program without installing it.

`ensure` is atomic (unpacked aside, then renamed) and locked, so two runs at once do not collide;
a second call costs a look at the disk. Nothing is configured: no maintainer script runs.
The machine's own C library is never replaced: a prefix of the machine's own suite holds no libc,
a prefix of another suite is started through its own loader (see `asterisk.py`).
Standard library only, Python 3.9+: it runs before the virtual environment exists.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

from tests.rig import apt_tree
from tests.rig.apt_tree import FetchError

__all__ = ["FetchError", "Progress", "cache_folder", "ensure", "locked", "say"]

Progress = Callable[[str], None]
"""Takes one line that says what is being done."""

LAYOUT = "1"
"""Change it when what a prefix holds changes: older prefixes are then not used."""

LIBC = ("libc6_", "libc-bin_", "libcrypt1_", "libnss-nis", "libc-l10n_", "locales_")
BASE = ("dpkg_", "debconf_", "perl-base_", "tar_", "coreutils_", "bash_", "dash_", "base-files_")
"""File name beginnings of what a prefix of the machine's own suite leaves out."""


def say(line: str) -> None:
    """Show a line of progress on standard error."""
    print(line, file=sys.stderr, flush=True)


def cache_folder(environ: dict[str, str] | None = None) -> Path:
    """Return the folder in which everything that was fetched is kept between runs."""
    environment = os.environ if environ is None else environ
    base = environment.get("XDG_CACHE_HOME", "")
    home = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return home / "orderline"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file for a block; wait for whoever holds it now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def prefix_path(
    name: str, suite: str, packages: Sequence[str], leave_out: Sequence[str] = ()
) -> Path:
    """Return where `ensure` puts these packages, whether or not it has been run."""
    said = [LAYOUT, *sorted(packages), *leave_out]
    digest = hashlib.sha256("\n".join(said).encode()).hexdigest()
    return cache_folder() / "debs" / f"{name}-{suite}-{digest[:10]}"


def ensure(
    name: str,
    suite: str,
    packages: Sequence[str],
    *,
    components: Sequence[str] = (),
    alone: bool = False,
    leave_out: Sequence[str] = (),
    progress: Progress = say,
) -> Path:
    """Return a folder in which the packages and all they depend on are unpacked.

    suite: a Debian suite (`sid`, `bullseye`) or '' for the machine's own.
    components: archive areas to look in; when empty, those of the machine's own sources.
    alone: without what they depend on. leave_out: patterns of tar for files that nobody needs.
    Raises FetchError when they cannot be fetched; its message says what to do instead.
    """
    own = apt_tree.host_suite()
    suite = suite or own
    prefix = prefix_path(name, suite, packages, leave_out)
    if prefix.is_dir():
        return prefix
    with locked(prefix.parent / f"{prefix.name}.lock"):
        if not prefix.is_dir():  # somebody else made it while we waited
            wanted = _Wanted(suite, packages, components, alone, leave_out)
            _make(prefix, wanted, progress)
    return prefix


@dataclass(frozen=True)
class _Wanted:
    """What a prefix is made of: see `ensure`."""

    suite: str
    packages: Sequence[str]
    components: Sequence[str]
    alone: bool
    leave_out: Sequence[str]

    def download(self, tree: apt_tree.AptTree) -> list[Path]:
        return tree.download_alone(self.packages) if self.alone else tree.download(self.packages)


def _make(prefix: Path, wanted: _Wanted, progress: Progress) -> None:
    own = apt_tree.host_suite()
    mirror = apt_tree.choose_mirror(apt_tree.machine_sources(), own)
    name, beginning = prefix.name.partition("-")[0], f".{prefix.name}-"
    for stale in prefix.parent.glob(f"{beginning}*"):  # of a run that was killed
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=beginning, dir=prefix.parent) as work:
        folder = Path(work)
        progress(f"{name}: fetching from the Debian mirror ({wanted.suite}) ...")
        components = wanted.components or mirror.components
        tree = apt_tree.AptTree(folder / "apt", mirror.line(wanted.suite, components))
        debs = wanted.download(tree)
        if wanted.suite == own:
            debs = [deb for deb in debs if not deb.name.startswith(LIBC + BASE)]
        megabytes = sum(deb.stat().st_size for deb in debs) // 1_000_000
        progress(f"{name}: unpacking {len(debs)} packages ({megabytes} MB) ...")
        root = folder / "root"
        root.mkdir()
        unpack(debs, root, wanted.leave_out)
        root.rename(prefix)
    progress(f"{name}: ready in {prefix}")


def unpack(debs: Sequence[Path], root: Path, leave_out: Sequence[str] = ()) -> None:
    """Unpack .deb files into a folder. Raises FetchError when one is damaged."""
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="dpkg") as pool:
        list(pool.map(lambda deb: _unpack_one(deb, root, leave_out), debs))


def _unpack_one(deb: Path, root: Path, leave_out: Sequence[str]) -> None:
    if shutil.which("dpkg-deb") is None:
        raise FetchError("there is no dpkg-deb here: install the packages by hand")
    tar = ["tar", "-x", "-p", "-C", str(root), *(f"--exclude={name}" for name in leave_out)]
    read = ["dpkg-deb", "--fsys-tarfile", str(deb)]
    with subprocess.Popen(read, stdout=PIPE, stderr=PIPE) as files:
        done = subprocess.run(tar, stdin=files.stdout, capture_output=True, check=False)
        said = (files.stderr.read() if files.stderr else b"") + done.stderr
    if done.returncode != 0 or files.returncode != 0:
        why = said.decode("utf-8", "replace").strip()
        raise FetchError(f"{deb.name} could not be unpacked: {why}")


def library_folders(prefix: Path) -> list[Path]:
    """Return the folders of a prefix in which shared libraries lie, most specific first."""
    candidates = [
        *sorted((prefix / "usr" / "lib").glob("*-linux-gnu*")),
        *sorted((prefix / "lib").glob("*-linux-gnu*")),
        prefix / "usr" / "lib",
    ]
    seen: list[Path] = []
    for folder in candidates:
        real = folder.resolve()
        if folder.is_dir() and real not in seen:
            seen.append(real)
    return seen


def loader(prefix: Path) -> Path:
    """Return the dynamic loader of a prefix, by which its programs meet their own C library.

    Raises FetchError when it has none.
    """
    for folder in library_folders(prefix):
        found = sorted(folder.glob("ld-linux*.so.*"))
        if found:
            return found[0]
    raise FetchError(f"{prefix} has no loader: remove that folder and run again")
