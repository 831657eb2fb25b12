"""The command line: what it prints, and its exit codes."""

from __future__ import annotations

import base64
import zipfile
from pathlib import Path

import pytest

from asterisk_agi import cli
from asterisk_agi import settings as settings_file

CONFIG = """\
ami: {user: orderline, secret: env:A}
systems:
  main: {profile: tryton-8.2, url: "http://127.0.0.1:1", user: u, password: env:B,
         parameters: {database: d}}
fastagi: {port: 4999}
dialplan: {context: sales, extension: "8901", human: "Dial(PJSIP/desk)"}
profiles: {default: {company: Acme}}
"""


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("A", "a")
    monkeypatch.setenv("B", "b")
    path = tmp_path / "orderline.yaml"
    path.write_text(CONFIG)
    return path


def test_the_configuration_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config"]) == 0
    assert capsys.readouterr().out == settings_file.reference_file()


def test_the_entry_is_printed_with_the_configurations_own_names(
    configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["dialplan", "--config", str(configuration)]) == 0
    printed = capsys.readouterr().out
    assert "[sales]" in printed
    assert "exten => 8901,1," in printed
    assert "AGI(agi://127.0.0.1:4999/default)" in printed
    assert "n(human),Dial(PJSIP/desk)" in printed
    assert "[orderline-whisper]" in printed
    assert "AGI(agi://127.0.0.1:4999/whisper,${ARG1})" in printed


def test_the_entry_has_a_box_where_callers_may_leave_a_message(
    configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = CONFIG.replace("dialplan: {", 'dialplan: {voicemail: "VoiceMail(100@default,u)", ')
    configuration.write_text(asked + "people: {voicemail: true}\n")
    assert cli.main(["dialplan", "--config", str(configuration)]) == 0
    assert "n(voicemail),VoiceMail(100@default,u)" in capsys.readouterr().out
    configuration.write_text(asked)
    assert cli.main(["dialplan", "--config", str(configuration)]) == 0
    assert "voicemail" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (CONFIG + "people: {voicemail: true}\n", "dialplan.voicemail is empty"),
        (CONFIG.replace("profiles: {", "profiles: {whisper: {}, "), "give the profile another"),
    ],
)
def test_what_cant_work_together_is_refused_in_one_sentence(
    configuration: Path, capsys: pytest.CaptureFixture[str], changed: str, words: str
) -> None:
    configuration.write_text(changed)
    assert cli.main(["dialplan", "--config", str(configuration)]) == 2
    told = capsys.readouterr().err
    assert words in told and len(told.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["serve", "bridge", "check", "dialplan"])
def test_a_wrong_configuration_stops_with_one_sentence(
    configuration: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    configuration.write_text(CONFIG.replace("port: 4999", "prot: 4999"))
    assert cli.main([command, "--config", str(configuration)]) == 2
    told = capsys.readouterr()
    assert told.err == "orderline: fastagi.prot is not a key: did you mean port?\n"
    assert told.out == ""


def test_a_missing_configuration_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", "--config", "/nowhere/orderline.yaml"]) == 2
    assert "give the path of a configuration" in capsys.readouterr().err


def test_a_secret_is_in_no_message(
    configuration: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("A")
    configuration.write_text(CONFIG.replace("env:B", "hunter2").replace("env:A", "env:B"))
    assert cli.main(["check", "--config", str(configuration)]) == 2
    assert "hunter2" not in capsys.readouterr().err


def test_check_says_what_to_mend_and_exits_with_one(
    configuration: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    unused_tcp_port: int,
) -> None:
    """Nothing is there: neither Asterisk, nor the ERP, nor who wants our events."""
    config = CONFIG.replace("user: orderline", f"port: {unused_tcp_port}, user: x")
    monkeypatch.setenv("SIGNING", f"whsec_{base64.b64encode(b'k' * 32).decode()}")
    desk = f"url: http://127.0.0.1:{unused_tcp_port}/events, secret: env:SIGNING"
    configuration.write_text(f"{config}webhook: {{endpoints: {{desk: {{{desk}}}}}}}\n")
    assert cli.main(["check", "--config", str(configuration)]) == 1
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split("  ")[0]: line for line in lines}
    assert " MEND " in rows["AMI login"]
    assert " MEND " in rows["ERP login"]
    assert " ok " in rows["RTP ports"]
    assert " MEND " in rows["events"] and "webhook:desk" in rows["events"]
    assert "check.item_number is not set" in rows["ERP find item"]
    assert lines[-1].startswith("check: ")


def test_the_script_is_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "orderline.agi"
    assert cli.main(["script", "--out", str(out)]) == 0
    assert zipfile.is_zipfile(out)
    assert out.stat().st_mode & 0o111


def test_a_model_list_that_cant_be_had_is_said(
    capsys: pytest.CaptureFixture[str], unused_tcp_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/model-list.json"
    assert cli.main(["models", "--list-url", url, "list"]) == 2
    assert capsys.readouterr().err.startswith("orderline: ")
