"""A private apt tree: fetch Debian packages of any suite without root, touching no system state.

It reads the mirror from the machine's own apt sources (one-line and deb822 formats) and its proxy
and time-out settings from `apt-config`; no host name is written here. It neither installs nor
configures anything: the packages end as .deb files in a folder.
Source: apt.conf(5), sources.list(5). Standard library only, Python 3.9+: it runs before the
virtual environment exists.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ETC_APT = Path("/etc/apt")
DEBIAN_KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)
KEPT_ACQUIRE = re.compile(r"^Acquire::(http|https|ftp|socks|cdrom|Check|Retries|ForceIPv|Proxy)")
"""Settings of the machine that say how to reach a mirror; index targets and hooks are left out."""

APT_TIMEOUT_S = 600.0


class FetchError(RuntimeError):
    """Packages cannot be fetched; the message says what to do instead."""


@dataclass(frozen=True)
class Source:
    """One line (or stanza) of the machine's apt sources."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()
    """`signed-by`, `trusted` and the like: lower-case name, value."""


@dataclass(frozen=True)
class Mirror:
    """Where packages come from: an address of the machine's own sources, and how it is trusted."""

    uri: str
    options: tuple[tuple[str, str], ...]
    components: tuple[str, ...]
    """Archive areas that the machine uses (`main`; Ubuntu also has `universe`)."""

    def line(self, suite: str, components: Sequence[str]) -> str:
        """Return the one-line source entry of a suite."""
        shown = " ".join(f"{name}={value}" for name, value in self.options)
        options = f"[{shown}] " if shown else ""
        return f"deb {options}{self.uri} {suite} {' '.join(components)}\n"


def host_suite(os_release: str | None = None) -> str:
    """Return the code name of the machine's own suite (`bookworm`), or '' if it does not say."""
    text = Path("/etc/os-release").read_text("utf-8") if os_release is None else os_release
    found = re.search(r'^VERSION_CODENAME="?([a-z0-9.-]+)"?\s*$', text, re.MULTILINE)
    return found.group(1) if found else ""


def parse_one_line(text: str) -> Iterator[Source]:
    """Read the `deb [options] uri suite component...` format."""
    for raw in text.splitlines():
        line = raw.split("#", 1)[0].strip()
        found = re.match(r"^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$", line)
        if not found:
            continue
        options, uri, suite, components = found.groups()
        pairs = [option.split("=", 1) for option in (options or "").split() if "=" in option]
        yield Source(
            (uri,),
            (suite,),
            tuple(components.split()),
            tuple((name.lower(), value) for name, value in pairs),
        )


def parse_deb822(text: str) -> Iterator[Source]:
    """Read the stanza format (`Types: deb`, `URIs:`, `Suites:`, `Components:`, `Signed-By:`)."""
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split():
            continue
        if fields.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        options = []
        key = fields.get("signed-by", "")
        if key and "\n" not in key:  # a key written into the stanza has no one-line form
            options.append(("signed-by", key))
        if "trusted" in fields:
            options.append(("trusted", fields["trusted"]))
        yield Source(
            tuple(fields.get("uris", "").split()),
            tuple(fields.get("suites", "").split()),
            tuple(fields.get("components", "").split()),
            tuple(options),
        )


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t") and name:
            fields[name] += "\n" + line.strip()
        elif ":" in line:
            name, value = line.split(":", 1)
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def machine_sources(etc_apt: Path = ETC_APT) -> Iterator[Source]:
    """Yield every binary source that the machine's apt uses."""
    main = etc_apt / "sources.list"
    parts = sorted((etc_apt / "sources.list.d").glob("*"))
    for path in [main, *parts]:
        if not path.is_file():
            continue
        text = path.read_text("utf-8", "replace")
        if path.suffix == ".list":
            yield from parse_one_line(text)
        elif path.suffix == ".sources":
            yield from parse_deb822(text)


