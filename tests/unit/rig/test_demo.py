from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from asterisk_agi.testcall.measure import Measured, Sound, Turn
from asterisk_agi.testcall.record import Recordings
from asterisk_agi.testcall.report import Report
from tests.rig import demo, voices
from tests.rig.control import LabError
from tests.unit.asterisk_agi.testcall.sounds import record, track

FILES = Recordings(Path("a.wav"), Path("b.wav"), Path("c.wav"))


def report(*latencies_ms: float | None) -> Report:
    turns = tuple(
        Turn("q", "speech", 0.0, 1.0, (Sound(1 + ms / 1000, 3.0, "fact", "a"),) if ms else ())
        for ms in latencies_ms
    )
    made = record(track(seconds=1), track(seconds=1))
    return Report(made, Measured((), turns), ("a",) * len(turns), "story", FILES)


def test_the_closing_line_counts_every_turn_and_times_the_facts() -> None:
    line = demo.closing_line([report(400, None), report(600)])
    assert line == "demo: 2 calls, 3 turns, ear-to-ear p50 500 ms, p95 590 ms"


def test_a_demo_without_a_fact_says_so() -> None:
    line = demo.closing_line([report(None)])
    assert line == "demo: 1 calls, 1 turns, ear-to-ear p50 - ms, p95 - ms"


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        ({"event": "said", "text": "Hello.", "whole": True}, ("agent", '"Hello."')),
        ({"event": "said", "text": "Hel", "whole": False}, ("agent", '"Hel" (interrupted)')),
        (
            {"event": "heard", "text": "item", "intent": "help", "confidence": 0.876},
            ("heard", '"item" (help, 88 % sure)'),
        ),
        (
            {"event": "query", "system": "tryton", "operation": "find_item", "result": "Item",
             "record": "product,1", "live": True, "ms": 12.3},
            ("erp", "tryton find_item: Item, product,1, live, 12 ms"),
        ),
        ({"event": "hops"}, None),
    ],
)  # fmt: skip
def test_a_story_is_told_line_by_line(
    event: dict[str, object], shown: tuple[str, str] | None
) -> None:
    assert demo.told(event) == shown


def test_ci_never_stays_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        @staticmethod
        def isatty() -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.delenv("CI", raising=False)
    assert demo.stays_up()
    monkeypatch.setenv("CI", "true")
    assert not demo.stays_up()


class FakeLab:
    """A lab that comes up at once, or as `start` says."""

    made: ClassVar[list[FakeLab]] = []
    up: ClassVar[bool] = False
    start_: ClassVar[Callable[[], None]] = staticmethod(lambda: None)

    def __init__(self, folder: Path, asterisk: str, end_with_parent: bool = False) -> None:
        self.end_with_parent = end_with_parent
        self.stopped = False
        FakeLab.made.append(self)

    def start(self) -> None:
        FakeLab.start_()

    def status(self) -> dict[str, Any]:
        if not FakeLab.up:
            raise LabError("the lab is not up")
        return {"folders": {"logs": "/lab/logs", "state": "/lab/state"}}

    def stop(self) -> None:
        # A second signal in the middle of the cleaning up.
        signal.raise_signal(signal.SIGTERM)
        self.stopped = True


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> type[FakeLab]:
    monkeypatch.setattr(demo, "Lab", FakeLab)
    monkeypatch.setattr(demo, "_prepare_speech", lambda: None)
    monkeypatch.setattr(demo, "show_reads", lambda configuration: None)
    monkeypatch.setattr(FakeLab, "made", [])
    monkeypatch.setattr(FakeLab, "up", False)
    return FakeLab


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_lab_that_the_demo_started(
    lab: type[FakeLab], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    # A run of the tests under nohup ignores SIGHUP, and the demo would keep to that.
    outside = signal.signal(number, signal.SIG_DFL)
    try:
        monkeypatch.setattr(lab, "start_", lambda: signal.raise_signal(number))
        assert demo.main([]) == 128 + number
        assert lab.made[-1].stopped
        assert lab.made[-1].end_with_parent
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, outside)


def test_a_signal_within_a_call_ends_its_tasks_first(
    lab: type[FakeLab], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    async def perform(status: object) -> list[Report]:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("call")
        return []

    monkeypatch.setattr(demo, "perform", perform)
    monkeypatch.setattr(lab, "start_", lambda: setattr(lab, "up", True))
    assert demo.main([]) == 128 + signal.SIGTERM
    assert ended == ["call"]
    assert lab.made[-1].stopped


def test_a_lab_that_was_up_is_left_alone(
    lab: type[FakeLab], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab, "up", True)
    monkeypatch.setattr(lab, "start_", lambda: signal.raise_signal(signal.SIGTERM))
    assert demo.main([]) == 128 + signal.SIGTERM
    assert not any(made.stopped or made.end_with_parent for made in lab.made)


@pytest.mark.parametrize(("latency_ms", "code"), [(None, 1), (400, 0)])
@pytest.mark.usefixtures("lab")
def test_a_demo_without_a_fact_fails_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    latency_ms: float | None,
    code: int,
) -> None:
    async def perform(status: object) -> list[Report]:
        return [report(latency_ms)]

    monkeypatch.setattr(FakeLab, "up", True)
    monkeypatch.setattr(demo, "perform", perform)
    monkeypatch.setenv("CI", "true")
    assert demo.main([]) == code
    told = capsys.readouterr()
    assert told.out.splitlines()[-1].startswith("demo: 1 calls, 1 turns, ear-to-ear p50 ")
    assert ("no answer held a fact" in told.err) == bool(code)


def test_a_voice_that_cannot_speak_is_told_in_a_sentence(
    lab: type[FakeLab], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def speak(voice: voices.Voice, text: str) -> None:
        raise voices.VoiceError("flite/slt cannot speak")

    monkeypatch.undo()
    monkeypatch.setattr(demo, "Lab", lab)
    monkeypatch.setattr(voices, "speak", speak)
    assert demo.main([]) == 1
    assert capsys.readouterr().err == "demo: flite/slt cannot speak\n"


def test_the_two_callers_differ() -> None:
    first, second = demo.CALLERS
    assert first.number != second.number
    assert first.voice.name != second.voice.name
