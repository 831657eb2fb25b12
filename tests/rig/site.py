"""One lab's folder: what lies where, and the processes that run in it.

    LAB/orderline.yaml       the voice process's configuration
        asterisk/  erp/      their configuration and data
        logs/  recordings/  state/  secrets/  run/ (Unix sockets)
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from asterisk_agi import script_build
from dialplan.render import AGI_SCRIPT
from tests.rig import asterisk, erp_systems, ports, prometheus, tools, tryton
from tests.rig.asterisk import Account
from tests.rig.control import ROOT, run_folder
from tests.rig.debs import Progress
from tests.rig.processes import FOLDER_VARIABLE
from tests.rig.supervisor import ChildSpec, Spec

RTP_PORTS = 400
"""Two to a stream, four to a call with its media leg: enough for 80 calls at once."""

COMPANY = "Northgate Industrial Supply"
KNOWN_ITEM, KNOWN_NUMBER = "4521", "+12125550101"
"""An item and a customer with an order, of the demo company (etc/demo)."""

ERP = "tryton"
"""The system that a lab runs, under this name."""

PROCESSES = ("asterisk", "erp", "voice", "bridge")


@dataclass(frozen=True)
class Wish:
    """What a lab shall be."""

    folder: Path
    asterisk: str = "auto"
    without: Collection[str] = ()
    """Names of processes that are not started (`voice` and its `bridge`, `erp`)."""

    end_with_parent: bool = False
    voice_settings: dict[str, Any] | None = None
    """Sections to lay over the voice process's configuration."""

    faulty: bool = False
    """The voice process can be made to fail from within (faulty_voice.py)."""

    bridges: int = 1
    """How many bridges run side by side: `bridge`, `bridge2`, ..."""


@dataclass(frozen=True)
class Prepared:
    """A lab that is ready to be started."""

    spec: Spec
    status: dict[str, Any]
    """The `lab-status` object, but for the processes."""


def fetch_all(progress: Progress) -> None:
    """Fetch all that the lab, the demo and the tests may need, so that nothing waits for it later.

    Raises FetchError when something cannot be fetched.
    """
    with ThreadPoolExecutor(thread_name_prefix="fetch") as pool:
        erp = pool.submit(erp_systems.fetch_all, progress)  # side by side: the rest takes as long
        for version in ("auto", "16"):
            asterisk.ensure(version, progress)
        tools.tool_environment(progress=progress)
        prometheus.ensure(progress)
        erp.result()


def prepare(wish: Wish, progress: Progress) -> Prepared:
    """Fetch what is missing, choose ports, write every configuration.

    Raises FetchError when something cannot be fetched.
    """
    folder = wish.folder
    program = asterisk.ensure(wish.asterisk, progress)
    _clear(folder)
    site = _site(folder)
    asterisk.write(program, site)
    _put_script(site)
    children = []
    status = _status(program, site, folder)
    systems: dict[str, Any] = {}
    if "erp" not in wish.without:
        launch = _prepare_erp(folder, progress)
        password = _secret_file(folder, "erp", launch.password)
        systems = {ERP: erp_systems.tryton_section(launch, password)}
        status["erp"] = _erp_status(launch)
        children.append(_erp_child(launch, folder))
    children.append(_asterisk_child(program, site, folder))
    _write_voice_configuration(wish, site, systems)
    if "voice" not in wish.without:
        children.append(_voice_child(wish, progress))
        children += [_bridge_child(folder, number) for number in range(1, wish.bridges + 1)]
    return Prepared(Spec(children, wish.end_with_parent), status)


