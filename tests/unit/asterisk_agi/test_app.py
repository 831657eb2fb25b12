"""The whole configuration: the file in `etc/` says what the code does, and can be loaded."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
import yaml

from asterisk_agi import app_bridge, config
from asterisk_agi import settings as settings_file
from asterisk_agi.config import ConfigError
from tests.rig import ports

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "etc" / "orderline.yaml"


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERLINE_AMI_SECRET", "a")
    monkeypatch.setenv("ORDERLINE_ERP_PASSWORD", "b")


def test_the_file_in_etc_is_what_the_code_says() -> None:
    """`orderline config > etc/orderline.yaml` mends it."""
    assert FILE.read_text(encoding="utf-8") == settings_file.reference_file()


def test_the_file_in_etc_can_be_loaded_as_it_stands() -> None:
    settings = settings_file.load(FILE)
    assert settings.ami.secret.reveal() == "a"
    assert settings.profiles["default"].company == "the company"


def test_every_default_in_the_file_is_the_codes_own() -> None:
    """Take the # from every key: nothing changes."""
    text, keys = re.subn(r"(?m)^( *)#(?=\S+: )", r"\1", FILE.read_text(encoding="utf-8"))
    assert keys > 50
    assert config.build(settings_file.Settings, yaml.safe_load(text)) == settings_file.load(FILE)


def test_a_wrong_key_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "orderline.yaml"
    path.write_text(FILE.read_text(encoding="utf-8") + "fastagy: {}\n")
    with pytest.raises(ConfigError, match=r"fastagy is not a key: did you mean fastagi\?"):
        settings_file.load(path)


async def test_the_bridge_is_ready_without_ami_and_stops_by_a_signal(tmp_path: Path) -> None:
    (port, nobody) = ports.free_ports(2)
    path = tmp_path / "orderline.yaml"
    text = FILE.read_text(encoding="utf-8").replace("#port: 4574", f"port: {port}")
    path.write_text(text.replace("#port: 5038", f"port: {nobody}"))
    await app_bridge.watch(settings_file.load(path), lambda: os.kill(os.getpid(), signal.SIGTERM))
