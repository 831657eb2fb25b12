"""The alerts, judged by Prometheus' own checker."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.rig import prometheus
from tests.rig.control import ROOT

pytestmark = [pytest.mark.live, pytest.mark.timeout(90)]

FOLDER = ROOT / "etc" / "prometheus"


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [prometheus.ensure(), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("what", [("rules", "orderline.rules.yml"), ("config", "prometheus.yml")])
def test_the_files_are_right(what: tuple[str, str]) -> None:
    kind, file = what
    checked = promtool("check", kind, FOLDER / file)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_alerts_fire_when_they_should_and_only_then() -> None:
    tested = promtool("test", "rules", FOLDER / "orderline.tests.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_the_proof_of_the_alerts_can_fail(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "copy")
    rules = tmp_path / "copy" / "orderline.rules.yml"
    rules.write_text(rules.read_text("utf-8").replace("orderline_ami_up == 0", "vector(0) == 1"))
    assert promtool("test", "rules", tmp_path / "copy" / "orderline.tests.yml").returncode != 0
