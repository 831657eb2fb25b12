"""Turns on the machine: side by side, but for who floods it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import turns

ROOT = Path(__file__).resolve().parents[3]
HOLDS = """
import sys
import tempfile
from tests import turns
with turns.turn(sys.argv[1], alone=sys.argv[2] == "alone"):
    print("in", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return uuid.uuid4().hex


class Other:
    """Another process with a turn of its own."""

    def __init__(self, run: str, how: str) -> None:
        argv = [sys.executable, "-c", HOLDS, run, how]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(argv, cwd=ROOT, stdin=pipe, stdout=pipe)

    def comes_in(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"in\n"

    def leaves(self) -> None:
        self.process.communicate(b"\n", 20)


@pytest.fixture
def others() -> Iterator[list[Other]]:
    made: list[Other] = []
    yield made
    for other in made:
        other.process.kill()
        other.process.communicate()


def test_tests_run_side_by_side(run: str, others: list[Other]) -> None:
    with turns.turn(run, alone=False):
        others.append(Other(run, "beside"))
        others[0].comes_in()


def test_a_flood_waits_until_nobody_else_runs_and_nobody_comes_in(
    run: str, others: list[Other]
) -> None:
    first = Other(run, "beside")
    others.append(first)
    first.comes_in()
    flood = Other(run, "alone")
    others.append(flood)
    with pytest.raises(subprocess.TimeoutExpired):
        flood.process.wait(1.0)
    first.leaves()
    flood.comes_in()
    later = Other(run, "beside")
    others.append(later)
    with pytest.raises(subprocess.TimeoutExpired):
        later.process.wait(1.0)
    flood.leaves()
    later.comes_in()


def test_a_flood_does_not_wait_for_ever(
    run: str, others: list[Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    others.append(Other(run, "beside"))
    others[0].comes_in()
    monkeypatch.setattr(turns, "WAIT_S", 0.1)
    with turns.turn(run, alone=True):
        assert others[0].process.poll() is None
