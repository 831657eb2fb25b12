"""Asterisk for the lab: find or fetch the program, write its configuration, say how to run it.

A system Asterisk >= 16 is used when there is one; else 22 (or 16, when asked for) is unpacked
from the Debian mirror and run through its own loader, without root. Everything it writes is in
the lab's folder, every port is on 127.0.0.1.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dialplan.render import (
    AsteriskTemplate,
    Entry,
    VoiceHost,
    render_entry,
    render_manager_user,
    render_whisper,
)
from tests.rig import apt_tree, debs
from tests.rig.debs import FetchError, Progress, say

TEMPLATES = Path(__file__).parent / "conf"
PACKAGES = ("asterisk", "asterisk-modules")
SUITES = {"22": "sid", "16": "bullseye"}
"""Debian suites by the Asterisk version that they hold."""

REQUIRED = ("chan_pjsip", "chan_rtp", "res_agi", "app_dial", "app_queue", "pbx_config")
"""Without one of these Asterisk does not start at all, rather than fail in the first call."""

QUIET = ("acl", "cel", "features", "pjproject", "queuerules", "stasis", "udptl")
"""Empty files, since Asterisk logs an error for each that is not there."""

OLDEST_MAJOR = 16
READY_TEXT = "Asterisk Ready."
"""Stands in the log when Asterisk is fully booted."""

CONTEXT, CALLERS, HUMANS = "orderline", "lab-callers", "lab-humans"
HUMAN_STEP = f"Queue({HUMANS})"
WHISPER, WHISPER_GONE = "orderline-whisper", "lab-whisper-gone"
"""Contexts that speak to a human who answers; the second one's voice host is not there."""
AGENT, HUMAN, SCRIPT, UNREACHABLE, STALE = "600", "601", "602", "603", "604"
"""Extensions: the agent, a person, the AGI script, no voice host, an old result on the channel."""


@dataclass(frozen=True)
class Program:
    """An Asterisk that can be started."""

    argv: tuple[str, ...]
    """The beginning of its command line, through its own loader where it needs one."""

    modules: Path
    data: Path
    version: str


@dataclass(frozen=True)
class Account:
    """A user with a password."""

    user: str
    password: str


@dataclass(frozen=True)
class Site:
    """One lab's choices: folders, ports and accounts."""

    folder: Path
    run: Path
    """For the Unix socket of its console: a short path."""

    logs: Path
    sip_port: int
    ami_port: int
    fastagi_port: int
    desk_port: int
    """Where a human's telephone may listen for SIP."""

    rtp_ports: tuple[int, int]
    caller: Account
    """The SIP account."""

    orderline: Account
    """The AMI user of the voice process, with the rights that the README names."""

    lab: Account
    """The AMI user of the tests, with every right."""


def ensure(version: str = "auto", progress: Progress = say) -> Program:
    """Return an Asterisk: `auto` takes the system's own, else 22; `22` and `16` are fetched.

    Raises FetchError when it cannot be had.
    """
    if version == "auto":
        system = shutil.which("asterisk") or shutil.which("asterisk", path="/usr/sbin:/sbin")
        found = _system(Path(system)) if system else None
        if found:
            return found
        version = "22"
    if version not in SUITES:
        raise FetchError(f"Asterisk {version!r} is not known here: use auto, {', '.join(SUITES)}")
    prefix = debs.ensure("asterisk", _suite(version), PACKAGES, progress=progress)
    return _unpacked(prefix)


def _suite(version: str) -> str:
    os_release = Path("/etc/os-release").read_text("utf-8")
    debian = re.search(r'^ID="?debian"?\s*$', os_release, re.MULTILINE)
    # Debian's mirrors serve all its suites; another distribution's has an Asterisk of its own.
    return SUITES[version] if debian else apt_tree.host_suite(os_release)


def _system(program: Path) -> Program | None:
    version = _version((str(program),))
    major = re.match(r"\d+", version)
    modules = next(iter(_existing("/usr/lib*/asterisk/modules", "/usr/lib/*/asterisk/modules")), "")
    data = next(iter(_existing("/usr/share/asterisk", "/var/lib/asterisk")), "")
    if not (major and int(major.group()) >= OLDEST_MAJOR and modules and data):
        return None
    return Program((str(program),), Path(modules), Path(data), version)


def _existing(*patterns: str) -> list[str]:
    root = Path("/")
    return [str(path) for pattern in patterns for path in sorted(root.glob(pattern[1:]))]


def _unpacked(prefix: Path) -> Program:
    libraries = ":".join(map(str, debs.library_folders(prefix)))
    program = prefix / "usr" / "sbin" / "asterisk"
    argv = (str(debs.loader(prefix)), "--library-path", libraries, str(program))
    modules = next(iter(sorted(prefix.glob("usr/lib/**/asterisk/modules"))), None)
    if modules is None:
        raise FetchError(f"{prefix} has no Asterisk modules: remove that folder and run again")
    return Program(argv, modules, prefix / "usr" / "share" / "asterisk", _version(argv))


