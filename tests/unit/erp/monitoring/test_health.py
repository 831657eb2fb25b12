"""The board tells which part is ill, since when and why, and whether calls can be served."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from erp.events.model import CallIds, Ended, Health, Turn
from erp.monitoring.health import PARTS_MAX, HealthBoard

NOBODY = CallIds("")


def test_an_ill_part_degrades_and_an_essential_one_ends_service() -> None:
    board = HealthBoard(("ami",))
    board.note("ami", "")
    assert board.report()["status"] == "ok"
    board.note("erp:tryton", "no answer")
    assert board.report()["status"] == "degraded"
    assert board.serving
    board.note("ami", "no connection")
    assert board.report()["status"] == "ill"
    assert not board.serving


def test_it_says_why_and_since_when() -> None:
    board = HealthBoard(())
    board.note("store", "away")
    since = board.report()["parts"]["store"]["since"]
    board.note("store", "still away")
    assert board.report()["parts"]["store"] == {
        "state": "ill", "why": "still away", "since": since
    }  # fmt: skip
    board.note("store", "")
    assert "why" not in board.report()["parts"]["store"]


def test_a_part_is_well_only_when_everybody_says_so() -> None:
    board = HealthBoard(())
    board.note("erp:a", "breaker open", "told")
    board.note("erp:a", "", "knock")
    assert board.ill("erp:a")
    board.note("erp:a", "", "told")
    assert not board.ill("erp:a")


def test_events_of_health_are_taken() -> None:
    board = HealthBoard(())
    board.tell(NOBODY, Health("ami", False, "no connection"))
    assert board.ill("ami")
    board.tell(NOBODY, Health("ami", True))
    assert not board.ill("ami")


def test_speech_is_ill_from_a_call_that_it_ended_until_one_is_answered() -> None:
    board = HealthBoard(())
    board.tell(NOBODY, Turn(1, "stock", hops={"erp_ms": 1.0}))
    assert board.report()["parts"] == {}
    board.tell(NOBODY, Ended("unavailable", "speech-failed", "AIFAIL", 1.0))
    assert board.ill("speech")
    board.tell(NOBODY, Turn(1, "stock"))
    assert board.ill("speech"), "a turn that was not answered proves nothing"
    board.tell(NOBODY, Turn(1, "stock", hops={"erp_ms": 1.0}))
    assert not board.ill("speech")


def test_what_is_looked_at_is_looked_at_each_time() -> None:
    answers = iter(["", "gone", ""])
    board = HealthBoard(())
    board.watch("ami", lambda: next(answers))
    assert [board.ill("ami") for _ in range(3)] == [False, True, False]


def test_parts_are_limited() -> None:
    board = HealthBoard(())
    for number in range(PARTS_MAX + 10):
        board.note(f"part {number}", "")
    assert len(board.report()["parts"]) == PARTS_MAX


def test_parts_are_a_metric() -> None:
    registry, board = CollectorRegistry(), HealthBoard(())
    registry.register(board)
    board.note("ami", "gone")
    assert registry.get_sample_value("orderline_part_well", {"part": "ami"}) == 0