def _clear(folder: Path) -> None:
    for name in ("asterisk", "erp", "logs", "secrets", "state"):
        shutil.rmtree(folder / name, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in ("logs", "recordings", "state", "state/stories", "secrets"):
        (folder / name).mkdir(exist_ok=True)


def _site(folder: Path) -> asterisk.Site:
    sip, ami, fastagi, desk = ports.free_ports(4)
    return asterisk.Site(
        folder=folder / "asterisk",
        run=run_folder(folder),
        logs=folder / "logs",
        sip_port=sip,
        ami_port=ami,
        fastagi_port=fastagi,
        desk_port=desk,
        rtp_ports=ports.free_udp_range(RTP_PORTS),
        caller=_account("caller"),
        orderline=_account("orderline"),
        lab=_account("lab"),
    )


def _account(user: str) -> Account:
    return Account(user, secrets.token_hex(12))


def _secret_file(folder: Path, name: str, value: str) -> str:
    return erp_systems.secret_file(folder / "secrets" / name, value)


def _status(program: asterisk.Program, site: asterisk.Site, folder: Path) -> dict[str, Any]:
    host = ports.LOOPBACK
    return {
        "sip": {
            "host": host,
            "port": site.sip_port,
            "user": site.caller.user,
            "password": site.caller.password,
        },
        "extensions": {"agent": asterisk.AGENT, "human": asterisk.HUMAN},
        "ami": {
            "host": host,
            "port": site.ami_port,
            "user": site.lab.user,
            "secret": site.lab.password,
        },
        "fastagi": {"host": host, "port": site.fastagi_port},
        "desk": {"host": host, "port": site.desk_port},
        "asterisk": {"version": program.version, "remote": asterisk.remote_command(site)},
        "erp": {"kind": "none", "url": "", "database": "", "user": "", "password": ""},
        "folders": {name: str(folder / name) for name in ("logs", "recordings", "state")},
    }


# The ERP...


def _prepare_erp(folder: Path, progress: Progress) -> tryton.Launch:
    (port,) = ports.free_ports(1)
    tryton.ensure(progress)
    return tryton.prepare(folder / "erp", port)


def _erp_status(launch: tryton.Launch) -> dict[str, Any]:
    """Name the user who may change everything: a test moves stock and asks again."""
    return {
        "kind": "tryton",
        "url": launch.url,
        "database": launch.database,
        "user": "admin",
        "password": launch.admin_password,
    }


def _erp_child(launch: tryton.Launch, folder: Path) -> ChildSpec:
    return ChildSpec(
        name="erp",
        argv=list(launch.argv),
        env=_environment(folder, dict(launch.env)),
        cwd=str(folder / "erp"),
        log=str(folder / "logs" / "erp.log"),
        ready_port=int(launch.url.rsplit(":", 1)[1].strip("/")),
    )


# Asterisk and the voice process...


def _asterisk_child(program: asterisk.Program, site: asterisk.Site, folder: Path) -> ChildSpec:
    return ChildSpec(
        name="asterisk",
        argv=asterisk.command(program, site),
        env=_environment(folder, dict(os.environ)),
        cwd=str(folder / "asterisk"),
        log=str(folder / "logs" / "asterisk.log"),
        ready_text=asterisk.READY_TEXT,
        ready_log=str(asterisk.log_file(site)),
    )


def _put_script(site: asterisk.Site) -> None:
    """Install the AGI script as on a PBX host, for the extension that calls it."""
    script = asterisk.script_folder(site) / AGI_SCRIPT
    script_build.build(script)
    config = script.with_name(script.name + ".conf")
    config.write_text(f"{ports.LOOPBACK}:{site.fastagi_port}\n", "utf-8")


def _voice_child(wish: Wish, progress: Progress) -> ChildSpec:
    folder = wish.folder
    orderline = [str(Path(sys.executable).parent / "orderline")]
    if wish.faulty:
        orderline = [sys.executable, "-m", "tests.rig.faulty_voice"]
    return ChildSpec(
        name="voice",
        argv=[*orderline, "serve", "--config", str(folder / "orderline.yaml")],
        env=_environment(folder, tools.voice_environment(progress=progress)),
        cwd=str(ROOT),
        log=str(folder / "logs" / "voice.log"),
        after=["asterisk"],
        ready_text="orderline: ready",
    )


def bridge_name(number: int) -> str:
    """Return the name of a bridge, its configuration and its log."""
    return "bridge" if number == 1 else f"bridge{number}"


def _bridge_child(folder: Path, number: int) -> ChildSpec:
    orderline = Path(sys.executable).parent / "orderline"
    name = bridge_name(number)
    config = "orderline.yaml" if number == 1 else f"{name}.yaml"
    return ChildSpec(
        name=name,
        argv=[str(orderline), "bridge", "--config", str(folder / config)],
        env=_environment(folder, dict(os.environ)),
        cwd=str(ROOT),
        log=str(folder / "logs" / f"{name}.log"),
        after=["voice"],
        ready_text="orderline bridge: ready",
    )


def _environment(folder: Path, base: dict[str, str]) -> dict[str, str]:
    return {**base, FOLDER_VARIABLE: str(folder), "PYTHONUNBUFFERED": "1"}


def _write_voice_configuration(
    wish: Wish, site: asterisk.Site, systems: dict[str, Any]
) -> None:
    folder = wish.folder
    host = ports.LOOPBACK
    beats = ports.free_ports(wish.bridges)
    voice_port, *bridge_ports = ports.free_ports(1 + wish.bridges)
    configuration: dict[str, Any] = {
        "ami": {
            "host": host,
            "port": site.ami_port,
            "user": site.orderline.user,
            "secret": _secret_file(folder, "ami", site.orderline.password),
        },
        "fastagi": {"host": host, "port": site.fastagi_port},
        "media": {"host": host},
        "erp": {"use": ERP},
        "systems": systems,
        "profiles": {"default": {"company": COMPANY}},
        "dialplan": {
            "context": asterisk.CONTEXT,
            "extension": asterisk.AGENT,
            "human": asterisk.HUMAN_STEP,
        },
        "heartbeat": {"bridges": [f"{host}:{port}" for port in beats]},
        "bridge": {"host": host, "port": beats[0]},
        "people": {"queue": asterisk.HUMANS, "talk_s": 120},
        "store": {"folder": str(folder / "state")},
        "events": {"spool": str(folder / "state" / "spool")},
        "monitoring": {"voice_port": voice_port},
        "stories": {"folder": str(folder / "state" / "stories")},
        "check": {"item_number": KNOWN_ITEM, "phone": KNOWN_NUMBER},
    }
    for name, section in (wish.voice_settings or {}).items():
        configuration[name] = {**configuration.get(name, {}), **section}
    for number, port in enumerate(beats, 1):
        name = "orderline" if number == 1 else bridge_name(number)
        configuration["bridge"] = {**configuration["bridge"], "port": port}
        watched = {**configuration["monitoring"], "bridge_port": bridge_ports[number - 1]}
        configuration["monitoring"] = watched
        text = yaml.safe_dump(configuration, sort_keys=False)
        (folder / f"{name}.yaml").write_text(text, "utf-8")


def save_status(folder: Path, status: dict[str, Any]) -> None:
    """Keep what `load_status` reads."""
    path = folder / "state" / "lab.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(status), "utf-8")


def load_status(folder: Path) -> dict[str, Any]:
    """Return the `lab-status` object of the lab that runs here, but for its processes."""
    path = folder / "state" / "lab.json"
    status: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return status
