"""The end of a call: every error one reason, every reason one result, variables in safe order."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import ami_bridge
import asterisk_agi
import dialplan
import erp
from asterisk_agi import handoff
from asterisk_agi.errors import CallerHungUp
from asterisk_agi.handoff import Outcome, RunningSummary, plain, reason_of
from dialplan import variables
from dialplan.reasons import RESULTS, Reason
from dialplan.variables import Result


class Recorder:
    def __init__(self) -> None:
        self.written: list[tuple[str, str]] = []

    async def set_variable(self, name: str, value: str) -> None:
        self.written.append((name, value))

    @property
    def now(self) -> dict[str, str]:
        return dict(self.written)


def our_errors() -> Iterator[type[BaseException]]:
    """Every exception class that any module of the product defines."""
    for room in (asterisk_agi, ami_bridge, dialplan, erp):
        for found in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
            if found.name.endswith(("__main__", "script", "espeak_worker")):
                continue
            module = importlib.import_module(found.name)
            for _, kind in inspect.getmembers(module, inspect.isclass):
                if issubclass(kind, BaseException) and kind.__module__ == found.name:
                    yield kind


OFF_CALL = {
    *("NumberRefused", "RecordingRefused"),
    *("CommandError", "ConfigError", "LandscapeError", "NotWell", "PhoneError", "ProfileError"),
    *("Failure", "PublishError"),
}
"""Errors of a start or of a command, which serve no caller; and what never leaves the HTTP engine
but as one of `erp.errors`, or the publishers of events."""


def test_every_error_of_a_call_has_exactly_one_reason() -> None:
    seen = 0
    for kind in our_errors():
        names = {base.__name__ for base in kind.__mro__}
        if kind.__name__.startswith("_") or names & OFF_CALL:
            continue
        seen += 1
        assert isinstance(getattr(kind, "reason", None), Reason), f"{kind} has no reason"
    assert seen > 15


def test_every_reason_has_a_result() -> None:
    assert set(RESULTS) == set(Reason)


def test_only_an_end_that_the_caller_wanted_is_completed() -> None:
    completed = {reason for reason, result in RESULTS.items() if result is Result.COMPLETED}
    assert completed == {
        Reason.GOODBYE,
        Reason.ANSWERED,
        Reason.CALLER_HUNG_UP,
        Reason.TRANSFERRED,
        Reason.CALLBACK_AGREED,
    }


def test_an_error_of_nobody_is_our_own_bug() -> None:
    assert reason_of(ZeroDivisionError()) is Reason.INTERNAL_ERROR
    assert reason_of(CallerHungUp()) is Reason.CALLER_HUNG_UP


async def test_the_result_is_unavailable_before_anything_else_is_written() -> None:
    session = Recorder()
    await handoff.begin(session, "s-1")
    assert session.written[0] == ("__ORDERLINE_RESULT", "unavailable")
    assert session.now == {
        "__ORDERLINE_RESULT": "unavailable",
        "__ORDERLINE_REASON": "not-started",
        "__ORDERLINE_SUMMARY": "",
        "__ORDERLINE_SESSION": "s-1",
    }


async def test_the_result_changes_last() -> None:
    session = Recorder()
    await handoff.end(session, Outcome(Reason.GOODBYE, "told of item 4521"))
    assert session.written[-1] == ("__ORDERLINE_RESULT", "completed")
    assert session.now["__ORDERLINE_REASON"] == "goodbye"
    assert session.now["__ORDERLINE_SUMMARY"] == "told of item 4521"


@pytest.mark.parametrize(
    ("text", "carried"),
    [
        ("Müller & Söhne", "Muller & Sohne"),
        ("one\r\ntwo\tthree\x00", "one two three"),
        ("价格", ""),
        ("x" * 600, "x" * variables.SUMMARY_MAX_CHARS),
    ],
)
def test_a_summary_is_plain_ascii_on_one_line(text: str, carried: str) -> None:
    assert plain(text) == carried


class SlowPbx:
    """Takes a variable when it is let."""

    def __init__(self) -> None:
        self.written: list[tuple[str, str, str]] = []
        self.let = asyncio.Event()
        self.down = False

    async def setvar(self, channel: str, variable: str, value: str) -> bool:
        await self.let.wait()
        if self.down:
            raise ConnectionError("down")
        self.written.append((channel, variable, value))
        return True


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_running_summary_is_written_when_it_changes_and_only_the_latest() -> None:
    pbx = SlowPbx()
    running = RunningSummary(pbx, "PJSIP/a-1")
    for text in ("one", "two", "three"):
        running.learned(text)
        await settled()
    pbx.let.set()
    await settled()
    running.learned("three")
    await settled()
    assert pbx.written == [
        ("PJSIP/a-1", "__ORDERLINE_SUMMARY", "one"),
        ("PJSIP/a-1", "__ORDERLINE_SUMMARY", "three"),
    ]
    await running.close()


async def test_a_running_summary_on_its_way_arrives_before_the_last_word() -> None:
    pbx = SlowPbx()
    running = RunningSummary(pbx, "PJSIP/a-1")
    running.learned("one")
    await settled()
    running.learned("two")
    asyncio.get_running_loop().call_later(0.02, pbx.let.set)
    await running.close()
    before = list(pbx.written)
    await settled()
    assert pbx.written == before
    assert [value for _, _, value in before] == ["one"]


async def test_a_pbx_that_never_answers_holds_up_no_hand_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handoff, "LAST_SUMMARY_S", 0.01)
    running = RunningSummary(SlowPbx(), "PJSIP/a-1")
    running.learned("one")
    await asyncio.wait_for(running.close(), 1.0)


async def test_without_ami_the_next_text_is_tried_again() -> None:
    pbx = SlowPbx()
    pbx.let.set()
    pbx.down = True
    running = RunningSummary(pbx, "PJSIP/a-1")
    running.learned("one")
    await settled()
    pbx.down = False
    running.learned("two; " + "x" * 1000 + "\r\n")
    await settled()
    ((_, _, value),) = pbx.written
    assert value.startswith("two; ")
    assert len(value) == variables.SUMMARY_MAX_CHARS
