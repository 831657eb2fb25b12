from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dialplan.reasons import RESULTS, Reason, disposition
from erp.commands import calls, tail
from erp.commands.errors import CommandError
from erp.events.call_list import CallLine, Kind, between, past, present
from erp.events.model import (
    CallEvent,
    CallIds,
    Ended,
    Escalated,
    Health,
    Started,
    Transferred,
)
from erp.events.outbox import Outbox, Stored
from erp.events.spool import Spool
from erp.store.settings import StoreSettings
from erp.store.store import Store
from tests.unit.erp.events.samples import EVENTS, NOON, call, envelope

BERLIN = ZoneInfo("Europe/Berlin")
LINE = CallLine(
    session="s-1", caller="*********01", account="C-100", started_at=NOON,
    ended_at=NOON + timedelta(seconds=41), last_at=NOON, escalated_by="", human="",
    waited_s=None, lasted_s=41.5, result="completed", reason="goodbye", disposition="AIDONE",
    turns=2, process="voice-1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("result", "reason", "human", "kind"),
    [
        ("completed", "goodbye", "", Kind.CONTAINED),
        ("completed", "answered", "", Kind.CONTAINED),
        ("completed", "callback-agreed", "", Kind.CONTAINED),
        ("completed", "caller-hung-up", "", Kind.ABANDONED),
        ("completed", "caller-hung-up", "PJSIP/anna", Kind.TRANSFERRED),
        ("completed", "transferred", "", Kind.TRANSFERRED),
        ("transfer", "caller-asked", "", Kind.TRANSFERRED),
        ("voicemail", "voicemail", "", Kind.VOICEMAIL),
        ("unavailable", "voice-lost", "", Kind.UNAVAILABLE),
        ("unavailable", "voice-lost", "PJSIP/anna", Kind.TRANSFERRED),
    ],
)
def test_what_became_of_a_call(result: str, reason: str, human: str, kind: Kind) -> None:
    assert replace(LINE, result=result, reason=reason, human=human).kind is kind
    assert replace(LINE, ended_at=None).kind is Kind.PRESENT


VOICE = "voice-1"
HUMAN = Transferred("PJSIP/anna-00000012", 2.5)
ASKED = Escalated("caller-asked", way="queue")
RESCUED = Escalated("voice-lost", by="bridge")
LOST = Ended("unavailable", "voice-lost", "AIFAIL", 9.0)


def ended(reason: Reason) -> Ended:
    return Ended(RESULTS[reason].value, reason.value, disposition(reason), 30.0, 2)


@pytest.mark.parametrize(
    ("told", "row"),
    [
        ([ended(Reason.GOODBYE)], "contained,goodbye,AIDONE"),
        ([ended(Reason.ANSWERED)], "contained,answered,AIDONE"),
        ([ended(Reason.CALLER_HUNG_UP)], "abandoned,caller-hung-up,AIABAN"),
        ([ASKED, ended(Reason.CALLER_HUNG_UP)], "abandoned,caller-hung-up,AIABAN"),
        ([ASKED, HUMAN, ended(Reason.TRANSFERRED)], "transferred,transferred,AIXFER"),
        ([ASKED, ended(Reason.CALLER_ASKED), HUMAN], "transferred,caller-asked,AIXFER"),
        ([ended(Reason.VOICEMAIL)], "voicemail,voicemail,AIVMAL"),
        ([ended(Reason.CALL_LIMIT)], "unavailable,call-limit,AIFAIL"),
        ([RESCUED, LOST], "unavailable,voice-lost,AIFAIL"),
        ([RESCUED, LOST, HUMAN], "transferred,voice-lost,AIFAIL"),
        # The voice process was only stopped: what it says when it goes on comes too late.
        ([RESCUED, LOST, ended(Reason.CALLER_HUNG_UP)], "unavailable,voice-lost,AIFAIL"),
        # Nobody tells an end, for the process is dead and there is no bridge.
        ([], "unavailable,voice-lost,AIFAIL"),
        ([ASKED, HUMAN], "transferred,transferred,AIXFER"),
        (
            [ended(Reason.CALLBACK_AGREED), Escalated("callback-agreed", way="callback"),
             Transferred("PJSIP/anna-1", 9.0, "callback")],
            "contained,callback-agreed,AICALB",
        ),
    ],
)  # fmt: skip
async def test_the_report_says_what_became_of_each_call(
    tmp_path: Path, told: list[CallEvent], row: str
) -> None:
    store = Store(StoreSettings(folder=tmp_path))
    outbox = Outbox(store)
    try:
        for event in (Started("*********01"), *told):
            by = VOICE if event is not RESCUED and event is not LOST else "bridge-1"
            await outbox.put([envelope(event)], by)
        await outbox.end_calls(VOICE)
        (line,) = await between(store, NOON, NOON + timedelta(hours=1))
    finally:
        await store.close()
    (_, shown) = csv.reader(io.StringIO(calls.report([line], BERLIN)))
    assert ",".join(shown[4:7]) == row


def test_the_report_of_a_day() -> None:
    text = calls.report([replace(LINE, waited_s=3.25), replace(LINE, ended_at=None)], BERLIN)
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == list(calls.REPORT)
    assert rows[1] == [
        "2026-11-21 13:00:00+01:00", "s-1", "*********01", "C-100", "contained", "goodbye",
        "AIDONE", "41.5", "2", "3.2",
    ]  # fmt: skip
    assert (rows[2][4], rows[2][7]) == ("present", "")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    line = replace(LINE, account=cell, session=cell, caller=cell, reason=cell, disposition=cell)
    (_, row) = csv.reader(io.StringIO(calls.report([line], BERLIN)))
    guarded = [row[number] for number in (1, 2, 3, 5, 6)]
    assert guarded == ["'" + cell] * 5


