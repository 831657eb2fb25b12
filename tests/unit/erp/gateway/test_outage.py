from __future__ import annotations

import pytest

from erp.gateway.outage import FAILURES_MAX, Outage


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_what_fails_alike_is_said_once_and_once_that_it_is_well(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    outage = Outage("one", clock)
    outage.fails("find_item", "12 bytes that are not JSON")
    outage.fails("find_item", "345 bytes that are not JSON")
    outage.fails("price", "7 bytes that are not JSON")
    outage.works("balance")
    clock.now_s += 2.5
    outage.works("price")
    outage.works("find_item")
    outage.works("price")
    assert caplog.messages == [
        "one fails at find_item: 12 bytes that are not JSON",
        "one answers price again after 2.5 s",
    ]


def test_two_failures_are_two_lines_and_may_come_back(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage("one", Clock())
    outage.fails("find_item", "no table a")
    outage.fails("price", "no table b")
    outage.works("find_item")
    outage.fails("find_item", "no table a")
    assert [message.split(":")[0] for message in caplog.messages] == [
        "one fails at find_item",
        "one fails at price",
        "one answers find_item again after 0.0 s",
        "one fails at find_item",
    ]


def test_a_system_that_invents_failures_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outage = Outage("one", Clock())
    for number in range(FAILURES_MAX + 5):
        outage.fails("price", "x" * (number + 1))
    assert len(caplog.messages) == FAILURES_MAX
    outage.works("price")
    assert len(caplog.messages) == FAILURES_MAX + 1


def test_a_successor_tells_of_the_end_and_the_former_of_nothing_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    former, successor = Outage("one", clock), Outage("one", clock)
    former.begins("connection refused")
    former.fails("price", "no table b")
    successor.take_over(former)
    clock.now_s += 4.0
    successor.begins("connection refused")
    successor.ends()
    successor.works("price")
    former.ends()
    former.begins("connection refused")
    former.fails("price", "no table b")
    former.works("price")
    assert caplog.messages[2:] == [
        "one is up again after 4.0 s",
        "one answers price again after 4.0 s",
    ]


def test_the_event_stream_is_told_when_a_system_goes_down_and_up() -> None:
    told: list[tuple[str, bool, str]] = []

    def health(*what: object) -> None:
        told.append(what)  # type: ignore[arg-type]

    former = Outage("one", Clock(), health)
    former.begins("refused")
    former.begins("refused")
    successor = Outage("one", Clock(), health)
    successor.take_over(former)
    former.ends()
    successor.ends()
    successor.ends()
    assert told == [("one", False, "refused"), ("one", True, "")]
