"""The systemd units: hardened as promised, consistent with the defaults, understood by systemd."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from asterisk_agi.reception import HAND_OVER_S, ReceptionSettings

UNITS = Path(__file__).parents[3] / "etc" / "systemd"
NAMES = ("orderline-voice.service", "orderline-bridge.service")
Unit = dict[str, dict[str, str]]

HARDENED = {
    "NoNewPrivileges": "yes",
    "PrivateTmp": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "CapabilityBoundingSet": "",
    "User": "orderline",
    "StateDirectory": "orderline",
}
WANTED = ("MemoryMax", "LimitNOFILE", "WatchdogSec", "TimeoutStopSec", "EnvironmentFile")


def read(name: str) -> Unit:
    """A parser of what the units use: sections, NAME=VALUE, comments; the last one of a name."""
    unit: Unit = {}
    for line in (UNITS / name).read_text("utf-8").splitlines():
        if line.startswith("["):
            section = unit.setdefault(line.strip("[]"), {})
        elif line and not line.startswith((";", "#")):
            key, equals, value = line.partition("=")
            assert equals, line
            section[key] = value
    return unit


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_is_hardened_watched_and_always_restarted(name: str) -> None:
    unit = read(name)
    service = unit["Service"]
    assert {key: service.get(key) for key in HARDENED} == HARDENED
    assert all(service.get(key) for key in WANTED)
    assert (service["Type"], service["Restart"]) == ("notify", "always")
    assert unit["Unit"]["StartLimitIntervalSec"] == "0", "it is never given up"
    assert not any("secret" in value.lower() for value in service.values() if ".env" not in value)


def test_the_units_differ_where_they_must() -> None:
    voice, bridge = (read(name)["Service"] for name in NAMES)
    assert " serve " in voice["ExecStart"]
    assert " bridge " in bridge["ExecStart"]
    drains_s = ReceptionSettings().drain_s + HAND_OVER_S
    assert float(voice["TimeoutStopSec"]) > drains_s, "calls in progress may finish"
    assert int(bridge["Nice"]) < int(voice["Nice"]), "it runs when the other takes all there is"
    assert "orderline-voice" not in str(read(NAMES[1])["Unit"]), "it must not end with the other"


@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_nothing_to_say(name: str, tmp_path: Path) -> None:
    """Where there is no systemd the parser above has the last word."""
    analyze = shutil.which("systemd-analyze")
    text = (UNITS / name).read_text("utf-8")
    unit = tmp_path / name
    unit.write_text(text.replace("/opt/orderline/bin/orderline", "/bin/true"), "utf-8")
    if analyze is None:
        return
    # Offline: what is looked at is the unit, and not this machine.
    argv = [analyze, "verify", "--man=no", str(unit)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    said = [line for line in done.stderr.splitlines() if name in line]
    assert said == []
