"""The event stream of real calls: complete, in order, once each, whichever process dies."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from importlib import resources
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from asterisk_agi import cli
from asterisk_agi.testcall.phone import Phone
from asterisk_agi.testcall.script import AfterAnswer, Wait, play
from erp.events.model import CallIds, Health
from erp.events.outbox import Outbox, Stored
from erp.events.settings import EventSettings
from erp.events.stream import open_stream
from erp.secrets import Secret
from erp.store.errors import StoreError
from erp.store.settings import StoreSettings
from erp.store.store import Store
from tests.integration.calls import DANA, account, said
from tests.integration.rescue import followed
from tests.rig import asterisk, postgresql
from tests.rig.lab import Lab
from tests.unit.erp.events.samples import call

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

WAIT_S = 40.0
ASKS = said("do you have item four five two one")
ORDERLINE = Path(sys.executable).parent / "orderline"
SCHEMA = json.loads(resources.files("erp.events").joinpath("schema/call-event-1.json").read_text())


def config(lab: Lab) -> str:
    return str(Path(lab.status()["folders"]["state"]).parent / "orderline.yaml")


@contextlib.asynccontextmanager
async def outbox_of(lab: Lab) -> AsyncIterator[Outbox]:
    store = Store(StoreSettings(folder=Path(lab.status()["folders"]["state"])))
    try:
        yield Outbox(store)
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def talking(lab: Lab) -> AsyncIterator[Phone]:
    """A caller who is known, and hangs up at the end of the block."""
    phone = Phone(account(lab.status(), DANA))
    await phone.place(asterisk.AGENT)
    try:
        yield phone
    finally:
        await phone.close()


async def events_until(
    outbox: Outbox, begin: int, enough: Callable[[list[Stored]], bool]
) -> list[Stored]:
    """Return the events behind a number as soon as they are enough."""
    found: list[Stored] = []

    async def follow() -> None:
        async for event in outbox.follow(begin, 0.05):
            found.append(event)
            if enough(found):
                return

    try:
        await asyncio.wait_for(follow(), WAIT_S)
    except asyncio.TimeoutError:
        pytest.fail(f"not enough: {[event.body for event in found]}")
    return found


def kinds(events: Sequence[Stored]) -> list[str]:
    return [event.type.rpartition(".")[2] for event in events]


def has_ended(events: list[Stored]) -> bool:
    return "ended" in kinds(events)


async def orderline(*arguments: str) -> str:
    """Run the command in this process: a new one takes seconds to load on a busy machine."""
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        assert await asyncio.to_thread(cli.main, list(arguments)) == 0
    return shown.getvalue()


def _heed_ctrl_c() -> None:
    """Undo what a shell does to commands in its background, this test run among them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.asynccontextmanager