def test_a_cell_with_commas_quotes_and_lines_stays_one_cell() -> None:
    (_, row) = csv.reader(io.StringIO(calls.report([replace(LINE, account='a,"b"\nc')], BERLIN)))
    assert row[3] == 'a,"b"\nc'


def test_a_day_begins_at_midnight_of_the_office() -> None:
    begin, end = calls.day("2026-03-29", BERLIN, NOON)
    assert begin.astimezone(timezone.utc) == datetime(2026, 3, 28, 23, tzinfo=timezone.utc)
    # The clocks went forward: this day has 23 hours.
    assert end.astimezone(timezone.utc) == datetime(2026, 3, 29, 22, tzinfo=timezone.utc)
    late = datetime(2026, 11, 21, 23, 30, tzinfo=timezone.utc)
    assert calls.day("today", BERLIN, late)[0].day == 22
    assert calls.day("yesterday", BERLIN, late)[0].day == 21


@pytest.mark.parametrize("text", ["", "someday", "2026-13-01", "2026-02-30"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="is no day: write 2026-05-31, today or yesterday"):
        calls.day(text, BERLIN, NOON)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(StoreSettings(folder=tmp_path / "store"))
    outbox = Outbox(store)
    await outbox.put([*call("s-1"), *call("s-2"), *call("s-3")], "voice-1")
    await outbox.put([envelope(EVENTS[8], ids=CallIds(s)) for s in ("s-1", "s-2")], "voice-1")
    yield store
    await store.close()


async def test_present_and_past_calls(store: Store) -> None:
    assert [one.session for one in await present(store)] == ["s-3"]
    assert [one.session for one in await past(store, 1)] != []
    assert len(await past(store, 10)) == 2
    day = (NOON - timedelta(hours=12), NOON + timedelta(hours=12))
    assert [one.session for one in await between(store, *day)] == ["s-1", "s-2", "s-3"]
    assert await between(store, day[1], day[1] + timedelta(days=1)) == []


def test_the_listing_shows_what_is_going_on(tmp_path: Path) -> None:
    talking = replace(LINE, ended_at=None, session="s-2", lasted_s=None, reason="")
    with_human = replace(talking, session="s-3", human="PJSIP/anna")
    lost = replace(talking, session="s-4")
    text = calls.listing([talking, with_human, lost], [LINE], {"s-4"}, BERLIN)
    what = {row.split()[2]: row for row in text.splitlines()[2:]}
    assert " contained " in what["s-1"]
    assert " present " in what["s-2"]
    assert " with a human " in what["s-3"]
    assert " lost " in what["s-4"]
    assert calls.listing([], [], set(), BERLIN) == "no calls\n"


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    calls.add_command(parser, lambda path: pytest.fail(), Path("x"))
    return parser.parse_args(arguments)


async def test_a_present_call_of_a_dead_process_is_shown_as_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = Spool(tmp_path / "spool", "voice", 1000)
    store = await Store.open(StoreSettings(folder=tmp_path / "store"))
    await Outbox(store).put(list(call("s-1")), spool.name)
    await store.close()
    settings = calls.CallsOf(StoreSettings(folder=tmp_path / "store"), tmp_path / "spool", BERLIN)
    assert await calls._run(settings, parsed()) == 0
    assert " present " in capsys.readouterr().out
    spool.append(b"x\n")
    spool.close()
    assert await calls._run(settings, parsed()) == 0
    assert " lost " in capsys.readouterr().out


def stored(number: int, session: str = "s-1") -> Stored:
    event = envelope(EVENTS[number], ids=CallIds(session))
    return Stored(1, event.id, event.type, event.session, event.time, event.text)


def tailing(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    tail.add_verb(parser.add_subparsers(), lambda path: pytest.fail(), Path("x"))
    return parser.parse_args(["tail", *arguments])


def test_personal_data_is_shown_only_when_it_is_asked_for() -> None:
    identified, turn, escalated = stored(1), stored(2), stored(6)
    for event in (identified, turn, escalated):
        for arguments in (tailing(), tailing("--json")):
            line = tail.shown(event, arguments)
            for secret in ("Harbor", "Anna", "how many", "wants a human", "erp.example"):
                assert secret not in line
    assert "Anna" in tail.shown(identified, tailing("--personal"))
    document = json.loads(tail.shown(turn, tailing("--json", "--personal")))
    assert document["data"]["text"] == "how many 4521"


def test_a_line_of_the_tail() -> None:
    line = tail.shown(stored(7), tailing())
    fields = ["human=PJSIP/anna", "waited_s=4.2", "way=label"]
    assert line.split()[1:] == ["s-1", "transferred", *fields]


def test_a_terminal_obeys_nothing_in_a_line() -> None:
    event = envelope(Health("ami", False, "\x1b[2J\r\nforged"))
    shown = Stored(1, event.id, event.type, "", event.time, event.text)
    assert tail.shown(shown, tailing()).isprintable()


def test_only_what_was_asked_for_is_shown() -> None:
    assert tail.wanted(stored(0), tailing("--session", "s-1", "--type", "started"))
    assert not tail.wanted(stored(0), tailing("--session", "s-2"))
    assert not tail.wanted(stored(1), tailing("--type", "started"))


@pytest.mark.parametrize("text", ["soon", "10x", "9" * 30 + "d"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SystemExit):
        tailing("--since", text)


def test_a_time_ago_and_a_time() -> None:
    ago = datetime.now(timezone.utc) - tailing("--since", "10m").since
    assert timedelta(minutes=9) < ago < timedelta(minutes=11)
    assert tailing("--since", "2026-11-21T12:00:00Z").since == NOON
