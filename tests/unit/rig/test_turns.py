"""Turns on the machine: side by side, but for who floods it."""

from __future__ import annotations

import select
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
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

    def waits(self) -> None:
        assert self.process.stdout is not None
        assert not select.select([self.process.stdout], [], [], 1.0)[0]

    def leaves(self) -> None:
        self.process.communicate(b"\n", 20)


@pytest.fixture
def other(run: str) -> Iterator[Callable[[str], Other]]:
    """Give a function that starts another process: `alone`, or `beside` others."""
    made: list[Other] = []

    def start(how: str) -> Other:
        made.append(Other(run, how))
        return made[-1]

    yield start
    for one in made:
        one.process.kill()
        one.process.communicate()


def test_tests_run_side_by_side(run: str, other: Callable[[str], Other]) -> None:
    with turns.turn(run, alone=False):
        other("beside").comes_in()


def test_a_flood_waits_until_nobody_else_runs_and_nobody_comes_in(
    other: Callable[[str], Other],
) -> None:
    first = other("beside")
    first.comes_in()
    flood = other("alone")
    flood.waits()
    first.leaves()
    flood.comes_in()
    later = other("beside")
    later.waits()
    flood.leaves()
    later.comes_in()


def test_a_flood_does_not_wait_for_ever(
    run: str, other: Callable[[str], Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = other("beside")
    beside.comes_in()
    monkeypatch.setattr(turns, "WAIT_S", 0.1)
    with turns.turn(run, alone=True):
        assert beside.process.poll() is None