async def tailed(lab: Lab, lines: list[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `orderline events tail` beside a block, and end it by Ctrl-C.

    On a busy machine its start may take longer than the call's first words: it looks back.
    """
    process = await asyncio.create_subprocess_exec(
        str(ORDERLINE), "events", "tail", "--config", config(lab), "--since", "1h",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, preexec_fn=_heed_ctrl_c,
    )  # fmt: skip

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            lines.append(line.decode())

    reading = asyncio.ensure_future(read())
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        errors = await process.stderr.read()
        await reading
    assert (await process.wait(), errors) == (0, b"")


async def until(condition: Callable[[], bool], what: str) -> None:
    for _ in range(int(WAIT_S / 0.05)):
        if condition():
            return
        await asyncio.sleep(0.05)
    pytest.fail(what)


async def test_a_call_is_told_from_start_to_end_live(lab: Lab) -> None:
    lines: list[str] = []
    mark, bridge_mark = len(lab.log("voice")), len(lab.log("bridge"))
    async with outbox_of(lab) as outbox, tailed(lab, lines):
        begin = await outbox.last()
        async with talking(lab) as phone:
            await play(phone, [ASKS, Wait(0.0, AfterAnswer())])
            # While the call lasts...
            (session,) = {event.session for event in await outbox.after(begin) if event.session}
            await until(lambda: has_line(lines, session, "turn"), f"no turn: {lines}")
            present = await orderline("calls", "--config", config(lab))
            assert re.search(rf"{session} .* present ", present), present
        events = await events_until(outbox, begin, has_ended)
        of_call = [event for event in events if event.session == session]
        await until(lambda: has_line(lines, session, "ended"), f"no end: {lines}")
    # ... and afterwards.
    names = kinds(of_call)
    wanted = ["started", "identified", "turn", "ended"]
    assert [name for name in names if name in wanted] == wanted
    assert names.count("query") >= 3
    assert names.index("query") < names.index("turn")
    bodies = [json.loads(event.body) for event in of_call]
    assert [int(body["sequence"]) for body in bodies] == list(range(1, len(bodies) + 1))
    for body in bodies:
        Draft202012Validator(SCHEMA).validate(body)
        assert body["data"]["sip_call_id"]
        assert body["data"]["uniqueid"]
    assert "Dana" not in "".join(lines)
    list_calls = ("calls", "--config", config(lab))
    ended = await orderline(*list_calls)
    report = await orderline(*list_calls, "--report", "today")
    assert re.search(rf"{session} .* contained +answered ", ended), ended
    assert re.search(rf",{session},\*+01,C001,contained,answered,AIDONE,", report), report
    assert_each_line_names_the_call(lab.log("voice")[mark:], session)
    uniqueid = bodies[0]["data"]["uniqueid"]
    bridge_says = lines_about_a_call(lab.log("bridge")[bridge_mark:])
    assert len(bridge_says) >= 2
    assert [line for line in bridge_says if f" {uniqueid} " not in line] == []


def assert_each_line_names_the_call(log: str, session: str) -> None:
    """One line at the start, one at the end, and the session on each between them."""
    lines = log.splitlines()
    (first,) = (n for n, line in enumerate(lines) if re.search("call from .* begins", line))
    (last,) = (n for n, line in enumerate(lines) if "call ended:" in line)
    assert [line for line in lines[first : last + 1] if f" {session} " not in line] == []
    assert last - first >= 3


def has_line(lines: Sequence[str], session: str, kind: str) -> bool:
    return any(re.search(rf" {session} +{kind} ", line) for line in lines)


def lines_about_a_call(log: str) -> list[str]:
    words = ("PJSIP/", "UnicastRTP/", "no sign of life", "still held")
    return [line for line in log.splitlines() if any(word in line for word in words)]


async def test_when_the_voice_process_is_killed_nothing_told_is_lost(lab: Lab) -> None:
    bridge_mark = len(lab.log("bridge"))
    async with outbox_of(lab) as outbox:
        begin = await outbox.last()
        async with talking(lab) as phone:
            await play(phone, [ASKS])
            before = await events_until(outbox, begin, lambda events: "query" in kinds(events))
            session = next(event.session for event in before if event.session)
            (pid, *_) = lab.pids("voice")
            os.kill(pid, signal.SIGKILL)
            events = await events_until(outbox, begin, has_ended)
        listed = await orderline("calls", "--config", config(lab))
        await followed(lab, pid)
        everything = await outbox.after(0, 10_000)
    of_call = [event for event in events if event.session == session]
    assert kinds(of_call)[0] == "started"
    uniqueid = json.loads(of_call[0].body)["data"]["uniqueid"]
    bridge_says = lines_about_a_call(lab.log("bridge")[bridge_mark:])
    assert any("no sign of life" in line for line in bridge_says)
    assert [line for line in bridge_says if f" {uniqueid} " not in line] == []
    end = json.loads(of_call[kinds(of_call).index("ended")].body)["data"]
    # Whoever tells the end may know already that a human has the caller.
    how = (end["result"], end["reason"])
    assert how in (("unavailable", "voice-lost"), ("completed", "transferred"))
    assert not re.search(rf"{session} .* present ", listed), listed
    assert len({event.id for event in everything}) == len(everything)


# PostgreSQL, which may go and come back...


async def test_a_postgresql_store_that_restarts_loses_no_event(tmp_path: Path) -> None:
    with postgresql.served(tmp_path / "server") as server:
        settings = StoreSettings(
            url=f"postgresql+asyncpg://admin@127.0.0.1:{server.port}/postgres",
            password=Secret(server.admin_password),
        )
        stores = await asyncio.gather(*(Store.open(settings) for _ in range(3)))
        events = EventSettings(spool=tmp_path / "spool", retry_s=0.05)
        async with contextlib.AsyncExitStack() as stack:
            for store in stores:
                stack.push_async_callback(store.close)
            one, two = [
                await stack.enter_async_context(open_stream(events, store, "voice", "x:1"))
                for store in stores[:2]
            ]
            for number in range(20):
                one.sink.tell(CallIds(f"s-{number}"), Health(f"p-{number}", False))
                two.sink.tell(CallIds(f"s-{number}"), Health(f"p-{number}", False))
            await asyncio.to_thread(server.stop)
            one.sink.tell(CallIds("late"), Health("late", False))
            with pytest.raises(StoreError):
                await Outbox(stores[2]).last()
            await asyncio.to_thread(server.start)
            outbox = Outbox(stores[2])
            found = await events_until(
                outbox, 0, lambda found: sum(bool(event.session) for event in found) >= 41
            )
            await two_writers_keep_the_order(stores, outbox)
        whose = sorted(event.session for event in found if event.session)
        assert whose == sorted([*[f"s-{n}" for n in range(20)] * 2, "late"])


async def two_writers_keep_the_order(stores: Sequence[Store], outbox: Outbox) -> None:
    begin = await outbox.last()
    told = [event for number in range(12) for event in call("one-call")]
    puts = (Outbox(stores[n % 3]).put([event], "spool") for n, event in enumerate(told))
    await asyncio.gather(*puts)
    stored = await outbox.after(begin, sessions=["one-call"])
    sequences = [json.loads(event.body)["sequence"] for event in stored]
    assert sequences == [f"{number:010d}" for number in range(1, 37)]
    assert await outbox.end_calls("spool") == 1

