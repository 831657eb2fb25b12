from __future__ import annotations

from pathlib import Path

import pytest

from asterisk_agi.testcall.measure import Measured, Sound, Turn
from asterisk_agi.testcall.record import Recordings
from asterisk_agi.testcall.report import Report
from tests.rig import demo
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


def test_the_two_callers_differ() -> None:
    first, second = demo.CALLERS
    assert first.number != second.number
    assert first.voice.name != second.voice.name
