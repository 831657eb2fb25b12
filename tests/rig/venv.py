"""Make the virtual environment of this checkout: `python3 -m tests.rig.venv .venv`.

A fresh Debian has neither pip nor ensurepip: pip's wheel then comes from its Debian package,
unpacked into the cache, so neither root nor python3-venv is needed.
Standard library only, Python 3.9+.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from tests.rig import debs
from tests.rig.debs import FetchError, say

WHEEL_PACKAGES = ("python3-pip-whl", "python3-setuptools-whl")
SYSTEM_WHEELS = Path("/usr/share/python-wheels")
REQUIREMENT = ".[test,picture,script]"
STAMP = "installed"
"""A file in the environment that is newer than what it was made from."""


def make(folder: Path) -> None:
    """Create the environment where it is missing, and install the package into it.

    Raises FetchError or CalledProcessError.
    """
    python = folder / "bin" / "python"
    if not _has_pip(python):
        say(f"making {folder} with Python {sys.version.split()[0]} ...")
        create(folder)
    say("installing the Python packages (about a minute the first time) ...")
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    _install_package([*install, "--editable", REQUIREMENT])
    (folder / STAMP).touch()


def _install_package(argv: list[str]) -> None:
    """Run pip, showing a line for each package that it fetches, and all it said if it fails."""
    said: list[str] = []
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            said.append(line.rstrip())
            if line.startswith(("Collecting ", "Installing collected")):
                say(f"  {said[-1][:100]}")
    if pip.returncode != 0:
        say("\n".join(said))
        raise subprocess.CalledProcessError(pip.returncode, argv)


def _has_pip(python: Path) -> bool:
    if not python.exists():
        return False
    done = subprocess.run([str(python), "-c", "import pip"], capture_output=True, check=False)
    return done.returncode == 0


def create(folder: Path) -> None:
    """Make an empty virtual environment with pip in it; an older one is replaced.

    Raises FetchError or CalledProcessError.
    """
    if importlib.util.find_spec("ensurepip"):
        argv = [sys.executable, "-m", "venv", "--clear", str(folder)]
        if subprocess.run(argv, capture_output=True, check=False).returncode == 0:
            return
    _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)])
    wheels = _wheel_folder()
    pip = next(iter(sorted(wheels.glob("pip-*.whl"))))
    install = ["-m", "pip", "install", "--quiet", "--no-index", "--find-links", str(wheels)]
    python = folder / "bin" / "python"
    _run([str(python), *install, "pip", "setuptools"], PYTHONPATH=str(pip))


def _wheel_folder() -> Path:
    if any(SYSTEM_WHEELS.glob("pip-*.whl")):
        return SYSTEM_WHEELS
    prefix = debs.ensure("pip", "", WHEEL_PACKAGES)
    return prefix / SYSTEM_WHEELS.relative_to("/")


def _run(argv: list[str], **environment: str) -> None:
    # pip talks on standard output, which must stay clean for `make -s lab-status`.
    subprocess.run(argv, check=True, env={**os.environ, **environment}, stdout=sys.stderr)


def main(arguments: list[str]) -> int:
    """Run the command line; return its exit code."""
    folder = Path(arguments[0] if arguments else ".venv")
    try:
        with debs.locked(debs.cache_folder() / "venv.lock"):
            make(folder)
    except FetchError as error:
        say(f"venv: {error}\nvenv: or install python3-venv, and run again")
        return 1
    except subprocess.CalledProcessError as error:
        say(f"venv: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
