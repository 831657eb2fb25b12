"""What is written for Asterisk; that Asterisk takes it is shown in tests/integration."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from dialplan.check import examine
from tests.rig import asterisk
from tests.rig.asterisk import Account, Program, Site
from tests.rig.debs import FetchError


@pytest.fixture
def program(tmp_path: Path) -> Program:
    modules = tmp_path / "modules"
    modules.mkdir()
    for name in ("chan_pjsip", "app_echo"):
        (modules / f"{name}.so").touch()
    return Program(("/bin/echo", "asterisk"), modules, tmp_path / "data", "22.1.0")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(
        folder=tmp_path / "a folder",
        run=tmp_path / "run",
        logs=tmp_path / "logs",
        sip_port=5070,
        ami_port=5039,
        fastagi_port=4600,
        desk_port=5071,
        rtp_ports=(20000, 20399),
        caller=Account("caller", "caller-password"),
        orderline=Account("orderline", "orderline-secret"),
        lab=Account("lab", "lab-secret"),
    )


def written(program: Program, site: Site) -> dict[str, str]:
    asterisk.write(program, site)
    return {path.name: path.read_text("utf-8") for path in (site.folder / "etc").iterdir()}


def test_every_value_is_filled_in(program: Program, site: Site) -> None:
    files = written(program, site)
    assert not [name for name, text in files.items() if "%{" in text]
    assert "bind = 127.0.0.1:5070" in files["pjsip.conf"]
    assert "rtpstart = 20000" in files["rtp.conf"]
    assert "AGI(agi://127.0.0.1:4600/default)" in files["extensions.conf"]


def test_only_modules_that_exist_are_loaded(program: Program, site: Site) -> None:
    lines = written(program, site)["modules.conf"].splitlines()
    assert [line for line in lines if ".so" in line] == [
        "require = chan_pjsip.so",
        "load = app_echo.so",
    ]


def test_the_product_user_has_fewer_rights_than_the_tests(program: Program, site: Site) -> None:
    manager = written(program, site)["manager.conf"]
    assert manager.count("write = all") == 1
    assert "secret = orderline-secret" in manager
    assert manager.index("[orderline]") < manager.index("[lab]") < manager.index("write = all")


def test_no_file_with_a_password_is_open_to_others(program: Program, site: Site) -> None:
    for name, text in written(program, site).items():
        mode = stat.S_IMODE((site.folder / "etc" / name).stat().st_mode)
        assert mode == 0o600 or "secret" not in text


def test_console_prefix_takes_both_forms(program: Program, site: Site) -> None:
    asterisk.write(program, site)
    (prefix,) = asterisk.remote_command(site)

    def said(*words: str) -> str:
        return subprocess.run([prefix, *words], capture_output=True, text=True, check=True).stdout

    with_flag = said("-rx", "core show version")
    assert with_flag.endswith("-rx core show version\n")
    assert said("core show version") == with_flag
    assert said("core", "show", "version") == with_flag


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(FetchError, match="22"):
        asterisk.ensure("19")


def test_the_log_says_ready_where_the_lab_looks(program: Program, site: Site) -> None:
    files = written(program, site)
    assert str(asterisk.log_file(site).parent) in files["asterisk.conf"]
    assert f"{asterisk.log_file(site).name} => " in files["logger.conf"]


def test_the_entry_needs_no_mend(program: Program, site: Site) -> None:
    """The steps of the rendered text, read as Asterisk numbers them, pass the product's check."""
    events = []
    text = written(program, site)["extensions.conf"]
    body = text[text.index(f"[{asterisk.CONTEXT}]") :].splitlines()[1:]
    for number, line in enumerate(body[: body.index("")] if "" in body else body):
        step = line.partition(",")[2] if line.startswith(" same") else line.split(",", 2)[2]
        head = line.split(",")[0]
        name, _, data = step.rstrip(")").partition("(")
        label = head.partition("(")[2].rstrip(")") if line.startswith(" same") else ""
        events.append(
            {
                "Context": asterisk.CONTEXT,
                "Extension": asterisk.AGENT,
                "Priority": str(number + 1),
                "Application": name,
                "AppData": data,
                "ExtensionLabel": label,
            }
        )
    assert all(finding.ok for finding in examine(events, asterisk.CONTEXT, asterisk.AGENT))
