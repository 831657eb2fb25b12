"""Real processes (`sleep`, small Python ones), no Asterisk."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig import processes
from tests.rig.control import Control, LabError, run_folder
from tests.rig.supervisor import FIRST_PAUSE_S, LONGEST_PAUSE_S, ChildSpec, Spec, pause_s

STUBBORN = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
subprocess.Popen(["sleep", "1000"])
print("serving", flush=True)
signal.pause()
"""
"""Ends when asked, but leaves a process of its own behind."""

PATIENCE_S = 20.0


class Rig:
    """A supervisor in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "state").mkdir()
        self.control = Control(folder)
        self.lines: list[str] = []

    def child(self, name: str, argv: list[str], **more: Any) -> ChildSpec:
        env = {**os.environ, processes.FOLDER_VARIABLE: str(self.folder)}
        log = str(self.folder / f"{name}.log")
        return ChildSpec(name, argv, env, str(self.folder), log, **more)

    def start(self, *children: ChildSpec) -> None:
        spec = Spec(list(children), end_with_parent=True)
        self.control.start(spec, self.folder / "supervisor.log")

    def up(self, *children: ChildSpec) -> None:
        self.start(*children)
        self.control.wait(self.lines.append, PATIENCE_S)

    def pids(self, name: str) -> list[int]:
        found: list[int] = self.control.ask("status")[name]["pids"]
        return found


@pytest.fixture
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory(prefix="orderline-rig-") as folder:
        rig = Rig(Path(folder))
        yield rig
        rig.control.stop(PATIENCE_S)
        assert processes.end_marked(rig.folder) == []


def test_pauses_grow_to_a_cap() -> None:
    pauses = [pause_s(n) for n in range(1, 12)]
    assert pauses[0] == FIRST_PAUSE_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S


def test_a_specification_survives_json() -> None:
    child = ChildSpec("a", ["b"], {"c": "d"}, "/", "/l", ["x"], "ready", "/r", 5)
    spec = Spec([child], True)
    assert Spec.load(spec.dump()) == spec
    assert json.loads(spec.dump())["children"][0]["ready_port"] == 5


def test_children_start_in_order_and_end_with_all_they_left(rig: Rig) -> None:
    first = rig.child("first", [sys.executable, "-c", STUBBORN], ready_text="serving")
    rig.up(rig.child("second", ["sleep", "1000"], after=["first"]), first)
    told = [line.split(" after")[0].split(" (")[0] for line in rig.lines]
    assert told.index("first: ready") < told.index("second: started")
    assert len(rig.pids("first")) == 2  # with its own child
    rig.control.stop(PATIENCE_S)
    assert processes.marked(rig.folder) == []


def test_a_child_that_ended_is_started_again(rig: Rig) -> None:
    rig.up(rig.child("one", ["sleep", "1000"]))
    (before,) = rig.pids("one")
    rig.control.ask("restart", "one")
    (between,) = rig.pids("one")
    assert between != before
    rig.control.ask("kill", "one")
    assert rig.pids("one") not in ([before], [between], [])


def test_a_held_child_stays_down_until_released(rig: Rig) -> None:
    rig.up(rig.child("one", ["sleep", "1000"]), rig.child("two", ["sleep", "1000"]))
    rig.control.ask("hold", "one")
    assert rig.pids("one") == []
    rig.control.wait(rig.lines.append, PATIENCE_S)  # what is held does not keep it from ready
    rig.control.ask("release", "one")
    assert len(rig.pids("one")) == 1


def test_a_child_that_cannot_start_is_reported(rig: Rig) -> None:
    rig.start(rig.child("bad", ["/nonexistent/program"]))
    with pytest.raises(LabError, match="bad cannot start"):
        rig.control.wait(rig.lines.append, PATIENCE_S)


def test_a_child_that_ends_at_once_is_reported(rig: Rig) -> None:
    rig.start(rig.child("bad", ["sh", "-c", "exit 7"], ready_text="never"))
    with pytest.raises(LabError, match="exit code 7"):
        rig.control.wait(rig.lines.append, PATIENCE_S)


def test_ready_by_port(rig: Rig) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    serve = "import socket; s = socket.create_server(('127.0.0.1', %d)); s.accept(); s.accept()"
    rig.up(rig.child("one", [sys.executable, "-c", serve % port], ready_port=port))
    assert rig.lines[-1].startswith("one: ready")


def test_a_killed_supervisor_takes_its_children_with_it(rig: Rig) -> None:
    rig.up(rig.child("one", ["sleep", "1000"]))
    (child,) = rig.pids("one")
    (supervisor,) = (pid for pid in processes.marked(rig.folder) if pid != child)
    os.kill(supervisor, signal.SIGKILL)
    processes.await_end([supervisor, child], PATIENCE_S)


def test_nobody_answers_in_a_lab_that_is_down(rig: Rig) -> None:
    assert not rig.control.alive()
    with pytest.raises(LabError, match="make lab"):
        rig.control.ask("status")


def test_an_unknown_request_is_refused(rig: Rig) -> None:
    rig.up(rig.child("one", ["sleep", "1000"]))
    assert "unknown request" in rig.control.ask("dance")["failed"]


def test_sockets_of_a_deep_folder_go_to_a_short_path(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    found = run_folder(deep)
    assert len(str(found)) < 90
    assert found == run_folder(deep)
    found.rmdir()