def _version(argv: tuple[str, ...]) -> str:
    done = subprocess.run([*argv, "-V"], capture_output=True, text=True, check=False)
    found = re.search(r"Asterisk (\d+(?:\.\d+)*)", done.stdout)
    return found.group(1) if found else ""


def command(program: Program, site: Site) -> list[str]:
    """Return the command line that runs Asterisk in the foreground."""
    return [*program.argv, "-C", str(_main_file(site)), "-f", "-n"]


def remote_command(site: Site) -> list[str]:
    """Return the beginning of a command line for its console.

    Works with `-rx "core show channels"` after it, and with the console command alone.
    """
    return [str(site.folder / "remote")]


def log_file(site: Site) -> Path:
    """Return the log in which READY_TEXT appears."""
    return site.logs / "asterisk" / "full"


def script_folder(site: Site) -> Path:
    """Return where this Asterisk looks for AGI scripts."""
    return site.folder / "agi-bin"


def _main_file(site: Site) -> Path:
    return site.folder / "etc" / "asterisk.conf"


def write(program: Program, site: Site) -> None:
    """Write the configuration, and what else Asterisk needs before it starts."""
    for name in ("etc", "lib", "spool", "agi-bin"):
        (site.folder / name).mkdir(parents=True, exist_ok=True)
    log_file(site).parent.mkdir(parents=True, exist_ok=True)
    for name, values in _files(program, site):
        path = site.folder / "etc" / name
        path.write_text(_rendered(name, values), "utf-8")
        path.chmod(0o600)  # some hold a password
    for name in QUIET:
        (site.folder / "etc" / f"{name}.conf").touch()
    (site.folder / "etc" / "cdr.conf").write_text("[general]\nenable = no\n", "utf-8")
    _write_remote(program, site)


def _rendered(name: str, values: dict[str, str]) -> str:
    text = (TEMPLATES / name).read_text("utf-8")
    return AsteriskTemplate(text).substitute(values) if values else text


def _files(program: Program, site: Site) -> Iterator[tuple[str, dict[str, str]]]:
    yield "asterisk.conf", {
        "folder": str(site.folder),
        "run": str(site.run),
        "modules": str(program.modules),
        "data": str(program.data),
        "agi_scripts": str(script_folder(site)),
        "logs": str(log_file(site).parent),
    }
    yield "modules.conf", {"load": "\n".join(map(_load_line, modules(program)))}
    yield "manager.conf", {
        "port": str(site.ami_port),
        "orderline": render_manager_user(site.orderline.user, site.orderline.password),
        "lab_user": site.lab.user,
        "lab_secret": site.lab.password,
    }
    yield "pjsip.conf", {
        "port": str(site.sip_port),
        "user": site.caller.user,
        "password": site.caller.password,
        "desk_port": str(site.desk_port),
    }
    yield "rtp.conf", {"first": str(site.rtp_ports[0]), "last": str(site.rtp_ports[1])}
    yield "extensions.conf", _dialplan(site)
    yield "queues.conf", {}
    yield "indications.conf", {}
    yield "logger.conf", {}


def _dialplan(site: Site) -> dict[str, str]:
    voice = VoiceHost(port=site.fastagi_port)
    nobody = VoiceHost(port=1)
    return {
        "agent": AGENT,
        "human": HUMAN,
        "stale": STALE,
        "unreachable": UNREACHABLE,
        "whisper": render_whisper(WHISPER, voice),
        "whisper_gone": render_whisper(WHISPER_GONE, nobody),
        "entry": render_entry(Entry(CONTEXT, AGENT, human=HUMAN_STEP), voice),
        "script_entry": render_entry(Entry("lab-script", SCRIPT, human=HUMAN_STEP)),
        "unreachable_entry": render_entry(
            Entry("lab-unreachable", UNREACHABLE, human=HUMAN_STEP), nobody
        ),
    }


def modules(program: Program) -> list[str]:
    """Return the modules to load: those of the list that this Asterisk has."""
    lines = (TEMPLATES / "modules.list").read_text("utf-8").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    return [name for name in names if (program.modules / f"{name}.so").exists()]


def _load_line(name: str) -> str:
    return f"{'require' if name in REQUIRED else 'load'} = {name}.so"


def _write_remote(program: Program, site: Site) -> None:
    """A script, so that both ways of calling a console prefix work."""
    start = shlex.join([*program.argv, "-C", str(_main_file(site))])
    path = site.folder / "remote"
    path.write_text(
        "#!/bin/sh\n"
        f'case "${{1-}}" in -*) exec {start} "$@" ;; esac\n'
        f'exec {start} -rx "$*"\n',
        "utf-8",
    )
    path.chmod(0o755)
