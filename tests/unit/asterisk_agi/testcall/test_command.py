from __future__ import annotations

import argparse
import io
import json
import wave
from pathlib import Path

import pytest

from asterisk_agi.testcall import audio_file, command
from asterisk_agi.testcall.dialog import Account
from asterisk_agi.testcall.errors import CallRejected, PhoneUsageError
from asterisk_agi.testcall.mouth import SPEECH_MAX_S
from erp.secrets import Secret
from tests.unit.asterisk_agi.testcall.sounds import tone


def parsed(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(options)


def wav(path: Path, data: bytes, rate_hz: int = 8000, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate_hz)
        file.writeframes(data)
    return path


STATUS = json.dumps(
    {
        "sip": {"host": "127.0.0.1", "port": 9, "user": "line", "password": "hush"},
        "folders": {"state": "/lab/state"},
    }
)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment that names the folder of a lab."""
    (tmp_path / "lab" / "state").mkdir(parents=True)
    (tmp_path / "lab" / "state" / "lab.json").write_text(STATUS)
    monkeypatch.chdir(tmp_path)
    return {"ORDERLINE_LAB": str(tmp_path / "lab")}


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[Account]:
    accounts: list[Account] = []

    async def place(account: Account, *_: object) -> None:
        accounts.append(account)
        raise CallRejected(503, "no call in this test")

    monkeypatch.setattr(command, "place", place)
    return accounts


async def test_what_is_missing_is_told_in_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert await command.run(parsed("--to", "600", "--user", "line"), {}) == 2
    told = capsys.readouterr().err
    assert told == (
        "orderline call: missing: --server HOST[:PORT], --password env:NAME or file:/path, "
        "or --lab FILE in their place\n"
    )


async def test_without_a_server_the_lab_that_runs_here_is_called(
    lab: dict[str, str], called: list[Account]
) -> None:
    assert await command.run(parsed("--to", "600"), lab) == 1
    assert called == [Account("127.0.0.1", 9, "line", Secret("hush"))]


async def test_a_named_lab_fills_what_is_not_given(
    lab: dict[str, str], called: list[Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = f"{lab['ORDERLINE_LAB']}/state/lab.json"
    given = ("--to", "600", "--lab", saved, "--server", "h:5", "--from", "1", "--password", "env:P")
    assert await command.run(parsed(*given), {"P": "other"}) == 1
    assert called == [Account("h", 5, "line", Secret("other"), "1")]
    monkeypatch.setattr("sys.stdin", io.StringIO(STATUS.replace("line", "another")))
    assert await command.run(parsed("--to", "600", "--lab", "-", "--user", "me"), {}) == 1
    assert called[1:] == [Account("127.0.0.1", 9, "me", Secret("hush"))]


async def test_the_lab_here_does_not_fill_in_for_another_server(
    lab: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await command.run(parsed("--to", "600", "--server", "h"), lab) == 2
    assert "missing: --user NAME, --password" in capsys.readouterr().err


async def test_a_lab_needs_an_extension_still(
    lab: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await command.run(parsed(), lab) == 2
    assert capsys.readouterr().err == "orderline call: missing: --to EXT\n"


def test_the_help_tells_of_the_lab() -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    told = parser.format_help()
    assert "--lab FILE" in told
    assert "$ORDERLINE_LAB" in told


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--server", "host:sip"), "--server host:sip"),
        (("--server", "host:99999"), "--server host:99999"),
        (("--server", "ho st"), "ho st"),
        (("--password", "secret"), "env:NAME or file:/path"),
        (("--from", "12 34"), "12 34"),
        (("--press", "12x"), "'X'"),
        (("--wav", "/nowhere.wav"), "/nowhere.wav"),
    ],
)
async def test_a_wrong_option_is_named(
    options: tuple[str, str],
    named: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LINE_PASSWORD", "x")
    well = ("--to", "600", "--server", "h", "--user", "u", "--password", "env:LINE_PASSWORD")
    assert await command.run(parsed(*well, *options)) == 2
    assert named in capsys.readouterr().err


async def test_a_refused_call_is_written_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINE_PASSWORD", "x")
    out = tmp_path / "new" / "out.json"
    # Port 9 (discard): nobody listens there.
    well = ("--to", "600", "--server", "127.0.0.1:9", "--user", "u", "--password")
    assert await command.run(parsed(*well, "env:LINE_PASSWORD", "--json", str(out))) == 1
    told = json.loads(out.read_text())
    assert (told["answered"], told["code"]) == (False, 503)


def test_the_script_keeps_the_order_of_its_options() -> None:
    given = parsed("--say", "a", "--press", "1", "--over", "0.5", "--say", "b", "--wait", "2")
    assert given.script == [
        ("say", "a"),
        ("press", "1"),
        ("over", 0.5),
        ("say", "b"),
        ("wait", 2.0),
    ]


def test_an_account_never_shows_its_password() -> None:
    assert "hush" not in repr(Account("h", 5060, "u", Secret("hush")))


def test_a_file_of_another_rate_and_two_channels_becomes_telephone_audio(tmp_path: Path) -> None:
    mono = tone(1.0)
    stereo = b"".join(mono[at : at + 2] * 2 for at in range(0, len(mono), 2))
    same = audio_file.read(wav(tmp_path / "a.wav", stereo, channels=2))
    assert same.data == mono
    slow = audio_file.read(wav(tmp_path / "b.wav", mono, rate_hz=16000))
    assert slow.seconds == pytest.approx(0.5)


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no wave")
    for path, complaint in (
        (tmp_path / "text.wav", "cannot be read"),
        (wav(tmp_path / "bytes.wav", bytes(10), width=1), "16 bit"),
        (wav(tmp_path / "long.wav", bytes(int(SPEECH_MAX_S * 200) + 2), rate_hz=100), "cut it"),
    ):
        with pytest.raises(PhoneUsageError, match=complaint):
            audio_file.read(path)
