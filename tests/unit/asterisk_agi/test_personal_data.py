"""A whole call with every logger at DEBUG: nothing of the caller is in the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from asterisk_agi import logs
from asterisk_agi.audio import PcmChunk
from asterisk_agi.dialogue.effects import Listening
from asterisk_agi.ear import Ear, EarHooks, HeardTurn
from asterisk_agi.protocol import Prelude
from asterisk_agi.speech.port import Transcript, Word
from erp.model import Customer
from tests.unit.asterisk_agi.fake_pbx import FakeAgiSession, FakePbx
from tests.unit.asterisk_agi.test_inquiry import source
from tests.unit.asterisk_agi.test_reception import Rig

NUMBER = "+14155559876"
CALLER = Customer("7", "ACC-77821", "Kessler Pumps", "Wilhelmina Kessler", source("customers"))
NAME = "Zebulon Quartermain"
"""The name that the caller's telephone sends."""
SAID = "where is my order"


class SpokenEar(Ear):
    """An ear that hears what the test says, understood by the real understanding."""

    def __init__(self, hooks: EarHooks) -> None:
        self.hooks = hooks

    @property
    def in_turn(self) -> bool:
        return False

    def listen_for(self, listening: Listening) -> None:
        """Listen for whatever it is."""

    def accept(self, chunk: PcmChunk) -> None:
        """Leave the audio out."""

    def close(self) -> None:
        """Have nothing to free."""

    def say(self, text: str) -> None:
        words = tuple(Word(word, 0.0, 0.1, 1.0) for word in text.split())
        heard = Transcript(text, words, final=True)
        now_s = asyncio.get_running_loop().time()
        meaning = self.hooks.understand(heard, date.today())
        self.hooks.on_turn(HeardTurn(meaning, heard, now_s, now_s, 0.0, 0.0))


@pytest.fixture
def ears(monkeypatch: pytest.MonkeyPatch) -> list[SpokenEar]:
    made: list[SpokenEar] = []

    def make(voice: object, ends: object, engine: object, hooks: EarHooks, tasks: object) -> Ear:
        made.append(SpokenEar(hooks))
        return made[-1]

    monkeypatch.setattr("asterisk_agi.call.Ear", make)
    return made


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every logger there is, at DEBUG: other people's too."""
    names = [name for name in logging.root.manager.loggerDict if name != "asyncio"]
    with caplog.at_level(logging.DEBUG):
        for name in names:
            logging.getLogger(name).setLevel(logging.DEBUG)
        yield caplog
    for name in names:
        logging.getLogger(name).setLevel(logging.NOTSET)


def caller(pbx: FakePbx) -> FakeAgiSession:
    session = FakeAgiSession(pbx)
    session.prelude = Prelude(
        {
            "agi_uniqueid": "1.1",
            "agi_channel": "PJSIP/caller-1",
            "agi_callerid": NUMBER,
            "agi_calleridname": NAME,
            "agi_network_script": "default",
        }
    )
    return session


async def said(rig: Rig, operation: str) -> None:
    """Wait until the ERP was asked for something."""

    async def wait() -> None:
        while not any(operation in str(asked) for asked in rig.erp.asked):
            await asyncio.sleep(0.005)

    await asyncio.wait_for(wait(), 5)


def shown(caplog: pytest.LogCaptureFixture) -> str:
    """Return all that the log would hold, as the real formatter writes it."""
    formatter, complete = logs.LineFormatter(logs.LINE), logs.SessionFilter()
    lines = []
    for record in caplog.records:
        complete.filter(record)
        lines.append(formatter.format(record))
    return "\n".join(lines)


def told(folder: Path) -> str:
    """Return the stories."""
    return "".join(path.read_text() for path in folder.glob("*.jsonl"))


PERSONAL = (
    NUMBER,
    NUMBER[1:],
    NUMBER[-6:],
    *NAME.split(),
    *CALLER.contact.split(),
    *CALLER.name.split(),
    CALLER.account,
    "77821",
    SAID,
    "my order",
)


@pytest.mark.parametrize("ending", ["key", "fault"])
async def test_a_whole_call_at_debug_shows_nothing_of_the_caller(
    tmp_path: Path,
    ears: list[SpokenEar],
    everything: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    ending: str,
) -> None:
    with FakePbx() as pbx:
        rig = Rig(tmp_path, pbx)

        async def known(number: str, deadline: object) -> tuple[Customer, ...]:
            rig.erp.asked.append(("customers", number))
            return (CALLER,)

        monkeypatch.setattr(rig.erp, "customers_by_phone", known)
        session = caller(pbx)
        serving = rig.start(session)
        await rig.until_dialled(session)
        await said(rig, "customers")
        await asyncio.sleep(0.3)
        if ending == "fault":
            rig.erp.error = RuntimeError("a fault of ours")
        ears[0].say(SAID)
        await said(rig, "order")
        await asyncio.sleep(0.1)
        if not serving.done():
            pbx.press("1.1", "0")
        await asyncio.wait_for(serving, 5)
    log = shown(everything)
    story = told(tmp_path)
    assert SAID in story, "the caller was heard"
    assert "begins" in log
    assert "call ended" in log
    assert [word for word in PERSONAL if word in log] == []
    assert "76" in log, "the end of the number is there, to tell calls apart"


def test_other_peoples_libraries_are_heard_from_warning_on() -> None:
    """At DEBUG an HTTP client logs its URLs, and a driver its statements' parameters."""
    logs.configure("debug")
    for name in ("httpx", "httpcore.http11", "panoramisk", "sqlalchemy.engine", "aiosqlite"):
        assert logging.getLogger(name).getEffectiveLevel() >= logging.WARNING
    assert logging.getLogger("erp.gateway").getEffectiveLevel() == logging.DEBUG
    logs.configure("error")
    assert logging.getLogger("asterisk_agi.x").getEffectiveLevel() == logging.ERROR
    assert logging.getLogger("httpx").getEffectiveLevel() == logging.ERROR


def test_a_traceback_cannot_forge_a_line() -> None:
    try:
        raise ValueError("broken\n2026-11-21 12:00:00,000 INFO - x: forged\x1b[2J")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "", 0, "call failed", (), info)
    assert logs.SessionFilter().filter(record)
    first, *others = logs.LineFormatter(logs.LINE).format(record).splitlines()
    assert "call failed" in first
    assert all(line.startswith(logs.CONTINUED) for line in others)
    assert any("forged" in line for line in others)
    assert all(line.isprintable() for line in others)
