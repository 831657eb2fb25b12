"""The engine: which server, as whom, by when, and what a dead connection does to a question."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import pytest

from erp.connector import Attempt
from erp.connectors.engine import Value, Written
from erp.connectors.sql import SqlEngine, prepare, prepare_write
from erp.connectors.sql import engine as engine_module
from erp.deadline import Deadline
from erp.errors import BackendDown, BackendRefused, BackendSlow, BadAnswer
from erp.settings import SystemSettings
from erp.trace import Hop, Trace

from .fakes import FakeDriver, FakeSession, lost

SQL = {"sql": "SELECT N FROM T WHERE A = :account"}


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    """Put a fake driver into the place of both."""
    fake = FakeDriver()

    def take(*arguments: object) -> FakeDriver:
        return fake

    monkeypatch.setattr(engine_module, "_DRIVERS", {"postgresql": take, "mariadb": take})
    return fake


def settings(**changes: object) -> SystemSettings:
    values: dict[str, object] = {
        "profile": "x",
        "url": "postgresql://127.0.0.1/x",
        "user": "reader",
        "connections": 2,
    }
    return SystemSettings(**{**values, **changes})  # type: ignore[arg-type]


def engine(
    section: Mapping[str, object] | None = None,
    parameters: Mapping[str, str] | None = None,
    **changes: object,
) -> SqlEngine:
    return SqlEngine("erp", settings(**changes), section or {}, None, parameters or {})


def within(seconds: float = 5.0) -> Deadline:
    return Deadline.after(asyncio.get_running_loop().time(), seconds)


async def read(
    asked: SqlEngine,
    part: Mapping[str, object] = SQL,
    *,
    seconds: float = 5.0,
    trace: Trace | None = None,
    **values: Value,
) -> list[object]:
    attempt = Attempt(within(seconds), trace or Trace("erp", "price"))
    return [row["n"] for row in await asked.read(prepare(part, "part"), values, attempt)]


async def test_a_statement_runs_under_the_sections_role_and_settings(driver: FakeDriver) -> None:
    asked = engine({"role": ":who", "settings": {"app.account": ":account"}}, {"who": "reader"})
    assert await read(asked, account="C001") == [1]
    (question,) = driver.sessions[0].asked
    assert (question.role, question.settings) == ("reader", (("app.account", "C001"),))
    assert question.ordered() == ("C001",)
    await asked.close()


async def test_a_setting_without_its_parameter_is_empty_and_not_the_last_ones(
    driver: FakeDriver,
) -> None:
    asked = engine({"settings": {"app.account": ":account"}})
    await read(asked, account="C001")
    await read(asked, {"sql": "SELECT 1 AS N"})
    assert driver.sessions[0].asked[1].settings == (("app.account", ""),)
    await asked.close()


async def test_without_its_role_nothing_is_asked(driver: FakeDriver) -> None:
    with pytest.raises(BackendRefused, match="who"):
        await read(engine({"role": ":who"}), account="C001")
    assert driver.tries == 0


async def test_a_value_can_not_take_the_role_away(driver: FakeDriver) -> None:
    with pytest.raises(BackendRefused, match="role"):
        await read(engine({"role": ":account"}), account="none")
    assert driver.tries == 0


async def test_a_parameter_without_a_value_is_told(driver: FakeDriver) -> None:
    with pytest.raises(BadAnswer, match="account"):
        await read(engine())


async def test_a_server_without_a_text_is_told(driver: FakeDriver) -> None:
    with pytest.raises(BadAnswer, match="postgresql"):
        await read(engine(), {"sql": {"mariadb": "SELECT 1"}})


async def test_a_dead_connection_is_replaced_within_the_question(driver: FakeDriver) -> None:
    asked = engine()
    await asked.open(within())
    for session in driver.sessions:
        session.before, session.mends = lost, False
    trace = Trace("erp", "price")
    assert await read(asked, account="C001", trace=trace) == [3]
    assert [span.hop for span in trace.spans] == [Hop.SERVER, Hop.CONNECT, Hop.SERVER, Hop.PARSE]
    await asked.close()
    assert [session.end for session in driver.sessions] == ["aborted", "aborted", "closed"]


async def test_a_new_connection_that_breaks_is_no_reason_to_try_again(driver: FakeDriver) -> None:
    def breaks(session: FakeSession) -> None:
        session.before = lost

    driver.shape = breaks
    asked = engine()
    with pytest.raises(BackendDown):
        await read(asked, account="C001")
    assert driver.tries == 1
    await asked.close()


async def test_the_deadline_ends_a_question_and_mends_the_connection(driver: FakeDriver) -> None:
    asked = engine(connections=1)
    await asked.open(within())
    driver.sessions[0].gate = asyncio.Event()
    begin_s = asyncio.get_running_loop().time()
    with pytest.raises(BackendSlow):
        await read(asked, seconds=0.05, account="C001")
    assert asyncio.get_running_loop().time() - begin_s < 2
    driver.sessions[0].gate.set()
    assert await read(asked, account="C001") == [1]
    assert driver.tries == 1
    await asked.close()


async def test_tending_greets_and_makes_known_statements_ready(driver: FakeDriver) -> None:
    asked = engine({"role": "reader"}, connections=1)
    await read(asked, account="C001")
    await asked.tend(within())
    assert driver.sessions[0].greeted == [("reader", ["SELECT N FROM T WHERE A = $1"])]
    await asked.close()


async def test_statements_are_not_made_ready_under_a_role_of_the_caller(
    driver: FakeDriver,
) -> None:
    asked = engine({"role": ":account"}, connections=1)
    await read(asked, account="C001")
    await asked.tend(within())
    assert driver.sessions[0].greeted == [("", [])]
    await asked.close()


async def test_closing_may_be_done_twice_and_without_opening(driver: FakeDriver) -> None:
    asked = engine()
    await asked.close()
    await asked.open(within())
    await asked.close()
    await asked.close()
    assert [session.end for session in driver.sessions] == ["closed", "closed"]


async def test_plain_text_over_a_wire_is_logged(
    driver: FakeDriver, caplog: pytest.LogCaptureFixture
) -> None:
    asked = engine(url="mariadb://db.example.com/x?tls=off")
    with caplog.at_level(logging.WARNING):
        await asked.open(within())
    assert "plain text" in caplog.text
    await asked.close()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"user": ""}, "user is missing"),
        ({"url": "https://erp.example.com"}, "url is"),
        ({"url": "postgresql://127.0.0.1/x?tls=off"}, "tls=off"),
    ],
)
def test_settings_that_can_not_work_are_refused_at_the_start(
    changes: dict[str, object], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        engine({"tls": "require"}, None, **changes)


# Writing

INSERT = {"sql": "INSERT INTO T (A) VALUES (:task_key)"}
FIND = {"sql": "SELECT A AS N FROM T WHERE A = :task_key"}


def well() -> None:
    """Do nothing."""


async def write(asked: SqlEngine, trace: Trace) -> Written:
    attempt = Attempt(within(), trace)
    insert, find = prepare_write(INSERT, "create"), prepare(FIND, "find")
    return await asked.write(insert, find, {"task_key": "k1"}, attempt)


@pytest.mark.parametrize("inserts", [True, False])
async def test_a_write_is_read_back_in_one_go(driver: FakeDriver, inserts: bool) -> None:
    driver.shape = lambda session: setattr(session, "inserts", inserts)
    asked, trace = engine(), Trace("erp", "create_task")
    written = await write(asked, trace)
    assert [row["n"] for row in written.rows] == [1]
    assert (written.by_find, written.existed, trace.sent) == (True, not inserts, True)
    texts = [question.text.text for question in driver.sessions[0].asked]
    assert texts == ["INSERT INTO T (A) VALUES ($1)", "SELECT A AS N FROM T WHERE A = $1"]
    await asked.close()


async def test_a_write_is_sent_anew_only_while_it_cannot_have_been_done(
    driver: FakeDriver,
) -> None:
    asked, trace = engine(), Trace("erp", "create_task")
    await read(asked, account="C001")
    driver.sessions[0].before = lost
    assert (await write(asked, trace)).rows
    assert len(driver.sessions) == 2
    for session in driver.sessions:
        session.before, session.after = well, lost
    trace = Trace("erp", "create_task")
    with pytest.raises(BackendDown):
        await write(asked, trace)
    assert trace.sent
    assert len(driver.sessions) == 2
    await asked.close()


async def test_a_write_that_never_left_was_not_sent(driver: FakeDriver) -> None:
    driver.shape = lambda session: setattr(session, "before", lost)
    asked, trace = engine(), Trace("erp", "create_task")
    with pytest.raises(BackendDown):
        await write(asked, trace)
    assert not trace.sent
    await asked.close()
