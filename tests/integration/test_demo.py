"""The demo and the benchmark as a person starts them: what they show, write and leave behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import image

from tests.rig import processes
from tests.rig.control import ROOT, run_folder
from tests.rig.lab import Lab

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

CLOSING = re.compile(r"demo: 2 calls, (\d+) turns, ear-to-ear p50 (\d+) ms, p95 (\d+) ms")
SHOWN = re.compile(r"call [12] (recording|picture): +(\S+)")
KILLED = re.compile(r"demo: killed in mid-sentence; the human was heard ([0-9.]+) s later")
INK_MIN = 0.02
"""So much of a picture at least is not white: the waves alone are more."""
COLOURS_MIN = 50


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder for a lab; its path is short, as Unix sockets need it."""
    with tempfile.TemporaryDirectory(prefix="orderline-demo-") as name:
        yield (Path(name) / "lab").resolve()


async def started(folder: Path, errors: Path, module: str, *options: str) -> Any:
    """Start a module as a command beside a lab folder of its own, without a terminal."""
    with errors.open("wb") as file:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *options,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=file,
            cwd=ROOT, env={**os.environ, "CI": "true", "ORDERLINE_LAB": str(folder)},
        )  # fmt: skip


def running(program: str, folder: Path) -> bool:
    """Tell whether a program runs whose command line names the folder."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it may end while we look
            line = path.read_bytes()
            if program.encode() in line and str(folder).encode() in line:
                return True
    return False


def assert_nothing_is_left(folder: Path) -> None:
    assert processes.marked(folder) == []
    left = [path.name for path in run_folder(folder).iterdir() if path.is_socket()]
    listening = Path("/proc/net/unix").read_text()
    assert not [name for name in left if f"{run_folder(folder)}/{name}" in listening]


def assert_is_a_recording(path: Path) -> None:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        sound = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
    assert len(sound) > 10 * 8000
    assert (np.abs(sound).max(axis=0) > 1000).all(), "both voices are heard"


def assert_is_a_picture(path: Path) -> None:
    pixels = image.imread(str(path))[:, :, :3]
    assert pixels.shape == (900, 1600, 3)
    for lane in (pixels[:450], pixels[450:]):
        assert (lane.min(axis=2) < 0.9).mean() > INK_MIN
    coarse = (pixels * 15).astype(int).reshape(-1, 3)
    assert len(np.unique(coarse, axis=0)) > COLOURS_MIN


async def test_the_demo_places_two_calls_and_leaves_nothing_behind(
    folder: Path, tmp_path: Path
) -> None:
    errors = tmp_path / "stderr"
    demo = await started(folder, errors, "tests.rig.demo")
    output, _ = await demo.communicate()
    shown = output.decode()
    assert demo.returncode == 0, shown + errors.read_text()
    closing = CLOSING.fullmatch(shown.splitlines()[-1])
    assert closing is not None, shown
    turns, p50_ms, p95_ms = map(int, closing.groups())
    assert turns >= 6
    assert re.search(r"\ncustomers_by_name +tryton +5 ", shown), "every read is shown"
    assert 0 < p50_ms <= p95_ms
    paths = [(kind, Path(path)) for kind, path in SHOWN.findall(shown)]
    assert [kind for kind, _ in paths] == ["recording", "picture"] * 2
    assert len({path for _, path in paths}) == 4
    for kind, path in paths:
        (assert_is_a_recording if kind == "recording" else assert_is_a_picture)(path)
    assert_nothing_is_left(folder)


async def test_the_demo_kills_the_agent_in_mid_sentence_and_the_human_is_heard(
    folder: Path, tmp_path: Path
) -> None:
    errors = tmp_path / "stderr"
    demo = await started(folder, errors, "tests.rig.demo", "--kill")
    output, _ = await demo.communicate()
    shown = output.decode()
    assert demo.returncode == 0, shown + errors.read_text()
    closing = KILLED.fullmatch(shown.splitlines()[-1])
    assert closing is not None, shown
    assert re.search(r"human +sees reason: voice-lost\n", shown), shown
    assert re.search(r"human +sees summary: Caller: Dana Whitfield.*item 4521", shown), shown
    heard = re.search(r"hear it: (\S+)", shown)
    assert heard is not None
    assert_is_a_recording(Path(heard.group(1)))
    assert_nothing_is_left(folder)


async def test_a_demo_that_is_told_to_end_takes_its_lab_down(folder: Path, tmp_path: Path) -> None:
    """Also the database that answers instead of the lab's own ERP."""
    demo = await started(folder, tmp_path / "stderr", "tests.rig.demo", "--erp", "mariadb")
    assert demo.stdout is not None
    async for line in demo.stdout:
        if b"answered" in line:
            break
    assert processes.marked(folder), "the lab runs while the demo calls"
    assert running("mariadbd", folder)
    demo.send_signal(signal.SIGTERM)
    await demo.communicate()
    assert demo.returncode == 128 + signal.SIGTERM
    assert_nothing_is_left(folder)
    assert not running("mariadbd", folder)


async def test_the_benchmark_writes_its_figures(lab: Lab, folder: Path, tmp_path: Path) -> None:
    out, errors = tmp_path / "new" / "figures.json", tmp_path / "stderr"
    options = ("--turns", "2", "--at-once", "1", "--lab", str(lab.folder), "--json", str(out))
    bench = await started(folder, errors, "tests.benchmarks.ear_to_ear", *options)
    shown, _ = await bench.communicate()
    assert bench.returncode == 0, shown.decode() + errors.read_text()
    (level,) = json.loads(out.read_text())["levels"]
    assert (level["at_once"], level["calls"], level["turns"]) == (1, 1, 2)
    assert 0 < level["latency"]["p50_ms"] <= level["latency"]["p95_ms"]
    assert 0 <= level["word_error_rate"] < 1
    assert 0 <= level["task_success"] <= 1
    assert level["cpu_s_per_call"] > 0
    assert {entry["right"] for entry in level["each"]} <= {True, False}
    assert f"p50 {level['latency']['p50_ms']:.0f} ms" in shown.decode()