def choose_mirror(sources: Iterable[Source], suite: str) -> Mirror:
    """Return the mirror that serves the machine's own suite; it serves Debian's others as well.

    Raises FetchError when the machine has no such source.
    """
    own = [source for source in sources if suite in source.suites and source.uris]
    for source in own:
        if "main" in source.components:
            same = [other.components for other in own if other.uris == source.uris]
            components = tuple(dict.fromkeys(name for names in same for name in names))
            return Mirror(source.uris[0], _trust(source.options), components)
    raise FetchError(
        f"the machine's apt sources name no mirror of its own suite ({suite or 'unknown'}): "
        "add one to /etc/apt/sources.list, or install the packages by hand"
    )


def _trust(options: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    kept = tuple(pair for pair in options if pair[0] in ("signed-by", "trusted"))
    if kept:
        return kept
    keyring = next((path for path in DEBIAN_KEYRINGS if path.exists()), None)
    return (("signed-by", str(keyring)),) if keyring else ()


class AptTree:
    """One suite's package lists in a folder of our own, and downloads from it."""

    def __init__(self, folder: Path, source_line: str) -> None:
        self._folder = folder
        self._environment = {
            **os.environ,
            "APT_CONFIG": str(folder / "apt.conf"),
            "DEBIAN_FRONTEND": "noninteractive",
            "LC_ALL": "C",
        }
        self._write(source_line)

    def download(self, packages: Sequence[str]) -> list[Path]:
        """Fetch packages with all they depend on; return the .deb files.

        Raises FetchError, with the last words of apt.
        """
        self._apt("update")
        self._apt("install", "--yes", "--download-only", "--no-install-recommends", *packages)
        return self._archives()

    def download_alone(self, packages: Sequence[str]) -> list[Path]:
        """Fetch packages without what they depend on; return the .deb files.

        Raises FetchError, with the last words of apt.
        """
        self._apt("update")
        self._apt("download", *packages, folder=self._folder / "cache" / "archives")
        return self._archives()

    def _archives(self) -> list[Path]:
        return sorted((self._folder / "cache" / "archives").glob("*.deb"))

    def _write(self, source_line: str) -> None:
        for name in ("state/lists/partial", "cache/archives/partial", "etc/parts"):
            (self._folder / name).mkdir(parents=True)
        (self._folder / "status").touch()
        (self._folder / "etc" / "sources.list").write_text(source_line, "utf-8")
        own = [
            f'Dir::State "{self._folder}/state";',
            f'Dir::State::status "{self._folder}/status";',
            f'Dir::Cache "{self._folder}/cache";',
            f'Dir::Etc::sourcelist "{self._folder}/etc/sources.list";',
            f'Dir::Etc::sourceparts "{self._folder}/etc/parts";',
            f'Dir::Etc::main "{self._folder}/etc/none";',
            f'Dir::Etc::parts "{self._folder}/etc/parts";',
            f'Dir::Etc::preferences "{self._folder}/etc/none";',
            f'Dir::Etc::preferencesparts "{self._folder}/etc/parts";',
            'Debug::NoLocking "true";',
            'APT::Sandbox::User "";',
            'APT::Install-Recommends "false";',
            'Acquire::Languages "none";',
            'Acquire::Retries "3";',
            'Acquire::Check-Valid-Until "false";',  # sid's index can be older than the clock
        ]
        path = self._folder / "apt.conf"
        path.touch(mode=0o600)  # a proxy setting may hold a password
        path.write_text("\n".join([*_machine_settings(), *own, ""]), "utf-8")

    def _apt(self, *arguments: str, folder: Path | None = None) -> None:
        command = ["apt-get", "-q", *arguments]
        try:
            done = subprocess.run(
                command,
                env=self._environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=APT_TIMEOUT_S,
                check=False,
            )
        except FileNotFoundError as error:
            raise FetchError("there is no apt-get here: install the packages by hand") from error
        except subprocess.TimeoutExpired as error:
            raise FetchError(f"apt-get {arguments[0]} took over {APT_TIMEOUT_S:.0f} s") from error
        if done.returncode != 0:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
            raise FetchError(f"apt-get {arguments[0]} failed:\n{tail}")


def _machine_settings() -> list[str]:
    try:
        done = subprocess.run(
            ["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return []
    return [line for line in done.stdout.splitlines() if KEPT_ACQUIRE.match(line)]
