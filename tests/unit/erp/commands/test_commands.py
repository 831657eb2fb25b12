"""`orderline erp`: what the commands print without asking any system, and their exit codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from asterisk_agi import cli
from erp.commands.matrix import page
from erp.operations import OPERATIONS
from erp.profiles import load
from tests.unit.asterisk_agi.test_cli import configuration

__all__ = ["configuration"]

DOCS = Path(__file__).resolve().parents[4] / "docs"

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def config(configuration: Path, tmp_path: Path) -> Iterator[Path]:
    """Give a configuration with a folder for the profiles in use."""
    text = configuration.read_text()
    configuration.write_text(f"{text}erp: {{profile_folder: {tmp_path / 'profiles'}}}\n")
    yield configuration


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """Give the distributor's profile as version 9."""
    return version_9("distributor", tmp_path)


def version_9(name: str, folder: Path) -> Path:
    text = load(name).path.read_text("utf-8")
    version = load(name).version
    text = text.replace(f"\nversion: {version}\n", "\nversion: 9\n", 1)
    change = "changes:\n  - {version: 9, on: 2026-11-21, what: a test}\n"
    text = text.replace("changes:\n", change, 1)
    path = folder / "mine.yaml"
    path.write_text(text, "utf-8")
    return path


def run(*words: str | Path) -> int:
    return cli.main(["erp", *map(str, words)])


def test_the_documentation_has_the_matrix_of_the_code() -> None:
    assert (DOCS / "erp_matrix.rst").read_text("utf-8") == page(), "run `make docs`"


def test_the_matrix_has_every_operation(config: Path, capsys: Printed) -> None:
    assert run("matrix", "--config", config) == 0
    printed = capsys.readouterr().out
    for name in OPERATIONS:
        assert f"\n{name} " in printed
    assert load("tryton-8.2").label in printed


def test_the_packaged_profiles_are_listed_and_printed(capsys: Printed) -> None:
    assert run("profiles") == 0
    listed = capsys.readouterr().out
    assert run("profile", "distributor") == 0
    assert capsys.readouterr().out == load("distributor").path.read_text("utf-8")
    for name in ("distributor", "odoo-19", "tryton-8.2"):
        assert name in listed


def test_an_unknown_profile_is_one_sentence(capsys: Printed) -> None:
    assert run("profile", "sap") == 2
    assert capsys.readouterr().err.startswith("orderline: sap is no packaged profile: known are ")


def test_the_shapes_name_fields_and_parameters(capsys: Printed) -> None:
    assert run("shapes") == 0
    printed = capsys.readouterr().out
    assert "delivery_on (date)*" in printed
    assert "item_id, item_number, on" in printed


def test_the_examples_of_every_packaged_profile_hold(capsys: Printed) -> None:
    """Without a configuration."""
    assert run("check", "distributor", "odoo-19", "tryton-8.2") == 0
    assert "no example" not in capsys.readouterr().out


def test_a_wrong_example_is_shown(changed: Path, capsys: Printed) -> None:
    text = changed.read_text("utf-8")
    wrong = text.replace("gives: quotation", "gives: cancelled", 1)
    assert wrong != text
    changed.write_text(wrong, "utf-8")
    assert run("check", changed) == 1
    assert "  wrong: " in capsys.readouterr().out


def test_diff_says_what_a_change_alters(changed: Path, capsys: Printed) -> None:
    assert run("diff", "distributor", changed) == 0
    assert "9" in capsys.readouterr().out
    assert run("diff", changed, changed) == 0
    assert capsys.readouterr().out == "They say the same.\n"


def test_a_profile_is_put_in_use_and_taken_back(
    config: Path, tmp_path: Path, capsys: Printed
) -> None:
    changed = version_9("tryton-8.2", tmp_path)
    assert run("history", "--config", config, "main") == 0
    assert capsys.readouterr().out == "never switched: tryton-8.2\n"
    assert run("activate", "--config", config, "main", changed) == 0
    assert run("rollback", "--config", config, "main") == 0
    assert capsys.readouterr().out.splitlines()[1] == (
        "main: back to the profile that the configuration names"
    )
    assert run("rollback", "--config", config, "main") == 2
    capsys.readouterr()
    assert run("history", "--config", config, "main") == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_a_profile_that_the_configuration_does_not_fit_is_not_put_in_use(
    config: Path, tmp_path: Path, capsys: Printed
) -> None:
    """A process that runs would go on; but none could be started any more."""
    assert run("activate", "--config", config, "main", "odoo-19") == 0
    assert run("activate", "--config", config, "main", "distributor") == 2
    assert "systems.main.parameters.database is nothing that" in capsys.readouterr().err
    small = version_9("tryton-8.2", tmp_path)
    text = re.sub(r"(?m)^  balance:.*\n(    .*\n|\n)*", "", small.read_text("utf-8"))
    small.write_text(text, "utf-8")
    routed = config.read_text().replace("erp: {", "erp: {routes: {balance: main}, ", 1)
    config.write_text(routed)
    assert run("activate", "--config", config, "main", small) == 2
    assert "erp.routes.balance names main: tryton-8.2 v9 (" in capsys.readouterr().err
    assert run("check", "--config", config) == 1
    assert "odoo-19 v2" in capsys.readouterr().out


def test_switching_needs_a_known_system_and_a_folder(
    configuration: Path, config: Path, capsys: Printed
) -> None:
    assert run("activate", "--config", config, "other", "distributor") == 2
    assert "other is not below `systems`: known are main" in capsys.readouterr().err
    configuration.write_text(configuration.read_text().partition("erp:")[0])
    assert run("rollback", "--config", configuration, "main") == 2
    assert "erp.profile_folder is not set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("erp: {use: other}", "erp.use names other: it is not below `systems` (main)"),
        ("erp: {routes: {price: x}}", "erp.routes.price names x: it is not below"),
        ("erp: {fallback: {price: ['system:y']}}", "erp.fallback.price names y: it is not below"),
        ("erp: {fallback: {price: [human, keypad]}}", "erp.fallback.price has keypad after human"),
    ],
)
@pytest.mark.parametrize("words", [["matrix"], ["check"], ["latency"], ["ask", "ping"]], ids=str)
def test_systems_that_do_not_fit_are_one_sentence(
    configuration: Path, capsys: Printed, line: str, sentence: str, words: list[str]
) -> None:
    configuration.write_text(f"{configuration.read_text()}{line}\n")
    verb, *arguments = words
    assert run(verb, "--config", configuration, *arguments) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["0", "-1", "10001", "many", "9" * 5000])
def test_latency_wants_rounds(wrong: str, capsys: Printed) -> None:
    with pytest.raises(SystemExit) as ended:
        run("latency", "--rounds", wrong)
    assert ended.value.code == 2
    assert "write 1 to 10000" in capsys.readouterr().err


def test_check_asks_every_system_and_not_only_the_one_that_knows_the_customers(
    config: Path, capsys: Printed
) -> None:
    text = config.read_text()
    routed = text.replace("erp: {", "erp: {use: main, routes: {availability: stock}, ", 1)
    found = yaml.safe_load(routed)
    found["systems"]["stock"] = found["systems"]["main"]
    config.write_text(yaml.safe_dump(found))
    assert run("check", "--config", config) == 1
    printed = capsys.readouterr().out
    assert "  wrong: main: ping: " in printed
    assert "  wrong: stock: ping: " in printed


def test_a_system_that_is_down_is_said(config: Path, capsys: Printed) -> None:
    assert run("ask", "--config", config, "ping") == 1
    assert "\norderline: main: ping: " in capsys.readouterr().err
