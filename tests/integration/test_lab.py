"""The lab itself: what every other live test stands on."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.ami_probe import AmiProbe, ami_probe
from tests.integration.conftest import MakeLab
from tests.rig import asterisk, ports, processes
from tests.rig.control import ROOT
from tests.rig.lab import Lab

pytestmark = pytest.mark.live

KEYS: dict[str, set[str]] = {
    "sip": {"host", "port", "user", "password"},
    "extensions": {"agent", "human"},
    "ami": {"host", "port", "user", "secret"},
    "fastagi": {"host", "port"},
    "desk": {"host", "port"},
    "processes": {"asterisk", "erp", "voice", "bridge"},
    "asterisk": {"version", "remote"},
    "erp": {"kind", "url", "database", "user", "password"},
    "folders": {"logs", "recordings", "state"},
}


def console(status: dict[str, Any], *words: str) -> str:
    argv = [*status["asterisk"]["remote"], *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True).stdout


def product_ami(lab: Lab) -> dict[str, Any]:
    """The user of the voice process, with the rights that the README names."""
    section = yaml.safe_load((lab.folder / "orderline.yaml").read_text("utf-8"))["ami"]
    secret = Path(section["secret"].removeprefix("file:")).read_text("utf-8").strip()
    return {**section, "secret": secret}


def originate(ami: AmiProbe, extension: str) -> None:
    answer = ami.ask(
        "Originate",
        Channel=f"Local/{extension}@{asterisk.CALLERS}/n",
        Application="Wait",
        Data="5",
        Async="true",
    )
    assert answer["Response"] == "Success", answer


def human_answered(ami: AmiProbe) -> dict[str, str]:
    return ami.event(lambda event: event.get("UserEvent") == "LabHuman")


def test_status_has_the_agreed_keys(lab: Lab) -> None:
    status = lab.status()
    assert {name: set(value) for name, value in status.items()} == KEYS
    for name in ("asterisk", "erp", "voice"):
        pids = status["processes"][name]
        assert pids
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    for folder in status["folders"].values():
        assert Path(folder).is_dir()


def test_every_port_is_on_the_loopback(lab: Lab) -> None:
    """Whoever is on the same network can reach nothing of a lab."""
    pids = {pid for pids in lab.status()["processes"].values() for pid in pids}
    inodes = {
        match.group(1)
        for pid in pids
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if (match := re.match(r"socket:\[(\d+)\]", _readlink(link)))
    }
    rows = [
        line.split()
        for table in ("tcp", "udp")
        for line in Path(f"/proc/net/{table}").read_text("utf-8").splitlines()[1:]
    ]
    open_to_all = [row[1] for row in rows if row[9] in inodes and row[1].startswith("00000000:")]
    # PJSIP's DNS client has a socket of its own, on a port of the kernel's choice.
    assert [place for place in open_to_all if int(place[9:], 16) < ports.LAST_PORT] == []


def _readlink(path: Path) -> str:
    try:
        return str(path.readlink())
    except FileNotFoundError:
        return ""  # it was closed while we looked


def test_console_prefix_works_both_ways(pbx_lab: Lab) -> None:
    status = pbx_lab.status()
    version = status["asterisk"]["version"]
    assert f"Asterisk {version}" in console(status, "-rx", "core show version")
    assert f"Asterisk {version}" in console(status, "core show version")


def test_sip_options_is_answered(pbx_lab: Lab) -> None:
    sip = pbx_lab.status()["sip"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        wire.settimeout(5)
        port = wire.getsockname()[1]
        request = (
            f"OPTIONS sip:{sip['host']}:{sip['port']} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK1;rport\r\n"
            f"From: <sip:probe@127.0.0.1>;tag=1\r\nTo: <sip:{sip['host']}>\r\n"
            "Call-ID: probe\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        wire.sendto(request.encode(), (sip["host"], sip["port"]))
        answer = wire.recv(4096).decode()
    # An unknown caller is asked for the account: Asterisk is there, and lets nobody in.
    assert answer.startswith("SIP/2.0 401")
    assert "WWW-Authenticate: Digest" in answer


@pytest.mark.parametrize(
    ("extension", "result"),
    [
        (asterisk.AGENT, ""),  # nobody listens for FastAGI
        (asterisk.SCRIPT, "unavailable"),  # the script finds that out, and says so
        (asterisk.STALE, ""),  # a result of an earlier pass says completed
        (asterisk.HUMAN, ""),
    ],
)
def test_without_an_agent_the_call_reaches_a_person(
    pbx_lab: Lab, extension: str, result: str
) -> None:
    with ami_probe(pbx_lab.status()["ami"]) as ami:
        originate(ami, extension)
        assert human_answered(ami)["Result"] == result


def test_without_the_script_the_call_reaches_a_person(make_lab: MakeLab) -> None:
    lab = make_lab(without=("voice", "erp"))
    lab.start()
    (lab.folder / "asterisk" / "agi-bin" / "orderline.agi").unlink()
    with ami_probe(lab.status()["ami"]) as ami:
        originate(ami, asterisk.SCRIPT)
        assert human_answered(ami)["Result"] == ""


def test_the_product_user_may_do_its_work_and_no_more(pbx_lab: Lab) -> None:
    with ami_probe(product_ami(pbx_lab)) as ami, ami_probe(pbx_lab.status()["ami"]) as tests:
        ami.event(lambda event: event["Event"] == "FullyBooted")
        allowed = ami.ask("ListCommands")
        work = {"Hangup", "Getvar", "Redirect", "CoreShowChannels", "ShowDialPlan", "UserEvent"}
        assert work <= set(allowed)
        danger = {"Originate", "Command", "UpdateConfig", "GetConfig", "DBPut", "ModuleLoad"}
        assert not danger & set(allowed)
        originate(tests, asterisk.HUMAN)
        channel = ami.event(lambda event: event["Event"] == "Newchannel")["Channel"]
        value = ami.ask("Getvar", Channel=channel, Variable="CHANNEL(state)")
        assert value["Response"] == "Success"
        tests.ask("PlayDTMF", Channel=channel, Digit="0", Receive="true")
        assert ami.event(lambda event: event["Event"] == "DTMFEnd")["Digit"] == "0"
        ami.ask("Hangup", Channel=channel)
        ami.event(lambda event: event["Event"] == "Hangup" and event["Channel"] == channel)


def test_a_killed_process_comes_back(make_lab: MakeLab) -> None:
    lab = make_lab(without=("voice", "erp"))
    lab.start()
    (before,) = lab.pids("asterisk")
    lab.kill("asterisk")
    (after,) = lab.pids("asterisk")
    assert after != before
    with ami_probe(lab.status()["ami"]) as ami:
        assert ami.ask("Ping")["Response"] == "Success"


def test_nothing_is_left_after_down(make_lab: MakeLab) -> None:
    lab = make_lab(without=("voice",))
    lab.start()
    pids = [pid for pids in lab.status()["processes"].values() for pid in pids]
    assert pids
    lab.stop()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert processes.marked(lab.folder) == []
    lab.stop()  # a second time does no harm


def test_asterisk_16_runs_the_same_lab(make_lab: MakeLab) -> None:
    lab = make_lab("16", ("voice", "erp"))
    lab.start()
    status = lab.status()
    assert status["asterisk"]["version"].startswith("16.")
    listing = console(status, "-rx", f"dialplan show {asterisk.CONTEXT}")
    assert "[human]" in listing
    with ami_probe(status["ami"]) as ami:
        originate(ami, asterisk.STALE)
        assert human_answered(ami)["Result"] == ""


def test_the_command_line(make_lab: MakeLab) -> None:
    folder = make_lab().folder

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "tests.rig.lab", *words]
        env = {**os.environ, "ORDERLINE_LAB": str(folder)}
        return subprocess.run(
            argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
        )

    down = run("status")
    assert down.returncode == 1
    assert "make lab" in down.stderr
    for _ in range(2):  # the second `up` is harmless
        up = run("up", "--without", "voice", "--without", "erp")
        assert up.returncode == 0, up.stderr
    status = run("status")
    assert set(json.loads(status.stdout)) == set(KEYS)
    assert run("down").returncode == 0
    assert processes.marked(folder) == []
